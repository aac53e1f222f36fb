//! Rules of the gate file's language in the real programs: facts, defaults, deadlines, windows, markers that skip
//! nothing, barriers, built-in checks.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{FaultKind, Hook, HookRunReport, InjectedFault};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("facts", facts)
        .cases("policies_by_default", policies_by_default)
        .cases("deadlines_and_windows", deadlines_and_windows)
        .cases("words_that_skip_nothing", words_that_skip_nothing)
        .cases("barriers", barriers)
        .cases("built_in_checks", built_in_checks)
        .run()
}

fn request_to_service(played: &HookRunReport) -> serde_json::Value {
    let request = played.requests_to_service.last().map(|request| request.body.clone()).unwrap_or_default();
    serde_json::from_slice(request.as_ref()).unwrap_or_default()
}

/// Every fact, as the service receives it.
fn facts() -> Vec<HookCase> {
    const GATE: &str = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { forwards_to: green, settle: 0s }
      - name: mine
        http: POST {{test_url}}/facts
        json:
          deployment: '{{deployment_id}}'
          of: '{{application}} {{deployment_group}} {{region}} {{cluster}} {{service}}'
          green: '{{green.image_tag}} {{green.task_definition}} {{green.revision}} {{green.task_set}}'
          digest: '{{green.image_digest}}'
          blue: '{{blue.image_tag}} {{blue.task_definition}} {{blue.revision}} {{blue.task_set}}'
          stage: '{{env.STAGE}}'
        expect: ['status == 200']
";
    let case = |title: &str| HookCase::new(Hook::AfterAllowTestTraffic, title);
    vec![
        case("facts in a body").gate(GATE).env("STAGE", "beta").succeeds().assert(|played| {
            let body = request_to_service(played);
            let deployment = body["deployment"].as_str().unwrap_or_default();
            expect_eq("whether the deployment id starts with d-", &deployment.starts_with("d-"), &true)?;
            expect_eq("the names of the deployment", &body["of"], &"shop web eu-west-1 shop web".into())?;
            expect_eq("the stage", &body["stage"], &"beta".into())?;
            let digest = body["digest"].as_str().unwrap_or_default();
            expect_eq("whether the digest starts with sha256:", &digest.starts_with("sha256:"), &true)?;
            let green = body["green"].as_str().unwrap_or_default().rsplit_once(' ').unwrap_or_default();
            let blue = body["blue"].as_str().unwrap_or_default().rsplit_once(' ').unwrap_or_default();
            expect_eq("the versions", &(green.0, blue.0), &("1.42.0 shop:42 42", "1.41.0 shop:41 41"))?;
            expect_eq("whether the task sets differ", &(green.1 != blue.1 && green.1.starts_with("ecs-svc/")), &true)
        }),
        case("facts in conditions, compared with numbers and with texts")
            .gate("version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { forwards_to: green, settle: 0s }
      - name: facts
        http: '{{test_url}}/version'
        expect: ['json.version == {{green.image_tag}}', 'json.version != {{blue.image_tag}}', 'status != {{green.revision}}',
                 'body contains {{green.image_tag}}', \"json.version matches '^{{green.image_tag}}$'\"]
")
            .succeeds(),
        case("variables that are a number and a duration")
            .gate("version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { forwards_to: green, settle: 0s }
      - { name: more, http: '{{test_url}}/', expect: ['status < {{env.MOST}}', 'latency < {{env.LONGEST}}'] }
")
            .env("MOST", "300")
            .env("LONGEST", "20s")
            .succeeds(),
        HookCase::new(Hook::BeforeAllowTraffic, "variables in conditions of tasks, targets and alarms")
            .gate(
                "version: 1
hooks:
  before_allow_traffic:
    built_in: none
    checks:
      - { name: tasks, tasks: green, expect: ['running == {{env.TASKS}}', 'task_set == {{green.task_set}}'] }
      - { name: no tasks, tasks: green, expect: ['running != {{env.TASKS}}'] }
      - { name: targets, targets: green, expect: ['healthy >= {{env.TASKS}}'] }
      - { name: no targets, targets: green, expect: ['healthy > {{env.TASKS}}'] }
      - { name: alarms, alarms: deployment-group, expect: ['state == {{env.STATE}}'] }
      - { name: no alarms, alarms: deployment-group, expect: ['state != {{env.STATE}}'] }
      - { name: nothing, tasks: green, expect: ['running != {{env.NOT_SET}}'] }
",
            )
            .env("TASKS", "2")
            .env("STATE", "OK")
            .check_outcome("tasks", "passed")
            .check_outcome("no tasks", "failed")
            .check_outcome("targets", "passed")
            .check_outcome("no targets", "failed")
            .check_outcome("alarms", "passed")
            .check_outcome("no alarms", "failed")
            .check_outcome("nothing", "errored"),
        case("variables in conditions of tcp and health_check")
            .gate(
                "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { forwards_to: green, settle: 0s }
      - { name: port, tcp: '{{test_url}}', expect: ['latency < {{env.LONGEST}}'] }
      - { name: soon, tcp: '{{test_url}}', expect: ['latency < {{env.AT_ONCE}}'] }
      - { name: listener, health_check: test, path: /version, consecutive: 1, expect: ['json.version == {{green.image_tag}}'] }
      - { name: nobody, health_check: test, within: 0s, expect: ['status == {{env.NOT_SET}}'] }
",
            )
            .env("LONGEST", "20s")
            .env("AT_ONCE", "0s")
            .check_outcome("port", "unverified")
            .check_outcome("soon", "failed")
            .check_outcome("listener", "passed")
            .check_outcome("nobody", "errored"),
        case("a variable that is not a duration")
            .gate("version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { forwards_to: green, settle: 0s }
      - { name: more, http: '{{test_url}}/', expect: ['latency < {{env.LONGEST}}'] }
")
            .env("LONGEST", "as long as it takes")
            .check_outcome("more", "errored"),
    ]
}

/// The three default policies, for a file's own checks and for built-in checks. A policy of a check has precedence.
fn policies_by_default() -> Vec<HookCase> {
    let gate = |defaults: &str, more: &str| {
        format!(
            "version: 1\ndefaults: {{ {defaults} }}\nhooks:\n  before_allow_traffic:\n    built_in: none\n    checks:\n      \
             - {{ name: denied, alarms: deployment-group, expect: [state == OK]{more} }}\n      \
             - {{ name: missing, image: green, containers: [another]{more} }}\n"
        )
    };
    let case = |title: &str| {
        let case = HookCase::new(Hook::BeforeAllowTraffic, title);
        case.with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny))
            .check_outcome("denied", "errored")
            .check_outcome("missing", "no_data")
    };
    vec![
        case("both outcomes stop the deployment").gate(gate("on_fail: warn", "")).fails("ImageUnknown"),
        case("an errored check warns").gate(gate("on_error: warn", "")).fails("ImageUnknown").warns("AwsDenied"),
        case("a check without data warns").gate(gate("no_data: warn", "")).fails("AwsDenied").warns("ImageUnknown"),
        case("both outcomes warn").gate(gate("on_error: warn, no_data: warn", "")).succeeds(),
        case("a check's own policies have precedence over the defaults")
            .gate(gate("on_error: warn, no_data: warn", ", on_error: fail, no_data: ignore"))
            .fails("AwsDenied")
            .check_decides("ignore", "ImageUnknown"),
        HookCase::new(Hook::BeforeAllowTraffic, "the defaults also apply to built-in checks")
            .gate("version: 1\ndefaults: { on_error: warn }")
            .with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny))
            .succeeds()
            .warns("AwsDenied"),
    ]
}

fn deadlines_and_windows() -> Vec<HookCase> {
    let case = |title: &str, hook: &str| {
        let gate = format!("version: 1\nhooks:\n  before_allow_traffic:\n    built_in: none\n    {hook}\n");
        HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate)
    };
    vec![
        case(
            "a window that is longer than the function's time does not start",
            "checks: [{ name: long, alarms: deployment-group, for: 10m, expect: [state == OK] }]",
        )
        .fails("WindowTooLong")
        .check_outcome("long", "timed_out")
        .assert(|played| expect_eq("calls of DescribeAlarms", &played.calls.get("cloudwatch:DescribeAlarms"), &None)),
        case(
            "consecutive attempts that take longer than the function's time do not start",
            "checks: [{ name: row, tasks: green, consecutive: 80, every: 10s, expect: [running >= 1] }]",
        )
        .fails("WindowTooLong"),
        case(
            "a window that is longer than the hook's deadline is a mistake in the file",
            "deadline: 1m\n    checks: [{ alarms: deployment-group, for: 61s, expect: [state == OK] }]",
        )
        .fails("GateInvalid"),
        case(
            "consecutive attempts that take longer than the hook's deadline are a mistake in the file",
            "deadline: 1m\n    checks: [{ tasks: green, consecutive: 8, every: 10s, expect: [running >= 1] }]",
        )
        .fails("GateInvalid"),
        case(
            "a check that runs out of time reports its last attempt",
            "deadline: 4s\n    checks: [{ name: never, tasks: green, within: 10m, every: 100ms, expect: [running >= 99] }]",
        )
        .fails("RanOutOfTime")
        .check_outcome("never", "timed_out"),
        case(
            "a condition that was false decides when time runs out, and other checks keep their outcomes",
            "deadline: 4s\n    checks: [{ name: never, tasks: green, within: 10m, every: 100ms, expect: [running >= 99], on_error: warn },
             { name: good, tasks: green, expect: [running >= 1] }]",
        )
        .fails("RanOutOfTime")
        .check_outcome("good", "passed"),
        case("a deadline that is longer than the function's time has no effect", "deadline: 14m\n    checks: [{ tasks: green, expect: [running >= 1] }]")
            .succeeds(),
    ]
}

/// The skip marker counts only in the description of the deployment.
fn words_that_skip_nothing() -> Vec<HookCase> {
    let case = |title: &str, words: &str| {
        let gate = format!(
            "version: 1\nskip: {{ marker: '{words}', until: 2999-12-31 }}\nhooks: {{ before_allow_traffic: {{ built_in: {{ tasks: {{ within: 0s }} }} }} }}"
        );
        let case = HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate);
        case.world(|world| world.green().unwrap().steady = false)
    };
    let described = |case: HookCase, text: &'static str| {
        case.world(move |world| world.deployment().description = Some(text.to_owned()))
    };
    vec![
        case("the marker in the application's name", "shop").fails("NotSteady"),
        case("the marker in a variable of the function", "sesame open").env("WORDS", "sesame open").fails("NotSteady"),
        case("the marker in the event", "sesame open")
            .with_extra_json(r#","Description":"sesame open""#)
            .fails("NotSteady"),
        described(case("half of the marker in the description", "[skip gate]"), "please skip gate").fails("NotSteady"),
        described(case("the marker in upper case in the description", "[skip gate]"), "hotfix [SKIP GATE]")
            .fails("NotSteady"),
        described(case("the marker in the description", "[skip gate]"), "hotfix [skip gate]")
            .succeeds()
            .warns("GateSkipped"),
    ]
}

/// A check that uses an address waits for the barrier of that address. If the file has no barrier, the hook adds one.
fn barriers() -> Vec<HookCase> {
    let case = |title: &str, checks: &str| {
        let gate = format!(
            "version: 1\nhooks:\n  after_allow_test_traffic:\n    deadline: 6s\n    built_in: none\n    checks: [{checks}]\n"
        );
        HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate)
    };
    let miswired = |case: HookCase| {
        case.world(|world| {
            let blue = world.blue().unwrap().target_group().unwrap().to_owned();
            world.test().unwrap().default = vec![(blue, 1)];
        })
    };
    let unasked = |played: &HookRunReport| expect_eq("the requests", &played.requests_to_service.len(), &0);
    let mine = "{ name: mine, http: '{{test_url}}/', expect: [status == 200] }";
    vec![
        case("the implied barrier passes", mine).succeeds().check_outcome("test listener forwards to green", "passed"),
        miswired(case("the implied barrier does not pass", mine))
            .fails("RanOutOfTime")
            .check_outcome("mine", "not_run")
            .assert(unasked),
        miswired(case(
            "a check does not run if its barrier fails, even if that failure is ignored",
            "{ name: gate, forwards_to: green, within: 0s, on_fail: ignore }, { name: mine, http: '{{test_url}}/', expect: [status == 200] }",
        ))
        .fails("NotRun")
        .check_outcome("mine", "not_run")
        .assert(unasked),
        miswired(case(
            "an address in a body or in a condition also needs the barrier",
            "{ name: gate, forwards_to: green, within: 0s, on_fail: ignore },
             { name: body, http: POST http://127.0.0.1:1/, json: { back: '{{test_url}}' }, expect: [status == 200] },
             { name: condition, tasks: green, expect: ['task_set != {{test_url}}'] },
             { name: elsewhere, http: 'http://127.0.0.1:1/', expect: [status == 200], on_fail: ignore }",
        ))
        .fails("NotRun")
        .check_outcome("body", "not_run")
        .check_outcome("condition", "not_run")
        .check_outcome("elsewhere", "failed"),
        HookCase::new(Hook::AfterAllowTraffic, "the production listener has its own barrier")
            .gate(
                "version: 1
hooks:
  after_allow_traffic:
    deadline: 6s
    built_in: none
    checks:
      - { name: gate, forwards_to: green, within: 0s, on_fail: ignore }
      - { name: other, forwards_to: green, listener: production, within: 0s, on_fail: ignore }
      - { name: production, http: '{{production_url}}/', expect: [status == 200], on_error: warn }
",
            )
            .world(|world| {
                let blue = world.blue().unwrap().target_group().unwrap().to_owned();
                world.production().unwrap().default = vec![(blue, 1)];
            })
            .succeeds()
            .check_outcome("production", "not_run"),
        miswired(case("an implied barrier follows the default policies", mine))
            .gate(format!(
                "version: 1\ndefaults: {{ on_fail: warn, on_error: warn }}\nhooks: {{ after_allow_test_traffic: {{ deadline: 2s, \
                 built_in: none, checks: [{mine}] }} }}"
            ))
            .succeeds()
            .check_outcome("test listener forwards to green", "timed_out")
            .check_outcome("mine", "not_run"),
        miswired(case(
            "a second barrier that does not apply does not replace the one that failed",
            "{ name: first, forwards_to: green, within: 0s, on_fail: ignore },
             { name: second, forwards_to: green, within: 0s, when: [application == another] },
             { name: mine, http: '{{test_url}}/', expect: [status == 200], on_error: ignore }",
        ))
        .succeeds()
        .check_outcome("mine", "not_run")
        .assert(unasked),
    ]
}

/// A file's checks are added to the built-in checks, which the file can change or leave out. A file that leaves no
/// check has to say so explicitly.
fn built_in_checks() -> Vec<HookCase> {
    let case = |title: &str, hook: &str| {
        let gate = format!("version: 1\nhooks: {{ before_allow_traffic: {hook} }}\n");
        HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate)
    };
    let names = |expected: &'static [&'static str]| {
        move |played: &HookRunReport| {
            let mut names: Vec<_> = played.checks.iter().map(|check| check.name.as_str()).collect();
            names.sort_unstable();
            expect_eq("the checks", &names[..], expected)
        }
    };
    let mine = "checks: [{ name: mine, tasks: green, expect: [running >= 1] }]";
    vec![
        case("the file does not mention checks", "{}").succeeds().assert(names(&["alarms", "targets", "tasks"])),
        case("one additional check", &format!("{{ {mine} }}")).assert(names(&["alarms", "mine", "targets", "tasks"])),
        case("one check without built-in checks", &format!("{{ built_in: none, {mine} }}")).assert(names(&["mine"])),
        case("explicitly no additional checks", "{ checks: none }").assert(names(&["alarms", "targets", "tasks"])),
        case("explicitly no checks at all", "{ built_in: none, checks: none }").succeeds().assert(names(&["gate"])),
        case("no checks at all, and the file does not say so", "{ built_in: none }").fails("GateEmpty"),
        case("no built-in checks, and an empty list of checks", "{ built_in: none, checks: [] }").fails("GateEmpty"),
        case("changed keys of a built-in check", "{ built_in: { tasks: { on_fail: warn, within: 0s } } }")
            .world(|world| world.green().unwrap().steady = false)
            .succeeds()
            .warns("NotSteady"),
        case("changed conditions of a built-in check", "{ built_in: { tasks: { expect: [running >= 1] } } }")
            .world(|world| world.green().unwrap().steady = false)
            .succeeds(),
        case("a built-in check that does not apply", "{ built_in: { alarms: { when: [application == another] } } }")
            .world(|world| world.alarms.clear())
            .succeeds()
            .check_outcome("alarms", "not_applicable"),
        case("a built-in check that does not exist", "{ built_in: { task: { on_fail: warn } } }").fails("GateInvalid"),
    ]
}
