//! The gate files: whether they exist and are valid, and what they name.

use std::collections::BTreeMap;

use hook_core::{
    Hook,
    aws_inspector::{Referenced, requirements},
    shell::quote,
};

use super::finding::{DoctorProblem, group_by};
use crate::{
    doctor::{
        function_name::FunctionKind,
        snapshot::{AccountSnapshot, FunctionConfig, Lookup, reference_label},
    },
    terminal::count,
};

/// The maximum number of faults in the message. `greenlight check` shows all.
const MAX_SHOWN: usize = 3;

/// A gate file is missing where the function reads it.
pub fn missing(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let missing = snapshot.functions.iter().map(|function| {
        let gate = &function.gate;
        let missing = |why: &String| (gate.title.clone(), why.clone(), gate.missing_bucket.clone());
        (function, gate.missing_reason.as_ref().map(missing))
    });
    let problems = group_by(missing).map(|((title, why, missing_bucket), functions)| {
        let name = title.trim_start_matches("gate file ");
        let (fix, command) = match (missing_bucket, name.strip_prefix("ssm:")) {
            // An upload would fail too.
            (Some(bucket), _) => {
                let fix = format!(
                    "correct the bucket in the variable that names the gate file, or create the bucket {bucket} and \
                     upload the file"
                );
                (fix, None)
            }
            (None, parameter) => {
                let command = match parameter {
                    Some(name) => format!(
                        "aws ssm put-parameter --name {} --type String --value file://greenlight.yaml",
                        quote(name)
                    ),
                    None => format!("aws s3 cp greenlight.yaml {}", quote(name)),
                };
                ("upload it, or correct the variable that names it".to_owned(), Some(command))
            }
        };
        DoctorProblem {
            message: format!("the {title} cannot be read, so every status is Failed: {why}"),
            resource: functions.join(", "),
            fix,
            command,
        }
    });
    problems.collect()
}

/// A gate file has a fault.
pub fn invalid(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let gates: BTreeMap<_, _> =
        snapshot.functions.iter().map(|function| (&function.gate.title, &function.gate.diagnostics)).collect();
    let invalid = gates.into_iter().filter(|(_, faults)| !faults.is_empty());
    let problems = invalid.map(|(title, faults)| {
        let shown = faults.iter().take(MAX_SHOWN);
        let shown: Vec<_> = shown.map(|it| format!("{}:{}: {}", it.at.line, it.at.column, it.message)).collect();
        let more = if faults.len() > MAX_SHOWN { "; …" } else { "" };
        DoctorProblem {
            message: format!("{}, so every status is Failed: {}{more}", count(faults.len(), "fault"), shown.join("; ")),
            resource: title.clone(),
            fix: "`greenlight check FILE` shows each with its line; fix the file and upload it again".to_owned(),
            command: None,
        }
    });
    problems.collect()
}

/// A gate file has checks for a hook for which the AppSpec file names no function.
pub fn unused_checks(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    let Some(app_spec) = snapshot.app_spec.found().filter(|app_spec| !app_spec.hooks.is_empty()) else {
        return Vec::new();
    };
    let has_function = |hook: &Hook| {
        let is_its = |kind, event: &str| event == hook.event_name() || kind == FunctionKind::Hook(*hook);
        snapshot.functions.iter().any(|function| is_its(function.kind, &function.event))
    };
    let without_function = Hook::ALL.into_iter().filter(|hook| !has_function(hook));
    let problems = without_function.filter_map(|hook| {
        let mut gates = snapshot.functions.iter().map(|function| &function.gate);
        let gate = gates.find(|gate| gate.text.as_deref().is_some_and(|text| has_own_checks(hook, text, snapshot)))?;
        Some(DoctorProblem {
            message: format!("{} has checks for {hook}, but the AppSpec file names no function for it", gate.title),
            resource: app_spec.title.clone(),
            fix: format!("name the function for {hook} in the AppSpec file; `greenlight appspec` writes it"),
            command: None,
        })
    });
    problems.collect()
}

/// Whether a gate file has its own checks for a hook.
fn has_own_checks(hook: Hook, text: &str, snapshot: &AccountSnapshot) -> bool {
    let names = (snapshot.application.as_str(), snapshot.group_name.as_str(), snapshot.region.as_str());
    requirements(hook, Some(text), names, &BTreeMap::new()).is_ok_and(|needs| needs.has_own_checks)
}

/// A gate file refers to a resource that does not exist.
pub fn reference_missing(snapshot: &AccountSnapshot) -> Vec<DoctorProblem> {
    // A missing resource is one finding, however many hooks refer to it.
    let mut missing = BTreeMap::<(&str, String), Vec<String>>::new();
    for (function, config) in snapshot.hook_configs() {
        let Some(needs) = &function.gate.requirements else { continue };
        for (named, check) in &needs.references {
            if let Some(instead) = found_instead(snapshot, config, named) {
                let reference = format!("{}, but {instead}", reference_label(named));
                let checks = missing.entry((&function.gate.title, reference)).or_default();
                checks.push(format!("{check:?} of {}", function.event));
            }
        }
    }
    let problems = missing.into_iter().map(|((gate, reference), checks)| DoctorProblem {
        message: format!("{} refers to {reference}: the check cannot pass", checks.join(", ")),
        resource: gate.to_owned(),
        fix: "correct the name in the gate file, or create what it names".to_owned(),
        command: None,
    });
    problems.collect()
}

/// What exists instead of the resource that a gate file refers to. `None` if the resource exists, or if that is not
/// known.
fn found_instead(snapshot: &AccountSnapshot, config: &FunctionConfig, named: &Referenced) -> Option<String> {
    match named {
        Referenced::Container(name) => {
            let definition = snapshot.task_definition.found()?;
            let names: Vec<_> = definition.containers.iter().map(|container| container.name.as_str()).collect();
            (!names.contains(&name.as_str())).then(|| format!("the task definition has {}", names.join(", ")))
        }
        Referenced::EnvVar(name) => {
            let variables = config.variables.as_ref()?;
            (!variables.contains_key(name)).then(|| "the function has no variable with that name".to_owned())
        }
        Referenced::Alarm(_)
        | Referenced::AlarmPrefix(_)
        | Referenced::AlarmTags(_)
        | Referenced::Parameter(_)
        | Referenced::Secret(_) => match snapshot.references.get(named)? {
            Lookup::NotFound(instead) => Some(format!("there is {instead}")),
            Lookup::Found(()) | Lookup::Unreadable => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use hook_core::gate_file;

    use super::*;
    use crate::doctor::fixtures::{codes, healthy_account};

    const GATE: &str = "version: 1\nhooks:\n  after_allow_traffic:\n    checks:\n      - { name: own, tasks: green, expect: [running >= 2] }\n";

    #[test]
    fn a_missing_gate_file_is_one_finding_with_the_command_that_uploads_it() {
        let mut snapshot = healthy_account();
        for function in &mut snapshot.functions {
            function.gate.title = "gate file ssm:/shop/gate".to_owned();
            function.gate.missing_reason = Some("there is no such parameter".to_owned());
        }
        assert_eq!(codes(&snapshot), ["GateMissing"]);
        let command = missing(&snapshot)[0].command.clone().unwrap();
        assert!(command.starts_with("aws ssm put-parameter --name /shop/gate "), "{command}");
    }

    #[test]
    fn a_missing_object_is_uploaded_but_not_to_a_bucket_that_does_not_exist() {
        let mut snapshot = healthy_account();
        snapshot.functions.truncate(1);
        let mut problem = |why: &str, missing_bucket: Option<&str>| {
            let gate = &mut snapshot.functions[0].gate;
            gate.title = "gate file s3://other/x.yaml".to_owned();
            (gate.missing_reason, gate.missing_bucket) = (Some(why.to_owned()), missing_bucket.map(str::to_owned));
            missing(&snapshot).remove(0)
        };
        let no_object = problem("NoSuchKey: The specified key does not exist.", None);
        assert_eq!(no_object.command.as_deref(), Some("aws s3 cp greenlight.yaml s3://other/x.yaml"));
        let no_bucket = problem("NoSuchBucket: The specified bucket does not exist", Some("other"));
        assert_eq!(
            (no_bucket.fix.as_str(), no_bucket.command),
            (
                "correct the bucket in the variable that names the gate file, or create the bucket other and upload the \
                 file",
                None
            )
        );
    }

    #[test]
    fn at_most_three_faults_are_shown() {
        let mut snapshot = healthy_account();
        let text = "version: 1\na: 1\nb: 1\nc: 1\nd: 1\n";
        snapshot.functions[0].gate.title = "gate.yaml".to_owned();
        snapshot.functions[0].gate.diagnostics = gate_file::check(text);
        assert_eq!(codes(&snapshot), ["GateInvalid"]);
        let message = &invalid(&snapshot)[0].message;
        assert!(message.starts_with("4 faults, ") && message.ends_with("; …"), "{message}");
    }

    #[test]
    fn checks_of_a_hook_without_a_function_are_found() {
        let mut snapshot = healthy_account();
        snapshot.functions[0].gate.text = Some(GATE.to_owned());
        assert_eq!(codes(&snapshot), [""; 0]);
        snapshot.functions.retain(|function| function.event != "AfterAllowTraffic");
        assert_eq!(codes(&snapshot), ["UnusedChecks"]);
    }

    #[test]
    fn a_missing_alarm_is_one_finding_for_all_hooks() {
        let mut snapshot = healthy_account();
        let alarm = Referenced::Alarm("shop-5xx".to_owned());
        for function in &mut snapshot.functions {
            let needs = function.gate.requirements.as_mut().unwrap();
            needs.references = [(alarm.clone(), "alarms".to_owned())].into();
        }
        snapshot.references.insert(alarm, Lookup::NotFound("no alarm with that name".to_owned()));
        assert_eq!(codes(&snapshot), ["ReferenceMissing"]);
    }
}
