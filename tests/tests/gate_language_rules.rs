//! Rules of the gate file's language in the real programs: facts, defaults, deadlines, windows, words that skip nothing.

use greenlight_tests::{HookCase, expect_eq, run_cases};
use rehearsal::{FaultKind, HookName, HookRunReport, InjectedFault};

fn request_to_service(played: &HookRunReport) -> serde_json::Value {
    let request = played.requests_to_service.last().map(|request| request.body.clone()).unwrap_or_default();
    serde_json::from_slice(request.as_ref()).unwrap_or_default()
}

/// Every fact, as the service gets to see it.
#[tokio::test(flavor = "multi_thread")]
async fn facts() {
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
    let case = |title: &str| HookCase::new(HookName::AfterAllowTestTraffic, title);
    let transcript = run_cases(vec![
        case("in a body").gate(GATE).env("STAGE", "beta").succeeds().assert(|played| {
            let body = request_to_service(played);
            let deployment = body["deployment"].as_str().unwrap_or_default();
            expect_eq("the kind of id", &deployment.starts_with("d-"), &true)?;
            expect_eq("where", &body["of"], &"shop web eu-west-1 shop web".into())?;
            expect_eq("the stage", &body["stage"], &"beta".into())?;
            let digest = body["digest"].as_str().unwrap_or_default();
            expect_eq("the kind of digest", &digest.starts_with("sha256:"), &true)?;
            let green = body["green"].as_str().unwrap_or_default().rsplit_once(' ').unwrap_or_default();
            let blue = body["blue"].as_str().unwrap_or_default().rsplit_once(' ').unwrap_or_default();
            expect_eq("the versions", &(green.0, blue.0), &("1.42.0 shop:42 42", "1.41.0 shop:41 41"))?;
            expect_eq("whether the task sets differ", &(green.1 != blue.1 && green.1.starts_with("ecs-svc/")), &true)
        }),
        case("in a condition, as a number with a number, as a text with a text")
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
        case("a variable that is a number and one that is a length of time")
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
        HookCase::new(HookName::BeforeAllowTraffic, "in a condition of every kind that has some")
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
        case("in what a TCP port and the listener itself are asked")
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
        case("a variable that is neither")
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
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// The three policies by default, for a file's own checks and for built-in ones, and what goes before them.
#[tokio::test(flavor = "multi_thread")]
async fn policies_by_default() {
    let gate = |defaults: &str, more: &str| {
        format!(
            "version: 1\ndefaults: {{ {defaults} }}\nhooks:\n  before_allow_traffic:\n    built_in: none\n    checks:\n      \
             - {{ name: denied, alarms: deployment-group, expect: [state == OK]{more} }}\n      \
             - {{ name: missing, image: green, containers: [another]{more} }}\n"
        )
    };
    let case = |title: &str| {
        let case = HookCase::new(HookName::BeforeAllowTraffic, title);
        case.with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny))
            .check_outcome("denied", "errored")
            .check_outcome("missing", "no_data")
    };
    let transcript = run_cases(vec![
        case("both stop").gate(gate("on_fail: warn", "")).fails("ImageUnknown"),
        case("an error warns").gate(gate("on_error: warn", "")).fails("ImageUnknown").warns("AwsDenied"),
        case("no data warns").gate(gate("no_data: warn", "")).fails("AwsDenied").warns("ImageUnknown"),
        case("both warn").gate(gate("on_error: warn, no_data: warn", "")).succeeds(),
        case("a check's own goes before it")
            .gate(gate("on_error: warn, no_data: warn", ", on_error: fail, no_data: ignore"))
            .fails("AwsDenied")
            .check_decides("ignore", "ImageUnknown"),
        HookCase::new(HookName::BeforeAllowTraffic, "for a built-in check as well")
            .gate("version: 1\ndefaults: { on_error: warn }")
            .with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny))
            .succeeds()
            .warns("AwsDenied"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_and_windows() {
    let case = |title: &str, hook: &str| {
        let gate = format!("version: 1\nhooks:\n  before_allow_traffic:\n    built_in: none\n    {hook}\n");
        HookCase::new(HookName::BeforeAllowTraffic, title).gate(gate)
    };
    let transcript = run_cases(vec![
        case(
            "a window that the function has no time for is not begun",
            "checks: [{ name: long, alarms: deployment-group, for: 10m, expect: [state == OK] }]",
        )
        .fails("WindowTooLong")
        .check_outcome("long", "timed_out")
        .assert(|played| expect_eq("looks at the alarms", &played.calls.get("cloudwatch:DescribeAlarms"), &None)),
        case(
            "looks in a row that the function has no time for are not begun",
            "checks: [{ name: row, tasks: green, consecutive: 80, every: 10s, expect: [running >= 1] }]",
        )
        .fails("WindowTooLong"),
        case(
            "a window longer than the hook's deadline is a fault of the file",
            "deadline: 1m\n    checks: [{ alarms: deployment-group, for: 61s, expect: [state == OK] }]",
        )
        .fails("GateInvalid"),
        case(
            "so are looks in a row",
            "deadline: 1m\n    checks: [{ tasks: green, consecutive: 8, every: 10s, expect: [running >= 1] }]",
        )
        .fails("GateInvalid"),
        case(
            "what has time left to become so is told as it was when time ran out",
            "deadline: 4s\n    checks: [{ name: never, tasks: green, within: 10m, every: 100ms, expect: [running >= 99] }]",
        )
        .fails("RanOutOfTime")
        .check_outcome("never", "timed_out"),
        case(
            "the others are told as they ended, and what was false decides",
            "deadline: 4s\n    checks: [{ name: never, tasks: green, within: 10m, every: 100ms, expect: [running >= 99], on_error: warn },
             { name: good, tasks: green, expect: [running >= 1] }]",
        )
        .fails("RanOutOfTime")
        .check_outcome("good", "passed"),
        case("a deadline longer than the function's own time does no harm", "deadline: 14m\n    checks: [{ tasks: green, expect: [running >= 1] }]")
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// The words count in the description, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn words_that_skip_nothing() {
    let case = |title: &str, words: &str| {
        let gate = format!(
            "version: 1\nskip: {{ marker: '{words}', until: 2999-12-31 }}\nhooks: {{ before_allow_traffic: {{ built_in: {{ tasks: {{ within: 0s }} }} }} }}"
        );
        let case = HookCase::new(HookName::BeforeAllowTraffic, title).gate(gate);
        case.world(|world| world.green().unwrap().steady = false)
    };
    let described = |case: HookCase, text: &'static str| {
        case.world(move |world| world.deployment().description = Some(text.to_owned()))
    };
    let transcript = run_cases(vec![
        case("in the application's name", "shop").fails("NotSteady"),
        case("in a variable of the function", "sesame open").env("WORDS", "sesame open").fails("NotSteady"),
        case("in the event", "sesame open").with_extra_json(r#","Description":"sesame open""#).fails("NotSteady"),
        described(case("half of them in the description", "[skip gate]"), "please skip gate").fails("NotSteady"),
        described(case("in other letters", "[skip gate]"), "hotfix [SKIP GATE]").fails("NotSteady"),
        described(case("in the description", "[skip gate]"), "hotfix [skip gate]").succeeds().warns("GateSkipped"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// Who asks an address waits for its barrier, also where the file has none.
#[tokio::test(flavor = "multi_thread")]
async fn barriers() {
    let case = |title: &str, checks: &str| {
        let gate = format!(
            "version: 1\nhooks:\n  after_allow_test_traffic:\n    deadline: 6s\n    built_in: none\n    checks: [{checks}]\n"
        );
        HookCase::new(HookName::AfterAllowTestTraffic, title).gate(gate)
    };
    let miswired = |case: HookCase| {
        case.world(|world| {
            let blue = world.blue().unwrap().target_group().unwrap().to_owned();
            world.test().unwrap().default = vec![(blue, 1)];
        })
    };
    let unasked = |played: &HookRunReport| expect_eq("the requests", &played.requests_to_service.len(), &0);
    let mine = "{ name: mine, http: '{{test_url}}/', expect: [status == 200] }";
    let transcript = run_cases(vec![
        case("the one that is implied holds", mine).succeeds().check_outcome("forwards_to green through test", "passed"),
        miswired(case("the one that is implied does not", mine))
            .fails("RanOutOfTime")
            .check_outcome("mine", "not_run")
            .assert(unasked),
        miswired(case(
            "a barrier that may fail still holds back who waits for it",
            "{ name: gate, forwards_to: green, within: 0s, on_fail: ignore }, { name: mine, http: '{{test_url}}/', expect: [status == 200] }",
        ))
        .fails("NotRun")
        .check_outcome("mine", "not_run")
        .assert(unasked),
        miswired(case(
            "an address in a body or a condition is one as well",
            "{ name: gate, forwards_to: green, within: 0s, on_fail: ignore },
             { name: body, http: POST http://127.0.0.1:1/, json: { back: '{{test_url}}' }, expect: [status == 200] },
             { name: condition, tasks: green, expect: ['task_set != {{test_url}}'] },
             { name: elsewhere, http: 'http://127.0.0.1:1/', expect: [status == 200], on_fail: ignore }",
        ))
        .fails("NotRun")
        .check_outcome("body", "not_run")
        .check_outcome("condition", "not_run")
        .check_outcome("elsewhere", "failed"),
        HookCase::new(HookName::AfterAllowTraffic, "the production listener has its own")
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
        miswired(case("an implied barrier warns where the file's defaults do", mine))
            .gate(format!(
                "version: 1\ndefaults: {{ on_fail: warn, on_error: warn }}\nhooks: {{ after_allow_test_traffic: {{ deadline: 2s, \
                 built_in: none, checks: [{mine}] }} }}"
            ))
            .succeeds()
            .check_outcome("forwards_to green through test", "timed_out")
            .check_outcome("mine", "not_run"),
        miswired(case(
            "a barrier that does not apply here opens nothing",
            "{ name: first, forwards_to: green, within: 0s, on_fail: ignore },
             { name: second, forwards_to: green, within: 0s, when: [application == another] },
             { name: mine, http: '{{test_url}}/', expect: [status == 200], on_error: ignore }",
        ))
        .succeeds()
        .check_outcome("mine", "not_run")
        .assert(unasked),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// A file's checks are added to the built-in ones, which it can change or leave out; nothing at all needs words.
#[tokio::test(flavor = "multi_thread")]
async fn built_in_checks() {
    let case = |title: &str, hook: &str| {
        let gate = format!("version: 1\nhooks: {{ before_allow_traffic: {hook} }}\n");
        HookCase::new(HookName::BeforeAllowTraffic, title).gate(gate)
    };
    let names = |expected: &'static [&'static str]| {
        move |played: &HookRunReport| {
            let mut names: Vec<_> = played.checks.iter().map(|check| check.name.as_str()).collect();
            names.sort_unstable();
            expect_eq("the checks", &names[..], expected)
        }
    };
    let mine = "checks: [{ name: mine, tasks: green, expect: [running >= 1] }]";
    let transcript = run_cases(vec![
        case("without a word of them", "{}").succeeds().assert(names(&["alarms", "targets", "tasks"])),
        case("with one of its own", &format!("{{ {mine} }}")).assert(names(&["alarms", "mine", "targets", "tasks"])),
        case("only its own", &format!("{{ built_in: none, {mine} }}")).assert(names(&["mine"])),
        case("none of its own, in words", "{ checks: none }").assert(names(&["alarms", "targets", "tasks"])),
        case("none at all, in words", "{ built_in: none, checks: none }").succeeds().assert(names(&["gate"])),
        case("none at all, without a word", "{ built_in: none }").fails("GateEmpty"),
        case("none at all, and an empty list", "{ built_in: none, checks: [] }").fails("GateEmpty"),
        case("keys of one are changed", "{ built_in: { tasks: { on_fail: warn, within: 0s } } }")
            .world(|world| world.green().unwrap().steady = false)
            .succeeds()
            .warns("NotSteady"),
        case("its conditions are changed", "{ built_in: { tasks: { expect: [running >= 1] } } }")
            .world(|world| world.green().unwrap().steady = false)
            .succeeds(),
        case("one is left out where it does not apply", "{ built_in: { alarms: { when: [application == another] } } }")
            .world(|world| world.alarms.clear())
            .succeeds()
            .check_outcome("alarms", "not_applicable"),
        case("one that there is not", "{ built_in: { task: { on_fail: warn } } }").fails("GateInvalid"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}
