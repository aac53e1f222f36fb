//! The real `greenlight doctor`, in worlds where nothing is wrong and in worlds where one thing is. It reports that
//! problem and no other, lists what it could not read, and changes nothing. And `greenlight describe`, which reads the
//! same account.

mod deployed;
mod describe;
mod wire;
mod worlds;

use std::{
    collections::BTreeSet,
    process::{Output, Stdio},
};

use greenlight_tests::{check_models, greenlight, normalize};
use rehearsal::{
    FaultKind, Hook, HookTestBed, InjectedFault, Recorder, RunningTestBed,
    world::{Endpoint, World},
};
use serde_json::Value;
use tokio::process::Command;

use self::worlds::{
    BLOCKED_PORT_WORLDS, BROKEN_WORLDS, GOOD_WORLDS, UNKNOWABLE_WORLDS, change_each_function, function_mut,
    function_name, no_nat_gateway, rename_function, restrict_ingress, revoke, with_full_gate,
};

async fn open(
    recorder: Option<&Recorder>,
    fault: Option<InjectedFault>,
    change: impl FnOnce(&mut World),
) -> RunningTestBed {
    let mut stage = HookTestBed::at(Hook::BeforeInstall).await.world(change);
    if let Some(fault) = fault {
        stage = stage.inject_fault(fault);
    }
    if let Some(recorder) = recorder {
        stage = stage.recorder(recorder);
    }
    stage.open().await.unwrap()
}

/// Runs the doctor on an account as a separate process, without this machine's configuration.
async fn doctor(open: &RunningTestBed, more: &[&str]) -> Output {
    read_command("doctor", open, more).output().await.unwrap()
}

/// A command that reads a deployment group, as a separate process without this machine's configuration.
fn read_command(name: &str, open: &RunningTestBed, more: &[&str]) -> Command {
    let mut command = Command::new(greenlight());
    command.args([name, "--application", "shop"]);
    if !more.contains(&"--deployment-group") {
        command.args(["--deployment-group", "web"]);
    }
    command.args(more).stdin(Stdio::null()).env_clear().env("NO_COLOR", "1").env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ENDPOINT_URL", open.endpoint()).env("AWS_REGION", "eu-west-1").kill_on_drop(true);
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "sesame");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn is_read_operation(operation: &str) -> bool {
    let action = operation.split(':').nth(1).unwrap_or_default();
    ["Get", "Describe", "List", "Simulate"].iter().any(|verb| action.starts_with(verb))
}

fn assert_only_reads(open: &RunningTestBed) {
    let calls = open.calls();
    assert!(!calls.is_empty() && calls.keys().all(|call| is_read_operation(call)), "{calls:?}");
    assert!(open.puts().is_empty() && open.statuses().is_empty());
    assert_eq!(open.unknown_operations(), [""; 0]);
}

/// The codes of the findings, the unreadable resources, and the number of resources that the doctor read.
fn report(output: &Output) -> (Vec<String>, Vec<Value>, u64) {
    assert_eq!(text(&output.stderr), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let codes = report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned());
    let unseen = report["unreadable"].as_array().unwrap().clone();
    let status = if report["findings"] == Value::Array(vec![]) && unseen.is_empty() { 0 } else { 1 };
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    (codes.collect(), unseen, report["resources_read"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn good_worlds_have_no_findings() {
    for (title, change) in GOOD_WORLDS {
        let recorder = Recorder::default();
        let open = open(Some(&recorder), None, change).await;
        let output = doctor(&open, &["--json"]).await;
        assert_only_reads(&open);
        let (codes, unseen, looked_at) = report(&output);
        assert!(codes.is_empty() && unseen.is_empty(), "{title}: {}", text(&output.stdout));
        assert!(looked_at > 20, "{title}: {looked_at}");
        if let Err(faults) = check_models(&recorder.exchanges()) {
            panic!("{title}: {faults}");
        }
    }
}

/// IAM allows only a few requests a second. So each role gets two: one for the resources with an ARN, one for the
/// others.
#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_simulated_at_most_twice() {
    let open = open(None, None, with_full_gate).await;
    doctor(&open, &["--json"]).await;
    assert_eq!(open.calls()["iam:SimulatePrincipalPolicy"], 5 * 2 + 1 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknowable_facts_are_unreadable_and_not_findings() {
    for (title, what, why, change) in UNKNOWABLE_WORLDS {
        let output = doctor(&open(None, None, change).await, &["--json"]).await;
        let (codes, unseen, _) = report(&output);
        assert!(codes.is_empty() && !unseen.is_empty(), "{title}: {}", text(&output.stdout));
        for one in unseen {
            let [looked_for, said] = ["resource", "why"].map(|member| one[member].as_str().unwrap().to_owned());
            assert!(looked_for.contains(what) && said.contains(why), "{title}: {one}");
            assert_eq!(one["permission"], Value::Null, "{title}");
        }
    }
}

/// A name without the prefix that CodeDeploy can invoke all the same is not a finding, only a note.
#[tokio::test(flavor = "multi_thread")]
async fn name_without_prefix_that_this_role_can_invoke_is_noted() {
    let (_, other_name) = GOOD_WORLDS.into_iter().find(|(title, _)| title.starts_with("a name without")).unwrap();
    let output = doctor(&open(None, None, other_name).await, &[]).await;
    let said = unwrapped(&text(&output.stdout));
    assert!(said.contains("shop-after-install (no CodeDeployHook_ in its name"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

/// The example's AppSpec file has a placeholder for the task definition, which release.sh fills in.
#[tokio::test(flavor = "multi_thread")]
async fn example_appspec_file_has_no_findings() {
    let open = open(None, None, deployed::plain).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/example/appspec.yaml");
    let output = doctor(&open, &["--json", "--appspec", path]).await;
    let (codes, unseen, _) = report(&output);
    assert!(codes.is_empty() && unseen.is_empty(), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_world_has_exactly_its_finding() {
    let hidden = BLOCKED_PORT_WORLDS.map(|(title, change)| ("IngressBlocked", title, change));
    let mut codes_seen = BTreeSet::new();
    for (code, title, change) in BROKEN_WORLDS.into_iter().chain(hidden) {
        let open = open(None, None, change).await;
        let output = doctor(&open, &["--json"]).await;
        assert_only_reads(&open);
        let (codes, unseen, _) = report(&output);
        assert_eq!(codes, [code], "{title}: {}", text(&output.stdout));
        assert!(unseen.is_empty(), "{title}: {unseen:?}");
        codes_seen.insert(code);
    }
    // Every kind of finding has its world, except the one that needs another AppSpec file.
    let manual = include_str!("../../../docs/DOCTOR.md");
    let kinds: BTreeSet<_> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    codes_seen.insert("TaskDefinitionMissing");
    assert_eq!(codes_seen, kinds);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_next_deployment_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appspec.yaml");
    let path = path.to_str().unwrap();
    let open = open(None, None, |_| {}).await;
    let hooks: String =
        Hook::ALL.iter().map(|hook| format!("  - {hook}: {}\n", function_name(hook.program_name()))).collect();
    let spec = |definition: &str| {
        format!(
            "version: 0.0\nResources:\n  - TargetService:\n      Properties:\n        TaskDefinition: \"{definition}\"\nHooks:\n{hooks}"
        )
    };
    for (definition, codes) in
        [("shop:42", &[][..]), ("<TASK_DEFINITION>", &[]), ("shop:99", &["TaskDefinitionMissing"])]
    {
        std::fs::write(path, spec(definition)).unwrap();
        let output = doctor(&open, &["--json", "--appspec", path]).await;
        assert_eq!(report(&output).0, codes, "{definition}: {}", text(&output.stdout));
    }
    let gate = folder.path().join("gate.yaml");
    std::fs::write(&gate, "version: 1\nhoks: {}\n").unwrap();
    let given = ["--json", "--gate", gate.to_str().unwrap(), "--function", "AfterInstall=CodeDeployHook_after-install"];
    let output = doctor(&open, &given).await;
    assert_eq!(report(&output).0, ["GateInvalid"], "{}", text(&output.stdout));
    assert_only_reads(&open);
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_reads_are_listed_and_never_count_as_good() {
    // In this world the doctor calls every operation that it can call.
    let everything = |world: &mut World| {
        with_full_gate(world);
        no_nat_gateway(world);
        world.deployment().revision.format = rehearsal::world::RevisionFormat::Hash;
        for service in ["ssm", "secretsmanager", "tagging"] {
            let endpoint = world.account.network.endpoints["vpce-ecs"].clone();
            let service = format!("com.amazonaws.eu-west-1.{service}");
            world.account.network.endpoints.insert(format!("vpce-{service}"), Endpoint { service, ..endpoint });
        }
    };
    let all_readable = open(None, None, everything).await;
    let output = doctor(&all_readable, &["--json"]).await;
    let (codes, unseen, whole) = report(&output);
    assert!(codes.is_empty() && unseen.is_empty(), "{}", text(&output.stdout));
    let operations: Vec<String> = all_readable.calls().keys().cloned().collect();
    let help = Command::new(greenlight()).args(["doctor", "--help"]).output().await.unwrap();
    let help = text(&help.stdout);
    assert!(operations.len() > 15, "{operations:?}");
    for operation in operations {
        assert!(help.contains(operation.split(':').nth(1).unwrap()), "--help does not mention {operation}");
        let open = open(None, Some(InjectedFault::always(&operation, FaultKind::Deny)), everything).await;
        let output = doctor(&open, &["--json"]).await;
        assert_only_reads(&open);
        let (codes, unseen, looked_at) = report(&output);
        assert_eq!(codes, [""; 0], "{operation}: {}", text(&output.stdout));
        let permissions: BTreeSet<_> = unseen.iter().map(|it| it["permission"].as_str().unwrap_or_default()).collect();
        assert!(permissions.contains(operation.as_str()), "{operation}: {unseen:?}");
        assert!(looked_at < whole, "{operation}: {looked_at} of {whole}");
        let said = text(&doctor(&open, &[]).await.stdout);
        let last = said.trim_end().lines().last().unwrap();
        assert!(last.contains("could not be checked") && !last.starts_with("nothing found:"), "{last}");
        assert!(said.contains(&format!("could not check ({operation})")), "{said}");
    }
}

/// Joins each wrapped sentence into one line, as the wrapping depends on how many digits a port has.
fn unwrapped(said: &str) -> String {
    let mut whole = String::new();
    for line in said.lines() {
        let goes_on = line.starts_with("        ") && !["aws ", "for f"].iter().any(|it| line.trim().starts_with(it));
        whole += if goes_on { " " } else { "\n" };
        whole += if goes_on { line.trim() } else { line };
    }
    whole
}

/// Several findings at once, as a terminal shows them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_reads() {
    let broken = |world: &mut World| {
        function_mut(world, "before-install").timeout = 3;
        revoke(world, "after-install", "codedeploy:Put");
        world.group.auto_rollback.as_mut().unwrap().enabled = false;
        restrict_ingress(world, "10.0.0.0/8");
        change_each_function(world, |function| {
            drop(function.env.insert("GREENLIGHT_GATE_FILE".into(), "/opt/greenlight.yaml".into()))
        });
        world
            .account
            .functions
            .insert("smoke".into(), world.account.functions[&function_name("after-install")].clone());
        rename_function(world, &function_name("before-allow-traffic"), "smoke");
        rename_function(world, &format!("  - AfterAllowTraffic: {}\n", function_name("after-allow-traffic")), "");
    };
    let good = doctor(&open(None, None, |_| {}).await, &[]).await;
    let open = open(None, None, broken).await;
    let output = doctor(&open, &[]).await;
    assert_eq!((good.status.code(), output.status.code()), (Some(0), Some(1)), "{good:?}");
    let said = [text(&good.stdout), text(&output.stdout)].map(|said| normalize(&said)).join("\n========\n\n");
    insta::assert_snapshot!(said);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_group_or_file_and_wrong_arguments_exit_with_status_2() {
    let open = open(None, None, |_| {}).await;
    for (args, says) in [
        (
            &["--deployment-group", "other"][..],
            "nothing was checked: codedeploy:GetDeploymentGroup: DeploymentGroupDoesNotExist",
        ),
        (&["--appspec", "gone.yaml"], "cannot read the AppSpec file gone.yaml"),
        (&["--gate", "gone.yaml"], "cannot read the gate file gone.yaml"),
        (&["--function", "AfterInstall"], "expected EVENT=NAME"),
        (&["--function", "Install=x"], "the hooks are BeforeInstall"),
    ] {
        let output = doctor(&open, args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(text(&output.stderr).contains(says), "{args:?}: {output:?}");
    }
}

/// The finding of each broken world, as a terminal shows it.
#[tokio::test(flavor = "multi_thread")]
async fn every_finding_in_words() {
    let mut seen = BTreeSet::new();
    for (code, title, change) in
        BROKEN_WORLDS.into_iter().chain(BLOCKED_PORT_WORLDS.map(|(title, change)| ("IngressBlocked", title, change)))
    {
        let output = doctor(&open(None, None, change).await, &[]).await;
        let said = normalize(&unwrapped(&text(&output.stdout)));
        let finding = said.split_once("✗ ").map_or("", |(_, rest)| rest).rsplit_once("\n\n").map_or("", |it| it.0);
        assert!(finding.starts_with(code), "{title}: {said}");
        seen.insert(code);
        let name = title.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_").to_lowercase();
        insta::assert_snapshot!(format!("finding_{code}_{name}"), finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verbose_names_what_was_looked_at_and_what_cannot_be_known() {
    let account = open(None, None, |_| {}).await;
    let output = doctor(&account, &["--verbose"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    insta::assert_snapshot!("verbose", normalize(&text(&output.stdout)));
    let json: Value = serde_json::from_slice(&doctor(&account, &["--json"]).await.stdout).unwrap();
    let looked_at = json["looked_at"].as_array().unwrap();
    assert!(json["resources_read"].as_u64() >= Some(looked_at.len() as u64) && looked_at.len() > 20);
    let said = unwrapped(&text(&output.stdout));
    let missing: Vec<_> = looked_at.iter().filter(|what| !said.contains(what.as_str().unwrap())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
