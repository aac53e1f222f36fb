//! What somebody meets who deploys: the example service, and the words of the scripts where something is missing.

use std::{path::PathBuf, process::Command};

use greenlight_tests::greenlight;
use rehearsal::HookName;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a script of the repository where nothing is installed but three of the system's tools, and gives how it ended and what
/// it said on standard error.
fn run(script: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let path = tempfile::tempdir().unwrap();
    for tool in ["awk", "dirname", "sed"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), path.path().join(tool)).unwrap();
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
    std::fs::write(file.path(), gate).unwrap();
    let output =
        Command::new(greenlight()).args(["explain", "--hook", "AfterAllowTestTraffic"]).arg(file.path()).output();
    let output = output.unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("{{test_url}}/version"), "{words}");
    assert!(words.contains("{{green.image_tag}}"), "{words}");
}
