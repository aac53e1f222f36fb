//! The output of `greenlight iam` as golden text, which reviewers read.

use std::process::Command;

use greenlight_tests::greenlight;

const EXAMPLE: &str = "docs/examples/greenlight.yaml";
const NAMES: [&str; 12] = [
    "--region",
    "eu-west-1",
    "--account",
    "111122223333",
    "--application",
    "shop",
    "--deployment-group",
    "web",
    "--cluster",
    "shop",
    "--service",
    "web",
];

/// Standard output, followed by standard error if it is not empty.
fn printed_policy(args: &[&str]) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(greenlight()).current_dir(root).arg("iam").args(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}\n{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    if said.is_empty() { text } else { format!("{text}-- standard error\n{said}") }
}

#[test]
fn policy_of_the_built_in_checks() {
    insta::assert_snapshot!("built_in", printed_policy(&[]));
    insta::assert_snapshot!("built_in_json", printed_policy(&["--json"]));
}

#[test]
fn policy_of_the_example() {
    insta::assert_snapshot!("example", printed_policy(&[EXAMPLE]));
    insta::assert_snapshot!("example_json", printed_policy(&[&[EXAMPLE, "--json"], &NAMES[..]].concat()));
}

#[test]
fn policy_with_every_option() {
    let options = [
        EXAMPLE,
        "--hook",
        "BeforeInstall",
        "--gate-source",
        "ssm:/greenlight/{application}",
        "--appspec",
        "s3://shop-deployments/*",
        "--kms-key",
        "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",
    ];
    insta::assert_snapshot!("places", printed_policy(&[&options, &NAMES[..]].concat()));
}

#[test]
fn policy_beyond_the_template() {
    insta::assert_snapshot!("nothing_beyond", printed_policy(&[EXAMPLE, "--not-in-template", "--json"]));
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(
        file.path(),
        "version: 1\nhooks: { after_allow_traffic: { checks: [{ tasks: green, expect: [unhealthy_containers == 0] }] } }\n",
    )
    .unwrap();
    let path = file.path().to_str().unwrap();
    let tidied = |args: &[&str]| printed_policy(args).replace(path, "greenlight.yaml");
    insta::assert_snapshot!("beyond", tidied(&[path, "--hook", "AfterAllowTraffic"]));
    insta::assert_snapshot!("beyond_json", tidied(&[path, "--not-in-template", "--json"]));
}

#[test]
fn policy_of_the_on_failure_handler() {
    insta::assert_snapshot!("on_failure", printed_policy(&[&["--hook", "on-failure"], &NAMES[..]].concat()));
}
