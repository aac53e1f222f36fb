//! A gate file with a fault.

use std::collections::BTreeMap;

use super::{Found, Kind};
use crate::{doctor::facts::Facts, faults};

pub const KIND: Kind = Kind { code: "GateInvalid", find };

/// So many faults are told; `greenlight check` tells all.
const TOLD: usize = 3;

fn find(facts: &Facts) -> Vec<Found> {
    let gates: BTreeMap<_, _> = facts.functions.iter().map(|wired| (&wired.gate.title, &wired.gate)).collect();
    let faulty = gates.into_iter().filter(|(_, gate)| !gate.faults.is_empty());
    let found = faulty.map(|(title, gate)| {
        let told = gate.faults.iter().take(TOLD);
        let told: Vec<_> = told.map(|it| format!("{}:{}: {}", it.at.line, it.at.column, it.message)).collect();
        let more = if gate.faults.len() > TOLD { "; …" } else { "" };
        Found {
            what: format!(
                "{}, and so every answer is Failed: {}{more}",
                faults::count(gate.faults.len()),
                told.join("; ")
            ),
            place: title.clone(),
            fix: "`greenlight check FILE` shows each with its line; mend it and put it there again".to_owned(),
            command: None,
        }
    });
    found.collect()
}
