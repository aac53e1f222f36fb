//! A function has no on-failure destination that puts the status if the function dies.

use super::{DoctorProblem, FindingKind, group_by, shell_command_for_each};
use crate::doctor::snapshot::{AccountSnapshot, FunctionKind};

pub const KIND: FindingKind = FindingKind { code: "NoFailureDestination", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let hooks =
        facts.functions.iter().filter(|wired| wired.qualifier.is_none() && wired.kind != FunctionKind::OnFailure);
    let wrong = hooks.map(|wired| {
        let why = wired.event_invoke_config.found().and_then(Option::as_ref).and_then(|settings| {
            match &settings.on_failure {
                None => Some("there is no on-failure destination".to_owned()),
                Some(arn) if !arn.contains(":function:") => {
                    Some(format!("the on-failure destination {arn} cannot put a status"))
                }
                Some(arn) => match facts.other_account_or_region(arn) {
                    Some(place) => {
                        Some(format!("the on-failure destination {arn} is in {place} and cannot put a status here"))
                    }
                    None => {
                        let net = facts.on_failure_functions.get(arn)?;
                        net.not_found().map(|_| format!("the on-failure destination {arn} does not exist"))
                    }
                },
            }
        });
        (wired, why)
    });
    let found = group_by(wrong).map(|(why, functions)| DoctorProblem {
        message: format!("{why}: if the function is killed, CodeDeploy waits an hour and no reason is logged"),
        resource: functions.join(", "),
        fix: "set on-failure as the on-failure destination".to_owned(),
        command: Some(shell_command_for_each(&functions, |name| {
            format!(
                "aws lambda update-function-event-invoke-config --function-name {name} {}",
                super::destination_option(facts)
            )
        })),
    });
    found.collect()
}
