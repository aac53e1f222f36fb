//! Every broken configuration with each of the five programs: the program puts *Failed* with the reason and does not
//! crash.

use std::{process::ExitCode, time::Duration};

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq, expect_success};
use rehearsal::Hook;

fn main() -> ExitCode {
    let suite = Suite::new(env!("CARGO_CRATE_NAME"));
    Hook::ALL.into_iter().fold(suite, |suite, hook| suite.cases(hook.key(), move || configurations(hook))).run()
}

/// The program whose golden text the other programs have too.
const FIRST: Hook = Hook::BeforeInstall;

/// An invalid configuration of a function: a title, its variables, and the reason code that the hook must report.
struct InvalidConfiguration {
    title: &'static str,
    env: Vec<(&'static str, String)>,
    code: &'static str,
}

fn invalid(title: &'static str, env: &[(&'static str, &str)], code: &'static str) -> InvalidConfiguration {
    InvalidConfiguration { title, env: env.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), code }
}

/// Writes a gate file to disk, as some are too long for a variable. Returns its path.
fn gate_file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A small file that expands to a huge tree: each line refers ten times to the line before it.
fn billion_laughs() -> String {
    let mut text = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    text
}

fn invalid_configurations(folder: &tempfile::TempDir) -> Vec<InvalidConfiguration> {
    let file = |name: &str, bytes: &[u8]| gate_file(folder, name, bytes);
    let in_file = |title, path: &str, code| invalid(title, &[("GREENLIGHT_GATE_FILE", path)], code);
    let gate = |title, text: &str, code| invalid(title, &[("GREENLIGHT_GATE", text)], code);
    vec![
        invalid("a setting with an unknown value", &[("GREENLIGHT_ROLLBACK", "maybe")], "SettingsInvalid"),
        invalid("an invalid policy", &[("GREENLIGHT_WRONG_EVENT", "ignore")], "SettingsInvalid"),
        invalid("an invalid log level", &[("GREENLIGHT_LOG", "loud")], "SettingsInvalid"),
        invalid("a misspelt setting", &[("GREENLIGHT_GATES", "version: 1")], "SettingsInvalid"),
        invalid("a host with a port", &[("GREENLIGHT_HOST", "shop.example.com:8443")], "SettingsInvalid"),
        invalid("a host that is a URL", &[("GREENLIGHT_HOST", "https://shop.example.com/")], "SettingsInvalid"),
        invalid("a cluster without a service", &[("GREENLIGHT_CLUSTER", "shop")], "SettingsInvalid"),
        invalid("a service without a cluster", &[("GREENLIGHT_SERVICE", "web")], "SettingsInvalid"),
        invalid("an empty list of routes", &[("GREENLIGHT_ROUTES", ", ,")], "SettingsInvalid"),
        invalid("an address with a space", &[("ALB_URL", "my alb")], "SettingsInvalid"),
        invalid("an address with a path", &[("ALB_URL", "http://alb.example.com/health")], "SettingsInvalid"),
        invalid("an endpoint that is not a URL", &[("AWS_ENDPOINT_URL_ECS", "localhost")], "SettingsInvalid"),
        invalid(
            "an endpoint with an unsupported scheme",
            &[("AWS_ENDPOINT_URL_CLOUDWATCH", "ftp://x")],
            "SettingsInvalid",
        ),
        invalid(
            "two invalid settings",
            &[("AWS_ENDPOINT_URL_ECS", "://"), ("GREENLIGHT_ROLLBACK", "x")],
            "SettingsInvalid",
        ),
        gate("not YAML", "version: [", "GateInvalid"),
        gate("plain text", "just words", "GateInvalid"),
        gate("a list", "- version: 1", "GateInvalid"),
        gate("no version", "hooks: {}", "GateInvalid"),
        gate("a version of the future", "version: 2", "GateInvalid"),
        gate("the same key twice", "version: 1\nversion: 1", "GateInvalid"),
        gate("a misspelt hook", "version: 1\nhooks: { after_instal: {} }", "GateInvalid"),
        gate(
            "a deadline that is not a duration",
            "version: 1\nhooks: { after_install: { deadline: soon } }",
            "GateInvalid",
        ),
        gate(
            "a check without a kind",
            "version: 1\nhooks: { before_install: { checks: [{ name: x }] } }",
            "GateInvalid",
        ),
        gate(
            "an incomplete condition",
            "version: 1\nhooks: { before_install: { checks: [{ tasks: blue, expect: [running >] }] } }",
            "GateInvalid",
        ),
        gate("deeply nested lists", &"[".repeat(100_000), "GateInvalid"),
        gate("nested references that expand to a huge tree", &billion_laughs(), "GateInvalid"),
        in_file("a file that does not exist", "/nowhere/greenlight.yaml", "GateUnreadable"),
        in_file("a folder instead of a file", folder.path().to_str().unwrap_or_default(), "GateUnreadable"),
        in_file("a file that is not UTF-8", &file("latin.yaml", b"version: 1 # \xe4"), "GateUnreadable"),
        in_file("a file that is too long", &file("long.yaml", &vec![b'#'; 300 * 1024]), "GateInvalid"),
        in_file("an empty file", &file("empty.yaml", b""), "GateInvalid"),
        in_file("a file of zero bytes", &file("zeros.yaml", &[0; 4096]), "GateInvalid"),
    ]
}

fn configurations(hook: Hook) -> CaseGroup {
    let folder = tempfile::tempdir().unwrap();
    let cases = invalid_configurations(&folder).into_iter().map(|InvalidConfiguration { title, env, code }| {
        let case = HookCase::new(hook, title).no_gate().fails(code).assert(expect_success).assert(|played| {
            // The configuration decides before the first check, so no check runs.
            expect_eq("calls of ECS", &played.calls.get("ecs:DescribeServices"), &None)?;
            // CPU time does not depend on how busy the machine is.
            expect_eq(
                "whether the hook used less than a second of CPU time",
                &(played.cpu < Some(Duration::from_secs(1))),
                &true,
            )
        });
        env.into_iter().fold(case, |case, (name, value)| case.env(name, value))
    });
    let path = folder.path().to_str().unwrap_or_default().to_owned();
    let group = CaseGroup::from(cases.collect::<Vec<_>>()).keep(folder);
    let group =
        group.edit_text(move |text| text.replace(&path, "FOLDER").replace(hook.event_name(), FIRST.event_name()));
    if hook == FIRST { group } else { group.same_text_as(FIRST.key()) }
}
