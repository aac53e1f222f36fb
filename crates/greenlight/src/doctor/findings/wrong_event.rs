//! A function at another event than its own, which it refuses; the net, which is no hook at all; and an event that is there
//! twice.

use hook_core::Hook;

use super::{DoctorProblem, FindingKind};
use crate::doctor::snapshot::{AccountSnapshot, FunctionKind};

pub const KIND: FindingKind = FindingKind { code: "WrongEvent", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let mut found = Vec::new();
    for (index, wired) in facts.functions.iter().enumerate() {
        let known = Hook::ALL.iter().any(|hook| hook.event_name() == wired.event);
        let (what, fix) = match wired.kind {
            _ if !known => {
                let events: Vec<_> = Hook::ALL.iter().map(|hook| hook.event_name()).collect();
                let what = format!("{:?} is no event of an ECS deployment that can have a hook", wired.event);
                (what, format!("the events are {}", events.join(", ")))
            }
            FunctionKind::Hook(hook) if hook.event_name() != wired.event => (
                format!("it is the function for {hook} and wired to {}: it answers Failed there", wired.event),
                format!("name it at {hook} in the AppSpec file, and at {} the one for that", wired.event),
            ),
            FunctionKind::OnFailure => (
                format!("it is the net beneath the hooks and wired to {}: it makes no checks", wired.event),
                format!("name the function for {} there", wired.event),
            ),
            _ if facts.functions[..index].iter().any(|before| before.event == wired.event) => (
                format!(
                    "it is the second function for {}, and an event has one: the other may never be asked",
                    wired.event
                ),
                format!("leave one function for {} in the AppSpec file", wired.event),
            ),
            FunctionKind::Hook(_) | FunctionKind::Other => continue,
        };
        found.push(DoctorProblem { message: what, resource: wired.name_in_app_spec.clone(), fix, command: None });
    }
    found
}
