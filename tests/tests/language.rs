//! The gate file's language in the real programs: modes, `run`, `when`, `skip`, defaults, and what comes later.

use greenlight_tests::{Case, play, same};
use rehearsal::{Fault, HookName, Played, Trouble};
use serde_json::Value;

fn case(title: &str) -> Case {
    Case::new(HookName::BeforeAllowTraffic, title)
}

/// A world in which the replacement is not steady, so that `tasks` and nothing else fails.
fn not_steady(case: Case) -> Case {
    case.world(|world| world.green().unwrap().steady = false)
}

fn verdict(played: &Played) -> &Value {
    played.log.iter().find(|line| line.get("verdict").is_some()).unwrap_or(&Value::Null)
}

fn says(what: &'static str) -> impl Fn(&Played) -> Result<(), String> + Send + 'static {
    move |played| same(&format!("whether the verdict says {what:?}"), &played.verdict.contains(what), &true)
}

fn field(name: &'static str, value: &'static str) -> impl Fn(&Played) -> Result<(), String> + Send + 'static {
    move |played| same(&format!("the verdict's {name}"), &verdict(played)[name], &Value::from(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn observing() {
    let told = play(vec![
        not_steady(case("it says what it would have stopped"))
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .decides("fail", "NotSteady")
            .and(says("succeeded, observed: would have failed: tasks: "))
            .and(field("verdict.observed", "failed"))
            .and(field("verdict.code", "NotSteady"))
            .and(field("level", "WARN"))
            .and(|played| {
                let loud = played.log.iter().filter(|line| line["level"] == "ERROR").count();
                same("the lines that somebody must look at", &loud, &0)
            }),
        case("with nothing to stop").gate("version: 1\nmode: observe").succeeds().and(field("verdict.observed", "succeeded")),
        not_steady(case("one hook of an enforcing file"))
            .gate("version: 1\nhooks: { before_allow_traffic: { mode: observe, built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .and(field("verdict.observed", "failed")),
        not_steady(case("but for one hook"))
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { mode: enforce, built_in: { tasks: { within: 0s } } } }")
            .fails("NotSteady")
            .and(field("verdict.observed", "")),
        case("what cannot be discovered")
            .gate("version: 1\nmode: observe")
            .fault(Fault::always("codedeploy:GetDeployment", Trouble::Deny))
            .succeeds()
            .and(says("would have failed: discovery: ")),
        case("what may not be read")
            .gate("version: 1\nmode: observe")
            .fault(Fault::always("ecs:DescribeServices", Trouble::Deny))
            .succeeds()
            .and(says("would have failed: discovery: ")),
        case("another hook's event")
            .gate("version: 1\nmode: observe")
            .program(HookName::AfterInstall)
            .succeeds()
            .and(says("would have failed: wiring: ")),
        not_steady(case("time that runs out"))
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { deadline: 1s, built_in: none, checks: [{ name: tasks, ecs: green, expect: [steady == true], within: 1m, every: 1m }] } }")
            .succeeds()
            .and(field("verdict.code", "RanOutOfTime")),
        case("nothing to check, and no words")
            .gate("version: 1\nmode: observe\nhooks: { before_allow_traffic: { built_in: none } }")
            .fails("GateEmpty"),
        case("a broken file has no mode").gate("version: 1\nmode: observe\nhoks: {}").fails("GateInvalid"),
        case("broken settings are not observed")
            .gate("version: 1\nmode: observe")
            .env("GREENLIGHT_ROLLBACK", "maybe")
            .fails("SettingsInvalid"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_fast() {
    const GATE: &str = "version: 1
hooks:
  before_allow_traffic:
    run: fail-fast
    built_in: none
    checks:
      - { name: slow, ecs: green, expect: [running >= 99], within: 10m }
      - { name: warns, ecs: green, expect: [running >= 98], on_fail: warn }
      - { name: fails, ecs: green, expect: [running >= 97], within: 300ms, every: 100ms }
";
    let told = play(vec![
        case("the first that decides ends the others, and is answered at once")
            .gate(GATE)
            .fails("NotRunning")
            .check("slow", "not_run")
            .check("warns", "failed")
            .check("fails", "failed")
            .and(says("failed: fails: ")),
        case("who only observes sees all of it")
            .gate(
                "version: 1
mode: observe
hooks:
  before_allow_traffic:
    run: fail-fast
    built_in: none
    checks:
      - { name: fails, ecs: green, expect: [running >= 97] }
      - { name: later, ecs: green, expect: [running >= 98], within: 400ms, every: 100ms }
",
            )
            .succeeds()
            .check("fails", "failed")
            .check("later", "failed"),
        case("with nothing wrong every check ends")
            .gate("version: 1\nhooks: { before_allow_traffic: { run: fail-fast } }")
            .succeeds()
            .check("alarms", "passed"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn when() {
    const HOOK: &str = "version: 1\nhooks: { before_allow_traffic: { when: [env.STAGE == prod], built_in: { tasks: { within: 0s } } } }";
    const CHECK: &str = "version: 1
hooks:
  before_allow_traffic:
    checks:
      - { name: mine, ecs: green, expect: [running >= 99], when: [env.STAGE == prod, region == eu-west-1] }
";
    const FLAGS: &str = "version: 1
hooks:
  before_allow_traffic:
    checks:
      - { name: mine, ecs: green, expect: [running >= 99], when: [env.SMOKE == true] }
      - { name: least, ecs: green, expect: [running >= 1], when: [env.COUNT exists, env.COUNT >= 3] }
";
    let told = play(vec![
        not_steady(case("a hook that does not apply")).gate(HOOK).env("STAGE", "sesame").succeeds().and(|played| {
            let told = played.raw_log.iter().any(|line| line.contains("sesame"));
            same("whether the variable's value is in the log", &told, &false)
        }),
        not_steady(case("a hook that applies")).gate(HOOK).env("STAGE", "prod").fails("NotSteady"),
        case("a variable that is not set").gate(HOOK).fails("FactUnknown"),
        case("a check that does not apply").gate(CHECK).env("STAGE", "test").succeeds().check("mine", "not_applicable"),
        case("a check that applies").gate(CHECK).env("STAGE", "prod").fails("NotRunning"),
        case("a variable like a flag is text")
            .gate(FLAGS)
            .env("SMOKE", "true")
            .fails("NotRunning")
            .check("mine", "failed"),
        case("a variable of another type")
            .gate(FLAGS)
            .env("SMOKE", "true")
            .env("COUNT", "few")
            .fails("NotRunning")
            .check("least", "errored"),
        case("a check whose variable is not set").gate(CHECK).fails("FactUnknown").check("mine", "errored"),
        case("a check for another application")
            .gate(
                "version: 1
hooks:
  before_allow_traffic:
    checks:
      - { name: mine, ecs: green, expect: [running >= 99], when: [application == another] }
      - { name: other, ecs: green, expect: [running >= 99], when: [\"deployment_group matches '^another'\"] }
",
            )
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn skipping() {
    const GATE: &str = "version: 1
skip: { words: '[skip gate]', until: 2999-12-31 }
hooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }
";
    const EXPIRED: &str = "version: 1
skip: { words: '[skip gate]', until: 2026-01-31 }
hooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }
";
    let described = |case: Case| {
        case.world(|world| world.deployment().description = Some("hotfix 7 [skip gate] by ops".to_owned()))
    };
    let told = play(vec![
        described(not_steady(case("words in the description let it through")))
            .gate(GATE)
            .succeeds()
            .warns("GateSkipped")
            .and(field("verdict.code", "GateSkipped"))
            .and(field("level", "WARN"))
            .and(|played| same("calls of ECS", &played.calls.get("ecs:DescribeServices"), &None)),
        not_steady(case("without the words it is checked")).gate(GATE).fails("NotSteady"),
        described(not_steady(case("without `skip` the words mean nothing")))
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .fails("NotSteady"),
        described(not_steady(case("after the date they let nothing through")))
            .gate(EXPIRED)
            .fails("NotSteady")
            .warns("SkipExpired"),
        described(case("after the date it passes by its checks")).gate(EXPIRED).succeeds().warns("SkipExpired"),
        described(case("a broken file lets nothing through"))
            .gate("version: 1\nskip: { words: '[skip gate]' }")
            .fails("GateInvalid"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_and_what_comes_later() {
    let later = |key: &str, check: &str| {
        let gate = format!("version: 1\nhooks: {{ after_allow_traffic: {{ checks: [{check}] }} }}");
        Case::new(HookName::BeforeInstall, &format!("a later version's key: {key}")).gate(gate).fails("NotSupportedYet")
    };
    let told = play(vec![
        not_steady(case("a policy by default"))
            .gate("version: 1\ndefaults: { on_fail: warn }\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s } } } }")
            .succeeds()
            .warns("NotSteady"),
        not_steady(case("a check's own goes before it"))
            .gate("version: 1\ndefaults: { on_fail: warn }\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s, on_fail: fail } } } }")
            .fails("NotSteady"),
        case("a window that cannot end within the hook's deadline")
            .gate("version: 1\nhooks: { before_allow_traffic: { deadline: 1m, built_in: { alarms: { for: 2m } } } }")
            .fails("GateInvalid"),
        // The hook's own part is as it should be: what is refused stands in the part of a later one.
        later("metric", "{ metric: green.http_5xx / green.requests, expect: [value < 1], on_error: warn }"),
        later("steps", "{ steps: [{ http: '{{test_url}}/', expect: [status == 200] }] }"),
        later("repeat", "{ http: '{{test_url}}/', repeat: 20, expect: [success_rate >= 99.5%] }"),
        later("concurrency", "{ http: '{{test_url}}/', concurrency: 2, expect: [status == 200] }"),
        later("allow", "{ ecs: green, expect: [running >= 1], allow: { failures: 1 } }"),
        case("a later key beside a fault is a fault")
            .gate("version: 1\nhooks: { after_allow_traffic: { checks: [{ ecs: green, expect: [runing >= 1], allow: { failures: 1 } }] } }")
            .fails("GateInvalid"),
        case("nobody is told yet, and that is said")
            .gate("version: 1\nnotify: [{ eventbridge: default, when: [failed] }]")
            .succeeds()
            .warns("NotSupportedYet"),
    ])
    .await;
    insta::assert_snapshot!(told);
}
