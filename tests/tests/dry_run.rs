//! `greenlight dry-run` reaches the hook's own verdict on a person's machine, and never puts a status.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::SystemTime,
};

use greenlight_tests::{SHORT_WINDOWS, binaries, greenlight, normalize};
use rehearsal::{
    FaultKind, Hook, HookTestBed, InjectedFault, RunningTestBed,
    world::{EventStatus, World},
};
use serde_json::Value;
use tokio::process::Command;

/// Runs `greenlight dry-run` on a simulated deployment as a separate process, without this machine's configuration.
async fn run_dry_run(open: &RunningTestBed, hook: Hook, more: &[&str]) -> Output {
    let event: Value = serde_json::from_slice(open.payload()).unwrap();
    let mut command = dry_run_without_credentials(hook, event["DeploymentId"].as_str().unwrap(), more);
    command.env("AWS_ENDPOINT_URL", open.endpoint()).env("AWS_REGION", "eu-west-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "sesame");
    command.output().await.unwrap()
}

/// The same command without a region, credentials and AWS.
fn dry_run_without_credentials(hook: Hook, deployment: &str, more: &[&str]) -> Command {
    let mut command = Command::new(greenlight());
    command
        .args(["dry-run", "--hook", hook.event_name(), "--deployment-id", deployment])
        .args(more)
        .stdin(Stdio::null());
    command
        .env_clear()
        .env("GREENLIGHT_ALLOW_LOOPBACK", "yes")
        .env("NO_COLOR", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .kill_on_drop(true);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The terminal's lines without everything that differs from run to run: ids, ports, times, and the order of the
/// checks.
fn normalized_output(output: &Output) -> String {
    assert_eq!(text(&output.stderr), "");
    let said = text(&output.stdout);
    let mut whole = String::new();
    for (before, line) in std::iter::once("").chain(said.lines()).zip(said.lines()) {
        // Joins wrapped lines.
        let goes_on = line.starts_with(&" ".repeat(11))
            || line
                .strip_prefix("      ")
                .is_some_and(|rest| !rest.starts_with(|first: char| first == ' ' || first.is_ascii_digit()))
            || !line.is_empty() && !before.is_empty() && !line.starts_with([' ', 'n']);
        whole += if goes_on { " " } else { "\n" };
        whole += line;
    }
    let squeezed: Vec<_> = whole.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let tidied: Vec<String> = normalize(&squeezed.join("\n")).lines().map(str::to_owned).collect();
    let (mut checks, others): (Vec<String>, Vec<String>) =
        tidied.into_iter().partition(|line| line.starts_with(['✓', '✗', '·', '!']));
    checks.sort();
    let at = others.iter().position(|line| line.starts_with('→')).expect("a verdict");
    [&others[..at], &checks, &others[at..]].concat().join("\n").trim().to_owned()
}

fn assert_puts_no_status(open: &RunningTestBed) {
    assert!(open.puts().is_empty() && open.statuses().is_empty(), "{:?}", open.puts());
    assert!(!open.calls().is_empty() && open.calls().keys().all(|call| !call.contains("Put")), "{:?}", open.calls());
    assert_eq!(open.unknown_operations(), [""; 0]);
}

fn gate(folder: &Path) -> String {
    let path = folder.join("gate.yaml");
    std::fs::write(&path, SHORT_WINDOWS).unwrap();
    path.to_str().unwrap().to_owned()
}

type DryRunMutation = fn(&mut World);

/// A verdict without the number of checks that failed because of its reason.
fn without_count(line: &str) -> &str {
    let is_count = |text: &str| [" due to it", " not run", " not finished"].iter().any(|end| text.ends_with(end));
    line.rsplit_once("; ").filter(|(_, count)| is_count(count)).map_or(line, |(verdict, _)| verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_that_of_the_hook() {
    let folder = tempfile::tempdir().unwrap();
    let path = gate(folder.path());
    let fine: (&str, DryRunMutation) = ("nothing is wrong", |_| {});
    let unsteady: (&str, DryRunMutation) = ("the replacement is not steady", |world| {
        if let Some(green) = world.green() {
            green.steady = false;
        }
    });
    // In the window of AfterAllowTraffic a task set has five minutes to become steady, so another fault is used there.
    let unshifted: (&str, DryRunMutation) = ("production is still on the original", |world| {
        for (_, weight) in &mut world.production().unwrap().default {
            *weight = 100 - *weight;
        }
    });
    let mut golden_text = String::new();
    for hook in Hook::ALL {
        let broken = if hook == Hook::AfterAllowTraffic { unshifted } else { unsteady };
        for (title, change) in [fine, broken] {
            let stage = || async { HookTestBed::at(hook).await.world(change) };
            let played = stage().await.gate(SHORT_WINDOWS).run(binaries()).await.unwrap();
            let open = stage().await.open().await.unwrap();
            let output = run_dry_run(&open, hook, &["--gate", &path]).await;
            assert_puts_no_status(&open);
            let shown = normalized_output(&output);
            let status = if played.code.is_empty() { 0 } else { 1 };
            assert_eq!(output.status.code(), Some(status), "{title}: {shown}");
            let verdict: Vec<&str> = shown.lines().filter(|line| line.starts_with(&format!("{hook} "))).collect();
            // Durations and numbers of attempts differ between the dry run and the hook.
            let hooks = normalize(&played.verdict);
            // At AfterAllowTraffic the check that decides interrupts the others, so their results depend on timing.
            let is_interrupted = title == unshifted.0;
            let lines = |lines: &[&str]| match is_interrupted {
                true => lines.iter().map(|line| without_count(line)).collect::<Vec<_>>().join("\n"),
                false => lines.join("\n"),
            };
            assert_eq!(lines(&verdict), lines(&[hooks.as_str()]), "{title}: {shown}");
            let golden = if is_interrupted { lines(&verdict) } else { shown.clone() };
            golden_text += &format!("== {hook}: {title}\n{golden}\n\n");
        }
    }
    insta::assert_snapshot!(golden_text);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_equal_the_log_lines_of_the_hook() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::BeforeAllowTraffic;
    let stage = || async { HookTestBed::at(hook).await.world(|world| world.green().unwrap().steady = false) };
    let played = stage().await.gate(SHORT_WINDOWS).run(binaries()).await.unwrap();
    let open = stage().await.open().await.unwrap();
    let output = run_dry_run(&open, hook, &["--json", "--gate", &gate(folder.path())]).await;
    assert_puts_no_status(&open);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), String::new()));
    // The fields that do not contain times and ids.
    let facts = |line: &Value| {
        ["level", "hook.name", "check.name", "check.kind", "check.outcome", "check.code", "verdict", "verdict.code"]
            .map(|field| line[field].as_str().unwrap_or_default().to_owned())
    };
    let lines = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let sorted = |lines: &[Value]| {
        let mut facts: Vec<_> = lines.iter().map(facts).collect();
        facts.sort();
        facts
    };
    assert_eq!(sorted(&lines), sorted(&played.log));
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_can_be_evaluated_after_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = gate(folder.path());
    let open = HookTestBed::at(Hook::BeforeAllowTraffic).await.open().await.unwrap();
    let output = run_dry_run(&open, Hook::AfterInstall, &["--gate", &path]).await;
    let later = normalized_output(&output);
    assert_eq!(output.status.code(), Some(0), "{later}");
    assert!(
        later.contains("CodeDeploy is at BeforeAllowTraffic, so AfterInstall is evaluated against the current state"),
        "{later}"
    );

    let stage = HookTestBed::at(Hook::AfterAllowTraffic).await;
    let stage = stage.world(|world| {
        world.end_event("AfterAllowTraffic", EventStatus::Succeeded, SystemTime::now());
        world.complete(SystemTime::now());
    });
    let open = stage.open().await.unwrap();
    let output = run_dry_run(&open, Hook::AfterAllowTraffic, &["--gate", &path]).await;
    assert_puts_no_status(&open);
    let over = normalized_output(&output);
    assert_eq!(output.status.code(), Some(0), "{over}");
    assert!(
        over.contains("no lifecycle event is in progress, so AfterAllowTraffic is evaluated against the current state"),
        "{over}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_that_cannot_be_evaluated_is_an_error_and_not_a_failure() {
    let hook = Hook::AfterInstall;
    let denied = InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny);
    let open = HookTestBed::at(hook).await.inject_fault(denied).open().await.unwrap();
    let output = run_dry_run(&open, hook, &[]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.starts_with("error: nothing was checked, because the deployment could not be read: discovery: "),
        "{said}"
    );
    // CodeDeploy reports an id of another account or region as one that does not exist, so the message names both.
    assert!(
        said.contains("the requests went to region eu-west-1 of the account that these credentials are for;"),
        "{said}"
    );

    let folder = tempfile::tempdir().unwrap();
    let faulty = folder.path().join("faulty.yaml");
    std::fs::write(&faulty, "version: 1\nhoks: {}\n").unwrap();
    let output = run_dry_run(&open, hook, &["--gate", faulty.to_str().unwrap()]).await;
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
    assert!(text(&output.stderr).contains("faulty.yaml:2:1: `hoks` is not a key"), "{output:?}");

    for (args, says) in [
        (&["--region", "eu-west-1"][..], "error: no credentials that could be used; give --profile"),
        (&[], "error: no region: give --region"),
        (&["--region", "eu-west-1", "--profile", "nobody"], "error: no credentials"),
        (&["--gate", "gone.yaml"], "error: cannot read the gate file gone.yaml"),
        (&["--timeout", "soon"], "error: invalid value 'soon'"),
    ] {
        let output = dry_run_without_credentials(hook, "d-EXAMPLE11", args).output().await.unwrap();
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
    let open = HookTestBed::at(hook).await.open().await.unwrap();
    let mut command = dry_run_without_credentials(hook, "not an id", &["--region", "eu-west-1"]);
    command.env("AWS_ENDPOINT_URL", open.endpoint()).env("AWS_ACCESS_KEY_ID", "A").env("AWS_SECRET_ACCESS_KEY", "b");
    let said = text(&command.env("GREENLIGHT_HOTS", "x").output().await.unwrap().stderr);
    assert!(said.contains("an id cannot have") && said.contains("did you mean GREENLIGHT_HOST?"), "{said}");
    assert!(open.calls().is_empty(), "{:?}", open.calls());
}

/// Credentials, region and endpoint can come from a profile of the configuration file.
#[tokio::test(flavor = "multi_thread")]
async fn profile_provides_credentials_region_and_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::BeforeAllowTraffic;
    let open = HookTestBed::at(hook).await.open().await.unwrap();
    let config = folder.path().join("config");
    let text = format!(
        "[profile shop]\nregion = eu-west-1\nendpoint_url = {}\ncredential_process = {} said\n",
        open.endpoint(),
        folder.path().join("credentials").display()
    );
    std::fs::write(&config, text).unwrap();
    let said = r#"{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"sesame","SessionToken":"token"}"#;
    let program = folder.path().join("credentials");
    std::fs::write(&program, format!("#!/bin/sh\necho '{said}'\n")).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let event: Value = serde_json::from_slice(open.payload()).unwrap();
    let mut command =
        dry_run_without_credentials(hook, event["DeploymentId"].as_str().unwrap(), &["--profile", "shop"]);
    command.env("AWS_CONFIG_FILE", &config).env("PATH", "/usr/bin:/bin");
    let output = command.output().await.unwrap();
    assert_puts_no_status(&open);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
