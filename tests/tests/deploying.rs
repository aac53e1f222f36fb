//! What somebody meets who deploys: the example service, the questions of `make deploy`, and the words of the scripts where
//! something is missing.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use greenlight_tests::greenlight;
use rehearsal::HookName;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a script of the repository where nothing is installed but three of the system's tools, and gives how it ended and what
/// it said on standard error.
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
fn the_example_names_the_functions_that_the_stack_makes_if_nothing_else_is_said() {
    let template = read("infra/template.yaml");
    let (_, suffix) = template.split_once("\n  Suffix:\n").expect("the template has a parameter Suffix");
    let (_, default) = suffix.split_once("Default: ").expect("with a default");
    let suffix = default.lines().next().unwrap();
    let appspec = read("infra/example/appspec.yaml");
    let (_, hooks) = appspec.split_once("\nHooks:\n").expect("the example has hooks");
    let expected: String =
        HookName::ALL.iter().map(|hook| format!("  - {hook}: CodeDeployHook_{suffix}-{}\n", hook.binary())).collect();
    assert_eq!(hooks, expected);
}

#[test]
fn the_gate_file_of_the_example_has_no_fault() {
    let file = root().join("infra/example/greenlight.yaml");
    let output = Command::new(greenlight()).arg("check").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_script_says_what_is_missing_and_how_to_get_it() {
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
fn a_release_is_of_one_version_or_none() {
    let (code, words) = run(".ci/release-notes", &["v0.0.0"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("the tag is v0.0.0") && words.contains(env!("CARGO_PKG_VERSION")), "{words}");
}

/// Systems Manager takes no value with double braces, so the manual has another way to write them.
#[test]
fn a_gate_file_can_be_written_without_double_braces() {
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

/// A machine on which the scripts run: what they need of the system, and fakes of what builds and deploys.
struct Machine {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// How a script ended, what it said, and what it called.
struct ScriptRun {
    code: Option<i32>,
    stdout: String,
    normalized_output: String,
    calls: Vec<String>,
}

/// Rust's standard library for ARM is in the fake toolchain.
const ARM: &str = "rust/aarch64-unknown-linux-gnu";
const INTEL: &str = "rust/x86_64-unknown-linux-gnu";

impl Machine {
    /// With a `sam` that begins with this line and writes down how it was called.
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
            let found = found.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{tool} is not there"));
            symlink(found, folder.path().join("bin").join(tool)).unwrap();
        }
        let machine = Self { folder, variables: Vec::new() };
        machine.program("sam", &format!("{first_line}\necho \"sam $*\" >>\"$MACHINE/called\"\n"));
        machine.program("cargo-lambda", "#!/bin/sh\n");
        machine.program("rustc", "#!/bin/sh\necho \"$MACHINE/rust/$4\"\n");
        machine
    }

    /// Puts a program there.
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
        // A script that fails before it asks does not read them.
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

    /// What the script wrote, which the next run reads.
    fn config(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("infra/samconfig.toml")).ok()
    }
}

const ENV: &str = "#!/usr/bin/env sh";

#[test]
fn the_answers_are_what_is_deployed() {
    let machine = Machine::new(ENV).set("AWS_REGION", "eu-west-1");
    fs::create_dir_all(machine.folder.path().join(INTEL)).unwrap();
    let ran = machine.run("deploy.sh", &["shop-*", "", "shop", "web?", "team", "x86_64", ""]);
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
        // Nothing changes before somebody said yes.
        "confirm_changeset = true",
        "s3_prefix = \"CodeDeployHooks-team\"",
    ] {
        assert!(config.lines().any(|own| own == line), "{line} is not in {config}");
    }
    assert!(ran.stdout.contains("greenlight appspec --stack CodeDeployHooks-team"), "{}", ran.stdout);

    // From then on the file counts, and nobody is asked.
    let again = machine.run("deploy.sh", &[]);
    assert_eq!((again.code, &again.calls[..]), (Some(0), &ran.calls[..]), "{}", again.normalized_output);
    assert_eq!(again.normalized_output, "");
    assert_eq!(machine.config().unwrap(), config);
}

#[test]
fn an_answer_that_the_template_would_refuse_is_asked_for_again() {
    let machine = Machine::new(ENV);
    let answers = [
        "shop/web",
        "shop",
        "a b",
        "web",
        "shop.web",
        "shop",
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
        "Suffix: 'MyTeam' is not 1 to 24 lower-case letters",
        "Suffix: '-team' is not",
        "Architecture: 'arm' is not one of arm64,x86_64",
        // Without a region in the environment there is none to propose.
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
}

#[test]
fn nothing_is_written_before_all_is_well() {
    let answers = ["shop", "", "", "", "", "", "eu-west-1"];
    let machine = Machine::new(ENV);
    let refused_run = machine.run("deploy.sh", &answers[..3]);
    assert!(
        refused_run.normalized_output.contains("Without a terminal nobody can be asked"),
        "{}",
        refused_run.normalized_output
    );
    assert_eq!((refused_run.code, machine.config(), refused_run.calls.len()), (Some(1), None, 0));

    fs::remove_dir(machine.folder.path().join(ARM)).unwrap();
    let missing = machine.run("deploy.sh", &answers);
    assert!(
        missing.normalized_output.contains("Rust's standard library for aarch64-unknown-linux-gnu is not installed")
    );
    assert_eq!((missing.code, machine.config(), missing.calls.len()), (Some(1), None, 0));

    // Most machines have the one of their own alone.
    machine.program("rustup", "#!/bin/sh\necho \"rustup $*\" >>\"$MACHINE/called\"\nmkdir \"$MACHINE/rust/$3\"\n");
    let added = machine.run("deploy.sh", &answers);
    assert_eq!(added.code, Some(0), "{}", added.normalized_output);
    assert_eq!(added.calls, ["rustup target add aarch64-unknown-linux-gnu", "sam build", "sam deploy"]);
}

/// pip begins its programs with a path of Python's, or with a shell where that path is long; others are wrappers or no text.
#[test]
fn sam_is_asked_who_this_is_only_where_it_is_pythons() {
    let answers = ["shop", "", "", "", "", "", "eu-west-1"];
    for first_line in [ENV, "#!/bin/sh", "#! /bin/sh -e"] {
        let ran = Machine::new(first_line).run("deploy.sh", &answers);
        assert_eq!(ran.code, Some(0), "{first_line}: {}", ran.normalized_output);
        assert!(ran.stdout.contains("As:  whatever credentials sam finds"), "{first_line}: {}", ran.stdout);
    }
    let machine = Machine::new(ENV);
    let sam = machine.folder.path().join("bin/sam");
    fs::write(&sam, b"\xcf\xfa\xed\xfe\xff\x00#!/x/python3\nno text\xff").unwrap();
    let ran = machine.run("deploy.sh", &answers);
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
    let ran = machine.run("deploy.sh", &answers);
    assert_eq!(ran.code, Some(0), "{}", ran.normalized_output);
    assert!(ran.stdout.contains("As:  arn:aws:iam::111122223333:user/ann"), "{}", ran.stdout);
    assert_eq!(ran.calls, ["sam build", "sam deploy"]);
    assert!(ran.normalized_output.contains("Region []"), "{}", ran.normalized_output);
    // The region of the file comes before the shell's, for whom AWS is asked as for the stack.
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
fn who_has_no_credentials_is_told_before_any_question() {
    let machine = Machine::new(ENV).set("AWS_EC2_METADATA_DISABLED", "true").set("HOME", "/nowhere");
    machine.program("sam", &format!("#!{}\n", Path::new(greenlight_tests::python()).display()));
    let ran = machine.run("deploy.sh", &[]);
    assert_eq!((ran.code, machine.config()), (Some(1), None), "{}", ran.normalized_output);
    let said =
        "no credentials that AWS accepts (Unable to locate credentials; no region is set, so us-east-1 was asked)";
    assert!(ran.normalized_output.starts_with(said), "{}", ran.normalized_output);
    let ran = machine.set("AWS_PROFILE", "shop").run("deploy.sh", &[]);
    assert!(
        ran.normalized_output.starts_with("no credentials that AWS accepts (The config profile (shop)"),
        "{}",
        ran.normalized_output
    );
}

#[test]
fn destroying_says_what_stays_and_leaves_the_rest_to_sam() {
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
    // The example's manual says the same.
    for (place, words) in [("destroy.sh", ran.stdout), ("the example", read("infra/example/README.md"))] {
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("The bucket keeps what is deleted as old versions"), "{place}: {words}");
    }
}
