//! Evaluates the policy documents of `greenlight iam`: whether they allow a request, and which part of the policy does.

use std::collections::BTreeSet;

use greenlight_tests::iam_requests::{IamRequest, matches_wildcard};
use serde_json::Value;

/// A policy, and those of its parts that allowed a request.
pub struct PrintedPolicy {
    statements: Vec<Value>,
    used: BTreeSet<(usize, String, String)>,
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

impl PrintedPolicy {
    pub fn read(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap();
        assert_eq!(document["Version"], "2012-10-17");
        let statements = document["Statement"].as_array().unwrap().clone();
        let sids: BTreeSet<_> = statements.iter().map(|it| it["Sid"].as_str().unwrap()).collect();
        assert_eq!(sids.len(), statements.len(), "two statements have one Sid: {sids:?}");
        for statement in &statements {
            assert_eq!(statement["Effect"], "Allow");
            let sid = statement["Sid"].as_str().unwrap();
            assert!(sid.chars().all(|c| c.is_ascii_alphanumeric()), "IAM does not accept the Sid {sid}");
            let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
            assert!(statement.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{statement}");
        }
        Self { statements, used: BTreeSet::new() }
    }

    /// Whether the policy allows the request. The parts that allow it count as used.
    pub fn allows(&mut self, request: &IamRequest) -> bool {
        let mut allowed = false;
        for (index, statement) in self.statements.iter().enumerate() {
            let right = texts(&statement["Action"]).any(|action| action == request.action);
            if !right || !condition_holds(&statement["Condition"], request) {
                continue;
            }
            for pattern in texts(&statement["Resource"]).filter(|pattern| matches_wildcard(pattern, &request.resource))
            {
                allowed = true;
                self.used.insert((index, request.action.clone(), pattern.to_owned()));
            }
        }
        allowed
    }

    /// Every action on every resource that no request used.
    pub fn unused_permissions(&self) -> Vec<String> {
        let mut superfluous = Vec::new();
        for (index, statement) in self.statements.iter().enumerate() {
            for action in texts(&statement["Action"]) {
                for resource in texts(&statement["Resource"]) {
                    if !self.used.contains(&(index, action.to_owned(), resource.to_owned())) {
                        superfluous.push(format!("{action} on {resource}"));
                    }
                }
            }
        }
        superfluous
    }
}

fn condition_holds(condition: &Value, request: &IamRequest) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators.into_iter().all(|(operator, keys)| {
        assert!(
            ["ArnLike", "StringLike"].contains(&operator.as_str()),
            "this test does not support the operator {operator}"
        );
        keys.as_object().unwrap().iter().all(|(key, values)| {
            let seen = request.context.get(key.as_str());
            seen.is_some_and(|seen| texts(values).any(|pattern| matches_wildcard(pattern, seen)))
        })
    })
}
