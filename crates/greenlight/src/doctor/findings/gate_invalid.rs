//! A gate file has a fault.

use std::collections::BTreeMap;

use super::{DoctorProblem, FindingKind};
use crate::{diagnostics, doctor::snapshot::AccountSnapshot};

pub const KIND: FindingKind = FindingKind { code: "GateInvalid", find };

/// The maximum number of faults in the message. `greenlight check` shows all.
const MAX_SHOWN: usize = 3;

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let gates: BTreeMap<_, _> = facts.functions.iter().map(|wired| (&wired.gate.title, &wired.gate)).collect();
    let faulty = gates.into_iter().filter(|(_, gate)| !gate.diagnostics.is_empty());
    let found = faulty.map(|(title, gate)| {
        let told = gate.diagnostics.iter().take(MAX_SHOWN);
        let told: Vec<_> = told.map(|it| format!("{}:{}: {}", it.at.line, it.at.column, it.message)).collect();
        let more = if gate.diagnostics.len() > MAX_SHOWN { "; …" } else { "" };
        DoctorProblem {
            message: format!(
                "{}, so every status is Failed: {}{more}",
                diagnostics::fault_count(gate.diagnostics.len()),
                told.join("; ")
            ),
            resource: title.clone(),
            fix: "`greenlight check FILE` shows each with its line; fix the file and upload it again".to_owned(),
            command: None,
        }
    });
    found.collect()
}
