//! Valid and invalid settings and gate files.

use std::{process::ExitCode, time::Duration};

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{Hook, HookRunReport};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("settings", settings)
        .cases("gates", gates)
        .cases("own_requests", own_requests)
        .run()
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title)
}

fn check_names(played: &HookRunReport) -> Vec<&str> {
    let mut names: Vec<_> = played.checks.iter().map(|check| check.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn settings() -> Vec<HookCase> {
    vec![
        case("several invalid settings")
            .env("GREENLIGHT_ROLLBACK", "maybe")
            .env("GREENLIGHT_WRONG_EVENT", "ignore")
            .env("GREENLIGHT_GATES", "version: 1")
            .fails("SettingsInvalid")
            .assert(|played| expect_eq("calls of ECS", &played.calls.get("ecs:DescribeServices"), &None)),
        case("a host with a port, and a service without a cluster")
            .env("GREENLIGHT_HOST", "shop.example.com:8443")
            .env("GREENLIGHT_SERVICE", "web")
            .fails("SettingsInvalid"),
        case("the hook uses the endpoint of a single service")
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1")
            // The hook retries for a part of its time.
            .timeout(Duration::from_secs(8))
            .fails("AwsUnreachable"),
        case("a missing file of certificate authorities is not fatal")
            .env("AWS_CA_BUNDLE", "/nowhere/ca.pem")
            .succeeds(),
        case("the log level error").env("GREENLIGHT_LOG", "error").assert(|played| {
            expect_eq("the statuses", &played.statuses[..], &[rehearsal::Status::Succeeded][..])?;
            expect_eq("the number of log lines", &played.raw_log.len(), &0)
        }),
    ]
}

fn gates() -> Vec<HookCase> {
    vec![
        case("without a gate file").no_gate().succeeds().assert(|played| {
            expect_eq("the checks", &check_names(played)[..], &["alarms", "targets", "tasks"][..])
        }),
        case("a gate file with several mistakes").gate("version: 1\nhooks: { before_allow_trafic: {}, after_install: { deadline: soon } }").fails("GateInvalid"),
        case("a gate file that is not YAML").gate("version: [").fails("GateInvalid"),
        case("a misspelt built-in check of another hook")
            .gate("version: 1\nhooks: { after_allow_traffic: { built_in: { alarm: { for: 8m } } } }")
            .fails("GateInvalid"),
        case("a gate file that does not exist")
            .no_gate()
            .env("GREENLIGHT_GATE_FILE", "/nowhere/greenlight.yaml")
            .fails("GateUnreadable"),
        case("nothing to check, which the file says explicitly")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: none, checks: none } }")
            .succeeds(),
        case("nothing to check, and the file does not say so")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: none } }")
            .fails("GateEmpty"),
        case("nothing to check, the file does not say so, and another finding warns")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: none } }")
            .env("GREENLIGHT_WRONG_EVENT", "warn")
            .with_fault(rehearsal::InjectedFault::always("codedeploy:GetDeploymentTarget", rehearsal::FaultKind::Deny))
            .fails("GateEmpty"),
        case("an additional check")
            .gate("version: 1\nhooks: { before_allow_traffic: { checks: [{ name: mine, tasks: green, expect: [running >= 3] }] } }")
            .fails("NotRunning"),
        case("a check that only warns")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s, on_fail: warn } } } }")
            .world(|world| world.green().unwrap().steady = false)
            .succeeds()
            .warns("NotSteady"),
        case("a check that is ignored")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 0s, on_fail: ignore } } } }")
            .world(|world| world.green().unwrap().steady = false)
            .succeeds()
            .check_decides("ignore", "NotSteady"),
        case("a missing permission, which only warns")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { alarms: { on_error: warn } } } }")
            .with_fault(rehearsal::InjectedFault::always("cloudwatch:DescribeAlarms", rehearsal::FaultKind::Deny))
            .succeeds()
            .warns("AwsDenied"),
        case("a window longer than the time left")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { alarms: { for: 14m } } } }")
            .fails("WindowTooLong"),
        case("the hook's deadline ends a check that polls")
            .gate("version: 1\nhooks: { before_allow_traffic: { deadline: 1s, built_in: none, checks: [{ name: tasks, tasks: green, expect: [steady == true], within: 1m, every: 1m }] } }")
            .world(|world| world.green().unwrap().steady = false)
            .fails("RanOutOfTime"),
        case("a check polls until the function's timeout is near, and the hook puts its status in time")
            .gate("version: 1\nhooks: { before_allow_traffic: { built_in: { tasks: { within: 1m, every: 1m } } } }")
            .world(|world| world.green().unwrap().steady = false)
            .timeout(Duration::from_secs(3))
            .fails("RanOutOfTime"),
    ]
}

fn own_requests() -> Vec<HookCase> {
    let case = |title: &str| HookCase::new(Hook::AfterAllowTestTraffic, title);
    vec![
        case("the response is as expected")
            .gate(
                "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - name: version
        http: '{{test_url}}/version'
        headers: { X-Smoke: 'yes' }
        expect: [status == 200, json.version exists, latency < 30s, header.content-type contains json]
",
            )
            .succeeds()
            .assert(|played| expect_eq("the requests", &played.requests_to_service.len(), &1)),
        case("the response has another version")
            .gate(
                "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { name: version, http: '{{test_url}}/version?token=sesame', expect: [\"json.version == '0.0.1'\"] }
",
            )
            .fails("UnexpectedBody")
            .assert(|played| {
                let is_logged = played.raw_log.iter().any(|line| line.contains("sesame"));
                expect_eq("whether the query is in the log", &is_logged, &false)
            }),
        case("the log does not contain bodies and headers")
            .gate(
                "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { name: body, http: '{{test_url}}/secret', expect: [body contains nothing] }
      - { name: header, http: '{{test_url}}/secret', expect: [header.content-type == nothing] }
",
            )
            .world(|world| {
                let behaviour = world.versions.last_mut().unwrap().routes.entry("/secret".into()).or_default();
                behaviour.body = Some("open sesame".into());
            })
            .fails("UnexpectedHeader")
            .assert(|played| {
                let is_logged =
                    played.raw_log.iter().any(|line| line.contains("sesame") || line.contains("application/json"));
                expect_eq("whether they are in the log", &is_logged, &false)
            }),
        case("the hook sends GREENLIGHT_HOST as the host")
            .env("GREENLIGHT_HOST", "shop.example.com")
            .succeeds()
            .assert(|played| {
                let all = played.requests_to_service.iter().all(|request| {
                    request.headers.get("host").is_some_and(|host| host.starts_with("shop.example.com"))
                });
                expect_eq("whether every request has this host", &all, &true)
            }),
    ]
}
