//! `http`: what is sent.

use greenlight_tests::{HookCase, expect_eq};
use rehearsal::{Hook, HookRunReport};

use super::support::{pin_image, request_lines};

/// Checks that the last request has these values: each key is the name of a header, or `body`.
fn request_has(what: &'static [(&'static str, &'static str)]) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let last = played.requests_to_service.last().ok_or("the service received no request")?;
        for (name, value) in what {
            let seen = match *name {
                "body" => last.body.as_str(),
                name => last.headers.get(name).map_or("", String::as_str),
            };
            expect_eq(name, seen, value)?;
        }
        Ok(())
    }
}

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    vec![
        case(
            "a JSON body with facts",
            request!(
                "http: 'POST {{test_url}}/orders', json: { sku: SMOKE-1, qty: 1, dry_run: true, of: ['{{green.image_tag}}'] },
                 expect: [status == 200]"
            ),
        )
        .succeeds()
        .assert(request_has(&[
            ("content-type", "application/json"),
            ("body", r#"{"dry_run":true,"of":["1.42.0"],"qty":1,"sku":"SMOKE-1"}"#),
        ])),
        case(
            "a form body",
            request!("http: 'POST {{test_url}}/orders', form: { a: 'x y&z', of: '{{service}}' }, expect: [status == 200]"),
        )
        .succeeds()
        .assert(request_has(&[("content-type", "application/x-www-form-urlencoded"), ("body", "a=x+y%26z&of=web")])),
        case(
            "a text body, and a content type from the gate file",
            request!(
                "http: 'PUT {{test_url}}/orders', text: 'hello {{cluster}}', headers: { Content-Type: text/x, X-Of: '{{env.STAGE}}' },
                 expect: [status == 200]"
            ),
        )
        .env("STAGE", "beta")
        .succeeds()
        .assert(request_has(&[("content-type", "text/x"), ("x-of", "beta"), ("body", "hello shop")])),
        case("two bodies", request!("http: 'PUT {{test_url}}/', text: a, json: {}, expect: [status == 200]"))
            .fails("GateInvalid"),
        case(
            "`host` in the headers",
            request!("http: '{{test_url}}/', headers: { Host: shop.example.com }, expect: [status == 200]"),
        )
        .succeeds()
        .assert(request_has(&[("host", "shop.example.com")])),
        case(
            "the key `host`",
            request!("http: '{{test_url}}/x', host: shop.example.com, expect: [status == 200]"),
        )
        .succeeds()
        .assert(|played| {
            let host = &played.requests_to_service.last().ok_or("the service received no request")?.headers["host"];
            if host.starts_with("shop.example.com:") { Ok(()) } else { Err(format!("the host was {host}")) }
        }),
        case(
            "a fact of the deployment in the path",
            request!("http: '{{test_url}}/{{green.task_definition}}/{{green.revision}}', expect: [status == 200]"),
        )
        .succeeds()
        .assert(|played| expect_eq("the requests", &request_lines(played)[..], &["GET /shop:42/42".to_owned()][..])),
        case(
            "a fact that does not exist",
            request!("http: '{{test_url}}/{{green.image_tag}}', expect: [status == 200]"),
        )
        .world(pin_image)
        .fails("FactUnknown")
        .check_outcome("mine", "errored"),
        case("a variable that is not set", request!("http: '{{test_url}}/{{env.NOT}}', expect: [status == 200]"))
            .fails("FactUnknown"),
        case(
            "the log does not contain what is sent",
            request!("http: '{{test_url}}/x?token=sesame', headers: { Authorization: 'Bearer sesame' }, expect: [status == 201]"),
        )
        .fails("UnexpectedStatus")
        .assert(|played| match played.raw_log.iter().find(|line| line.contains("sesame")) {
            Some(line) => Err(format!("it is in {line}")),
            None => Ok(()),
        }),
    ]
}
