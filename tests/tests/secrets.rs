//! Secrets in the real programs: a hook fetches only secrets that it uses, sends them only where the gate file says,
//! and never logs them.

use std::process::ExitCode;

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq};
use rehearsal::{
    Exchange, FaultKind, Hook, HookRunReport, HookTestBed, InjectedFault, Recorder,
    world::{RouteResponse, World},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("sent_where_they_are_meant_for", sent_where_they_are_meant_for)
        .cases("what_cannot_be_had", what_cannot_be_had)
        .cases("sent_back", sent_back)
        .async_test("secrets_are_not_sent_to_aws", secrets_are_not_sent_to_aws)
        .run()
}

const TOKEN: &str = "sesame \"open\"/42 ü";
const WEBHOOK: &str = r#"{"url":"https://hooks.example.com/sesame-hook","port":5432,"deep":{"a":"sesame-deep"}}"#;
const BASIC: &str = "bWU6c2VzYW1lLWJhc2lj"; // me:sesame-basic

/// A gate file for AfterAllowTestTraffic, with the secrets of the world.
macro_rules! gate {
    ($checks:expr) => {
        concat!(
            "version: 1
secrets:
  token: ssm:/shop/token
  hook: secretsmanager:shop/hook#url
  port: secretsmanager:shop/hook#port
  all: secretsmanager:shop/hook
  basic: ssm:/shop/basic
  short: ssm:/shop/short
  lines: ssm:/shop/lines
  missing: ssm:/shop/nothing
  unknown: secretsmanager:shop/nothing
  wrong_key: secretsmanager:shop/hook#urls
  deep: secretsmanager:shop/hook#deep
  no_json: secretsmanager:shop/plain#key
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
",
            $checks
        )
    };
}

fn route<'a>(world: &'a mut World, path: &str) -> &'a mut RouteResponse {
    world.versions.last_mut().unwrap().routes.entry(path.to_owned()).or_default()
}

fn case(title: &str, gate: &'static str) -> HookCase {
    HookCase::new(Hook::AfterAllowTestTraffic, title)
        .gate(gate)
        .world(|world| {
            let parameters = [
                ("/shop/token", TOKEN),
                ("/shop/basic", BASIC),
                ("/shop/short", "abc"),
                ("/shop/lines", "open\nsesame"),
            ];
            world.account.parameters.extend(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
            world.account.put_secret("shop/hook", WEBHOOK);
            world.account.put_secret("shop/plain", "sesame-plain");
        })
        .assert(log_has_no_secret)
}

/// Checks that no line of the log contains a secret. All secrets contain the word `sesame`.
fn log_has_no_secret(played: &HookRunReport) -> Result<(), String> {
    let has =
        |line: &&String| ["sesame", "SESAME", "c2VzYW", "b3Blbi", "bWU6c2"].iter().any(|word| line.contains(word));
    match played.raw_log.iter().find(has) {
        Some(line) => Err(format!("a log line contains a secret: {line}")),
        None => Ok(()),
    }
}

fn call_count_is(
    operation: &'static str,
    expected: u64,
) -> impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static {
    move |played| expect_eq(&format!("calls of {operation}"), played.calls.get(operation).unwrap_or(&0), &expected)
}

fn log_contains(what: &'static str) -> impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static {
    move |played| {
        let said = played.raw_log.iter().any(|line| line.contains(what));
        expect_eq(&format!("whether the log says {what:?}"), &said, &true)
    }
}

fn sent_where_they_are_meant_for() -> Vec<HookCase> {
    vec![
        case(
            "in a header, a query, a form and a body",
            gate!(
                "      - { name: header, http: '{{test_url}}/a', headers: { X-Token: '{{secret.hook}}' }, expect: [status == 200] }
      - { name: query, http: '{{test_url}}/b?port={{secret.port}}', expect: [status == 200] }
      - { name: form, http: 'POST {{test_url}}/c', form: { token: '{{secret.token}}' }, expect: [status == 200] }
      - { name: body, http: 'POST {{test_url}}/d', json: { token: '{{secret.token}}' }, expect: [status == 200] }
"
            ),
        )
        .succeeds()
        .assert(call_count_is("ssm:GetParameter", 1))
        .assert(call_count_is("secretsmanager:GetSecretValue", 1))
        .assert(|played| {
            let request = |path: &str| {
                let mut all = played.requests_to_service.iter();
                all.find(|request| request.path.starts_with(path)).ok_or_else(|| format!("no request for {path}"))
            };
            expect_eq("the header", request("/a")?.headers["x-token"].as_str(), "https://hooks.example.com/sesame-hook")?;
            expect_eq("the query", request("/b")?.path.as_str(), "/b?port=5432")?;
            expect_eq("the form", request("/c")?.body.as_str(), "token=sesame+%22open%22%2F42+%C3%BC")?;
            expect_eq("the body", request("/d")?.body.as_str(), r#"{"token":"sesame \"open\"/42 ü"}"#)
        }),
        case("a secret that no check uses is not fetched", gate!("      - { name: plain, http: '{{test_url}}/', expect: [status == 200] }\n"))
            .succeeds()
            .assert(call_count_is("ssm:GetParameter", 0))
            .assert(call_count_is("secretsmanager:GetSecretValue", 0)),
        case(
            "a secret of a check that does not apply is not fetched",
            gate!("      - { name: plain, http: '{{test_url}}/', expect: [status == 200] }
      - { name: other, http: '{{test_url}}/', when: [application == other], headers: { X-Token: '{{secret.token}}' }, expect: [status == 200] }
"),
        )
        .succeeds()
        .assert(call_count_is("ssm:GetParameter", 0)),
        case(
            "a redirect does not send a secret to another host",
            gate!("      - { name: away, http: '{{env.ELSEWHERE}}/away', redirects: follow, headers: { X-Token: '{{secret.hook}}' }, expect: [status == 200] }\n"),
        )
        .with(|stage| {
            // The same listener by another name is another host.
            let port = stage.test_port();
            stage.env("ELSEWHERE", &format!("http://localhost:{port}")).world(move |world| {
                let away = route(world, "/away");
                (away.status, away.location) = (307, Some(format!("http://127.0.0.1:{port}/stolen")));
            })
        })
        .fails("UnexpectedStatus")
        .assert(|played| {
            let stolen = played.requests_to_service.iter().any(|request| request.path == "/stolen");
            expect_eq("whether the other host received the secret", &stolen, &false)
        }),
    ]
}

fn what_cannot_be_had() -> Vec<HookCase> {
    vec![
        case(
            "every reason why a secret cannot be read, and a check without a secret",
            gate!(
                "      - { name: plain, http: '{{test_url}}/', expect: [status == 200] }
      - { name: short, http: '{{test_url}}/', headers: { X: '{{secret.short}}' }, expect: [status == 200] }
      - { name: missing, http: '{{test_url}}/', headers: { X: '{{secret.missing}}' }, expect: [status == 200] }
      - { name: unknown, http: '{{test_url}}/', headers: { X: '{{secret.unknown}}' }, expect: [status == 200] }
      - { name: wrong key, http: '{{test_url}}/', headers: { X: '{{secret.wrong_key}}' }, expect: [status == 200] }
      - { name: no text, http: '{{test_url}}/', headers: { X: '{{secret.deep}}' }, expect: [status == 200] }
      - { name: no json, http: '{{test_url}}/', headers: { X: '{{secret.no_json}}' }, expect: [status == 200] }
"
            ),
        )
        .fails("SecretUnreadable")
        .check_outcome("plain", "passed")
        .check_outcome("short", "errored")
        .check_outcome("no json", "errored"),
        case(
            "the role is not allowed to read a secret, which only warns",
            gate!("      - { name: one, http: '{{test_url}}/', headers: { X: '{{secret.token}}' }, expect: [status == 200], on_error: warn }\n"),
        )
        .with_fault(InjectedFault::always("ssm:GetParameter", FaultKind::Deny))
        .succeeds()
        .warns("SecretUnreadable")
        .assert(log_contains("the function's role needs ssm:GetParameter")),
        case(
            "two checks use a secret that the role is not allowed to read",
            gate!("      - { name: one, http: '{{test_url}}/', headers: { X: '{{secret.hook}}' }, expect: [status == 200] }
      - { name: two, http: '{{test_url}}/', headers: { X: '{{secret.port}}' }, expect: [status == 200] }
"),
        )
        .with_fault(InjectedFault::always("secretsmanager:GetSecretValue", FaultKind::Deny))
        .fails("SecretUnreadable")
        .assert(call_count_is("secretsmanager:GetSecretValue", 1))
        .assert(log_contains("the function's role needs secretsmanager:GetSecretValue")),
    ]
}

fn sent_back() -> CaseGroup {
    const ECHO_GATE: &str = gate!(
        "      - { name: echo, http: '{{test_url}}/echo?x={{secret.token}}', headers: { Authorization: 'Basic {{secret.basic}}', X-Token: '{{secret.hook}}' }, expect: [\"json.token == 'other'\"] }\n"
    );
    let echo = |title: &str, body: String| {
        case(title, ECHO_GATE)
            .world(move |world| route(world, "/echo").body = Some(body))
            .fails("UnexpectedBody")
            .assert(log_contains("[secret "))
    };
    let json = |value: &str| serde_json::json!({ "token": value }).to_string();
    // The server sends the function's own credentials back.
    let credential = |title: &str, sent: &'static str| {
        case(title, ECHO_GATE).world(move |world| route(world, "/echo").body = Some(json(sent))).fails("UnexpectedBody")
    };
    CaseGroup::from(vec![
        echo("in a JSON value", json(TOKEN)),
        echo("in the middle of a JSON value", json(&format!("the token {TOKEN} is not known"))),
        echo("at the end of a long JSON value, where the log shortens it", json(&format!("{}{TOKEN}", "the token that was sent is not known at all here: "))),
        echo("cut off within an escape of a URL", json(&format!("{}sesame%20%22open%22%2F42%20%C3%BC", ".".repeat(40)))),
        echo("cut off within an escape of JSON", json(&format!("{}sesame \\u0022open\\u0022/42 \\u00fc", ".".repeat(38)))),
        echo("cut off within a padded entity", json(&format!("{}sesame &#0000034;open&#0000034;/42 &uuml;", ".".repeat(40)))),
        echo("cut off within base64", json(&format!("{}{BASIC}", ".".repeat(50)))),
        echo("in upper case", json("SESAME \"OPEN\"/42 Ü")),
        case("the value of a variable", gate!(
            "      - { name: echo, http: '{{test_url}}/echo?x={{env.SHOP_KEY}}', expect: [\"json.token == 'other'\"] }\n"
        ))
        .env("SHOP_KEY", "sesame-of-the-team")
        .world(move |world| route(world, "/echo").body = Some(json("no such key: sesame%2Dof-the-team")))
        .fails("UnexpectedBody")
        .assert(log_contains("'no such key: [env SHOP_KEY]'")),
        credential("the function's own credentials", "rehearsalXUtnFEMI%2FK7MDENG%2FbPxRfiCYEXAMPLEKEY")
            .assert(log_contains("'[AWS_SECRET_ACCESS_KEY]'")),
        credential(
            "the function's session token",
            "IQoJb3JpZ2luX2VjEXAMPLEofTheRehearsal//////////wEaCWV1LXdlc3QtMSJHMEUCIQ==",
        )
        .assert(log_contains("'[AWS_SESSION_TOKEN]'")),
        case("a user name in a redirect", gate!(
            "      - { name: status, http: '{{test_url}}/echo', expect: [status == 200] }\n"
        ))
        .world(|world| {
            let echo = route(world, "/echo");
            (echo.status, echo.location) = (302, Some("http:\\\\me:sesame@shop.example.com/x".into()));
        })
        .fails("UnexpectedStatus")
        .assert(log_contains("shop.example.com/x")),
        echo("as a URL encodes it", json("/echo?x=sesame%20%22open%22%2F42%20%C3%BC")),
        echo("as a form encodes it", json("x=sesame+%22open%22%2F42+%C3%BC")),
        echo("as JSON encodes it", json(r#"sent: "sesame \"open\"\/42 \u00fc""#)),
        echo("as HTML encodes it", json("sesame &quot;open&quot;/42 &#252;")),
        echo("a URL in upper case", json("HTTPS://HOOKS.EXAMPLE.COM/SESAME-HOOK is not known")),
        echo("in base64", json(&format!("Basic {BASIC}"))),
        echo("decoded from base64", json("hello me, your password is sesame-basic")),
        echo("only the path of a URL", json("no such path: /sesame-hook")),
        case("in a body and a header that conditions compare", gate!(
            "      - { name: body, http: '{{test_url}}/echo', headers: { X: '{{secret.hook}}' }, expect: [body contains nothing] }
      - { name: header, http: '{{test_url}}/echo', headers: { X: '{{secret.hook}}' }, expect: [header.location == nothing] }
"
        ))
        .world(|world| {
            let echo = route(world, "/echo");
            (echo.status, echo.body) = (200, Some("your token is https://hooks.example.com/sesame-hook".into()));
            echo.location = Some("/sesame-hook".into());
        })
        .fails("UnexpectedHeader"),
        case("in a redirect", ECHO_GATE)
            .world(|world| {
                let echo = route(world, "/echo");
                (echo.status, echo.location) = (302, Some("/login/sesame%20%22open%22%2F42%20%C3%BC/x?t=sesame".into()));
            })
            .fails("UnexpectedBody"),
        case("in a redirect that the message names", gate!(
            "      - { name: status, http: '{{test_url}}/echo', headers: { X: '{{secret.hook}}' }, expect: [status == 200] }\n"
        ))
        .world(|world| {
            let echo = route(world, "/echo");
            (echo.status, echo.location) = (302, Some("https://hooks.example.com/sesame-hook".into()));
        })
        .fails("UnexpectedStatus")
        .assert(log_contains("it redirects to [secret hook]")),
        case("in an error page", ECHO_GATE)
            .world(|world| {
                let echo = route(world, "/echo");
                (echo.status, echo.body) = (500, Some("<p>sesame &quot;open&quot;/42 ü</p>".into()));
            })
            .fails("UnexpectedBody"),
        case("in a condition that is false", gate!(
            "      - { name: same, http: '{{test_url}}/echo', expect: ['json.token == {{secret.hook}}'] }
      - { name: like, http: '{{test_url}}/echo', expect: [\"json.token matches '^{{secret.hook}}$'\"] }
"
        ))
        .world(|world| route(world, "/echo").body = Some(r#"{"token":"https://hooks.example.com/sesame-hook!"}"#.into()))
        .fails("UnexpectedBody")
        .assert(log_contains("[secret hook]!")),
        case("in a condition that is true", gate!(
            "      - { name: same, http: '{{test_url}}/echo', expect: ['json.token == {{secret.hook}}'] }\n"
        ))
        .world(|world| route(world, "/echo").body = Some(r#"{"token":"https://hooks.example.com/sesame-hook"}"#.into()))
        .succeeds(),
        case("as an address that cannot be reached", gate!(
            "      - { name: nowhere, http: '{{secret.hook}}', timeout: 2s, expect: [status == 200] }
      - { name: no address, http: '{{secret.token}}', expect: [status == 200] }
      - { name: unsendable, http: '{{test_url}}/', headers: { X: '{{secret.lines}}' }, expect: [status == 200] }
"
        ))
        .assert(|played| expect_eq("the statuses", &played.statuses[..], &[rehearsal::Status::Failed][..])),
        case("in the message of a panic", gate!(
            "      - { sabotage: panic, says: 'a panic with {{secret.token}}' }\n"
        ))
        .fails("CheckPanicked"),
    ])
    // The error of the name server depends on the machine.
    .edit_text(|text| text.lines().filter(|line| !line.contains("nowhere: ")).collect::<Vec<_>>().join("\n"))
}

/// The hooks' requests to AWS do not contain secrets either.
async fn secrets_are_not_sent_to_aws() {
    const GATE: &str = "version: 1
secrets: { token: ssm:/shop/token }
hooks:
  after_allow_test_traffic:
    checks:
      - { name: mine, http: '{{test_url}}/', headers: { X-Token: '{{secret.token}}' }, expect: [status == 200] }
";
    let recorder = Recorder::default();
    let stage = HookTestBed::at(Hook::AfterAllowTestTraffic).await.gate(GATE).recorder(&recorder);
    let stage = stage.world(|world| drop(world.account.parameters.insert("/shop/token".into(), "sesame-42".into())));
    let played = stage.run(greenlight_tests::binaries()).await.unwrap();
    assert_eq!(played.statuses, [rehearsal::Status::Succeeded]);
    let has = |one: &Exchange| {
        let heads = one.request.headers.values().any(|value| value.contains("sesame"));
        heads || String::from_utf8_lossy(&one.request.body).contains("sesame")
    };
    assert!(!recorder.exchanges().iter().any(has));
    let requests: Vec<_> = played.requests_to_service.iter().filter(|it| it.headers.contains_key("x-token")).collect();
    assert_eq!(requests.len(), 1, "exactly one request must contain the secret");
}
