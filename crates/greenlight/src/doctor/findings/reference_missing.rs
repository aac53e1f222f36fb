//! A gate file refers to a resource that does not exist.

use std::collections::BTreeMap;

use hook_core::aws_inspector::Referenced;

use super::{DoctorProblem, FindingKind};
use crate::doctor::{
    collect::reference_label,
    snapshot::{AccountSnapshot, FunctionConfig, Lookup},
};

pub const KIND: FindingKind = FindingKind { code: "ReferenceMissing", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    // A missing resource is one finding, however many hooks refer to it.
    let mut missing = BTreeMap::<(String, String), Vec<String>>::new();
    for (wired, set_up) in facts.hook_configs() {
        let Some(wants) = &wired.gate.requirements else { continue };
        for (named, check) in &wants.references {
            if let Some(instead) = found_instead(facts, set_up, named) {
                let wanted = format!("{check:?} of {}", wired.event);
                missing
                    .entry((wired.gate.title.clone(), format!("{}, but {instead}", reference_label(named))))
                    .or_default()
                    .push(wanted);
            }
        }
    }
    let found = missing.into_iter().map(|((gate, named), checks)| DoctorProblem {
        message: format!("{} refers to {named}: the check cannot pass", checks.join(", ")),
        resource: gate,
        fix: "correct the name in the gate file, or create the resource".to_owned(),
        command: None,
    });
    found.collect()
}

/// What exists instead of the resource that a gate file refers to. `None` if the resource exists, or if that is not
/// known.
fn found_instead(facts: &AccountSnapshot, set_up: &FunctionConfig, named: &Referenced) -> Option<String> {
    match named {
        Referenced::Container(name) => {
            let definition = facts.task_definition.found()?;
            let names: Vec<_> = definition.containers.iter().map(|container| container.name.as_str()).collect();
            (!names.contains(&name.as_str())).then(|| format!("the task definition has {}", names.join(", ")))
        }
        Referenced::EnvVar(name) => {
            let variables = set_up.variables.as_ref()?;
            (!variables.contains_key(name)).then(|| "the function has no variable with that name".to_owned())
        }
        other => match facts.references.get(other)? {
            Lookup::NotFound(instead) => Some(format!("there is {instead}")),
            _ => None,
        },
    }
}
