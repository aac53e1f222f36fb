//! The AppSpec file names a function for the wrong event, which the function refuses; or it names the on-failure
//! handler as a hook; or it lists an event twice.

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
                let what = format!("{:?} is not an event of an ECS deployment that can have a hook", wired.event);
                (what, format!("the events are {}", events.join(", ")))
            }
            FunctionKind::Hook(hook) if hook.event_name() != wired.event => (
                format!("it is the function for {hook}, but is named for {}: it puts Failed there", wired.event),
                format!("name it for {hook} in the AppSpec file, and name the function of {} there", wired.event),
            ),
            FunctionKind::OnFailure => (
                format!("it is the on-failure handler, but is named for {}: it runs no checks", wired.event),
                format!("name the function for {} there", wired.event),
            ),
            _ if facts.functions[..index].iter().any(|before| before.event == wired.event) => (
                format!(
                    "it is the second function for {}, but CodeDeploy invokes only one for each event",
                    wired.event
                ),
                format!("keep only one function for {} in the AppSpec file", wired.event),
            ),
            FunctionKind::Hook(_) | FunctionKind::Other => continue,
        };
        found.push(DoctorProblem { message: what, resource: wired.name_in_app_spec.clone(), fix, command: None });
    }
    found
}
