//! Roles: which statements a function has, and whether they are those that it needs.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::{Exchange, FunctionName};
use serde_json::Value;

use super::{
    SamTemplate, Stack,
    intrinsics::{as_list, as_text},
    logical_id,
};
use crate::iam_requests::{IamRequest, iam_requests, matches_iam_wildcard};

/// Statements for what no program calls itself, and so is never recorded: AWS does it in the function's name.
pub const PLATFORM_STATEMENTS: [&str; 6] =
    ["Decrypt", "HandOver", "KeepEvent", "Log", "NetworkInterfaces", "NetworkInterfacesNotFromCode"];

/// A statement of a role, with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleStatement {
    /// The policy that it is in.
    pub policy: String,
    /// Its id.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// What it is about.
    pub actions: BTreeSet<String>,
    /// On what.
    pub resources: Vec<String>,
    /// Under which condition; null for none.
    pub condition: Value,
}

impl Stack {
    /// Every statement of a function's role.
    pub fn role_statements(&self, function: FunctionName) -> Vec<RoleStatement> {
        let role = format!("{}Role", logical_id(function));
        let own = as_list(&self.properties(&role)["Policies"]).iter();
        let shared = self.resources_of_type("AWS::IAM::Policy").map(|(_, policy)| policy);
        let shared = shared.filter(|policy| as_list(&policy["Roles"]).iter().any(|name| *name == *role));
        own.chain(shared).flat_map(parse_statements).collect()
    }

    /// The actions that a function's role allows to its program: those of the platform are left out.
    pub fn allowed_actions(&self, function: FunctionName) -> BTreeSet<String> {
        let own = self
            .role_statements(function)
            .into_iter()
            .filter(|it| it.effect == "Allow" && !PLATFORM_STATEMENTS.contains(&&*it.sid));
        own.flat_map(|it| it.actions).collect()
    }
}

impl RoleStatement {
    /// Whether it is about that.
    pub fn matches(&self, request: &IamRequest) -> bool {
        let holds = |(key, pattern): (&String, &Value)| {
            request.context.get(key.as_str()).is_some_and(|seen| matches_iam_wildcard(as_text(pattern), seen))
        };
        self.actions.contains(&request.action)
            && self.resources.iter().any(|pattern| matches_iam_wildcard(pattern, &request.resource))
            && self.condition["ArnLike"].as_object().into_iter().flatten().all(holds)
    }
}

/// The requests that a role denies, for their action or for what they name.
pub fn denied_requests<'a>(stack: &Stack, exchanges: impl IntoIterator<Item = &'a Exchange>) -> BTreeSet<String> {
    let roles: BTreeMap<_, _> =
        FunctionName::all_functions().map(|function| (function, stack.role_statements(function))).collect();
    let calls = exchanges.into_iter().filter_map(|exchange| Some((exchange.by?, exchange)));
    let requests =
        calls.flat_map(|(by, exchange)| iam_requests(exchange).into_iter().map(move |request| (by, request)));
    let denied =
        requests.filter(|(by, request)| !roles[by].iter().any(|it| it.effect == "Allow" && it.matches(request)));
    denied.map(|(by, request)| format!("{by}: {} on {}", request.action, request.resource)).collect()
}

fn parse_statements(policy: &Value) -> impl Iterator<Item = RoleStatement> {
    let texts = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| as_text(item).to_owned()).collect(),
        one => vec![as_text(one).to_owned()],
    };
    as_list(&policy["PolicyDocument"]["Statement"]).iter().map(move |it| RoleStatement {
        policy: as_text(&policy["PolicyName"]).to_owned(),
        sid: as_text(&it["Sid"]).to_owned(),
        effect: as_text(&it["Effect"]).to_owned(),
        actions: texts(&it["Action"]).into_iter().collect(),
        resources: texts(&it["Resource"]),
        condition: it["Condition"].clone(),
    })
}

/// What each function may and was not seen to do, and the other way round.
pub fn permission_differences(stack: &Stack, seen: &BTreeMap<FunctionName, BTreeSet<String>>) -> Vec<String> {
    let nothing = BTreeSet::new();
    FunctionName::all_functions()
        .flat_map(|function| {
            let (allowed, seen) = (stack.allowed_actions(function), seen.get(&function).unwrap_or(&nothing));
            let much = allowed.difference(seen).map(|it| format!("{function} may {it} and was not seen to call it"));
            let little = seen.difference(&allowed).map(|it| format!("{function} was seen to call {it} and may not"));
            much.chain(little).collect::<Vec<_>>()
        })
        .collect()
}

/// Where a statement stands in the template.
#[derive(Clone, Debug)]
pub struct StatementLocation {
    pointer: String,
    index: usize,
    /// Its id; that of who may take a role on is `Trust`.
    pub sid: String,
    /// Whether it is there for some parameters only.
    pub is_conditional: bool,
}

impl SamTemplate {
    /// Every statement of every policy and role, those who may take a role on too.
    pub fn statement_locations(&self) -> Vec<StatementLocation> {
        let mut locations = Vec::new();
        for (name, resource) in self.0["Resources"].as_object().into_iter().flatten() {
            let base = format!("/Resources/{name}/Properties");
            let pointers = match as_text(&resource["Type"]) {
                "AWS::IAM::Policy" => vec![format!("{base}/PolicyDocument/Statement")],
                "AWS::IAM::Role" => (0..as_list(&resource["Properties"]["Policies"]).len())
                    .map(|index| format!("{base}/Policies/{index}/PolicyDocument/Statement"))
                    .chain([format!("{base}/AssumeRolePolicyDocument/Statement")])
                    .collect(),
                _ => continue,
            };
            for pointer in pointers {
                for (index, statement) in as_list(self.0.pointer(&pointer).unwrap_or(&Value::Null)).iter().enumerate() {
                    let chosen = &statement["Fn::If"];
                    let statement = if chosen.is_null() { statement } else { &chosen[1] };
                    let sid = statement["Sid"].as_str().unwrap_or("Trust").to_owned();
                    let is_conditional = !chosen.is_null() || !resource["Condition"].is_null();
                    locations.push(StatementLocation { pointer: pointer.clone(), index, sid, is_conditional });
                }
            }
        }
        locations
    }

    /// The template without one of its statements.
    pub fn without(&self, location: &StatementLocation) -> Self {
        let mut template = self.clone();
        if let Some(Value::Array(statements)) = template.0.pointer_mut(&location.pointer) {
            statements.remove(location.index);
        }
        template
    }
}

impl std::fmt::Display for StatementLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}/{})", self.sid, self.pointer, self.index)
    }
}
