//! The functions of the account as Lambda and IAM know them: how they are set up, and what their roles allow.

use std::collections::BTreeMap;

use super::{ACCOUNT, VPC, ids::arn};
use crate::function_name::FunctionName;

/// A function of Lambda.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its time-out in seconds.
    pub timeout: u32,
    /// `Active`, `Pending`, `Inactive` or `Failed`.
    pub state: String,
    /// The name of its role.
    pub role: String,
    /// Its environment variables.
    pub env: BTreeMap<String, String>,
    /// Where it is, if it is in a VPC.
    pub vpc: Option<FunctionVpc>,
    /// What is set for asynchronous invocations, by qualifier.
    pub events: BTreeMap<String, EventSettings>,
}

/// A function's place in a VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionVpc {
    /// The VPC's id.
    pub id: String,
    /// Ids of the subnets.
    pub subnets: Vec<String>,
    /// Ids of the security groups.
    pub security_groups: Vec<String>,
}

impl FunctionVpc {
    /// The private subnet of the load balancer's VPC, in a group of its own.
    pub fn in_load_balancer_vpc() -> Self {
        Self {
            id: VPC.to_owned(),
            subnets: vec![super::network::PRIVATE_SUBNET.to_owned()],
            security_groups: vec![super::network::FUNCTIONS_GROUP.to_owned()],
        }
    }
}

/// What is set for asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// How often a failed invocation is made again.
    pub retries: u32,
    /// How old an event may become, in seconds.
    pub age: u32,
    /// ARN of the on-failure destination.
    pub on_failure: Option<String>,
}

/// A statement that allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowStatement {
    /// An action, with `*` for anything.
    pub action: String,
    /// A resource, with `*` for anything.
    pub resource: String,
    /// What has to be so beside: a key of the circumstances, and what its value has to be like.
    pub condition: Option<(String, String)>,
}

/// What a statement says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementMatch<'a> {
    /// It allows it.
    Allows,
    /// It is about something else.
    NoMatch,
    /// It would depend on the value of this key, which nobody gave.
    MissingContext(&'a str),
}

impl AllowStatement {
    /// One action on one resource.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), condition: None }
    }

    /// The same, where the value of a key is like a pattern.
    #[must_use]
    pub fn when(self, key: &str, pattern: &str) -> Self {
        Self { condition: Some((key.to_owned(), pattern.to_owned())), ..self }
    }

    /// What it says of this, under these circumstances.
    pub fn evaluate(&self, action: &str, resource: &str, context: &BTreeMap<&str, &str>) -> StatementMatch<'_> {
        // IAM compares actions without regard to case.
        if !matches_iam_wildcard(&self.action.to_lowercase(), &action.to_lowercase())
            || !matches_iam_wildcard(&self.resource, resource)
        {
            return StatementMatch::NoMatch;
        }
        match &self.condition {
            None => StatementMatch::Allows,
            Some((key, pattern)) => match context.get(key.as_str()) {
                Some(value) if matches_iam_wildcard(pattern, value) => StatementMatch::Allows,
                Some(_) => StatementMatch::NoMatch,
                None => StatementMatch::MissingContext(key),
            },
        }
    }
}

/// Whether a text is like a pattern with `*` for anything and `?` for any character, as IAM compares.
pub fn matches_iam_wildcard(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches_iam_wildcard(rest, &text[at..]))
        }
        _ => text
            .chars()
            .next()
            .is_some_and(|own| (first == '?' || own == first) && matches_iam_wildcard(rest, &text[own.len_utf8()..])),
    }
}

/// The name of CodeDeploy's role.
pub(crate) const CODEDEPLOY_ROLE: &str = "CodeDeployForECS";

/// The ARN of a function, by name.
pub fn function_arn(name: &str) -> String {
    arn("lambda", &format!("function:{name}"))
}

/// The ARN of a role, by name.
pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// The five hooks and their net, set up as they should be.
pub(super) fn functions() -> BTreeMap<String, Function> {
    let on_failure = function_arn(&FunctionName::OnFailure.lambda_name());
    let function = |name: FunctionName| {
        let hook = name != FunctionName::OnFailure;
        let events = EventSettings {
            retries: if hook { 0 } else { 2 },
            age: if hook { 300 } else { 21_600 },
            on_failure: hook.then(|| on_failure.clone()),
        };
        let function = Function {
            timeout: if hook { 900 } else { 60 },
            state: "Active".to_owned(),
            role: name.binary().to_owned(),
            env: BTreeMap::new(),
            vpc: None,
            events: BTreeMap::from([("$LATEST".to_owned(), events)]),
        };
        (name.lambda_name(), function)
    };
    FunctionName::all_functions().map(function).collect()
}

/// The stack of those functions, as README deploys it, with the outputs of `infra/template.yaml`.
pub(super) fn stacks() -> BTreeMap<String, BTreeMap<String, String>> {
    let outputs = FunctionName::all_functions().flat_map(|function| {
        let id = if function == FunctionName::OnFailure { "OnFailure".to_owned() } else { function.to_string() };
        let name = function.lambda_name();
        [(format!("{id}Arn"), function_arn(&name)), (format!("{id}Name"), name)]
    });
    BTreeMap::from([("CodeDeployHooks-greenlight".to_owned(), outputs.collect())])
}

/// What the roles of those functions allow, and CodeDeploy's.
pub(super) fn permissions() -> BTreeMap<String, Vec<AllowStatement>> {
    let group = arn("codedeploy", "deploymentgroup:shop/*");
    let put = AllowStatement::new("codedeploy:PutLifecycleEventHookExecutionStatus", &group);
    let on_failure = function_arn(&FunctionName::OnFailure.lambda_name());
    // The two about targets as CodeDeploy's own reference has them; infra/template.yaml has them on everything.
    let read = ["GetDeployment", "GetDeploymentGroup", "GetDeploymentTarget", "ListDeploymentTargets"];
    let read = read.map(|operation| AllowStatement::new(&format!("codedeploy:{operation}"), &group));
    let shop = arn("codedeploy", "application:shop");
    let any = [
        "ecs:Describe*",
        "ecs:ListTasks",
        "elasticloadbalancing:Describe*",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DescribeAlarmHistory",
        "tag:GetResources",
        "logs:DescribeLogGroups",
        "iam:GetRole",
        "ssm:GetParameter*",
        "secretsmanager:*",
        "ecr:DescribeImages",
        "s3:GetObject*",
        "kms:Decrypt",
    ];
    let hook: Vec<_> = read
        .into_iter()
        .chain([put.clone(), AllowStatement::new("lambda:InvokeFunction", &on_failure)])
        .chain([AllowStatement::new("codedeploy:GetApplicationRevision", &shop)])
        .chain(any.map(|action| AllowStatement::new(action, "*")))
        .collect();
    let role = |name: FunctionName| {
        let allowed = if name == FunctionName::OnFailure { vec![put.clone()] } else { hook.clone() };
        (name.binary().to_owned(), allowed)
    };
    let invoke = AllowStatement::new("lambda:InvokeFunction", &function_arn("*"));
    FunctionName::all_functions().map(role).chain([(CODEDEPLOY_ROLE.to_owned(), vec![invoke])]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_is_like_it() {
        let allowed = AllowStatement::new("ecs:Describe*", "arn:aws:ecs:*:1:service/shop/*");
        let says = |action: &str, resource: &str| allowed.evaluate(action, resource, &BTreeMap::new());
        assert_eq!(says("ecs:describeServices", "arn:aws:ecs:eu-west-1:1:service/shop/web"), StatementMatch::Allows);
        assert_eq!(says("ecs:ListTasks", "arn:aws:ecs:eu-west-1:1:service/shop/web"), StatementMatch::NoMatch);
        assert_eq!(says("ecs:DescribeServices", "arn:aws:ecs:eu-west-1:2:service/shop/web"), StatementMatch::NoMatch);
        assert!(!matches_iam_wildcard("ecs:?", "ecs:"));
    }

    #[test]
    fn a_condition_wants_its_key() {
        let allowed = AllowStatement::new("ecs:ListTasks", "*").when("ecs:cluster", "*/shop");
        let says = |context: &[(&'static str, &'static str)]| {
            allowed.evaluate("ecs:ListTasks", "*", &context.iter().copied().collect())
        };
        assert_eq!(says(&[("ecs:cluster", "cluster/shop")]), StatementMatch::Allows);
        assert_eq!(says(&[("ecs:cluster", "cluster/other")]), StatementMatch::NoMatch);
        assert_eq!(says(&[("aws:x", "y")]), StatementMatch::MissingContext("ecs:cluster"));
    }
}
