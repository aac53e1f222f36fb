//! What an operator sees: the example service, the questions of `make deploy`, and the messages of the scripts when
//! something is missing.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use greenlight_tests::greenlight;
use rehearsal::Hook;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a script of the repository with only three of the system's tools installed. Returns its exit status and its
/// standard error.
fn run(script: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let path = tempfile::tempdir().unwrap();
    for tool in ["awk", "dirname", "sed"] {
        symlink(format!("/usr/bin/{tool}"), path.path().join(tool)).unwrap();
    }
    let mut command = Command::new("/bin/sh");
    command.arg(root().join(script)).args(arguments).env_clear().env("PATH", path.path());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn example_appspec_names_the_functions_of_the_default_stack() {
    let template = read("infra/template.yaml");
    let (_, suffix) = template.split_once("\n  Suffix:\n").expect("the template has a parameter Suffix");
    let (_, default) = suffix.split_once("Default: ").expect("the parameter Suffix has a default");
    let suffix = default.lines().next().unwrap();
    let appspec = read("infra/example/appspec.yaml");
    let (_, hooks) = appspec.split_once("\nHooks:\n").expect("the example has hooks");
    let expected: String =
        Hook::ALL.iter().map(|hook| format!("  - {hook}: CodeDeployHook_{suffix}-{}\n", hook.program_name())).collect();
    assert_eq!(hooks, expected);
}

#[test]
fn gate_file_of_the_example_is_valid() {
    let file = root().join("infra/example/greenlight.yaml");
    let output = Command::new(greenlight()).arg("check").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_script_reports_a_missing_tool_and_how_to_install_it() {
    for (script, missing) in [
        ("infra/package.sh", "cargo-lambda"),
        ("infra/deploy.sh", "sam"),
        ("infra/destroy.sh", "sam"),
        ("infra/example/release.sh", "aws"),
    ] {
        let arguments: &[&str] = if script.ends_with("release.sh") { &["2"] } else { &[] };
        let (code, words) = run(script, arguments);
        assert_eq!(code, Some(1), "{script}: {words}");
        let says = words.lines().count() == 1 && words.contains(missing) && words.contains("not installed");
        assert!(says && (words.contains("make deploy-tools") || words.contains("https://")), "{script}: {words}");
    }
}

#[test]
fn release_tag_that_is_not_the_package_version_is_refused() {
    let (code, words) = run(".ci/release-notes", &["v0.0.0"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("the tag is v0.0.0") && words.contains(env!("CARGO_PKG_VERSION")), "{words}");
}

/// Systems Manager does not accept a value with double braces, so the manual has another way to write them.
#[test]
fn gate_file_can_be_written_without_double_braces() {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    let gate = r#"version: 1
hooks:
  after_allow_test_traffic:
    checks:
      - { name: version, http: "\x7b{test_url}\x7d/version", expect: ["json.version == \x7b{green.image_tag}\x7d"] }
"#;
    assert!(!gate.contains("{{") && !gate.contains("}}"));
    fs::write(file.path(), gate).unwrap();
    let output =
        Command::new(greenlight()).args(["explain", "--hook", "AfterAllowTestTraffic"]).arg(file.path()).output();
    let output = output.unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("{{test_url}}/version"), "{words}");
    assert!(words.contains("{{green.image_tag}}"), "{words}");
}

/// A machine for the scripts: the system's tools that they need, and fakes of the tools that build and deploy.
struct Machine {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// A script's exit status, its output and its calls.
struct ScriptRun {
    code: Option<i32>,
    stdout: String,
    normalized_output: String,
    calls: Vec<String>,
}

/// Rust's standard library for ARM, which the fake toolchain has.
const ARM: &str = "rust/aarch64-unknown-linux-gnu";
const INTEL: &str = "rust/x86_64-unknown-linux-gnu";

impl Machine {
    /// A machine whose `sam` starts with this line and records its calls.
    fn new(first_line: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for own in ["infra", "bin", ARM] {
            fs::create_dir_all(folder.path().join(own)).unwrap();
        }
        for file in ["deploy.sh", "destroy.sh", "template.yaml"] {
            fs::copy(root().join("infra").join(file), folder.path().join("infra").join(file)).unwrap();
        }
        for tool in ["awk", "cat", "dirname", "grep", "mkdir", "sed", "sh", "tr"] {
            let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{tool} is not installed"));
            symlink(found, folder.path().join("bin").join(tool)).unwrap();
        }
        let machine = Self { folder, variables: Vec::new() };
        machine.program("sam", &format!("{first_line}\necho \"sam $*\" >>\"$MACHINE/called\"\n"));
        machine.program("cargo-lambda", "#!/bin/sh\n");
        machine.program("rustc", "#!/bin/sh\necho \"$MACHINE/rust/$4\"\n");
        machine
    }

    /// Installs a program.
    fn program(&self, name: &str, text: &str) {
        let path = self.folder.path().join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs a script of `infra` with these answers.
    fn run(&self, script: &str, answers: &[&str]) -> ScriptRun {
        let mut command = Command::new("/bin/sh");
        command.arg(self.folder.path().join("infra").join(script)).env_clear();
        command.env("PATH", self.folder.path().join("bin")).env("MACHINE", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        // A script that fails before its first question does not read the answers.
        let _unread = child.stdin.take().unwrap().write_all(said.as_bytes());
        let output = child.wait_with_output().unwrap();
        let called = self.folder.path().join("called");
        let calls = fs::read_to_string(&called).unwrap_or_default();
        let _none = fs::remove_file(called);
        ScriptRun {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            normalized_output: String::from_utf8_lossy(&output.stderr).into_owned(),
            calls: calls.lines().map(ToOwned::to_owned).collect(),
        }
    }

    /// The configuration file that the script writes and that the next run reads.
    fn config(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("infra/samconfig.toml")).ok()
    }
}

const ENV: &str = "#!/usr/bin/env sh";

/// An answer to each question of the first run. The empty ones accept the default.
const FIRST_ANSWERS: [&str; 9] = ["shop", "", "", "", "", "", "", "", "eu-west-1"];

#[test]
fn answers_are_deployed_and_the_next_run_asks_nothing() {
    let machine = Machine::new(ENV).set("AWS_REGION", "eu-west-1");
    fs::create_dir_all(machine.folder.path().join(INTEL)).unwrap();
    let topic = "arn:aws:sns:eu-west-1:111122223333:on-call";
    let ran = machine.run("deploy.sh", &["shop-*", "", "shop", "web?", "ssm", "", topic, "team", "x86_64", ""]);
    assert_eq!(ran.code, Some(0), "{}", ran.normalized_output);
    assert_eq!(ran.calls, ["sam build", "sam deploy"]);
    let config = machine.config().unwrap();
    for line in [
        "stack_name = \"CodeDeployHooks-team\"",
        "region = \"eu-west-1\"",
        "    \"Suffix=team\",",
        "    \"Architecture=x86_64\",",
        "    \"Application=shop-*\",",
        "    \"DeploymentGroup=*\",",
        "    \"Cluster=shop\",",
        "    \"Service=web?\",",
        // The first deployments of a new stack stop nothing.
        "    \"Mode=observe\",",
        "    \"GateSource=ssm\",",
        "    \"GateParameter=/greenlight/{application}/{deployment_group}\",",
        "    \"AlarmTopicArn=arn:aws:sns:eu-west-1:111122223333:on-call\",",
        // SAM changes nothing before the operator confirms.
        "confirm_changeset = true",
        "s3_prefix = \"CodeDeployHooks-team\"",
    ] {
        assert!(config.lines().any(|own| own == line), "{line} is not in {config}");
    }
    assert!(ran.stdout.contains("greenlight appspec --stack CodeDeployHooks-team"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("the alarms notify nobody"), "{}", ran.stdout);

    // From then on the script reads the file and asks no questions.
    let again = machine.run("deploy.sh", &[]);
    assert_eq!((again.code, &again.calls[..]), (Some(0), &ran.calls[..]), "{}", again.normalized_output);
    assert_eq!(again.normalized_output, "");
    assert_eq!(machine.config().unwrap(), config);
}

#[test]
fn answer_that_the_template_would_refuse_repeats_the_question() {
    let machine = Machine::new(ENV);
    let answers = [
        "shop/web",
        "shop",
        "a b",
        "web",
        "shop.web",
        "shop",
        "",
        "git",
        "s3",
        "",
        "Gates",
        "gates",
        "",
        "on-call",
        "",
        "MyTeam",
        "-team",
        "team",
        "arm",
        "",
        "",
        "Here",
        "eu-west-1",
    ];
    let ran = machine.run("deploy.sh", &answers);
    assert_eq!(ran.code, Some(0), "{}", ran.normalized_output);
    for said in [
        "Application: 'shop/web' is not the name of a CodeDeploy application",
        "DeploymentGroup: 'a b' is not the name of a deployment group",
        "Cluster: 'shop.web' is not the name of an ECS cluster",
        "GateSource: 'git' is not one of built-in,package,ssm,s3",
        // The template accepts an empty name, but not together with s3.
        "GateBucket: '' is not the name of a bucket",
        "GateBucket: 'Gates' is not the name of a bucket",
        "AlarmTopicArn: 'on-call' is not the ARN of an SNS topic",
        "Suffix: 'MyTeam' is not 1 to 24 lower-case letters",
        "Suffix: '-team' is not",
        "Architecture: 'arm' is not one of arm64,x86_64",
        // Without a region in the environment the script has no default to propose.
        "Region: '' is not the name of a region",
        "Region: 'Here' is not",
    ] {
        assert!(ran.normalized_output.contains(said), "{said}: {}", ran.normalized_output);
    }
    let config = machine.config().unwrap();
    for bad in answers
        .iter()
        .filter(|answer| ran.normalized_output.contains(&format!("'{answer}' is not")) && !answer.is_empty())
    {
        assert!(!config.contains(&format!("={bad}\"")), "{bad} is in {config}");
    }
    assert!(config.contains("region = \"eu-west-1\"") && config.contains("\"Suffix=team\""), "{config}");
    for line in ["    \"GateSource=s3\",", "    \"GateBucket=gates\",", "    \"GateKey=greenlight.yaml\","] {
        assert!(config.lines().any(|own| own == line), "{line} is not in {config}");
    }
    assert!(!config.contains("AlarmTopicArn=\""), "SAM does not accept an empty value: {config}");
    assert!(ran.stdout.contains("the alarms notify nobody"), "{}", ran.stdout);
}

#[test]
fn summary_says_what_the_mode_means() {
    let machine = Machine::new(ENV).set("AWS_REGION", "eu-west-1");
    let summary = |machine: &Machine| {
        let ran = machine.run("deploy.sh", &FIRST_ANSWERS);
        assert_eq!(ran.code, Some(0), "{}", ran.normalized_output);
        ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let observes = "Mode: observe. Every hook puts Succeeded and stops nothing, whatever the gate file says.";
    let said = summary(&machine);
    assert!(said.contains(observes) && said.contains("change Mode to enforce in infra/samconfig.toml"), "{said}");
    let config = machine.config().unwrap();
    let file = machine.folder.path().join("infra/samconfig.toml");
    fs::write(&file, config.replace("Mode=observe", "Mode=enforce")).unwrap();
    let said = summary(&machine);
    assert!(said.contains("Mode: enforce. A hook that puts Failed stops the deployment") && !said.contains(observes));
    // A stack that somebody deployed with a file of their own.
    fs::write(&file, config.replace("    \"Mode=observe\",\n", "")).unwrap();
    let said = summary(&machine);
    assert!(said.contains("infra/samconfig.toml does not set it") && !said.contains(observes), "{said}");
}

/// A machine whose sam runs in Python, with what the script finds in the account before the first deployment.
fn machine_in_account(found: &str) -> Machine {
    let machine = Machine::new(ENV);
    let python = machine.folder.path().join("bin/python3.11");
    machine.program(
        "python3.11",
        &format!(
            "#!/bin/sh
case $2 in
*get_caller_identity*) echo 'eu-west-1 arn:aws:iam::111122223333:user/ann' ;;
*describe_log_groups*) echo '{found}' ;;
*) echo \"sam $2\" >>\"$MACHINE/called\" ;;
esac
"
        ),
    );
    machine.program("sam", &format!("#!{}\n", python.display()));
    machine
}

/// CloudFormation would fail after the long build, because the stack keeps its log groups when it is deleted.
#[test]
fn log_groups_of_an_earlier_stack_are_reported_before_the_build() {
    let machine = machine_in_account("group /aws/lambda/CodeDeployHook_greenlight-on-failure");
    let ran = machine.run("deploy.sh", &FIRST_ANSWERS);
    assert_eq!((ran.code, machine.config(), ran.calls.len()), (Some(1), None, 0), "{}", ran.normalized_output);
    let command = "    aws logs delete-log-group --region eu-west-1 --log-group-name \
                   /aws/lambda/CodeDeployHook_greenlight-on-failure\n";
    assert!(ran.normalized_output.ends_with(command), "{}", ran.normalized_output);
}

/// Lambda would refuse a reservation that leaves less than 100 to the account's other functions.
#[test]
fn account_with_a_small_quota_gets_no_reservation() {
    for (found, reserves) in [("unreserved 104", false), ("unreserved 105", true), ("", true)] {
        let machine = machine_in_account(found);
        let ran = machine.run("deploy.sh", &FIRST_ANSWERS);
        assert_eq!((ran.code, &ran.calls[..]), (Some(0), &["sam build".to_owned(), "sam deploy".to_owned()][..]));
        let config = machine.config().unwrap();
        assert_eq!(config.contains("    \"OnFailureConcurrency=0\",\n"), !reserves, "{found}: {config}");
    }
}

#[test]
fn failed_run_writes_no_configuration() {
    let machine = Machine::new(ENV);
    let refused_run = machine.run("deploy.sh", &FIRST_ANSWERS[..3]);
    assert!(
        refused_run.normalized_output.contains("asks questions and needs a terminal"),
        "{}",
        refused_run.normalized_output
    );
    assert_eq!((refused_run.code, machine.config(), refused_run.calls.len()), (Some(1), None, 0));

    fs::remove_dir(machine.folder.path().join(ARM)).unwrap();
    let missing = machine.run("deploy.sh", &FIRST_ANSWERS);
    assert!(
        missing.normalized_output.contains("Rust's standard library for aarch64-unknown-linux-gnu is not installed")
    );
    assert_eq!((missing.code, machine.config(), missing.calls.len()), (Some(1), None, 0));

    // Most machines only have the standard library for their own architecture, and rustup adds the other one.
    machine.program("rustup", "#!/bin/sh\necho \"rustup $*\" >>\"$MACHINE/called\"\nmkdir \"$MACHINE/rust/$3\"\n");
    let added = machine.run("deploy.sh", &FIRST_ANSWERS);
    assert_eq!(added.code, Some(0), "{}", added.normalized_output);
    assert_eq!(added.calls, ["rustup target add aarch64-unknown-linux-gnu", "sam build", "sam deploy"]);
}

/// pip's programs start with the path of Python, or with a shell if that path is long. Others are wrappers or binaries.
#[test]
fn caller_identity_is_read_only_if_sam_runs_in_python() {
    for first_line in [ENV, "#!/bin/sh", "#! /bin/sh -e"] {
        let ran = Machine::new(first_line).run("deploy.sh", &FIRST_ANSWERS);
        assert_eq!(ran.code, Some(0), "{first_line}: {}", ran.normalized_output);
        assert!(ran.stdout.contains("As:  whatever credentials sam finds"), "{first_line}: {}", ran.stdout);
    }
    let machine = Machine::new(ENV);
    let sam = machine.folder.path().join("bin/sam");
    fs::write(&sam, b"\xcf\xfa\xed\xfe\xff\x00#!/x/python3\nno text\xff").unwrap();
    let ran = machine.run("deploy.sh", &FIRST_ANSWERS);
    assert!(ran.stdout.contains("As:  whatever credentials sam finds"), "{} {}", ran.stdout, ran.normalized_output);
    assert!(!ran.normalized_output.contains("sequence"), "{}", ran.normalized_output);

    let machine = Machine::new(ENV);
    let python = machine.folder.path().join("bin/python3.11");
    machine.program(
        "python3.11",
        "#!/bin/sh
case $1 in
-c) echo \"${AWS_DEFAULT_REGION-} arn:aws:iam::111122223333:user/ann\" ;;
*) shift; echo \"sam $*\" >>\"$MACHINE/called\" ;;
esac
",
    );
    machine.program("sam", &format!("#!{}\n", python.display()));
    let ran = machine.run("deploy.sh", &FIRST_ANSWERS);
    assert_eq!(ran.code, Some(0), "{}", ran.normalized_output);
    assert!(ran.stdout.contains("As:  arn:aws:iam::111122223333:user/ann"), "{}", ran.stdout);
    assert_eq!(ran.calls, ["sam build", "sam deploy"]);
    assert!(ran.normalized_output.contains("Region []"), "{}", ran.normalized_output);
    // The file's region has precedence over the shell's, for the caller's identity as for the stack.
    machine.program(
        "python3.11",
        "#!/bin/sh\nif [ \"$1\" = -c ]; then echo \"$AWS_DEFAULT_REGION in-$AWS_DEFAULT_REGION\"; fi\n",
    );
    let machine = machine.set("AWS_REGION", "us-west-2");
    let ran = machine.run("deploy.sh", &[]);
    assert!(ran.stdout.contains("As:  in-eu-west-1"), "{} {}", ran.stdout, ran.normalized_output);
}

/// The real boto3, without credentials and without a region.
#[test]
fn missing_credentials_are_reported_before_the_first_question() {
    let machine = Machine::new(ENV).set("AWS_EC2_METADATA_DISABLED", "true").set("HOME", "/nowhere");
    machine.program("sam", &format!("#!{}\n", Path::new(greenlight_tests::python()).display()));
    let ran = machine.run("deploy.sh", &[]);
    assert_eq!((ran.code, machine.config()), (Some(1), None), "{}", ran.normalized_output);
    let said =
        "no credentials that AWS accepts (Unable to locate credentials; no region is set, so us-east-1 was used)";
    assert!(ran.normalized_output.starts_with(said), "{}", ran.normalized_output);
    let ran = machine.set("AWS_PROFILE", "shop").run("deploy.sh", &[]);
    assert!(
        ran.normalized_output.starts_with("no credentials that AWS accepts (The config profile (shop)"),
        "{}",
        ran.normalized_output
    );
}

#[test]
fn destroy_lists_what_remains_and_calls_sam_delete() {
    let machine = Machine::new(ENV);
    let none = machine.run("destroy.sh", &[]);
    assert!(
        none.code == Some(1) && none.normalized_output.contains("nothing was deployed from here"),
        "{}",
        none.normalized_output
    );
    fs::write(machine.folder.path().join("infra/samconfig.toml"), "version = 0.1\n").unwrap();
    let ran = machine.run("destroy.sh", &[]);
    assert_eq!((ran.code, &ran.calls[..]), (Some(0), &["sam delete".to_owned()][..]), "{}", ran.normalized_output);
    // A new stack cannot create log groups that exist.
    let last = "    aws logs delete-log-group --log-group-name /aws/lambda/CodeDeployHook_greenlight-on-failure\n";
    assert!(ran.stdout.ends_with(last), "{}", ran.stdout);
    // The README of the example states the same.
    for (place, words) in [("destroy.sh", ran.stdout), ("the example", read("infra/example/README.md"))] {
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("The bucket keeps deleted objects as old versions"), "{place}: {words}");
    }
}
