//! A gate file has checks for a hook for which the AppSpec file names no function.

use hook_core::Hook;

use super::{DoctorProblem, FindingKind};
use crate::doctor::{
    collect::has_own_checks,
    snapshot::{AccountSnapshot, FunctionKind},
};

pub const KIND: FindingKind = FindingKind { code: "UnusedChecks", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(app_spec) = facts.app_spec.found().filter(|app_spec| !app_spec.hooks.is_empty()) else {
        return Vec::new();
    };
    let is_wired = |hook: Hook| {
        facts.functions.iter().any(|wired| wired.event == hook.event_name() || wired.kind == FunctionKind::Hook(hook))
    };
    let mut found = Vec::new();
    for hook in Hook::ALL.into_iter().filter(|hook| !is_wired(*hook)) {
        let gates = facts.functions.iter().map(|wired| &wired.gate);
        let mut with = gates.filter(|gate| gate.text.as_deref().is_some_and(|text| has_own_checks(hook, text, facts)));
        if let Some(gate) = with.next() {
            found.push(DoctorProblem {
                message: format!("{} has checks for {hook}, but the AppSpec file names no function for it", gate.title),
                resource: app_spec.title.clone(),
                fix: format!("name the function for {hook} in the AppSpec file; `greenlight appspec` writes it"),
                command: None,
            });
        }
    }
    found
}
