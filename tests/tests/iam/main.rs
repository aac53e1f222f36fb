//! The policy that `greenlight iam` prints is exactly what the real hooks call: nothing is missing, nothing is superfluous,
//! and what a request names is what the policy names.

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
    SHORT_WINDOWS,
    asked::{APPLICATION, Asked, CLUSTER, GROUP, SERVICE, asked, is_like},
    binaries, greenlight,
};
use rehearsal::{
    Recorder, Stage,
    world::{ACCOUNT, Change, REGION, Revision, TasksStop, Told, World},
};
use tokio::{sync::Semaphore, task::JoinSet};

use self::{
    policy::Policy,
    subjects::{PREFLIGHT, Sort, Source, Subject, subjects},
};

/// So many hooks run at once: they wait more than they work.
const AT_ONCE: usize = 8;

/// What the command line says of a hook's role.
fn printed(subject: &Subject, options: &[&str]) -> String {
    let file = subject.gate.as_ref().map(|gate| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(gate.as_bytes()).unwrap();
        file
    });
    let mut command = Command::new(greenlight());
    command.args(["iam", "--hook", subject.hook.name(), "--region", REGION, "--account", ACCOUNT]).args(options);
    command.args(["--application", APPLICATION, "--deployment-group", GROUP, "--cluster", CLUSTER]);
    command.args(["--service", SERVICE]);
    match subject.source {
        Source::Inline => {}
        Source::Ssm => drop(command.args(["--gate-source", &format!("ssm:{}", Source::NAME)])),
        Source::S3 => drop(command.args(["--gate-source", Source::PLACE])),
    }
    if subject.app_spec_in_s3 {
        let (bucket, key) = Revision::PLACE;
        command.args(["--appspec", &format!("s3://{bucket}/{key}")]);
    }
    command.args(file.iter().map(|file| file.path()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{subject:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What there is to be found, whatever is looked for.
fn furnish(world: &mut World, subject: &Subject) {
    world.account.parameters.insert("/shop/token".into(), "sesame".into());
    world.account.keep_secret("shop/hook", r#"{"url":"sesame"}"#);
    world.alarms.iter_mut().for_each(|alarm| drop(alarm.tags.insert("gate".into(), "true".into())));
    if let Some(gate) = &subject.gate {
        let filled = |name: &str| name.replace("{application}", APPLICATION).replace("{deployment_group}", GROUP);
        world.account.parameters.insert(filled(Source::NAME), gate.clone());
        world.account.objects.insert(filled(Source::PLACE.trim_start_matches("s3://")), gate.clone());
    }
}

/// Makes the world like that.
fn change(world: &mut World, sort: Sort) {
    let told = match sort {
        Sort::Healthy => return,
        Sort::Crashed => {
            let sets: Vec<_> = world.service.iter().flat_map(|it| &it.task_sets).map(|set| set.id.clone()).collect();
            for set in sets {
                let stop = TasksStop {
                    code: "EssentialContainerExited".into(),
                    reason: "Essential container in task exited".into(),
                    exit_code: Some(1),
                    container_reason: None,
                };
                world.at(SystemTime::now(), Change::TaskCrashes { set, stop });
            }
            // An alarm fired and recovered since traffic began to move.
            if let Some(alarm) = world.alarms.first_mut() {
                alarm.turn("ALARM", "Threshold Crossed", SystemTime::now() - Duration::from_secs(20));
                alarm.turn("OK", "", SystemTime::now() - Duration::from_secs(10));
            }
            return;
        }
        Sort::ByHash => Told::Hash,
        Sort::InS3 | Sort::VersionInS3 => Told::S3,
    };
    let revision = &mut world.deployment().revision;
    revision.told = told;
    let (bucket, key) = Revision::PLACE;
    let mut place = format!("{bucket}/{key}");
    if sort == Sort::VersionInS3 {
        revision.version = Some("v1".to_owned());
        place += "?versionId=v1";
    }
    let text = revision.app_spec.clone();
    world.account.objects.insert(place, text);
    let deployment = world.deployment().id.clone();
    world.service.iter_mut().for_each(|it| it.task_sets.retain(|set| set.external_id != deployment));
}

/// Everything that one subject's hook asks for, in all its worlds.
async fn played(subject: &Subject) -> BTreeSet<Asked> {
    let recorder = Recorder::default();
    for sort in &subject.worlds {
        let mut stage = Stage::at(subject.hook).await;
        stage = match (subject.source, &subject.gate) {
            // The built-in checks watch for minutes; how long they do makes no difference here.
            (_, None) => stage.gate(SHORT_WINDOWS),
            (Source::Inline, Some(gate)) => stage.gate(gate),
            (Source::Ssm, _) => stage.env("GREENLIGHT_GATE_SSM", Source::NAME),
            (Source::S3, _) => stage.env("GREENLIGHT_GATE_S3", Source::PLACE),
        };
        let stage = stage.world(|world| {
            furnish(world, subject);
            change(world, *sort);
        });
        let played = stage.recorder(&recorder).run(binaries()).await.unwrap();
        assert_eq!(played.unknown_operations, [""; 0], "{subject:?}");
        assert_ne!(played.code, "GateInvalid", "{subject:?}\n{}", played.raw_log.join("\n"));
    }
    // The rehearsal asks nothing; what it plays is in nobody's name.
    recorder.exchanges().iter().filter(|it| it.by.is_some()).flat_map(asked).collect()
}

/// What is wrong with one subject's policy, and with what is said of the template.
async fn faults(subject: &Subject) -> Vec<String> {
    let seen = played(subject).await;
    let mut policy = Policy::read(&printed(subject, &["--json"]));
    let denied = seen.iter().filter(|asked| !policy.allows(asked)).map(|it| format!("missing: {it:?}"));
    let mut faults: Vec<_> = denied.collect();
    faults.extend(policy.superfluous().iter().map(|it| format!("superfluous: {it}")));
    faults.extend(template::faults(subject, &seen));
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_exactly_what_the_hooks_call() {
    let gate = std::sync::Arc::new(Semaphore::new(AT_ONCE));
    let mut playing = JoinSet::new();
    for subject in subjects() {
        let gate = gate.clone();
        playing.spawn(async move {
            let _permit = gate.acquire_owned().await;
            let faults = faults(&subject).await;
            let file = subject.gate.as_deref().unwrap_or("no gate file");
            let told = format!("{}, {:?}: {file}\n  {}", subject.hook.name(), subject.source, faults.join("\n  "));
            if faults.is_empty() { Ok(()) } else { Err(told) }
        });
    }
    let wrong: Vec<String> = playing.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} policies are not what the hooks call:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_kind_and_every_word_is_played() {
    let gates: Vec<_> = subjects().into_iter().filter_map(|subject| subject.gate).collect();
    // A check without a kind is told which kinds there are.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"version: 1\nhooks: { after_install: { checks: [{ name: nothing }] } }\n").unwrap();
    let output = Command::new(greenlight()).arg("check").arg(file.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let (_, kinds) = told.split_once("it needs one of ").unwrap();
    let kinds: Vec<_> = kinds.lines().next().unwrap().split(", ").collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    for kind in kinds.into_iter().map(str::trim) {
        assert!(gates.iter().any(|gate| gate.contains(&format!("{{ {kind}: "))), "no gate file has a check `{kind}`");
    }
    let manual = include_str!("../../../docs/GATE-FILE.md");
    let (_, words) = manual.split_once("| word | what has to be so |").unwrap();
    let words = words.lines().skip(2).take_while(|line| line.starts_with('|'));
    let words: Vec<_> = words.filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(words, PREFLIGHT);
}

#[test]
fn wildcards_are_those_of_iam() {
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
        assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
    }
}
