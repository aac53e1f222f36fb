//! Roles: which statements a function has, and whether they are those that it needs.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::{Exchange, FunctionName};
use serde_json::Value;

use super::{
    Stack, Template,
    intrinsics::{list, text},
    logical,
};
use crate::asked::{Asked, asked, is_like};

/// Statements for what no program calls itself, and so is never recorded: AWS does it in the function's name.
pub const PLATFORM: [&str; 6] =
    ["Decrypt", "HandOver", "KeepEvent", "Log", "NetworkInterfaces", "NetworkInterfacesNotFromCode"];

/// A statement of a role, with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
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
    pub fn role(&self, function: FunctionName) -> Vec<Statement> {
        let role = format!("{}Role", logical(function));
        let own = list(&self.properties(&role)["Policies"]).iter();
        let shared = self.of_type("AWS::IAM::Policy").map(|(_, policy)| policy);
        let shared = shared.filter(|policy| list(&policy["Roles"]).iter().any(|name| *name == *role));
        own.chain(shared).flat_map(statements).collect()
    }

    /// The actions that a function's role allows to its program: those of the platform are left out.
    pub fn allowed(&self, function: FunctionName) -> BTreeSet<String> {
        let own = self.role(function).into_iter().filter(|it| it.effect == "Allow" && !PLATFORM.contains(&&*it.sid));
        own.flat_map(|it| it.actions).collect()
    }
}

impl Statement {
    /// Whether it is about that.
    pub fn is_about(&self, asked: &Asked) -> bool {
        let holds = |(key, pattern): (&String, &Value)| {
            asked.context.get(key.as_str()).is_some_and(|seen| is_like(text(pattern), seen))
        };
        self.actions.contains(&asked.action)
            && self.resources.iter().any(|pattern| is_like(pattern, &asked.resource))
            && self.condition["ArnLike"].as_object().into_iter().flatten().all(holds)
    }
}

/// The requests that a role denies, for their action or for what they name.
pub fn denied<'a>(stack: &Stack, exchanges: impl IntoIterator<Item = &'a Exchange>) -> BTreeSet<String> {
    let roles: BTreeMap<_, _> = FunctionName::all().map(|function| (function, stack.role(function))).collect();
    let calls = exchanges.into_iter().filter_map(|exchange| Some((exchange.by?, exchange)));
    let asked = calls.flat_map(|(by, exchange)| asked(exchange).into_iter().map(move |asked| (by, asked)));
    let unanswered = asked.filter(|(by, asked)| !roles[by].iter().any(|it| it.effect == "Allow" && it.is_about(asked)));
    unanswered.map(|(by, asked)| format!("{by}: {} on {}", asked.action, asked.resource)).collect()
}

fn statements(policy: &Value) -> impl Iterator<Item = Statement> {
    let texts = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| text(item).to_owned()).collect(),
        one => vec![text(one).to_owned()],
    };
    list(&policy["PolicyDocument"]["Statement"]).iter().map(move |it| Statement {
        policy: text(&policy["PolicyName"]).to_owned(),
        sid: text(&it["Sid"]).to_owned(),
        effect: text(&it["Effect"]).to_owned(),
        actions: texts(&it["Action"]).into_iter().collect(),
        resources: texts(&it["Resource"]),
        condition: it["Condition"].clone(),
    })
}

/// What each function may and was not seen to do, and the other way round.
pub fn unlike(stack: &Stack, seen: &BTreeMap<FunctionName, BTreeSet<String>>) -> Vec<String> {
    let nothing = BTreeSet::new();
    FunctionName::all()
        .flat_map(|function| {
            let (allowed, seen) = (stack.allowed(function), seen.get(&function).unwrap_or(&nothing));
            let much = allowed.difference(seen).map(|it| format!("{function} may {it} and was not seen to call it"));
            let little = seen.difference(&allowed).map(|it| format!("{function} was seen to call {it} and may not"));
            much.chain(little).collect::<Vec<_>>()
        })
        .collect()
}

/// Where a statement stands in the template.
#[derive(Clone, Debug)]
pub struct Place {
    pointer: String,
    index: usize,
    /// Its id; that of who may take a role on is `Trust`.
    pub sid: String,
    /// Whether it is there for some parameters only.
    pub is_conditional: bool,
}

impl Template {
    /// Every statement of every policy and role, those who may take a role on too.
    pub fn statements(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (name, resource) in self.0["Resources"].as_object().into_iter().flatten() {
            let base = format!("/Resources/{name}/Properties");
            let pointers = match text(&resource["Type"]) {
                "AWS::IAM::Policy" => vec![format!("{base}/PolicyDocument/Statement")],
                "AWS::IAM::Role" => (0..list(&resource["Properties"]["Policies"]).len())
                    .map(|index| format!("{base}/Policies/{index}/PolicyDocument/Statement"))
                    .chain([format!("{base}/AssumeRolePolicyDocument/Statement")])
                    .collect(),
                _ => continue,
            };
            for pointer in pointers {
                for (index, statement) in list(self.0.pointer(&pointer).unwrap_or(&Value::Null)).iter().enumerate() {
                    let chosen = &statement["Fn::If"];
                    let statement = if chosen.is_null() { statement } else { &chosen[1] };
                    let sid = statement["Sid"].as_str().unwrap_or("Trust").to_owned();
                    let is_conditional = !chosen.is_null() || !resource["Condition"].is_null();
                    places.push(Place { pointer: pointer.clone(), index, sid, is_conditional });
                }
            }
        }
        places
    }

    /// The template without one of its statements.
    pub fn without(&self, place: &Place) -> Self {
        let mut template = self.clone();
        if let Some(Value::Array(statements)) = template.0.pointer_mut(&place.pointer) {
            statements.remove(place.index);
        }
        template
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}/{})", self.sid, self.pointer, self.index)
    }
}
