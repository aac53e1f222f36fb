//! Repeats the runs that the README shows, so that readers get the same output.

use std::{path::Path, process::Command};

use greenlight_tests::{binaries, greenlight, normalize};
use regex_lite::Regex;

/// The scenarios in the README. A comment before each recorded run names its scenario.
const SHOWN_SCENARIOS: [&str; 1] = ["route-503"];

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// The command that updates the README.
const RECORD_COMMAND: &str = "GREENLIGHT_RECORD=1 cargo test --package greenlight-tests --test readme_output";

#[expect(clippy::disallowed_methods, reason = "a test only writes the README if this variable is set")]
fn is_recording() -> bool {
    std::env::var_os("GREENLIGHT_RECORD").is_some()
}

/// The output of a run, as in a file. The seed keeps the ids the same in each recording.
fn run_scenario(scenario: &str) -> String {
    let output = Command::new(greenlight())
        .args(["rehearse", "--seed", "1", "--scenario", scenario, "--binaries"])
        .arg(binaries())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "the scenario {scenario} did not meet its expectations:\n{said}");
    format!("{}\n", said.trim_end())
}

/// The text before a recorded run, the run, and the text after it.
fn split_at_recording<'a>(readme: &'a str, scenario: &str) -> (&'a str, &'a str, &'a str) {
    let marker = format!("<!-- recorded: {scenario} -->\n```text\n");
    let at = readme.find(&marker).unwrap_or_else(|| panic!("the README does not contain {marker:?}")) + marker.len();
    let end = at + readme[at..].find("```\n").expect("the README has a code block without an end");
    (&readme[..at], &readme[at..end], &readme[end..])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineKind {
    /// The first line of a check.
    Check,
    /// The first line of any other entry.
    Other,
    /// The wrapped rest of the previous line.
    Continuation,
}

fn line_kind(line: &str) -> LineKind {
    let begins = |pattern: &str| Regex::new(pattern).unwrap().is_match(line);
    if begins("^ {10}[✓✗!·] ") {
        LineKind::Check
    } else if begins(r"^ {0,6}[0-9]+(h|m|s|ms)( [0-9]+(m|s|ms))*  |^ {10}→|^ {10}(why|next|now) |^$") {
        LineKind::Other
    } else {
        LineKind::Continuation
    }
}

/// A timeline without everything that differs from run to run: ids, ports, times, numbers of attempts, the wrapping of
/// lines, which depends on these, and the order in which the checks of a hook end.
fn normalize_timeline(text: &str) -> Vec<String> {
    let mut entries: Vec<(LineKind, String)> = Vec::new();
    for line in text.lines() {
        match (line_kind(line), entries.last_mut()) {
            (LineKind::Continuation, Some((_, entry))) => {
                entry.push(' ');
                entry.push_str(line.trim());
            }
            (kind, _) => entries.push((kind, line.to_owned())),
        }
    }
    let looked = Regex::new(" after (N attempts in )?TIME").unwrap();
    for (_, entry) in &mut entries {
        let words = entry.split_whitespace().collect::<Vec<_>>().join(" ");
        *entry = looked.replace_all(&normalize(&words), "").into_owned();
    }
    for checks in entries.chunk_by_mut(|one, next| one.0 == LineKind::Check && next.0 == LineKind::Check) {
        checks.sort_by(|one, other| one.1.cmp(&other.1));
    }
    entries.into_iter().map(|(_, entry)| entry).collect()
}

#[test]
fn readme_shows_the_output_of_a_current_run() {
    let mut readme = std::fs::read_to_string(Path::new(README)).unwrap();
    for scenario in SHOWN_SCENARIOS {
        let now = run_scenario(scenario);
        let (before, shown, after) = split_at_recording(&readme, scenario);
        let (was, is) = (normalize_timeline(shown), normalize_timeline(&now));
        if was == is {
            continue;
        }
        if !is_recording() {
            let gone = was.iter().filter(|line| !is.contains(line)).map(|line| format!("- {line}\n"));
            let new = is.iter().filter(|line| !was.contains(line)).map(|line| format!("+ {line}\n"));
            let changes: String = gone.chain(new).collect();
            panic!("README.md shows an outdated run of {scenario}; update it with\n  {RECORD_COMMAND}\n{changes}");
        }
        readme = format!("{before}{now}{after}");
        std::fs::write(README, &readme).unwrap();
    }
}

#[test]
fn runs_that_differ_only_in_ids_and_timing_are_equal() {
    let one = "\
healthy  All is well.

      0s  CodeDeploy begins deployment d-A1B2C3D4E
          ✓ targets         612ms  target group tg-shop-b: healthy == registered (2) after 9 attempts in
                                 600ms
          ✓ steady           31ms  task set ecs-svc/1000000000000000001 of shop: steady == true
          → Succeeded after 711ms
";
    let other = "\
healthy  All is well.

   100ms  CodeDeploy begins deployment d-E4D3C2B1A
          ✓ steady       1s 200ms  task set ecs-svc/2000000000000000002 of shop: steady == true
          ✓ targets          12ms  target group tg-shop-b: healthy == registered (2)
          → Succeeded after 1s 700ms
";
    assert_eq!(normalize_timeline(one), normalize_timeline(other));
    assert_ne!(normalize_timeline(one), normalize_timeline(&other.replace("steady == true", "steady == false")));
    assert_ne!(normalize_timeline(one), normalize_timeline(&other.replace("→ Succeeded", "→ Failed")));
}
