//! The task from the article that this project started from: `HEAD http://$ALB_URL/<route>` within two seconds, any 2xx
//! status, and no reads from AWS.

use std::{collections::BTreeMap, process::ExitCode};

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{Hook, HookRunReport};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("article", article).run()
}

fn case(title: &str) -> HookCase {
    let case = HookCase::new(Hook::AfterAllowTestTraffic, title).no_gate();
    case.with(|stage| {
        let port = stage.test_port();
        stage.env("ALB_URL", &format!("localhost:{port}"))
    })
}

fn makes_no_aws_reads(played: &HookRunReport) -> Result<(), String> {
    let put = BTreeMap::from([("codedeploy:PutLifecycleEventHookExecutionStatus".to_owned(), 1)]);
    expect_eq("the calls of AWS", &played.calls, &put)
}

fn requests_paths(paths: &'static [&'static str]) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let mut seen: Vec<_> =
            played.requests_to_service.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
        seen.sort();
        expect_eq("the requests", &seen[..], &paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()[..])
    }
}

fn article() -> Vec<HookCase> {
    vec![
        case("one route").succeeds().assert(makes_no_aws_reads).assert(requests_paths(&["HEAD /"])).warns("VersionUnverified"),
        // The hook sends the request without waiting for the listener, so the old version responds.
        case("the listener still leads to the original")
            .world(|world| {
                let blue = world.blue().unwrap().target_group().unwrap().to_owned();
                world.test().unwrap().default = vec![(blue, 1)];
            })
            .succeeds()
            .warns("VersionUnverified"),
        case("several routes")
            .env("GREENLIGHT_ROUTES", "/health, version,/orders")
            .succeeds()
            .assert(makes_no_aws_reads)
            .assert(requests_paths(&["HEAD /health", "HEAD /orders", "HEAD /version"])),
        case("the route responds with 204")
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/".into()).or_default().status = 204)
            .succeeds(),
        case("the route responds with 301")
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/".into()).or_default().status = 301)
            .fails("UnexpectedStatus")
            .assert(makes_no_aws_reads),
        case("one of three routes responds with 500")
            .env("GREENLIGHT_ROUTES", "/a /b /c")
            .world(|world| world.versions.last_mut().unwrap().routes.entry("/b".into()).or_default().status = 500)
            .fails("UnexpectedStatus")
            .check_outcome("HEAD /a", "passed")
            .check_outcome("HEAD /b", "failed")
            .check_outcome("HEAD /c", "passed"),
        // The article's limit of two seconds is real time.
        case("the route responds too late")
            .world(|world| {
                let behaviour = world.versions.last_mut().unwrap().routes.entry("/".into()).or_default();
                behaviour.delay = std::time::Duration::from_secs(30);
            })
            .fails("ReadTimedOut"),
        case("ALB_URL is a URL instead of a host")
            .with(|stage| {
                let url = format!("http://localhost:{}/", stage.test_port());
                stage.env("ALB_URL", &url)
            })
            .succeeds()
            .assert(requests_paths(&["HEAD /"])),
        case("nothing listens").env("ALB_URL", "localhost:1").fails("ConnectRefused"),
        case("with a gate file ALB_URL is the test address")
            .gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: [{ name: mine, http: '{{test_url}}/x', expect: [status == 200] }] } }")
            .succeeds()
            .assert(requests_paths(&["GET /x"])),
        HookCase::new(Hook::BeforeAllowTraffic, "ALB_URL does not change the other hooks")
            .env("ALB_URL", "localhost:1")
            .succeeds()
            .check_outcome("tasks", "passed"),
    ]
}
