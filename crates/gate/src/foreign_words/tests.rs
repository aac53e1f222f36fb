//! Each mistake has its line, and a file in which that line replaces the mistake has no error.

use crate::check;

/// A check in which `@` is the mistake, or the line to write instead.
const REQUEST: &str = "{ http: '{{test_url}}/', @ }";
const TIMED: &str = "{ http: '{{test_url}}/', expect: [status == 200], within: 1m, @ }";
const STEADY: &str = "{ tasks: green, expect: [running > 1], @ }";
const CONDITION: &str = "{ http: '{{test_url}}/', expect: [@] }";
const KIND: &str = "{ @, any_version: true, expect: [status == 200] }";

/// Check, mistake, line to write instead.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Gatus.
    (KIND, "url: https://example.com/health", "http: \"https://example.com/health\""),
    ("{ @ }", "url: tcp://db.internal:5432", "tcp: db.internal:5432"),
    (
        REQUEST,
        "conditions: ['[STATUS] == 200', '[RESPONSE_TIME] < 300', '[BODY].status == UP']",
        "expect: [status == 200, latency < 300ms, json.status == UP]",
    ),
    (REQUEST, "conditions: ['[STATUS] == any(200, 201)']", "expect: [\"status in 200, 201\"]"),
    (TIMED, "interval: 30s", "every: 30s"),
    (TIMED, "success-threshold: 2", "consecutive: 2"),
    ("{ tasks: green, expect: [running > 1], every: 10s, @ }", "failure-threshold: 6", "within: 1m"),
    (TIMED, "client: { insecure: true, timeout: 10s }", "timeout: 10s, tls: unverified"),
    (CONDITION, "'[STATUS] == 200'", "status == 200"),
    (CONDITION, "'[STATUS] != 500'", "status != 500"),
    (CONDITION, "'[RESPONSE_TIME] < 300'", "latency < 300ms"),
    (CONDITION, "'[BODY].status == UP'", "json.status == UP"),
    (CONDITION, "'[BODY].name == John Doe'", "\"json.name == 'John Doe'\""),
    (CONDITION, "'[BODY].a == [BODY].b'", "json.a == json.b"),
    (CONDITION, "'len([BODY].items) > 0'", "json.items count > 0"),
    (CONDITION, "'has([BODY].errors) == false'", "json.errors not exists"),
    (CONDITION, "'[BODY].id == pat(ord-*)'", "\"json.id matches '^ord\\\\-.*$'\""),
    (CONDITION, "'[BODY] == pat(*all is well*)'", "\"body contains 'all is well'\""),
    (CONDITION, "'[BODY].env == any(test, prod)'", "\"json.env in test, prod\""),
    (CONDITION, "'[BODY].env != any(test, prod)'", "\"json.env not in test, prod\""),
    (CONDITION, "'[CONNECTED] == true'", "latency < 5s"),
    // k6.
    (TIMED, "vus: 10", "consecutive: 10"),
    (TIMED, "iterations: 20", "consecutive: 20"),
    (TIMED, "duration: 30s", "for: 30s"),
    (
        REQUEST,
        "thresholds: { http_req_duration: ['p(95)<500'], http_req_failed: ['rate<0.01'] }",
        "expect: [latency < 500ms, status == 2xx]",
    ),
    (CONDITION, "'r.status === 200'", "status == 200"),
    (CONDITION, "'res.timings.duration < 250'", "latency < 250ms"),
    (CONDITION, "\"response.json().status === 'UP'\"", "\"json.status == 'UP'\""),
    // Argo Rollouts and Kubernetes.
    ("{ @, expect: [state == OK] }", "provider: { prometheus: { query: up } }", "alarms: { names: [ALARM] }"),
    (KIND, "provider: { web: { url: 'https://example.com/' } }", "http: \"https://example.com/\""),
    (REQUEST, "successCondition: result.ok == true", "expect: [json.ok == true]"),
    ("{ alarms: deployment-group, @ }", "successCondition: 'result[0] < 0.01'", "expect: [state == OK]"),
    ("{ alarms: deployment-group, expect: [state == OK], within: 3m, @ }", "interval: 60", "every: 60s"),
    (TIMED, "count: 5", "consecutive: 5"),
    (STEADY, "failureLimit: 3", "within: 30s"),
    (TIMED, "consecutiveSuccessLimit: 4", "consecutive: 4"),
    (TIMED, "timeoutSeconds: 20", "timeout: 20s"),
    (TIMED, "dryRun: true", "on_fail: warn"),
    // Requests.
    ("{ @, expect: [status == 200] }", "method: POST", "http: \"POST {{test_url}}/health\""),
    (TIMED, "body: '{\"sku\": \"A-1\"}'", "json: {\"sku\": \"A-1\"}"),
    (TIMED, "body: { sku: A-1, qty: 1 }", "json: { sku: A-1, qty: 1 }"),
    (TIMED, "body: ping", "text: ping"),
    // Our own subjects.
    (CONDITION, "body.status == UP", "json.status == UP"),
    (CONDITION, "'body.items[0].id exists'", "\"json.items[0].id exists\""),
    (CONDITION, "headers.location exists", "header.location exists"),
    (CONDITION, "status_code == 200", "status == 200"),
    (CONDITION, "response_time < 300", "latency < 300ms"),
    // YAML.
    (TIMED, "<<: { on_fail: warn, every: 2s }", "on_fail: warn, every: 2s"),
    ("{ name: a, @ }", "<<: { tasks: green, expect: [steady == true] }", "tasks: green, expect: [steady == true]"),
    (TIMED, "<<: { within: 2m, every: 2s }", "every: 2s"),
    (TIMED, "<<: [{ on_fail: warn }, { every: 2s }]", "on_fail: warn, every: 2s"),
];

fn suggestions(file: &str) -> Vec<String> {
    check(file).into_iter().filter_map(|fault| fault.suggestion).collect()
}

#[test]
fn every_mistake_has_the_line_to_write_instead() {
    for (check, mistake, line) in MISTAKES {
        let file = |part: &str| {
            let check = check.replace('@', part);
            format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{check}] }} }}\n")
        };
        let diagnostics = crate::check(&file(mistake));
        assert_eq!(suggestions(&file(mistake)), [*line], "{mistake}: {diagnostics:?}");
        assert_eq!(diagnostics.len(), 1, "{mistake}: {diagnostics:?}");
        // Several keys are separate lines, or parts of a map between braces, as here.
        assert_eq!(crate::check(&file(line)), [], "{line}");
    }
}

#[test]
fn a_mistake_outside_of_checks_has_its_line_too() {
    for (mistake, line) in [
        ("hooks: { AfterAllowTestTraffic: {} }", "after_allow_test_traffic:"),
        ("hooks: { BeforeInstall: { checks: none } }", "before_install:"),
        ("hooks: { afterAllowTraffic: {} }", "after_allow_traffic:"),
        ("hooks: { after_install: { abortOnFail: true } }", "run: fail-fast"),
        ("hooks: { after_install: { dryRun: true } }", "mode: observe"),
        ("dryRun: true", "mode: observe"),
        ("skip: { words: '[skip gate]', until: 2027-01-31 }", "marker: \"[skip gate]\""),
    ] {
        assert_eq!(suggestions(&format!("version: 1\n{mistake}\n")), [line], "{mistake}");
    }
    let found = suggestions("version: 1\nendpoints: [{ name: a, url: 'https://example.com/' }]\n");
    let [hooks] = &found[..] else { panic!("{found:?}") };
    assert_eq!(check(&format!("version: 1\n{hooks}\n")), []);
}

#[test]
fn brackets_that_are_not_yaml_name_the_subject() {
    let check = "{ http: '{{test_url}}/', expect: [[STATUS] == 200] }";
    let file = format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{check}] }} }}\n");
    assert_eq!(suggestions(&file), ["status"]);
}

#[test]
fn a_word_applies_only_where_our_key_exists() {
    let file = |check: &str| format!("version: 1\nhooks: {{ before_install: {{ checks: [{check}] }} }}\n");
    // `preflight` polls nothing.
    assert_eq!(suggestions(&file("{ preflight: service, interval: 30s }")), [] as [&str; 0]);
    // `tasks` has no `latency`.
    assert_eq!(suggestions(&file("{ tasks: blue, expect: ['[RESPONSE_TIME] < 300'] }")), [] as [&str; 0]);
}

#[test]
fn a_key_that_the_check_already_has_is_not_suggested_again() {
    let file = |keys: &str| {
        let check = format!("{{ http: '{{{{test_url}}}}/', expect: [status == 200], {keys} }}");
        format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{check}] }} }}\n")
    };
    assert_eq!(suggestions(&file("vus: 10, iterations: 20")), ["consecutive: 10"]);
    assert_eq!(suggestions(&file("every: 5s, interval: 30s")), [] as [&str; 0]);
    let text = format!("{:?}", check(&file("every: 5s, interval: 30s")));
    assert!(text.contains("`every` already replaces it, so remove `interval`"), "{text}");
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let check = "{ url: 'https://u:p@example.com/', expect: [status == 200] }";
    let file = format!("version: 1\nhooks: {{ before_install: {{ checks: [{check}] }} }}\n");
    let text = format!("{:?}", crate::check(&file));
    assert!(text.contains("http: ") && !text.contains("u:p"), "{text}");
}

#[test]
fn a_pasted_secret_is_not_repeated() {
    for keys in [
        r#"body: '{"user": "smoke", "password": "hunter2222"}'"#,
        "body: { password: hunter2222 }",
        "<<: { headers: { Authorization: Bearer hunter2222 } }",
        "url: 'https://example.com/?access_token=hunter2222'",
    ] {
        let file = format!(
            "version: 1\nhooks: {{ before_install: {{ checks: [{{ name: a, expect: [status == 200], {keys} }}] }} }}\n"
        );
        let text = format!("{:?}", check(&file));
        assert!(!text.contains("hunter2222"), "{text}");
    }
}

#[test]
fn a_line_that_would_be_long_is_cut() {
    let check = format!("{{ http: '{{{{test_url}}}}/', expect: [status == 200], body: {} }}", "x".repeat(1000));
    let file = format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{check}] }} }}\n");
    assert_eq!(suggestions(&file), ["text: …"]);
}
