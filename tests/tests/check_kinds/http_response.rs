//! `http`: what the response must be.

use std::time::Duration;

use greenlight_tests::{HookCase, expect_eq};
use rehearsal::{Hook, HookTestBed};

use super::support::{request_lines, route};

/// A check of a literal URL that redirects to the same listener by another name, which counts as another host.
fn with_request(stage: HookTestBed, keys: &str) -> HookTestBed {
    let port = stage.test_port();
    let check =
        format!("{{ http: 'http://localhost:{port}/away', redirects: follow, {keys}, expect: [status == 200] }}");
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: none, checks: [{{ forwards_to: green, settle: 0s }}, {check}] }} }}"
    );
    stage.gate(&gate).world(move |world| {
        let away = route(world, "/away");
        (away.status, away.location) = (307, Some(format!("http://127.0.0.1:{port}/")));
    })
}

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    vec![
        case(
            "conditions on every part of the response",
            request!(
                "http: '{{test_url}}/version', expect: ['status in 200, 201', 'status == 2xx', 'latency < 5s',
                 'header.x-version == {{green.image_tag}}', 'json.version == \"1.42.0\"', 'body contains colour',
                 'header.content-type matches ^application/']"
            ),
        )
        .succeeds(),
        case("redirects are followed", request!("http: '{{test_url}}/a', redirects: follow, expect: [status == 200]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").location) = (302, Some("/b".into())))
            .succeeds()
            .assert(|played| {
                expect_eq("the requests", &request_lines(played)[..], &["GET /a".to_owned(), "GET /b".to_owned()][..])
            }),
        case("redirects are not followed", request!("http: '{{test_url}}/a', redirects: no, expect: [status == 302]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").location) = (302, Some("/b".into())))
            .succeeds(),
        case("an endless redirect", request!("http: '{{test_url}}/a', redirects: 3, expect: [status == 200]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").location) = (302, Some("/a".into())))
            .fails("UnexpectedStatus")
            .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &4)),
        case(
            "a redirect to another address is not followed",
            request!("http: '{{test_url}}/a', redirects: follow, expect: [status == 200]"),
        )
        .world(|world| {
            (route(world, "/a").status, route(world, "/a").location) = (302, Some("http://shop.invalid/b".into()));
        })
        .fails("UnexpectedStatus"),
        case("a redirect to another host, and the check sets headers", "")
            .with(|stage| with_request(stage, "headers: { X-Key: sesame }"))
            .fails("UnexpectedStatus")
            .assert(|played| expect_eq("the requests", &request_lines(played)[..], &["GET /away".to_owned()][..])),
        case("a redirect to another host, and the check sends a body", "")
            .with(|stage| with_request(stage, "text: sesame"))
            .fails("UnexpectedStatus"),
        case("a redirect to another host, and the check sets neither headers nor a body", "")
            .with(|stage| with_request(stage, "timeout: 5s"))
            .succeeds()
            .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &2)),
        case(
            "the log does not contain a variable's value",
            request!("http: '{{test_url}}/{{env.KEY}}', expect: ['header.x-version == {{env.KEY}}', status == 404]"),
        )
        .env("KEY", "sesame-open")
        .fails("UnexpectedHeader")
        .assert(|played| {
            expect_eq(
                "whether the log contains the value",
                &played.raw_log.iter().any(|line| line.contains("sesame-open")),
                &false,
            )
        }),
        case(
            "the connection fails twice and is retried",
            request!("http: '{{test_url}}/a', retry: { transport: 3, backoff: 10ms..20ms }, expect: [status == 200]"),
        )
        .world(|world| {
            world.test().unwrap().protocol = "TCP".into();
            (route(world, "/a").hang_up, route(world, "/a").first) = (true, Some(2));
        })
        .succeeds()
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &3)),
        case(
            "the connection fails more often than it is retried",
            request!("http: '{{test_url}}/a', retry: { transport: 1, backoff: 10ms..20ms }, expect: [status == 200]"),
        )
        .world(|world| {
            world.test().unwrap().protocol = "TCP".into();
            route(world, "/a").hang_up = true;
        })
        .fails("ConnectionReset")
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &2)),
        case(
            "a wrong response is not retried",
            request!("http: '{{test_url}}/a', retry: { transport: 3, backoff: 10ms..20ms }, expect: [status == 200]"),
        )
        .world(|world| route(world, "/a").status = 503)
        .fails("UnexpectedStatus")
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &1)),
        case(
            "retries from the defaults of the gate file",
            "version: 1
defaults: { http: { retry: { transport: 2, backoff: 10ms..20ms } } }
hooks: { after_allow_test_traffic: { built_in: none, checks: [{ http: '{{test_url}}/a', expect: [status == 200] }] } }",
        )
        .world(|world| {
            world.test().unwrap().protocol = "TCP".into();
            (route(world, "/a").hang_up, route(world, "/a").first) = (true, Some(2));
        })
        .succeeds(),
        case(
            "polled until the condition is true",
            request!("http: '{{test_url}}/a', within: 20s, every: 50ms, expect: [status == 200]"),
        )
        .world(|world| (route(world, "/a").status, route(world, "/a").first) = (503, Some(3)))
        .succeeds()
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &4)),
        case(
            "polled until the time ends",
            request!("http: '{{test_url}}/a', within: 200ms, every: 50ms, expect: [status == 200]"),
        )
        .world(|world| route(world, "/a").status = 503)
        .fails("UnexpectedStatus"),
        case("warm-up requests do not count", request!("http: '{{test_url}}/a', warmup: 5, expect: [status == 200]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").first) = (500, Some(5)))
            .succeeds()
            .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &6)),
        case("a response that is too slow", request!("http: '{{test_url}}/a', expect: [latency < 100ms]"))
            .world(|world| route(world, "/a").delay = Duration::from_millis(300))
            .fails("TooSlow"),
        case("no response in time", request!("http: '{{test_url}}/a', timeout: 100ms, expect: [status == 200]"))
            .world(|world| route(world, "/a").delay = Duration::from_millis(800))
            .fails("ReadTimedOut"),
    ]
}
