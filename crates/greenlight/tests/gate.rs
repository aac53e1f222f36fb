//! The commands for a gate file, from the command line: what they print, and their exit status.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails this way, and clippy's exception for tests does not cover their helpers"
)]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use hook_core::{Hook, gate_file};
use serde_json::Value;

const INIT: &str = include_str!("../src/gate_file/init.yaml");

const FAULTY: &str = "version: 1
hooks:
  after_install:
    deadlin: 5m
    checks:
      - tasks: green
        expect: [runing == desired]
        within: 5 minuets
";

fn start(folder: &Path, args: &[&str], colour: bool) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenlight"));
    command.args(args).current_dir(folder).env_clear();
    if colour {
        command.env("CLICOLOR_FORCE", "1")
    } else {
        command.env("NO_COLOR", "1")
    };
    command
}

fn greenlight(folder: &Path, args: &[&str]) -> Output {
    start(folder, args, false).output().unwrap()
}

fn with_stdin(args: &[&str], stdin: &str) -> Output {
    let mut command = start(Path::new("."), args, false);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Standard output, after asserting the exit status and an empty standard error.
fn printed(output: Output, code: i32) -> String {
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
        (Some(code), ""),
        "{output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error, after asserting bad usage and an empty standard output.
fn refused(output: Output) -> String {
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("faulty.yaml"), FAULTY).unwrap();
    fs::write(folder.path().join("fine.yaml"), INIT).unwrap();
    fs::write(folder.path().join("nothing.yaml"), "version: 1\n").unwrap();
    folder
}

#[test]
fn checked_files_as_a_terminal_shows_them() {
    let folder = folder();
    insta::assert_snapshot!(printed(
        greenlight(folder.path(), &["check", "fine.yaml", "faulty.yaml", "nothing.yaml"]),
        1
    ));
    assert_eq!(
        printed(greenlight(folder.path(), &["check", "nothing.yaml"]), 0),
        "✓ nothing.yaml: fine; 5 hooks with 19 checks, all built-in\n"
    );
}

#[test]
fn the_readme_shows_a_fault_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = FAULTY.replace("deadlin:", "deadline:").replace("        within: 5 minuets\n", "");
    fs::write(folder.path().join("greenlight.yaml"), file).unwrap();
    let output_text = printed(greenlight(folder.path(), &["check", "greenlight.yaml"]), 1);
    let shown = format!("$ greenlight check greenlight.yaml\n{output_text}");
    assert!(include_str!("../../../README.md").contains(&shown), "{shown}");
}

#[test]
fn colour_is_only_added() {
    let folder = folder();
    for args in [&["check", "faulty.yaml"][..], &["explain", "fine.yaml"]] {
        let (plain, painted) = (start(folder.path(), args, false).output(), start(folder.path(), args, true).output());
        let (plain, painted) = (plain.unwrap().stdout, painted.unwrap().stdout);
        assert_ne!(plain, painted, "{args:?}");
        let (plain, painted) = (String::from_utf8(plain).unwrap(), String::from_utf8(painted).unwrap());
        assert_eq!(console::strip_ansi_codes(&painted), plain);
    }
}

#[test]
fn faults_for_a_program_have_their_place_and_their_suggestion() {
    let folder = folder();
    insta::assert_snapshot!(printed(greenlight(folder.path(), &["check", "--json", "faulty.yaml", "fine.yaml"]), 1));
    assert_eq!(printed(greenlight(folder.path(), &["check", "--json", "fine.yaml"]), 0), "[]\n");
}

const WARNED: &str = "version: 1
hooks:
  after_allow_test_traffic:
    checks:
      - name: checkout
        http: https://shop.example.com/checkout
        expect: [status == 200]
";

#[test]
fn a_warning_is_shown_and_does_not_change_the_exit_status() {
    let folder = folder();
    fs::write(folder.path().join("warned.yaml"), WARNED).unwrap();
    let output_text = printed(greenlight(folder.path(), &["check", "warned.yaml"]), 0);
    assert!(output_text.contains("warning: ") && output_text.contains("{{test_url}}/checkout"), "{output_text}");
    assert!(output_text.contains("✓ warned.yaml: 1 warning; 5 hooks with "), "{output_text}");
    let records: Value =
        serde_json::from_str(&printed(greenlight(folder.path(), &["check", "--json", "warned.yaml"]), 0)).unwrap();
    assert_eq!((records.as_array().unwrap().len(), records[0]["level"].as_str()), (1, Some("warning")), "{records}");
    let explained = printed(greenlight(folder.path(), &["explain", "warned.yaml"]), 0);
    assert!(explained.contains("warning: "), "{explained}");
    fs::write(
        folder.path().join("bound.yaml"),
        WARNED
            .replace("https://shop.example.com", "'{{test_url}}")
            .replace("checkout\n        expect", "checkout'\n        expect"),
    )
    .unwrap();
    assert!(printed(greenlight(folder.path(), &["check", "bound.yaml"]), 0).starts_with("✓ bound.yaml: fine"));
}

#[test]
fn a_missing_file_does_not_hide_what_is_wrong_with_the_others() {
    let folder = folder();
    let output = greenlight(folder.path(), &["check", "fine.yaml", "missing.yaml", "faulty.yaml"]);
    let (shown, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(2), "{shown}{said}");
    assert!(shown.contains("✓ fine.yaml: fine") && shown.contains("✗ faulty.yaml: 3 faults"), "{shown}");
    assert!(said.contains("missing.yaml") && !said.contains("faulty.yaml"), "{said}");
}

#[test]
fn keys_that_are_not_executed_are_refused_by_every_command() {
    let folder = folder();
    let file =
        "version: 1\nhooks: { after_allow_traffic: { checks: [{ metric: green.requests, expect: [value > 1] }] } }\n";
    fs::write(folder.path().join("later.yaml"), file).unwrap();
    for command in ["check", "explain", "iam"] {
        let output = greenlight(folder.path(), &[command, "later.yaml"]);
        let output_text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_ne!(output.status.code(), Some(0), "{command}: {output_text}");
        assert!(
            output_text.contains("`metric` is not supported by this version of the hooks"),
            "{command}: {output_text}"
        );
    }
}

#[test]
fn a_file_brings_nothing_to_the_terminal_that_controls_it() {
    let folder = folder();
    let name = r#""\e]0;owned\a\e[2J""#;
    let good = format!(
        "version: 1\nhooks: {{ after_install: {{ checks: [{{ name: {name}, tasks: green, expect: [running >= 1] }}] }} }}\n"
    );
    fs::write(folder.path().join("good.yaml"), &good).unwrap();
    fs::write(folder.path().join("bad.yaml"), good.replace("running", r"'\e[1mx'").replace("name:", "nmae:")).unwrap();
    fs::write(folder.path().join("raw.yaml"), "version: 1\n\u{1b}[2J: 1\n# \u{9b}2J\n").unwrap();
    for args in
        [&["explain", "good.yaml"][..], &["check", "good.yaml", "bad.yaml", "raw.yaml"], &["explain", "bad.yaml"]]
    {
        let output = greenlight(folder.path(), args);
        let output_text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output_text.contains(|c: char| c.is_control() && c != '\n'), "{args:?}: {output_text:?}");
    }
}

#[test]
fn a_pasted_secret_is_in_no_diagnostic() {
    let folder = folder();
    let file = "version: 1
secrets: { token: hunter2hunter2 }
hooks:
  after_allow_test_traffic:
    checks:
      - { http: '{{test_url}}/', headers: { Authorization: Bearer hunter2hunter2, 'Ho st': x }, expect: [status == 200] }
      - { http: '{{test_url}}/', form: { password: [hunter2hunter2] }, expect: [status == 200] }
      - { http: 'https://a:hunter2hunter2@example.com/', expect: [status == 200] }
";
    fs::write(folder.path().join("secret.yaml"), file).unwrap();
    for args in [&["check", "secret.yaml"][..], &["check", "--json", "secret.yaml"], &["explain", "secret.yaml"]] {
        let output_text = printed(greenlight(folder.path(), args), 1);
        assert!(output_text.contains("secret.yaml") && !output_text.contains("hunter2"), "{args:?}: {output_text}");
    }
}

#[test]
fn a_service_or_a_scenario_is_reported_as_another_kind_of_file() {
    for (text, kind) in [
        ("containers: [{ name: api }]\n", "the description of a service"),
        ("name: x\nabout: x.\ndeployments: [{ expect: { outcome: succeeded } }]\n", "a scenario"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other.yaml"), text).unwrap();
        let said = printed(greenlight(folder.path(), &["check", "other.yaml"]), 1);
        assert!(said.contains(&format!("other.yaml: this is not a gate file, but {kind}")), "{said}");
    }
}

#[test]
fn a_file_may_come_from_standard_input() {
    assert!(printed(with_stdin(&["check", "-"], INIT), 0).starts_with("✓ <stdin>: fine; 5 hooks"));
    assert!(printed(with_stdin(&["check", "-"], FAULTY), 1).starts_with("<stdin>:4:5: `deadlin` is not a key"));
    assert!(printed(with_stdin(&["explain", "-"], INIT), 0).starts_with("BeforeInstall (before_install)"));
}

#[test]
fn a_file_with_a_fault_needs_no_policy() {
    let folder = folder();
    let output_text = printed(greenlight(folder.path(), &["iam", "faulty.yaml"]), 1);
    assert!(output_text.starts_with("faulty.yaml:4:5: `deadlin` is not a key"), "{output_text}");
    let output = greenlight(folder.path(), &["iam", "faulty.yaml", "--json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("faulty.yaml:4:5: `deadlin` is not a key"));
}

#[test]
fn what_no_policy_could_name_is_refused() {
    for args in [
        ["iam", "--cluster", "arn:aws:ecs:eu-west-1:111122223333:cluster/shop"],
        ["iam", "--application", "${aws:username}"],
        ["iam", "--account", "1234"],
        ["iam", "--kms-key", "arn:aws:kms:eu-west-1:111122223333:alias/shop"],
        ["iam", "--gate-source", "ssm:/{cluster}"],
    ] {
        assert!(refused(greenlight(Path::new("."), &args)).starts_with("error: invalid value"), "{args:?}");
    }
}

#[test]
fn what_systems_manager_would_refuse_is_told_beside() {
    let folder = folder();
    let warned = |text: &str, source: &str| {
        fs::write(folder.path().join("gate.yaml"), text).unwrap();
        let output = greenlight(folder.path(), &["iam", "gate.yaml", "--gate-source", source]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let check = |url: &str| {
        format!(
            "version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{{ http: \"{url}\", expect: [status == 200] }}] }} }}\n"
        )
    };
    let (plain, escaped) = (check("{{test_url}}/"), check(r"\x7b{test_url}\x7d/"));
    assert!(warned(&plain, "ssm:/gate").starts_with("warning: Systems Manager refuses a value with {{…}}"));
    assert_eq!(warned(&plain, "s3://gates/gate.yaml"), "");
    assert_eq!(warned(&escaped, "ssm:/gate"), "");
    let long = format!("# {}\n{escaped}", "-".repeat(8 * 1024));
    assert!(warned(&long, "ssm:/gate").starts_with("warning: Systems Manager takes 8 KiB"));
}

#[test]
fn a_file_that_is_not_there_is_bad_usage() {
    let folder = folder();
    for args in [&["check", "gone.yaml"][..], &["explain", "gone.yaml"]] {
        let said = refused(greenlight(folder.path(), args));
        assert!(said.starts_with("error: cannot read the gate file gone.yaml: "), "{said}");
    }
    assert!(refused(greenlight(folder.path(), &["check"])).contains("<FILE>"));
    assert!(
        refused(greenlight(folder.path(), &["explain", "--hook", "Lunch"])).contains("the hooks are BeforeInstall")
    );
}

#[test]
fn the_built_in_checks_explained() {
    let transcript = printed(greenlight(Path::new("."), &["explain", "--verbose"]), 0);
    assert!(transcript.lines().all(|line| line.chars().count() <= 100), "{transcript}");
    insta::assert_snapshot!(transcript);
}

#[test]
fn the_built_in_checks_in_short() {
    let transcript = printed(greenlight(Path::new("."), &["explain"]), 0);
    assert!(transcript.lines().all(|line| line.chars().count() <= 100), "{transcript}");
    insta::assert_snapshot!(transcript);
}

/// One line for each check, with the barriers and what waits for them.
#[test]
fn a_gate_file_in_short() {
    let folder = folder();
    let file = "version: 1
hooks:
  after_allow_test_traffic:
    mode: observe
    deadline: 5m
    checks:
      - name: version
        http: '{{test_url}}/version'
        expect: [status == 200, json.version exists, 'json.build.commit matches \"^[0-9a-f]{40}$\"', latency < 300ms]
        on_error: warn
      - { name: replacement, tasks: green, expect: [running >= 2], within: 1m }
      - { name: version served, forwards_to: green, http: '{{test_url}}/', expect: ['json.v == {{green.image_tag}}'] }
  before_allow_traffic: { built_in: none, checks: none }
";
    fs::write(folder.path().join("own.yaml"), file).unwrap();
    let shown = |hook: &str| printed(greenlight(folder.path(), &["explain", "own.yaml", "--hook", hook]), 0);
    insta::assert_snapshot!(shown("after-allow-test-traffic"));
    insta::assert_snapshot!(shown("before-allow-traffic"));
}

#[test]
fn a_gate_file_explained() {
    let folder = folder();
    let file = "version: 1
hooks:
  after_allow_test_traffic:
    deadline: 5m
    run: fail-fast
    when: [deployment_group contains production, region in eu-west-1, env.STAGE == prod, application != sandbox]
    built_in: none
    checks:
      - http: '{{test_url}}/version'
        expect: [status == 200, json.version exists, 'json.build.commit matches \"^[0-9a-f]{40}$\"', latency < 300ms]
        on_error: warn
";
    fs::write(folder.path().join("own.yaml"), file).unwrap();
    let args = ["explain", "own.yaml", "--verbose", "--hook", "after-allow-test-traffic"];
    insta::assert_snapshot!(printed(greenlight(folder.path(), &args), 0));
    let faulty = printed(greenlight(folder.path(), &["explain", "faulty.yaml"]), 1);
    assert!(faulty.starts_with("faulty.yaml:4:5: `deadlin` is not a key"), "{faulty}");
}

#[test]
fn the_beginning_is_a_gate_file_for_every_hook() {
    for hook in Hook::ALL {
        let output_text = gate_file::explain(Some(INIT), hook);
        let output_text = output_text
            .unwrap_or_else(|faults| panic!("{}", gate_file::render(INIT, &faults, "init.yaml")))
            .to_string();
        assert!(output_text.contains("only observes") && output_text.contains("\n1. "), "{output_text}");
    }
    // The checks that are comments in the file are valid too.
    let all: Vec<_> = INIT
        .lines()
        .map(|line| line.strip_prefix("      # ").map_or(line.into(), |rest| format!("      {rest}")))
        .collect();
    let all = all.join("\n") + "\n";
    assert_ne!(all, INIT);
    assert_eq!(gate_file::check(&all), []);
}

#[test]
fn the_beginning_is_never_written_over_a_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("greenlight.yaml");
    assert_eq!(
        printed(greenlight(folder.path(), &["init"]), 0),
        "✓ wrote greenlight.yaml, which only observes\n  next: greenlight explain greenlight.yaml\n"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), INIT);
    fs::write(&file, "mine").unwrap();
    assert_eq!(
        refused(greenlight(folder.path(), &["init"])),
        "error: greenlight.yaml exists already; --force overwrites it\n"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    printed(greenlight(folder.path(), &["init", "--force"]), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), INIT);
    assert_eq!(printed(greenlight(folder.path(), &["init", "-"]), 0), INIT);
    let said = refused(greenlight(folder.path(), &["init", "no/such/gate.yaml"]));
    assert!(said.starts_with("error: cannot write no/such/gate.yaml: "), "{said}");
}

/// The samples of a manual that are whole gate files.
fn samples(manual: &str) -> Vec<&str> {
    let blocks = manual.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block));
    blocks.filter(|block| block.starts_with("version: 1") || block.contains("\nversion: 1")).collect()
}

/// Uses a validator and a YAML parser from other projects, as an editor does.
#[test]
fn the_schema_takes_what_the_manuals_show_and_refuses_what_is_misspelt() {
    let schema: Value = serde_json::from_str(&printed(greenlight(Path::new("."), &["schema"]), 0)).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    let manuals = [include_str!("../../../README.md"), include_str!("../../../docs/GATE-FILE.md")];
    let example = include_str!("../../../docs/examples/greenlight.yaml");
    let built_in = Hook::ALL.map(|hook| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../gate/built_in/{}.yaml", hook.key()));
        fs::read_to_string(path).unwrap()
    });
    let samples =
        manuals.into_iter().flat_map(samples).chain([example, INIT]).chain(built_in.iter().map(String::as_str));
    let samples: Vec<&str> = samples.collect();
    assert!(samples.len() > 10, "{} samples", samples.len());
    for sample in samples {
        let faults: Vec<_> = validator.iter_errors(&read(sample)).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{sample}\n{}", faults.join("\n"));
    }
    for wrong in [
        "hooks: {}",
        "version: 2",
        "version: 1\nhook: {}",
        "version: 1\nhooks: { after_instal: {} }",
        "version: 1\nhooks: { after_install: { deadlin: 5m } }",
        "version: 1\nhooks: { after_install: { checks: [{ tasks: green, expekt: [running > 1] }] } }",
        "version: 1\nhooks: { after_install: { checks: [{ tasks: purple, expect: [running > 1] }] } }",
        "version: 1\nmode: observing",
    ] {
        assert!(!validator.is_valid(&read(wrong)), "{wrong}");
    }
}

#[test]
fn the_readme_has_the_line_that_editors_want() {
    let readme = include_str!("../../../README.md");
    assert!(readme.contains("# yaml-language-server: $schema=greenlight.schema.json"));
    for command in ["check", "explain", "schema", "init", "iam", "doctor", "dry-run", "describe", "rehearse", "appspec"]
    {
        assert!(readme.contains(&format!("| `greenlight {command}")), "README.md lacks greenlight {command}");
    }
}
