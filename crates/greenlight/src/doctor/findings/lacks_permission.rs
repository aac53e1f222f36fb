//! A function whose role lacks what its checks ask AWS for: each of them ends in *could not look*, which is Failed.

use std::collections::BTreeMap;

use super::{Found, Kind, PUT};
use crate::doctor::facts::{Facts, Look};

pub const KIND: Kind = Kind { code: "LacksPermission", find };

fn find(facts: &Facts) -> Vec<Found> {
    // What one role lacks is one thing to mend, however many functions have it.
    let mut lacking = BTreeMap::<(&str, &str, &str), (Vec<&str>, &str)>::new();
    for wired in &facts.functions {
        for (question, reason) in wired.needs.iter().filter(|(question, _)| question.action != PUT) {
            if facts.permits.get(question) == Some(&Look::Seen(false)) {
                let key = (question.role.as_str(), question.action.as_str(), question.resource.as_str());
                lacking.entry(key).or_insert_with(|| (Vec::new(), reason)).0.push(&wired.name);
            }
        }
    }
    let found = lacking.into_iter().map(|((role, action, resource), (functions, reason))| Found {
        what: format!("its role may not {action} on {resource}, which it needs {reason}"),
        place: format!("{}, role {}", functions.join(", "), role.rsplit('/').next().unwrap_or_default()),
        fix: format!("allow {action} on {resource}; `greenlight iam` prints the whole policy"),
    });
    found.collect()
}
