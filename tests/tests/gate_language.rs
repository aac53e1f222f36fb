//! The gate file's language in the real programs: modes, `run`, `when`, `skip`, defaults, and keys that are not
//! supported yet.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{FaultKind, Hook, HookRunReport, InjectedFault};
use serde_json::Value;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("observing", observing)
        .cases("observing_by_the_setting", observing_by_the_setting)
        .cases("failing_fast", failing_fast)
        .cases("when", when)
        .cases("skipping", skipping)
        .cases("defaults_and_what_comes_later", defaults_and_what_comes_later)
        .run()
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title)
}

/// Makes the replacement not steady, so that only `tasks` fails.
fn with_unsteady_service(case: HookCase) -> HookCase {
    case.world(|world| world.green().unwrap().steady = false)
}

fn verdict(played: &HookRunReport) -> &Value {
    played.log.iter().find(|line| line.get("verdict").is_some()).unwrap_or(&Value::Null)
}

fn log_contains(what: &'static str) -> impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static {
    move |played| expect_eq(&format!("whether the verdict contains {what:?}"), &played.verdict.contains(what), &true)
}

fn verdict_field_is(
    name: &'static str,
    value: &'static str,
) -> impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static {
    move |played| expect_eq(&format!("the verdict's {name}"), &verdict(played)[name], &Value::from(value))
}

fn observing() -> Vec<HookCase> {
    vec![
        with_unsteady_service(case("the verdict names what the hook would have stopped"))
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .check_decides("fail", "NotSteady")
            .assert(log_contains("succeeded, observed: would have failed: tasks: "))
            .assert(verdict_field_is("verdict.observed", "failed"))
            .assert(verdict_field_is("verdict.code", "NotSteady"))
            .assert(verdict_field_is("level", "WARN"))
            .assert(|played| {
                let loud = played.log.iter().filter(|line| line["level"] == "ERROR").count();
                expect_eq("the number of error lines", &loud, &0)
            }),
        case("nothing to stop").gate("version: 1\nmode: observe").succeeds().assert(verdict_field_is("verdict.observed", "succeeded")),
        with_unsteady_service(case("one hook observes, and the file enforces"))
            .gate("version: 1\nhooks: { before_allow_traffic: { mode: observe, built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .assert(verdict_field_is("verdict.observed", "failed")),
        with_unsteady_service(case("one hook enforces, and the file observes"))
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { mode: enforce, built_in: { tasks: { within: 0s } } } }")
            .fails("NotSteady")
            .assert(verdict_field_is("verdict.observed", "")),
        case("the role is not allowed to read the deployment")
            .gate("version: 1\nmode: observe")
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .succeeds()
            .assert(log_contains("would have failed: discovery: ")),
        case("the role is not allowed to read the service")
            .gate("version: 1\nmode: observe")
            .with_fault(InjectedFault::always("ecs:DescribeServices", FaultKind::Deny))
            .succeeds()
            .assert(log_contains("would have failed: discovery: ")),
        case("an event of another hook")
            .gate("version: 1\nmode: observe")
            .program(Hook::AfterInstall)
            .succeeds()
            .assert(log_contains("would have failed: lifecycle_event: ")),
        with_unsteady_service(case("the checks run out of time"))
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { deadline: 1s, built_in: none, checks: [{ name: tasks, tasks: green, expect: [steady == true], within: 1m, every: 1m }] } }")
            .succeeds()
            .assert(verdict_field_is("verdict.code", "RanOutOfTime")),
        case("nothing to check, and the file does not say so")
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { built_in: none } }")
            .fails("GateEmpty"),
        case("an invalid file has no mode").gate("version: 1\nmode: observe\nhoks: {}").fails("GateInvalid"),
        case("the mode does not cover invalid settings")
            .gate("version: 1\nmode: observe")
            .env("GREENLIGHT_ROLLBACK", "maybe")
            .fails("SettingsInvalid"),
    ]
}

/// `GREENLIGHT_MODE=observe`: nothing that the hook finds stops the deployment, and nothing that is wrong with the hook.
fn observing_by_the_setting() -> Vec<HookCase> {
    let case = |title: &str| case(title).env("GREENLIGHT_MODE", "observe");
    let gate_line_is_an_error = |played: &HookRunReport| {
        let is_gate = |line: &&Value| line["check.kind"] == "gate";
        let levels: Vec<_> = played.log.iter().filter(is_gate).map(|line| line["level"].clone()).collect();
        expect_eq("the levels of the lines about the gate file", &levels, &vec![Value::from("ERROR")])
    };
    vec![
        with_unsteady_service(case("wins over the file"))
            .gate("version: 1\nmode: enforce\nhooks: { before_allow_traffic: { mode: enforce, built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .assert(log_contains("succeeded, observed: would have failed: tasks: "))
            .assert(verdict_field_is("verdict.observed", "failed")),
        case("nothing to stop").succeeds().assert(verdict_field_is("verdict.observed", "succeeded")),
        with_unsteady_service(case("an observing file, and functions that enforce"))
            .env("GREENLIGHT_MODE", "enforce")
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .assert(verdict_field_is("verdict.observed", "failed")),
        case("an invalid file is an error in the log, and passes")
            .gate("version: 1\nhoks: {}")
            .succeeds()
            .assert(log_contains("succeeded, observed: would have failed: gate: "))
            .assert(verdict_field_is("verdict.code", "GateInvalid"))
            .assert(gate_line_is_an_error),
        case("a file that does not exist")
            .no_gate()
            .env("GREENLIGHT_GATE_FILE", "/nowhere/greenlight.yaml")
            .succeeds()
            .assert(verdict_field_is("verdict.code", "GateUnreadable"))
            .assert(gate_line_is_an_error),
        case("nothing to check, and the file does not say so")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: none } }")
            .succeeds()
            .assert(verdict_field_is("verdict.code", "GateEmpty")),
        case("another setting is invalid")
            .env("GREENLIGHT_ROLLBACK", "maybe")
            .succeeds()
            .assert(verdict_field_is("verdict.code", "SettingsInvalid")),
        case("the role is not allowed to read the deployment")
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .succeeds()
            .assert(log_contains("would have failed: discovery: ")),
        case("a mode that does not exist stops the deployment")
            .env("GREENLIGHT_MODE", "watch")
            .fails("SettingsInvalid"),
    ]
}

fn failing_fast() -> Vec<HookCase> {
    const GATE: &str = "version: 1
hooks:
  before_allow_traffic:
    run: fail-fast
    built_in: none
    checks:
      - { name: slow, tasks: green, expect: [running >= 99], within: 10m }
      - { name: warns, tasks: green, expect: [running >= 98], on_fail: warn }
      - { name: fails, tasks: green, expect: [running >= 97], within: 300ms, every: 100ms }
";
    vec![
        case("the first check that decides interrupts the others, and the hook puts the status at once")
            .gate(GATE)
            .fails("NotRunning")
            .check_outcome("slow", "not_run")
            .check_outcome("warns", "failed")
            .check_outcome("fails", "failed")
            .assert(log_contains("failed: fails: ")),
        case("a hook that only observes runs every check to its end")
            .gate(
                "version: 1
mode: observe
hooks:
  before_allow_traffic:
    run: fail-fast
    built_in: none
    checks:
      - { name: fails, tasks: green, expect: [running >= 97] }
      - { name: later, tasks: green, expect: [running >= 98], within: 400ms, every: 100ms }
",
            )
            .succeeds()
            .check_outcome("fails", "failed")
            .check_outcome("later", "failed"),
        case("if nothing is wrong, every check runs to its end")
            .gate("version: 1\nhooks: { before_allow_traffic: { run: fail-fast } }")
            .succeeds()
            .check_outcome("alarms", "passed"),
    ]
}

fn when() -> Vec<HookCase> {
    const HOOK: &str = "version: 1\nhooks: { before_allow_traffic: { when: [env.STAGE == prod], built_in: { tasks: { within: 0s } } } }";
    const CHECK: &str = "version: 1
hooks:
  before_allow_traffic:
    checks:
      - { name: mine, tasks: green, expect: [running >= 99], when: [env.STAGE == prod, region == eu-west-1] }
";
    const FLAGS: &str = "version: 1
hooks:
  before_allow_traffic:
    checks:
      - { name: mine, tasks: green, expect: [running >= 99], when: [env.SMOKE == true] }
      - { name: least, tasks: green, expect: [running >= 1], when: [env.COUNT exists, env.COUNT >= 3] }
";
    vec![
        with_unsteady_service(case("a hook that does not apply")).gate(HOOK).env("STAGE", "sesame").succeeds().assert(
            |played| {
                let is_logged = played.raw_log.iter().any(|line| line.contains("sesame"));
                expect_eq("whether the variable's value is in the log", &is_logged, &false)
            },
        ),
        with_unsteady_service(case("a hook that applies")).gate(HOOK).env("STAGE", "prod").fails("NotSteady"),
        case("a variable that is not set").gate(HOOK).fails("FactUnknown"),
        case("a check that does not apply")
            .gate(CHECK)
            .env("STAGE", "test")
            .succeeds()
            .check_outcome("mine", "not_applicable"),
        case("a check that applies").gate(CHECK).env("STAGE", "prod").fails("NotRunning"),
        case("a variable with the value true is text")
            .gate(FLAGS)
            .env("SMOKE", "true")
            .fails("NotRunning")
            .check_outcome("mine", "failed"),
        case("a variable of another type")
            .gate(FLAGS)
            .env("SMOKE", "true")
            .env("COUNT", "few")
            .fails("NotRunning")
            .check_outcome("least", "errored"),
        case("a check whose variable is not set").gate(CHECK).fails("FactUnknown").check_outcome("mine", "errored"),
        case("a check for another application")
            .gate(
                "version: 1
hooks:
  before_allow_traffic:
    checks:
      - { name: mine, tasks: green, expect: [running >= 99], when: [application == another] }
      - { name: other, tasks: green, expect: [running >= 99], when: [\"deployment_group matches '^another'\"] }
",
            )
            .succeeds(),
    ]
}

fn skipping() -> Vec<HookCase> {
    const GATE: &str = "version: 1
skip: { marker: '[skip gate]', until: 2999-12-31 }
hooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }
";
    const EXPIRED: &str = "version: 1
skip: { marker: '[skip gate]', until: 2026-01-31 }
hooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }
";
    let described = |case: HookCase| {
        case.world(|world| world.deployment().description = Some("hotfix 7 [skip gate] by ops".to_owned()))
    };
    vec![
        described(with_unsteady_service(case("the marker in the description skips the checks")))
            .gate(GATE)
            .succeeds()
            .warns("GateSkipped")
            .assert(verdict_field_is("verdict.code", "GateSkipped"))
            .assert(verdict_field_is("level", "WARN"))
            .assert(|played| expect_eq("calls of ECS", &played.calls.get("ecs:DescribeServices"), &None)),
        with_unsteady_service(case("without the marker the checks run")).gate(GATE).fails("NotSteady"),
        described(with_unsteady_service(case("without `skip` the marker has no effect")))
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .fails("NotSteady"),
        described(with_unsteady_service(case("after the date the marker skips nothing")))
            .gate(EXPIRED)
            .fails("NotSteady")
            .warns("SkipExpired"),
        described(case("after the date a deployment passes if its checks pass"))
            .gate(EXPIRED)
            .succeeds()
            .warns("SkipExpired"),
        described(case("an invalid file skips nothing"))
            .gate("version: 1\nskip: { marker: '[skip gate]' }")
            .fails("GateInvalid"),
    ]
}

fn defaults_and_what_comes_later() -> Vec<HookCase> {
    let later = |key: &str, check: &str| {
        let gate = format!("version: 1\nhooks: {{ after_allow_traffic: {{ checks: [{check}] }} }}");
        HookCase::new(Hook::BeforeInstall, &format!("a later version's key: {key}")).gate(gate).fails("NotSupportedYet")
    };
    vec![
        with_unsteady_service(case("a default policy"))
            .gate("version: 1\ndefaults: { on_fail: warn }\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .warns("NotSteady"),
        with_unsteady_service(case("a check's own policy has precedence over the default"))
            .gate("version: 1\ndefaults: { on_fail: warn }\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s, on_fail: fail } } } }")
            .fails("NotSteady"),
        case("a window that cannot end within the hook's deadline")
            .gate("version: 1\nhooks: { before_allow_traffic: { deadline: 1m, built_in: { alarms: { for: 2m } } } }")
            .fails("GateInvalid"),
        // The hook's own section is valid. The unsupported key is in the section of a later hook.
        later("metric", "{ metric: green.http_5xx / green.requests, expect: [value < 1], on_error: warn }"),
        // Its value is not read, and it needs no conditions.
        later("steps", "{ steps: [{ http: 3, capture: { order: json } }] }"),
        later("repeat", "{ http: '{{test_url}}/', repeat: often }"),
        later("a subject of repeat", "{ http: '{{test_url}}/', expect: [success_rate >= 99.5%] }"),
        later("concurrency", "{ http: '{{test_url}}/', concurrency: 2, expect: [status == 200] }"),
        later("allow", "{ tasks: green, expect: [running >= 1], allow: { failures: 1 } }"),
        case("an unsupported key and a mistake: the mistake decides")
            .gate("version: 1\nhooks: { after_allow_traffic: { checks: [{ tasks: green, expect: [runing >= 1], allow: { failures: 1 } }] } }")
            .fails("GateInvalid"),
        case("`notify` is not supported yet, which warns")
            .gate("version: 1\nnotify: [{ eventbridge: default, when: [failed] }]")
            .succeeds()
            .warns("NotSupportedYet"),
    ]
}
