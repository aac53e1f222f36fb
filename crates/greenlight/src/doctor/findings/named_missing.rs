//! A gate file that names what there is not.

use std::collections::BTreeMap;

use hook_core::survey::Named;

use super::{Found, Kind};
use crate::doctor::{
    facts::{Facts, Look, SetUp},
    gather::title,
};

pub const KIND: Kind = Kind { code: "NamedMissing", find };

fn find(facts: &Facts) -> Vec<Found> {
    // What several hooks want is one thing to mend.
    let mut missing = BTreeMap::<(String, String), Vec<String>>::new();
    for (wired, set_up) in facts.hooks() {
        let Some(wants) = &wired.gate.wants else { continue };
        for (named, check) in &wants.names {
            if let Some(instead) = instead(facts, set_up, named) {
                let wanted = format!("{check:?} of {}", wired.event);
                missing
                    .entry((wired.gate.title.clone(), format!("{}, and {instead}", title(named))))
                    .or_default()
                    .push(wanted);
            }
        }
    }
    let found = missing.into_iter().map(|((gate, named), checks)| Found {
        what: format!("{} asks for {named}: the check cannot hold", checks.join(", ")),
        place: gate,
        fix: "correct the name in the gate file, or make what it names".to_owned(),
        command: None,
    });
    found.collect()
}

/// What is in the place of something that a gate file names; none where it is there, or nobody knows.
fn instead(facts: &Facts, set_up: &SetUp, named: &Named) -> Option<String> {
    match named {
        Named::Container(name) => {
            let definition = facts.definition.seen()?;
            let names: Vec<_> = definition.containers.iter().map(|container| container.name.as_str()).collect();
            (!names.contains(&name.as_str())).then(|| format!("the task definition has {}", names.join(", ")))
        }
        Named::Variable(name) => {
            let variables = set_up.variables.as_ref()?;
            (!variables.contains_key(name)).then(|| "the function has none of that name".to_owned())
        }
        other => match facts.named.get(other)? {
            Look::Missing(instead) => Some(format!("there is {instead}")),
            _ => None,
        },
    }
}
