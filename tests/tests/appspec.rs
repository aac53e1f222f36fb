//! `greenlight appspec` writes AppSpec files, and `greenlight rehearse --appspec` runs them. Both are the real program.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use greenlight_tests::{
    binaries, check_models, greenlight,
    infra::{REQUIRED_PARAMETERS, SamTemplate, logical_id},
};
use rehearsal::{FunctionName, Hook, HookTestBed, Recorder, RunningTestBed};
use serde_json::{Value, json};
use tempfile::TempDir;

const YAML: &str = "# Our service.
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: \"arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:41\" # by the pipeline
        LoadBalancerInfo: { ContainerName: web, ContainerPort: 8080 }
";

const JSON: &str = r#"{
    "version": 0.0,
    "Resources": [
        {
            "TargetService": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "TaskDefinition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:41",
                    "LoadBalancerInfo": { "ContainerName": "web", "ContainerPort": 8080 }
                }
            }
        }
    ]
}
"#;

/// A temporary folder with AppSpec files.
struct AppSpecFolder(TempDir);

impl AppSpecFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program in this folder, without this machine's configuration.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(greenlight());
        command.args(line.split(' ')).current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        command.env("NO_COLOR", "1").env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs the program and returns its standard output. Panics if the program fails.
    fn succeed(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {output:?}");
        text(&output.stdout)
    }

    fn rehearse(&self, file: &str, more: &[&str]) -> Output {
        let mut command = Command::new(greenlight());
        command.arg("rehearse").args(more).arg("--appspec").arg(self.path(file)).arg("--binaries").arg(binaries());
        command.output().unwrap()
    }

    /// Rehearses a deployment with a file. Returns the exit status, the invoked function of each event, and the report.
    fn rehearse_json(&self, file: &str) -> (i32, Vec<(String, String)>, Value) {
        let output = self.rehearse(file, &["--json"]);
        let transcript = text(&output.stdout);
        let lines: Vec<Value> = transcript.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let invoked = lines.iter().filter(|line| line["event"] == "hook-invoked");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let invoked = invoked.map(|line| (word(&line["hook"]), word(&line["function"]))).collect();
        let report = lines.last().cloned().unwrap_or_else(|| panic!("{output:?}"));
        assert_eq!(report["event"], "report");
        (output.status.code().unwrap(), invoked, report)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Each event and the function of its hook, in a stack with this suffix.
fn five_hooks(suffix: &str) -> Vec<(String, String)> {
    let hook_and_function =
        |hook: Hook| (hook.event_name().to_owned(), format!("CodeDeployHook_{suffix}-{}", hook.program_name()));
    Hook::ALL.map(hook_and_function).to_vec()
}

fn deployment(report: &Value) -> &Value {
    &report["deployments"][0]
}

#[test]
fn written_hooks_are_invoked() {
    let folder = AppSpecFolder::new().with("appspec.yaml", YAML).with("appspec.json", JSON);
    for (file, before) in [("appspec.yaml", YAML), ("appspec.json", JSON)] {
        folder.succeed(&format!("appspec --suffix shop --write {file}"));
        let written = folder.text(file);
        assert!(written.starts_with(before.trim_end_matches(['\n', '}', ' '])), "{written}");
        let again = folder.succeed(&format!("appspec --suffix shop --write {file}"));
        assert!(again.contains("nothing to change"), "{again}");
        assert_eq!(folder.text(file), written);
        assert_eq!(
            folder.succeed(&format!("appspec --suffix shop {file}")),
            written,
            "without --write the file is printed"
        );
        assert!(folder.succeed(&format!("appspec --check {file}")).contains("fine"));
        let (status, invoked, report) = folder.rehearse_json(file);
        assert_eq!((status, invoked), (0, five_hooks("shop")), "{file}: {report}");
        assert_eq!(deployment(&report)["outcome"], "succeeded");
    }
}

/// A folder with a changed copy of a file that names the five hooks.
fn folder_with_change(change: impl Fn(&str) -> String) -> AppSpecFolder {
    let folder = AppSpecFolder::new().with("appspec.yaml", YAML);
    folder.succeed("appspec --suffix shop --write appspec.yaml");
    let now = change(&folder.text("appspec.yaml"));
    assert_ne!(now, folder.text("appspec.yaml"));
    folder.with("appspec.yaml", &now)
}

#[test]
fn hook_that_is_not_named_is_not_invoked() {
    let folder = folder_with_change(|text| {
        let without = |line: &&str| !line.contains("BeforeAllowTraffic:");
        text.lines().filter(without).map(|line| format!("{line}\n")).collect()
    });
    let noted = folder.succeed("appspec --check appspec.yaml");
    assert!(noted.contains("note: no function is named for BeforeAllowTraffic"), "{noted}");
    let (status, invoked, report) = folder.rehearse_json("appspec.yaml");
    let four: Vec<_> = five_hooks("shop").into_iter().filter(|(event, _)| event != "BeforeAllowTraffic").collect();
    assert_eq!((status, invoked), (0, four), "{report}");
    assert_eq!(deployment(&report)["outcome"], "succeeded");
}

#[test]
fn swapped_functions_are_reported_and_fail_with_wrong_event() {
    let folder = folder_with_change(|text| {
        let text =
            text.replace("shop-before-install", "shop-HERE").replace("shop-after-install", "shop-before-install");
        text.replace("shop-HERE", "shop-after-install")
    });
    let output = folder.run("appspec --check appspec.yaml");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("the function of AfterInstall at BeforeInstall"), "{output:?}");
    assert!(text(&output.stdout).contains("appspec.yaml: 2 faults"), "{output:?}");
    let (status, invoked, report) = folder.rehearse_json("appspec.yaml");
    assert_eq!((status, invoked.len()), (1, 1), "{report}");
    assert_eq!(invoked[0], ("BeforeInstall".to_owned(), "CodeDeployHook_shop-after-install".to_owned()));
    // The reason comes from the program at the wrong event.
    assert_eq!(deployment(&report)["outcome"], "failed");
    assert_eq!(deployment(&report)["hooks"][0]["code"], "WrongEvent");
}

#[test]
fn function_that_cannot_be_invoked_fails_its_event_at_once() {
    let elsewhere = "arn:aws:lambda:eu-west-1:444455556666:function:CodeDeployHook_shop-after-install";
    for (function, code, says) in [
        ("CodeDeployHook_shop-smoke", "HOOK_EXECUTION_FAILURE", "is not a hook function of Greenlight"),
        ("shop-after-install", "IAM_ROLE_PERMISSIONS", "does not begin with `CodeDeployHook_`"),
        (elsewhere, "IAM_ROLE_PERMISSIONS", "in account 444455556666"),
    ] {
        let folder = folder_with_change(|text| text.replace("CodeDeployHook_shop-after-install", function));
        let output = folder.run("appspec --check appspec.yaml");
        assert_eq!(output.status.code(), Some(1), "{function}");
        assert!(text(&output.stdout).contains(says), "{output:?}");
        let (status, invoked, report) = folder.rehearse_json("appspec.yaml");
        assert_eq!((status, invoked), (1, five_hooks("shop")[..1].to_vec()), "{function}: {report}");
        let stopped = &deployment(&report)["hooks"][1];
        assert_eq!((&stopped["hook"], &stopped["code"]), (&json!("AfterInstall"), &json!(code)), "{report}");
        assert_eq!((&stopped["status"], &stopped["answered_by"]), (&Value::Null, &json!("nobody")));
    }
    let folder = folder_with_change(|text| text.replace("CodeDeployHook_shop-after-install", "shop-after-install"));
    let output_text = text(&folder.rehearse("appspec.yaml", &[]).stdout);
    assert!(output_text.contains("ROLLED BACK: AfterInstall could not be invoked\n"), "{output_text}");
}

#[test]
fn file_with_an_unknown_event_is_not_rehearsed() {
    let folder = folder_with_change(|text| text.replace("AfterInstall:", "AfterInstal:"));
    let output = folder.run("rehearse --appspec appspec.yaml");
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{output:?}");
    assert!(text(&output.stderr).contains("did you mean `AfterInstall`?"), "{output:?}");
    let output = folder.run("appspec --check --json appspec.yaml");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let faults: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&faults[0]["line"], &faults[0]["column"], &faults[0]["level"]), (&json!(9), &json!(1), &json!("note")));
    assert_eq!(
        (&faults[1]["line"], &faults[1]["column"], &faults[1]["level"]),
        (&json!(11), &json!(5), &json!("fault"))
    );
}

/// Names in a file can contain control characters. The program shows them, and the terminal must not execute them.
#[test]
fn a_file_brings_nothing_to_the_terminal_that_controls_it() {
    let escaped = YAML.replace("Type: AWS::ECS::Service", r#"Type: "AWS::ECS::\e[2JService""#);
    let container = YAML.replace("ContainerName: web", r#"ContainerName: "\e]0;owned\a\e[2J""#);
    let names = r#"  - AfterInstall: "CodeDeployHook_\e[2Jx""#;
    let files = [
        escaped,
        container.replace("ContainerPort: 8080", r#"ContainerPort: "\e[2J8080""#),
        format!("{YAML}Hooks:\n{names}\n"),
        format!("{YAML}Hooks:\n  - \"\\e[31mAfterInstal\": x\n"),
        format!("{YAML}Hooks:\n  - \u{1b}[2J: x\n"),
    ];
    for file in files {
        let folder = AppSpecFolder::new().with("appspec.yaml", &file);
        for line in ["appspec --check appspec.yaml", "rehearse --appspec appspec.yaml"] {
            let output = folder.run(line);
            assert!(!output.status.success(), "{file}: {output:?}");
            let shown = text(&output.stdout) + &text(&output.stderr);
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{line} {file}: {shown:?}");
        }
    }
}

#[test]
fn empty_gate_file_is_refused_and_not_ignored() {
    let folder = AppSpecFolder::new().with("empty.yaml", " \n");
    let output = folder.run("rehearse --gate empty.yaml");
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{output:?}");
    assert!(text(&output.stderr).contains("the gate file empty.yaml is empty"), "{output:?}");
}

#[test]
fn version_that_awss_deploy_action_writes_is_accepted_and_rehearsed() {
    let json = JSON.replace("\"version\": 0.0", "\"version\": 0");
    let folder = AppSpecFolder::new().with("appspec.json", &json);
    folder.succeed("appspec --suffix shop --write appspec.json");
    assert_eq!(folder.succeed("appspec --check appspec.json").trim(), "✓ appspec.json: fine");
    let (status, invoked, report) = folder.rehearse_json("appspec.json");
    assert_eq!((status, invoked), (0, five_hooks("shop")), "{report}");
    let one = AppSpecFolder::new().with("appspec.yaml", &YAML.replace("version: 0.0", "version: 1.0"));
    let noted = one.succeed("appspec --check appspec.yaml");
    assert!(noted.contains("note: AWS documents the version 0.0 only; public pipelines also use 1.0"), "{noted}");
}

#[test]
fn other_function_is_replaced_only_with_replace() {
    let name = "team-prod-web-after-allow-test-traffic";
    let own = format!("{YAML}Hooks:\n  - AfterAllowTestTraffic: {name}\n");
    let folder = AppSpecFolder::new().with("appspec.yaml", &own);
    let output = folder.run("appspec --suffix shop --write appspec.yaml");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(folder.text("appspec.yaml"), own);
    let output = folder.run("appspec --check appspec.yaml");
    assert!(text(&output.stdout).contains("appspec.yaml: 1 fault"), "one other function must be one fault: {output:?}");
    let fine = folder.succeed(&format!("appspec --check --allow-function {name} appspec.yaml"));
    assert!(!fine.contains("fault"), "{fine}");
    // The stack with this prefix has such names itself.
    folder.succeed("appspec --prefix team-prod-web- --write appspec.yaml");
    assert!(folder.text("appspec.yaml").contains("BeforeInstall: team-prod-web-before-install"));
    folder.succeed("appspec --suffix shop --replace --write appspec.yaml");
    assert!(!folder.text("appspec.yaml").contains(name));
}

#[test]
fn hooks_are_not_written_to_a_file_for_another_platform() {
    let lambda = "version: 0.0
Resources:
  - MyFunction:
      Type: AWS::Lambda::Function
      Properties: { Name: shop, Alias: live, CurrentVersion: '1', TargetVersion: '2' }
";
    let ec2 = "version: 0.0
os: linux
files:
  - { source: /, destination: /srv }
";
    for (file, says) in [(lambda, "this file deploys a Lambda function"), (ec2, "`os` belongs to deployments on EC2")] {
        let folder = AppSpecFolder::new().with("appspec.yaml", file);
        let output = folder.run("appspec --suffix shop --write appspec.yaml");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains(says), "{output:?}");
        assert_eq!(folder.text("appspec.yaml"), file);
    }
}

#[test]
fn example_is_unchanged_when_written_again() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/example/appspec.yaml");
    let example = fs::read_to_string(path).unwrap();
    let folder = AppSpecFolder::new().with("appspec.yaml", &example);
    assert_eq!(folder.succeed("appspec --check appspec.yaml").trim(), "✓ appspec.yaml: fine");
    folder.succeed("appspec --suffix greenlight --write appspec.yaml");
    assert_eq!(folder.text("appspec.yaml"), example);
    let (status, invoked, report) = folder.rehearse_json("appspec.yaml");
    assert_eq!((status, invoked), (0, five_hooks("greenlight")), "{report}");
}

/// The output of `aws cloudformation describe-stacks` for the functions' stack.
fn outputs_of_the_template() -> Value {
    let stack = SamTemplate::read().instantiate(REQUIRED_PARAMETERS.into_iter().chain([("Suffix", "shop")])).unwrap();
    let outputs = stack.outputs.iter().map(|(key, output)| json!({ "OutputKey": key, "OutputValue": output["Value"] }));
    json!({ "Stacks": [{ "StackName": "CodeDeployHooks-shop", "Outputs": outputs.collect::<Vec<_>>() }] })
}

#[test]
fn outputs_of_the_template_name_the_functions() {
    let outputs = outputs_of_the_template();
    let folder = AppSpecFolder::new().with("appspec.yaml", YAML).with("outputs.json", &outputs.to_string());
    folder.succeed("appspec --suffix shop --write appspec.yaml");
    let by_name = folder.text("appspec.yaml");
    assert!(folder.succeed("appspec --outputs outputs.json --write appspec.yaml").contains("nothing to change"));
    // By ARN, from standard input.
    let mut child = folder.command("appspec --outputs - --arn appspec.yaml");
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(outputs.to_string().as_bytes()).unwrap();
    let by_arn = text(&child.wait_with_output().unwrap().stdout);
    let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}");
    let with_arns = five_hooks("shop").iter().fold(by_name, |text, (_, name)| text.replace(name, &arn(name)));
    assert_eq!(by_arn, with_arns);
    // Every hook's output is required, and a missing one is reported.
    for function in FunctionName::all_functions() {
        let key = format!("{}Name", logical_id(function));
        let mut less = outputs.clone();
        less["Stacks"][0]["Outputs"].as_array_mut().unwrap().retain(|output| output["OutputKey"] != key.as_str());
        fs::write(folder.path("less.json"), less.to_string()).unwrap();
        let output = folder.run("appspec --outputs less.json");
        let is_hook = function != FunctionName::OnFailure;
        assert_eq!(output.status.code(), Some(if is_hook { 2 } else { 0 }), "{key}");
        assert_eq!(text(&output.stderr).contains(&format!("lacks the outputs {key}")), is_hook, "{output:?}");
    }
}

/// Runs the command with the simulated account.
async fn run_with_stack(open: &RunningTestBed, folder: &AppSpecFolder, line: &str) -> Output {
    let mut command = folder.command(line);
    command.env("AWS_ENDPOINT_URL", open.endpoint()).env("AWS_REGION", "eu-west-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "sesame");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_a_stack_are_read_from_cloudformation() {
    let recorder = Recorder::default();
    let open = HookTestBed::at(Hook::BeforeInstall).await.recorder(&recorder).open().await.unwrap();
    let folder = AppSpecFolder::new().with("appspec.yaml", YAML);
    // The command from README.md.
    let readme = include_str!("../../README.md");
    let line = readme.lines().find_map(|line| line.strip_prefix("greenlight appspec --stack")).unwrap();
    let output = run_with_stack(&open, &folder, &format!("appspec --stack{line}")).await;
    assert!(output.status.success(), "{output:?}");
    let names: Vec<String> = FunctionName::all_functions().take(5).map(FunctionName::lambda_name).collect();
    let hooks: String =
        Hook::ALL.iter().zip(&names).map(|(hook, name)| format!("  - {}: {name}\n", hook.event_name())).collect();
    assert_eq!(folder.text("appspec.yaml"), format!("{YAML}Hooks:\n{hooks}"));
    // `--check` compares the file with the names of another stack.
    let output =
        run_with_stack(&open, &folder, "appspec --check --stack CodeDeployHooks-greenlight appspec.yaml").await;
    assert!(output.status.success(), "{output:?}");
    let output = run_with_stack(&open, &folder, "appspec --stack other --write appspec.yaml").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Stack with id other does not exist"), "{output:?}");
    let calls = open.calls();
    assert_eq!(calls.into_iter().collect::<Vec<_>>(), [("cloudformation:DescribeStacks".to_owned(), 3)]);
    let right = recorder.exchanges();
    if let Err(faults) = check_models(&right) {
        panic!("{faults}");
    }
    // The comparison with the models notices a mistake.
    let mut wrong = right[0].clone();
    let reply = wrong.reply.as_mut().unwrap();
    reply.body = text(&reply.body).replacen("<OutputKey>", "<Colour/><OutputKey>", 1).into_bytes();
    assert!(check_models(&[wrong]).is_err());
}
