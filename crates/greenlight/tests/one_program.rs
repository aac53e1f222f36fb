//! The command line alone, as `cargo install` installs it: it runs the functions itself, and only in a rehearsal.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    process::{Command, Output},
};

/// Runs a copy of the command line that has no other program next to it.
fn alone(args: &[&str], env: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("greenlight");
    if fs::hard_link(env!("CARGO_BIN_EXE_greenlight"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_greenlight"), &program).unwrap();
    }
    Command::new(program).args(args).env("NO_COLOR", "1").envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_rehearses_alone_and_says_so() {
    let output = alone(&["rehearse", "--scenario", "healthy", "--scenario", "function-killed"], &[]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let said = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("a real process of this program, because the functions' programs are not next to it"),
        "{out}"
    );
    assert!(said.contains("2 of 2 scenarios ended as expected"), "{out}");
    assert!(!out.contains("make "), "an installed program has no Makefile: {out}");
}

#[test]
fn it_puts_no_status_anywhere_else() {
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "x"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_REGION", "eu-west-1"),
    ];
    for endpoint in ["", "https://codedeploy.eu-west-1.amazonaws.com", "http://localhost:4566"] {
        let env: Vec<_> = lambda.iter().copied().chain([("AWS_ENDPOINT_URL", endpoint)]).collect();
        for program in ["after-install", "on-failure"] {
            let output = alone(&["hook-function", program], &env);
            assert_eq!(output.status.code(), Some(2), "{endpoint} {program}");
            assert!(text(&output.stderr).contains("is not a loopback address"), "{}", text(&output.stderr));
        }
    }
}

#[test]
fn a_function_that_does_not_exist_is_bad_usage() {
    let output = alone(&["hook-function", "after-lunch"], &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("after-install"), "{}", text(&output.stderr));
}
