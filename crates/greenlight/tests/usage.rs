//! The program from the command line: messages, exit status, and the processes that it leaves behind.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use rehearsal::{FunctionName, Hook};

fn greenlight(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_greenlight")).args(args).env("NO_COLOR", "1").output().unwrap()
}

/// Runs a command that must fail as bad usage. Returns its standard error.
fn refused(args: &[&str]) -> String {
    let output = greenlight(args);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Fills a folder with six programs that write their process id to a file and sleep.
#[cfg(unix)]
fn idle_hooks(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for function in FunctionName::all_functions() {
        let program = folder.join(function.program_name());
        // `exec`, so that the process that was started is the one that sleeps. Each process writes a file of its own, since
        // several run the same program, and a file that another one has just emptied names no process.
        fs::write(&program, "#!/bin/sh\necho $$ > \"$0.pid.$$\" && mv \"$0.pid.$$\" \"$0.pid\"\nexec sleep 600\n")
            .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn nothing_asked_is_answered_with_help() {
    assert!(refused(&[]).contains("Usage: greenlight"));
    assert!(refused(&["rehearse", "--everything"]).contains("unexpected argument '--everything'"));
    assert!(refused(&["rehearse", "--all", "--scenario", "healthy"]).contains("cannot be used with"));
}

#[test]
fn an_unknown_scenario_gets_a_suggestion() {
    let said = refused(&["rehearse", "--scenario", "helthy"]);
    assert_eq!(
        said,
        "error: there is no scenario `helthy`; did you mean `healthy`? (`greenlight rehearse --list` shows all of them)\n"
    );
}

#[test]
fn two_deployments_at_once_cannot_be_served() {
    let said = refused(&["rehearse", "--serve", "--scenario", "two-at-once"]);
    assert_eq!(
        said,
        "error: two-at-once has two deployments at once, and --serve takes one; choose another --scenario\n"
    );
}

/// The examples of docs/SCENARIOS.md: a service that is read, and a scenario that is played to its end.
#[test]
fn the_examples_in_the_manual_are_read_and_end_as_they_expect() {
    let manual = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SCENARIOS.md")).unwrap();
    let blocks: Vec<_> = manual.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [service, scenario] = blocks[..] else { panic!("{} examples", blocks.len()) };
    let folder = tempfile::tempdir().unwrap();
    let [service_file, scenario_file] = ["service.yaml", "slow-start.yaml"].map(|name| folder.path().join(name));
    fs::write(&scenario_file, scenario).unwrap();
    let output = greenlight(&["rehearse", "--scenario", scenario_file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    // With this service, the scenario without a second service can be played, and two-at-once cannot.
    fs::write(&service_file, service).unwrap();
    let said = refused(&["rehearse", "--scenario", "two-at-once", "--service", service_file.to_str().unwrap()]);
    assert!(said.contains("two-at-once needs a second service"), "{said}");
    let schema: serde_json::Value = serde_json::from_slice(&greenlight(&["schema", "scenario"]).stdout).unwrap();
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(
            manual.contains(&format!("`{key}`")) || manual.contains(&format!("`{key}: ")),
            "the manual lacks {key}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let said = refused(&["rehearse", "--scenario", "no/such.yaml"]);
    assert!(said.starts_with("error: cannot read the scenario no/such.yaml: "), "{said}");
    let said = refused(&["rehearse", "--gate", "no/gate.yaml"]);
    assert!(said.starts_with("error: cannot read the gate file no/gate.yaml: "), "{said}");
    let said = refused(&["rehearse", "--service", "no/service.yaml"]);
    assert!(said.starts_with("error: cannot read the service file no/service.yaml: "), "{said}");
}

#[test]
fn a_file_that_is_no_scenario_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.yaml");
    fs::write(&file, "colour: green\n").unwrap();
    let said = refused(&["rehearse", "--scenario", file.to_str().unwrap()]);
    assert!(said.starts_with("error: ") && said.contains("odd.yaml") && said.contains("colour"), "{said}");
}

#[test]
fn missing_hook_programs_are_named_with_what_builds_them() {
    let folder = tempfile::tempdir().unwrap();
    let said = refused(&["rehearse", "--binaries", folder.path().to_str().unwrap()]);
    assert!(said.contains("before-install") && said.contains("is missing; leave out --binaries"), "{said}");
    let said = refused(&["rehearse", "--binaries", folder.path().join("gone").to_str().unwrap()]);
    assert!(said.starts_with("error: cannot open the folder "), "{said}");
}

#[test]
fn the_list_has_every_scenario_for_people_and_for_programs() {
    let (text, lines) = (greenlight(&["rehearse", "--list"]), greenlight(&["rehearse", "--list", "--json"]));
    assert!(text.status.success() && lines.status.success());
    let (text, lines) = (String::from_utf8(text.stdout).unwrap(), String::from_utf8(lines.stdout).unwrap());
    for (scenario, line) in rehearsal::Scenario::built_in().iter().zip(lines.lines()) {
        assert!(text.contains(&scenario.name), "{text}");
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&value["scenario"], &value["about"]),
            (&scenario.name.clone().into(), &scenario.about.clone().into())
        );
    }
    assert!(!text.contains('\u{1b}'), "{text}");
}

/// Waits until `ready` returns a value. The limit of 30 s is for a busy machine, and is not part of the test.
#[cfg(target_os = "linux")]
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(value) = ready() {
            return value;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("30 s passed before {what}");
}

/// Whether a process has ended. A zombie counts as ended: it only waits for its parent.
#[cfg(target_os = "linux")]
fn is_gone(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    state.is_none_or(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])))
}

#[cfg(target_os = "linux")]
fn stopped_by(signal: &str, args: &[&str], code: i32) {
    let folder = tempfile::tempdir().unwrap();
    idle_hooks(folder.path());
    let mut rehearsal = Command::new(env!("CARGO_BIN_EXE_greenlight"))
        .args(["rehearse", "--binaries", folder.path().to_str().unwrap()])
        .args(args)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = |hook: Hook| fs::read_to_string(folder.path().join(format!("{}.pid", hook.program_name()))).ok();
    let pids: Vec<String> = wait_for("all five hooks run", || Hook::ALL.into_iter().map(pid).collect());
    assert!(pids.iter().all(|pid| !is_gone(pid.trim())), "{pids:?}");

    let kill = Command::new("/bin/sh").args(["-c", &format!("kill -{signal} {}", rehearsal.id())]).status().unwrap();
    assert!(kill.success());
    let status = wait_for("it ends", || rehearsal.try_wait().unwrap());
    assert_eq!(status.code(), Some(code));
    for pid in &pids {
        wait_for("the hook is gone", || is_gone(pid.trim()).then_some(()));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_leaves_no_process_behind() {
    stopped_by("INT", &["--scenario", "healthy"], 130);
}

#[test]
#[cfg(target_os = "linux")]
fn sigterm_leaves_no_process_behind_in_a_table_either() {
    stopped_by("TERM", &["--all"], 143);
}

/// A process of `rehearse --serve`. Killed when dropped, if it has not ended.
struct ServedWorld {
    process: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Drop for ServedWorld {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl ServedWorld {
    fn start(args: &[&str]) -> Self {
        use std::io::BufRead;
        let mut process = Command::new(env!("CARGO_BIN_EXE_greenlight"))
            .args(["rehearse", "--serve", "--json"])
            .args(args)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The next line with the event `what`.
    fn next(&mut self, what: &str) -> serde_json::Value {
        let values = self.lines.by_ref().map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
        values.into_iter().find(|value| value["event"] == what).unwrap()
    }
}

/// Calls an operation of CodeDeploy as the AWS SDKs call it.
fn codedeploy(endpoint: &str, operation: &str, input: &serde_json::Value) -> serde_json::Value {
    use std::io::{Read, Write};
    let body = input.to_string();
    let mut stream = std::net::TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nuser-agent: a-test/1.0\r\ncontent-type: \
         application/x-amz-json-1.1\r\nx-amz-target: CodeDeploy_20141006.{operation}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// Reads a deployment with GetDeployment.
fn deployment(endpoint: &str, id: &str) -> serde_json::Value {
    codedeploy(endpoint, "GetDeployment", &serde_json::json!({ "deploymentId": id }))["deploymentInfo"].clone()
}

#[test]
#[cfg(unix)]
fn a_world_is_served_until_ctrl_c_which_is_its_good_end() {
    let mut served = ServedWorld::start(&["--scenario", "route-503", "--seed", "1"]);
    let open = served.next("open");
    let waiting = served.next("waiting");
    assert_eq!(waiting["hook"], "AfterAllowTestTraffic", "it waits at the hook that stops the scenario");
    let deployment = deployment(open["aws"].as_str().unwrap(), waiting["deployment"].as_str().unwrap());
    assert_eq!(deployment["status"], "InProgress", "{deployment}");
    let called = served.next("called");
    assert_eq!((&called["operation"], &called["caller"]), (&"codedeploy:GetDeployment".into(), &"a-test/1.0".into()));

    let kill = format!("kill -INT {}", served.process.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(served.process.wait().unwrap().code(), Some(0));
}

#[test]
fn once_ends_with_an_exit_status_for_ci() {
    // A function that finds the broken page, and one that does not.
    for (status, code) in [("Failed", 0), ("Succeeded", 1)] {
        let mut served = ServedWorld::start(&["--once", "--scenario", "route-503", "--at", "AfterAllowTraffic"]);
        let open = served.next("open");
        let waiting = served.next("waiting");
        let put = serde_json::json!({
            "deploymentId": waiting["payload"]["DeploymentId"],
            "lifecycleEventHookExecutionId": waiting["payload"]["LifecycleEventHookExecutionId"],
            "status": status,
        });
        let done = codedeploy(open["aws"].as_str().unwrap(), "PutLifecycleEventHookExecutionStatus", &put);
        assert!(done["lifecycleEventHookExecutionId"].is_string(), "{done}");
        assert_eq!(served.process.wait().unwrap().code(), Some(code), "{status}");
    }
}

#[test]
fn a_hook_without_a_status_is_no_success_even_if_the_deployment_is_to_be_rolled_back() {
    let args = ["--once", "--scenario", "route-503", "--hook-timeout", "200ms"];
    assert_eq!(ServedWorld::start(&args).process.wait().unwrap().code(), Some(1));
}

#[test]
fn what_cannot_be_served_is_refused() {
    let said = refused(&["rehearse", "--serve", "--at", "Lunch"]);
    assert!(said.contains("the hooks are BeforeInstall, AfterInstall"), "{said}");
    let said = refused(&["rehearse", "--serve", "--scenario", "healthy", "--scenario", "route-503"]);
    assert!(said.starts_with("error: --serve takes one scenario"), "{said}");
    assert!(refused(&["rehearse", "--at", "AfterInstall"]).contains("--serve"));
    for option in [["--once"].as_slice(), &["--listen", "127.0.0.1:1"], &["--timeout", "1m"], &["--await-deployment"]] {
        assert!(refused(&[&["rehearse"], option].concat()).contains("--serve"), "{option:?}");
    }
    let said = refused(&["rehearse", "--serve", "--gate", "greenlight.yaml"]);
    assert!(said.starts_with("error: --gate is for Greenlight's own programs"), "{said}");
    let said = refused(&["rehearse", "--serve", "--await-deployment", "--at", "AfterInstall"]);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_filter_that_means_no_scenario_is_bad_usage() {
    let said = refused(&["rehearse", "--all", "--filter", "helthy"]);
    assert!(said.contains("no scenario has `helthy` in its name; did you mean `healthy`?"), "{said}");
    assert!(refused(&["rehearse", "--list", "--filter", "helthy"]).contains("did you mean"));
    assert!(refused(&["rehearse", "--filter", "healthy", "--scenario", "healthy"]).contains("cannot be used with"));
    let listed = greenlight(&["rehearse", "--list", "--filter", "route-*"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("route-503") && !listed.contains("tasks-stop"), "{listed}");
}

#[test]
fn a_junit_report_that_cannot_be_written_is_told_before_anything_is_played() {
    let folder = tempfile::tempdir().unwrap();
    for function in FunctionName::all_functions() {
        fs::write(folder.path().join(function.program_name()), "").unwrap();
    }
    let binaries = folder.path().to_str().unwrap();
    let said = refused(&["rehearse", "--all", "--binaries", binaries, "--junit", "no/such/report.xml"]);
    assert!(said.starts_with("error: cannot write the JUnit report no/such/report.xml: "), "{said}");
}

/// The programs cannot be executed, so every scenario ends at once, and the report says why.
#[test]
#[cfg(unix)]
fn what_could_not_be_played_is_an_error_in_the_junit_report() {
    let folder = tempfile::tempdir().unwrap();
    for function in FunctionName::all_functions() {
        fs::write(folder.path().join(function.program_name()), "").unwrap();
    }
    let report = folder.path().join("report.xml");
    let (binaries, path) = (folder.path().to_str().unwrap(), report.to_str().unwrap());
    for mode in [&["--scenario", "healthy"], &["--filter", "*-503"]] {
        let output = greenlight(&[&["rehearse", "--binaries", binaries, "--junit", path], &mode[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let report = fs::read_to_string(&report).unwrap();
        assert!(report.contains(r#"tests="1" failures="0" errors="1""#), "{report}");
        assert!(report.contains("could not be played: ") && report.contains("cannot start the program"), "{report}");
    }
}
