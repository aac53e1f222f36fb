//! The roles of the functions: their statements, and whether these are exactly what the functions need.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::{Exchange, FunctionName};
use serde_json::Value;

use super::{
    SamTemplate, Stack,
    intrinsics::{as_list, as_text},
    logical_id,
};
use crate::iam_requests::{IamRequest, iam_requests, matches_wildcard};

/// Statements for calls that AWS makes with a function's role. The programs do not make them, so no test records them.
pub const PLATFORM_STATEMENTS: [&str; 6] =
    ["Decrypt", "HandOver", "KeepEvent", "Log", "NetworkInterfaces", "NetworkInterfacesNotFromCode"];

/// A statement of a role, with all values filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleStatement {
    /// The name of the policy that has the statement.
    pub policy: String,
    /// The statement's id.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// The actions that the statement allows or denies.
    pub actions: BTreeSet<String>,
    /// ARNs, or patterns of them.
    pub resources: Vec<String>,
    /// The condition block; null without one.
    pub condition: Value,
}

impl Stack {
    /// Every statement of a function's role, inline or in a shared policy.
    pub fn role_statements(&self, function: FunctionName) -> Vec<RoleStatement> {
        let role = format!("{}Role", logical_id(function));
        let own = as_list(&self.properties(&role)["Policies"]).iter();
        let shared = self.resources_of_type("AWS::IAM::Policy").map(|(_, policy)| policy);
        let shared = shared.filter(|policy| as_list(&policy["Roles"]).iter().any(|name| *name == *role));
        own.chain(shared).flat_map(parse_statements).collect()
    }

    /// The actions that a role allows for the function's program, without those of [`PLATFORM_STATEMENTS`].
    pub fn allowed_actions(&self, function: FunctionName) -> BTreeSet<String> {
        let own = self
            .role_statements(function)
            .into_iter()
            .filter(|it| it.effect == "Allow" && !PLATFORM_STATEMENTS.contains(&&*it.sid));
        own.flat_map(|it| it.actions).collect()
    }
}

impl RoleStatement {
    /// Whether the statement applies to the request.
    pub fn matches(&self, request: &IamRequest) -> bool {
        let holds = |(key, pattern): (&String, &Value)| {
            request.context.get(key.as_str()).is_some_and(|seen| matches_wildcard(as_text(pattern), seen))
        };
        self.actions.contains(&request.action)
            && self.resources.iter().any(|pattern| matches_wildcard(pattern, &request.resource))
            && self.condition["ArnLike"].as_object().into_iter().flatten().all(holds)
    }
}

/// The requests that no statement of the caller's role allows.
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

/// Actions that a role allows and its function did not use, and actions that a function used and its role does not
/// allow.
pub fn permission_differences(stack: &Stack, seen: &BTreeMap<FunctionName, BTreeSet<String>>) -> Vec<String> {
    let nothing = BTreeSet::new();
    FunctionName::all_functions()
        .flat_map(|function| {
            let (allowed, seen) = (stack.allowed_actions(function), seen.get(&function).unwrap_or(&nothing));
            let much = allowed.difference(seen).map(|it| format!("{function} is allowed {it} and did not call it"));
            let little = seen.difference(&allowed).map(|it| format!("{function} called {it} and is not allowed to"));
            much.chain(little).collect::<Vec<_>>()
        })
        .collect()
}

/// Where the template has a statement.
#[derive(Clone, Debug)]
pub struct StatementLocation {
    pointer: String,
    index: usize,
    /// The statement's id. `Trust` for the statement that says who can assume the role.
    pub sid: String,
    /// Whether the statement exists only with some parameters.
    pub is_conditional: bool,
}

impl SamTemplate {
    /// Every statement of every policy and role, including those that say who can assume a role.
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
