//! The policy that `greenlight iam` prints allows exactly what the real hooks call: no action and no resource is
//! missing or superfluous.

mod golden;
mod policy;
mod subjects;
mod template;

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::Command,
    time::{Duration, SystemTime},
};

use greenlight_tests::{
    SHORT_WINDOWS, binaries, greenlight,
    iam_requests::{APPLICATION, CLUSTER, DEPLOYMENT_GROUP, IamRequest, SERVICE, iam_requests, matches_wildcard},
};
use rehearsal::{
    HookTestBed, Recorder,
    world::{ACCOUNT, Change, REGION, Revision, RevisionFormat, TasksStop, World},
};
use tokio::{sync::Semaphore, task::JoinSet};

use self::{
    policy::PrintedPolicy,
    subjects::{GateLocation, PREFLIGHT_ITEMS, PolicyCase, WorldKind, policy_cases},
};

/// The hooks mostly wait, so many can run at once.
const MAX_PARALLEL: usize = 8;

/// The output of `greenlight iam` for a case.
fn policy_output(subject: &PolicyCase, options: &[&str]) -> String {
    let file = subject.gate.as_ref().map(|gate| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(gate.as_bytes()).unwrap();
        file
    });
    let mut command = Command::new(greenlight());
    command.args(["iam", "--hook", subject.hook.event_name(), "--region", REGION, "--account", ACCOUNT]).args(options);
    command.args(["--application", APPLICATION, "--deployment-group", DEPLOYMENT_GROUP, "--cluster", CLUSTER]);
    command.args(["--service", SERVICE]);
    match subject.source {
        GateLocation::Inline => {}
        GateLocation::Ssm => drop(command.args(["--gate-source", &format!("ssm:{}", GateLocation::SSM_PARAMETER)])),
        GateLocation::S3 => drop(command.args(["--gate-source", GateLocation::S3_URI])),
    }
    if subject.app_spec_in_s3 {
        let (bucket, key) = Revision::APP_SPEC_OBJECT;
        command.args(["--appspec", &format!("s3://{bucket}/{key}")]);
    }
    command.args(file.iter().map(|file| file.path()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{subject:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Adds every resource that a gate file of these tests refers to.
fn add_resources(world: &mut World, subject: &PolicyCase) {
    world.account.parameters.insert("/shop/token".into(), "sesame".into());
    world.account.put_secret("shop/hook", r#"{"url":"sesame"}"#);
    world.alarms.iter_mut().for_each(|alarm| drop(alarm.tags.insert("gate".into(), "true".into())));
    if let Some(gate) = &subject.gate {
        let filled =
            |name: &str| name.replace("{application}", APPLICATION).replace("{deployment_group}", DEPLOYMENT_GROUP);
        world.account.parameters.insert(filled(GateLocation::SSM_PARAMETER), gate.clone());
        world.account.objects.insert(filled(GateLocation::S3_URI.trim_start_matches("s3://")), gate.clone());
    }
}

fn apply_kind(world: &mut World, sort: WorldKind) {
    let format = match sort {
        WorldKind::Healthy => return,
        WorldKind::Crashed => {
            let sets: Vec<_> = world.service.iter().flat_map(|it| &it.task_sets).map(|set| set.id.clone()).collect();
            for set in sets {
                let stop = TasksStop {
                    code: "EssentialContainerExited".into(),
                    reason: "Essential container in task exited".into(),
                    exit_code: Some(1),
                    container_reason: None,
                };
                world.schedule(SystemTime::now(), Change::TaskCrashes { set, stop });
            }
            // An alarm fired and recovered after traffic began to move.
            if let Some(alarm) = world.alarms.first_mut() {
                alarm.set_state("ALARM", "Threshold Crossed", SystemTime::now() - Duration::from_secs(20));
                alarm.set_state("OK", "", SystemTime::now() - Duration::from_secs(10));
            }
            return;
        }
        WorldKind::AppSpecHashOnly => RevisionFormat::Hash,
        WorldKind::AppSpecInS3 | WorldKind::AppSpecVersionInS3 => RevisionFormat::S3,
    };
    let revision = &mut world.deployment().revision;
    revision.format = format;
    let (bucket, key) = Revision::APP_SPEC_OBJECT;
    let mut place = format!("{bucket}/{key}");
    if sort == WorldKind::AppSpecVersionInS3 {
        revision.version = Some("v1".to_owned());
        place += "?versionId=v1";
    }
    let text = revision.app_spec.clone();
    world.account.objects.insert(place, text);
    let deployment = world.deployment().id.clone();
    world.service.iter_mut().for_each(|it| it.task_sets.retain(|set| set.external_id != deployment));
}

/// Every request to AWS of one case's hook, in all its worlds.
async fn recorded_requests(subject: &PolicyCase) -> BTreeSet<IamRequest> {
    let recorder = Recorder::default();
    for sort in &subject.world_kinds {
        let mut stage = HookTestBed::at(subject.hook).await;
        stage = match (subject.source, &subject.gate) {
            // The built-in checks would watch for minutes, which does not change their requests.
            (_, None) => stage.gate(SHORT_WINDOWS),
            (GateLocation::Inline, Some(gate)) => stage.gate(gate),
            (GateLocation::Ssm, _) => stage.env("GREENLIGHT_GATE_SSM", GateLocation::SSM_PARAMETER),
            (GateLocation::S3, _) => stage.env("GREENLIGHT_GATE_S3", GateLocation::S3_URI),
        };
        let stage = stage.world(|world| {
            add_resources(world, subject);
            apply_kind(world, *sort);
        });
        let played = stage.recorder(&recorder).run(binaries()).await.unwrap();
        assert_eq!(played.unknown_operations, [""; 0], "{subject:?}");
        assert_ne!(played.code, "GateInvalid", "{subject:?}\n{}", played.raw_log.join("\n"));
    }
    // Requests of the rehearsal itself have no caller.
    recorder.exchanges().iter().filter(|it| it.by.is_some()).flat_map(iam_requests).collect()
}

/// The mistakes in one case's policy, and in what the output states about the template.
async fn policy_differences(subject: &PolicyCase) -> Vec<String> {
    let seen = recorded_requests(subject).await;
    let mut policy = PrintedPolicy::read(&policy_output(subject, &["--json"]));
    let denied = seen.iter().filter(|request| !policy.allows(request)).map(|it| format!("missing: {it:?}"));
    let mut faults: Vec<_> = denied.collect();
    faults.extend(policy.unused_permissions().iter().map(|it| format!("superfluous: {it}")));
    faults.extend(template::template_differences(subject, &seen));
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_allows_exactly_what_the_hooks_call() {
    let permits = std::sync::Arc::new(Semaphore::new(MAX_PARALLEL));
    let mut running = JoinSet::new();
    for subject in policy_cases() {
        let permits = permits.clone();
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let faults = policy_differences(&subject).await;
            let file = subject.gate.as_deref().unwrap_or("no gate file");
            let description =
                format!("{}, {:?}: {file}\n  {}", subject.hook.event_name(), subject.source, faults.join("\n  "));
            if faults.is_empty() { Ok(()) } else { Err(description) }
        });
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(
        wrong.is_empty(),
        "{} policies do not allow exactly what the hooks call:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn every_kind_and_every_preflight_item_has_a_case() {
    let gates: Vec<_> = policy_cases().into_iter().filter_map(|subject| subject.gate).collect();
    // The error for a check without a kind lists all kinds.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"version: 1\nhooks: { after_install: { checks: [{ name: nothing }] } }\n").unwrap();
    let output = Command::new(greenlight()).arg("check").arg(file.path()).output().unwrap();
    let description = String::from_utf8(output.stdout).unwrap();
    let (_, kinds) = description.split_once("it needs one of ").unwrap();
    let kinds: Vec<_> = kinds.lines().next().unwrap().split(", ").collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    for kind in kinds.into_iter().map(str::trim) {
        assert!(gates.iter().any(|gate| gate.contains(&format!("{{ {kind}: "))), "no gate file has a check `{kind}`");
    }
    let manual = include_str!("../../../docs/GATE-FILE.md");
    let (_, words) = manual.split_once("| word | what must be true |").unwrap();
    let words = words.lines().skip(2).take_while(|line| line.starts_with('|'));
    let words: Vec<_> = words.filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(words, PREFLIGHT_ITEMS);
}

#[test]
fn wildcards_match_as_in_iam() {
    for (pattern, text, like) in [
        ("*", "*", true),
        ("arn:*", "*", false),
        ("a*c", "abbc", true),
        ("a*c", "abb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("task/shop/*", "task/shop/1", true),
        ("task/shop/*", "task/shopping/1", false),
    ] {
        assert_eq!(matches_wildcard(pattern, text), like, "{pattern} {text}");
    }
}
