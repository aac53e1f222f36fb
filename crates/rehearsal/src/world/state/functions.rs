//! The account's functions as Lambda and IAM know them: their configuration, and what their roles allow.

use std::collections::BTreeMap;

use crate::{
    lambda::FunctionName,
    world::{ACCOUNT, FUNCTIONS_GROUP, PRIVATE_SUBNET, VPC, matches_wildcard, state::ids::arn},
};

/// A Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its timeout in seconds.
    pub timeout: u32,
    /// `Active`, `Pending`, `Inactive` or `Failed`.
    pub state: String,
    /// The name of its role.
    pub role: String,
    /// Its environment variables.
    pub env: BTreeMap<String, String>,
    /// Its VPC, if it is in one.
    pub vpc: Option<FunctionVpc>,
    /// Its settings for asynchronous invocations, by qualifier.
    pub events: BTreeMap<String, EventSettings>,
}

/// A function's VPC, subnets and security groups.
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
    /// The private subnet of the load balancer's VPC, with a separate security group.
    pub fn in_load_balancer_vpc() -> Self {
        Self {
            id: VPC.to_owned(),
            subnets: vec![PRIVATE_SUBNET.to_owned()],
            security_groups: vec![FUNCTIONS_GROUP.to_owned()],
        }
    }
}

/// A function's settings for asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// How often Lambda retries a failed invocation.
    pub retries: u32,
    /// The maximum age of an event, in seconds.
    pub age: u32,
    /// ARN of the on-failure destination.
    pub on_failure: Option<String>,
}

/// A policy statement that allows an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowStatement {
    /// An action. `*` stands for any text.
    pub action: String,
    /// A resource. `*` stands for any text.
    pub resource: String,
    /// A condition that must also hold: a context key, and a pattern for its value.
    pub condition: Option<(String, String)>,
}

/// What a statement says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementMatch<'a> {
    /// It allows the request.
    Allows,
    /// It is about another request.
    NoMatch,
    /// It depends on the value of this context key, which the request does not have.
    MissingContext(&'a str),
}

impl AllowStatement {
    /// Allows one action on one resource.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), condition: None }
    }

    /// Adds a condition: the value of a context key must match a pattern.
    #[must_use]
    pub fn when(self, key: &str, pattern: &str) -> Self {
        Self { condition: Some((key.to_owned(), pattern.to_owned())), ..self }
    }

    /// What the statement says about a request with these context keys.
    pub fn evaluate(&self, action: &str, resource: &str, context: &BTreeMap<&str, &str>) -> StatementMatch<'_> {
        // IAM ignores case in actions.
        if !matches_wildcard(&self.action.to_lowercase(), &action.to_lowercase())
            || !matches_wildcard(&self.resource, resource)
        {
            return StatementMatch::NoMatch;
        }
        match &self.condition {
            None => StatementMatch::Allows,
            Some((key, pattern)) => match context.get(key.as_str()) {
                Some(value) if matches_wildcard(pattern, value) => StatementMatch::Allows,
                Some(_) => StatementMatch::NoMatch,
                None => StatementMatch::MissingContext(key),
            },
        }
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

/// The five hook functions and the on-failure handler, configured correctly.
pub(crate) fn functions() -> BTreeMap<String, Function> {
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
            role: name.program_name().to_owned(),
            env: BTreeMap::new(),
            vpc: None,
            events: BTreeMap::from([("$LATEST".to_owned(), events)]),
        };
        (name.lambda_name(), function)
    };
    FunctionName::all_functions().map(function).collect()
}

/// The stack of those functions as the README deploys it, with the outputs of `infra/template.yaml`.
pub(crate) fn stacks() -> BTreeMap<String, BTreeMap<String, String>> {
    let outputs = FunctionName::all_functions().flat_map(|function| {
        let id = if function == FunctionName::OnFailure { "OnFailure".to_owned() } else { function.to_string() };
        let name = function.lambda_name();
        [(format!("{id}Arn"), function_arn(&name)), (format!("{id}Name"), name)]
    });
    BTreeMap::from([("CodeDeployHooks-greenlight".to_owned(), outputs.collect())])
}

/// What the roles of those functions and CodeDeploy's role allow.
pub(crate) fn permissions() -> BTreeMap<String, Vec<AllowStatement>> {
    let group = arn("codedeploy", "deploymentgroup:shop/*");
    let put = AllowStatement::new("codedeploy:PutLifecycleEventHookExecutionStatus", &group);
    let on_failure = function_arn(&FunctionName::OnFailure.lambda_name());
    // The two actions on targets are as in CodeDeploy's own reference. `infra/template.yaml` allows them on every
    // resource.
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
        (name.program_name().to_owned(), allowed)
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
        assert!(!matches_wildcard("ecs:?", "ecs:"));
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
