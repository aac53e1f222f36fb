//! Conditions in the real programs: each one that once passed by mistake, next to the condition that its author meant.

use std::process::ExitCode;

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq, run_cases};
use rehearsal::{Hook, HookRunReport};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .async_test(
            "conditions_on_bodies_have_the_documented_outcomes",
            conditions_on_bodies_have_the_documented_outcomes,
        )
        .async_test("a_body_that_is_not_json_is_an_error", a_body_that_is_not_json_is_an_error)
        .async_test(
            "conditions_on_headers_have_the_documented_outcomes",
            conditions_on_headers_have_the_documented_outcomes,
        )
        .cases(
            "always_true_condition_does_not_let_a_firing_alarm_pass",
            always_true_condition_does_not_let_a_firing_alarm_pass,
        )
        .cases("condition_that_cannot_be_true_does_not_skip_a_hook", condition_that_cannot_be_true_does_not_skip_a_hook)
        .run()
}

/// The responses of the service: path, header lines, body.
const RESPONSES: [(&str, &str, &str); 5] = [
    (
        "/state",
        "x-ready: true\r\nx-line: one\r\nx-line: two\r\n",
        r#"{"status":"DEGRADED","version":"1.9.0","error":null,"tags":["beta-old"],"checks":{"db":"UP"},
            "items":[{"id":1,"status":"UP"},{"id":2,"status":"UP"}],"bad":[{"status":"UP"},{"status":"DOWN"}],"none":[],
            "text":"body"}"#,
    ),
    ("/new", "", r#"{"version":"1.42.0"}"#),
    ("/latest", "", r#"{"version":"latest"}"#),
    ("/marked", "", "\u{feff}{\"version\":\"1.9.0\"}"),
    ("/page", "", "<html>all is well</html>"),
];

/// Starts a service with these responses. Returns its port.
async fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (_, headers, body) = RESPONSES.into_iter().find(|(own, ..)| *own == path).unwrap_or(("", "", ""));
                let length = body.len();
                let reply = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n{body}");
                let _ = stream.write_all(reply.as_bytes()).await;
            });
        }
    });
    port
}

/// Runs one request for each row: path, condition, and the expected end, which is `passed` or the outcome and the code.
async fn run_each(title: &str, conditions: &[(&str, &str, &str)]) -> String {
    let port = service().await;
    let mut gate = "version: 1\nhooks:\n  after_install:\n    built_in: none\n    checks:\n".to_owned();
    for (number, (path, condition, _)) in conditions.iter().enumerate() {
        let condition = match condition.split_once("any: ") {
            Some((_, list)) => format!("{{ any: {list} }}"),
            None => format!("\"{condition}\""),
        };
        gate += &format!(
            "      - {{ name: c{number}, http: 'http://127.0.0.1:{port}{path}', expect: [{condition}], any_version: true, on_fail: warn, on_error: warn }}\n"
        );
    }
    let expected: Vec<(String, String, String)> = conditions
        .iter()
        .enumerate()
        .map(|(number, (_, condition, ending))| {
            let (outcome, code) = ending.split_once(' ').unwrap_or((ending, ""));
            (format!("c{number}"), (*condition).to_owned(), format!("{outcome} {code}"))
        })
        .collect();
    let as_expected = move |played: &HookRunReport| {
        for (name, condition, ending) in &expected {
            let check = played.checks.iter().find(|check| check.name == *name).ok_or("a check is missing")?;
            let seen = format!("{} {}", check.outcome, check.code);
            expect_eq(condition, seen.as_str(), ending.as_str())?;
        }
        Ok(())
    };
    run_cases(vec![HookCase::new(Hook::AfterInstall, title).gate(gate).succeeds().assert(as_expected)]).await
}

async fn conditions_on_bodies_have_the_documented_outcomes() {
    const FALSE: &str = "failed UnexpectedBody";
    const ERROR: &str = "errored UnexpectedBody";
    run_each(
        "values, lists and versions of JSON",
        &[
            ("/state", "any: [json.status == UP, json.status == DEGRADED]", "passed"),
            ("/state", "any: [json.status == UP, json.status == DOWN]", FALSE),
            ("/state", "json.error not exists", "passed"),
            ("/state", "json.error == null", "passed"),
            ("/state", "json.fault not exists", "passed"),
            ("/state", "json.fault == null", FALSE),
            ("/state", "json.status not exists", FALSE),
            ("/state", "json.items count >= 2", "passed"),
            ("/state", "json.items count >= 3", FALSE),
            ("/state", "json.none count >= 1", FALSE),
            ("/state", "json.items[*].id exists", "passed"),
            ("/state", "json.items[*].status == UP", "passed"),
            ("/state", "json.bad[*].status == UP", FALSE),
            ("/state", "json.bad[*].id exists", FALSE),
            ("/state", "json.none[*].id exists", FALSE),
            ("/state", "json.none[*].id not exists", FALSE),
            ("/state", "json.missing[*].id exists", FALSE),
            ("/state", "json.status[*] exists", ERROR),
            ("/state", "json.tags contains beta-old", "passed"),
            ("/state", "json.tags contains beta", FALSE),
            ("/state", "json.checks contains db", ERROR),
            ("/state", "json.checks.db == UP", "passed"),
            ("/state", "body contains beta", "passed"),
            ("/state", "json.text contains body", "passed"),
            ("/page", "body contains body", FALSE),
            ("/page", "body matches latency", FALSE),
            ("/state", "version(json.version) >= 1.10.0", FALSE),
            ("/state", "version(json.version) < 1.10.0", "passed"),
            ("/new", "version(json.version) >= 1.5.0", "passed"),
            ("/latest", "version(json.version) >= 1.5.0", ERROR),
            ("/state", "json.version >= 1", ERROR),
            ("/marked", "json.version == '1.9.0'", "passed"),
        ],
    )
    .await;
}

async fn a_body_that_is_not_json_is_an_error() {
    let conditions = [
        "json.id exists",
        "json.id not exists",
        "json.id == 1",
        "json.id != 1",
        "json.id != null",
        "json.items count == 0",
        "json.items[*].id not exists",
        "json.name contains x",
        "json.name not contains x",
        "version(json.version) >= 1.0",
    ];
    let all = conditions.map(|condition| ("/page", condition, "errored UnexpectedBody"));
    let passes = [("/page", "body contains well", "passed"), ("/page", "any: [json.id == 1, status == 200]", "passed")];
    run_each("an HTML page", &all.into_iter().chain(passes).collect::<Vec<_>>()).await;
}

async fn conditions_on_headers_have_the_documented_outcomes() {
    const FALSE: &str = "failed UnexpectedHeader";
    run_each(
        "headers are text, and every line counts",
        &[
            ("/state", "header.x-ready == true", "passed"),
            ("/state", "header.x-ready == false", FALSE),
            ("/state", "header.x-line contains two", "passed"),
            ("/state", "header.x-line not contains two", FALSE),
            ("/state", "header.x-line in one, two", "passed"),
            ("/state", "header.x-line == one", FALSE),
            ("/state", "header.x-line != two", FALSE),
            ("/state", "header.x-line count == 2", "passed"),
            ("/state", "header.x-ready count == 2", FALSE),
            ("/state", "header.x-other not exists", "passed"),
            ("/state", "header.content-length > 10", "passed"),
            ("/state", "header.x-ready > 10", "errored UnexpectedHeader"),
        ],
    )
    .await;
}

/// A hook whose only check has this condition on the alarms of the deployment group.
fn alarms(title: &str, expect: &str) -> HookCase {
    let gate = format!(
        "version: 1\nhooks:\n  before_allow_traffic:\n    built_in: none\n    checks:\n      - {{ alarms: deployment-group, expect: [{expect}] }}\n"
    );
    HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate)
}

fn with_alarm_firing(case: HookCase) -> HookCase {
    case.world(|world| {
        for alarm in &mut world.alarms {
            alarm.state = "ALARM".to_owned();
        }
    })
}

fn always_true_condition_does_not_let_a_firing_alarm_pass() -> CaseGroup {
    CaseGroup::from(vec![
        with_alarm_firing(alarms("a state in lower case, and the alarm fires", "state != alarm")).fails("GateInvalid"),
        with_alarm_firing(alarms("the state as AWS writes it, and the alarm fires", "state != ALARM"))
            .fails("AlarmFiring"),
        alarms("the state as AWS writes it, and no alarm fires", "state != ALARM").succeeds(),
        with_alarm_firing(alarms(
            "one of two states, and the alarm fires",
            "any: [state == OK, state == INSUFFICIENT_DATA]",
        ))
        .fails("AlarmFiring"),
        alarms("one of two states, and no alarm fires", "any: [state == OK, state == INSUFFICIENT_DATA]").succeeds(),
    ])
    .without_golden_text()
}

fn condition_that_cannot_be_true_does_not_skip_a_hook() -> CaseGroup {
    let case = |title: &str, when: &str| {
        HookCase::new(Hook::BeforeAllowTraffic, title)
            .world(|world| world.green().unwrap().steady = false)
            .gate(format!(
                "version: 1\nhooks:\n  before_allow_traffic:\n    when: {when}\n    built_in: {{ tasks: {{ within: 0s }} }}\n"
            ))
    };
    CaseGroup::from(vec![
        case("`or` is not an operator", "['region == eu-west-1 or region == us-east-1']").fails("GateInvalid"),
        case("`||` is not an operator", "['region == eu-west-1 || region == us-east-1']").fails("GateInvalid"),
        case("a region that AWS cannot have", "[region == EU_WEST_1]").fails("GateInvalid"),
        case("two regions at once", "[region == eu-west-1, region == us-east-1]").fails("GateInvalid"),
        case("a check for another region than its hook", "[region == eu-west-1]")
            .gate("version: 1\nhooks:\n  before_allow_traffic:\n    when: [region == eu-west-1]\n    checks:\n      - { tasks: green, expect: [steady == true], when: [region == us-east-1] }\n")
            .fails("GateInvalid"),
        case("one of two regions", "[{ any: [region == eu-west-1, region == us-east-1] }]").fails("NotSteady"),
        case("one of two regions, without a list", "{ any: [region == eu-west-1, region == us-east-1] }")
            .fails("NotSteady"),
        case("one of two other regions", "[{ any: [region == us-west-2, region == us-east-1] }]").succeeds(),
        case("one of the facts is not known", "[{ any: [env.STAGE == prod, region == us-east-1] }]").fails("FactUnknown"),
    ]).without_golden_text()
}
