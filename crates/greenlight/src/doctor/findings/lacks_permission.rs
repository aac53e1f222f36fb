//! A function whose role lacks what its checks ask AWS for: each of them ends in *could not look*, which is Failed.

use std::collections::BTreeMap;

use super::{Found, Kind, PUT, of_role};
use crate::doctor::facts::{Facts, Look};

pub const KIND: Kind = Kind { code: "LacksPermission", find };

fn find(facts: &Facts) -> Vec<Found> {
    // What one role lacks is one thing to mend, however many functions have it.
    let mut lacking = BTreeMap::<&str, (Vec<&str>, Vec<String>)>::new();
    for wired in &facts.functions {
        for (question, reason) in wired.needs.iter().filter(|(question, _)| question.action != PUT) {
            if facts.permits.get(question) == Some(&Look::Seen(false)) {
                let (functions, lacks) = lacking.entry(&question.role).or_default();
                let lack = format!("{} on {}, needed {reason}", question.action, question.resource);
                if !functions.contains(&wired.name.as_str()) {
                    functions.push(&wired.name);
                }
                if !lacks.contains(&lack) {
                    lacks.push(lack);
                }
            }
        }
    }
    let found = lacking.into_iter().map(|(role, (functions, lacks))| Found {
        what: format!("it is not allowed {}: who cannot look answers Failed", lacks.join("; nor ")),
        place: of_role(role, &functions),
        fix: "allow that; `greenlight iam` prints the whole policy with a reason for each action".to_owned(),
        command: None,
    });
    found.collect()
}
