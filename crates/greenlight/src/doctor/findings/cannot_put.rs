//! A function whose role may not put a status: CodeDeploy waits for its hour.

use std::collections::BTreeMap;

use super::{Found, Kind, PUT};
use crate::doctor::{
    facts::{Facts, Look, Question},
    gather::{parts, put},
};

pub const KIND: Kind = Kind { code: "CannotPut", find };

fn find(facts: &Facts) -> Vec<Found> {
    let of_hooks = facts.functions.iter().flat_map(|wired| {
        let own = wired.needs.iter().filter(|(question, _)| question.action == PUT);
        own.map(|(question, _)| (wired.name.clone(), question.clone()))
    });
    let of_nets = facts.nets.iter().filter_map(|(arn, net)| {
        Some((parts(arn).0, put(net.seen()?, &facts.region, &facts.application, &facts.group_name)))
    });
    // Functions that share a role share the remedy.
    let mut functions = BTreeMap::<Question, Vec<String>>::new();
    for (function, question) in of_hooks.chain(of_nets) {
        functions.entry(question).or_default().push(function);
    }
    let found = functions.into_iter().filter_map(|(question, functions)| {
        let why = match facts.permits.get(&question)? {
            Look::Seen(false) => "it is not allowed to put the status of a lifecycle event",
            Look::Missing(_) => "it does not exist",
            _ => return None,
        };
        let Question { role, action, resource, .. } = question;
        Some(Found {
            what: format!("{why}: nobody answers, and CodeDeploy waits an hour"),
            place: super::of_role(&role, &functions),
            fix: format!("allow {action} on {resource}; `greenlight iam` prints the whole policy"),
            command: None,
        })
    });
    found.collect()
}
