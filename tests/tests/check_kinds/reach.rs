//! Which listener and which version a request reaches.

use greenlight_tests::{CaseGroup, HookCase, expect_eq, truncate_long_verdict};
use rehearsal::Hook;

use super::support::{request_lines, route};

pub fn cases() -> CaseGroup {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    let identity = only!(
        "after_allow_test_traffic",
        "{ name: forwards_to, forwards_to: green, within: 10s, every: 50ms, http: '{{test_url}}/version',
           expect: ['json.version == {{green.image_tag}}'], consecutive: 4 },
         { name: mine, http: '{{test_url}}/', expect: [status == 200] }"
    );
    let impatient = only!(
        "after_allow_test_traffic",
        "{ name: forwards_to, forwards_to: green, within: 200ms, every: 50ms, http: '{{test_url}}/version',
           expect: ['json.version == {{green.image_tag}}'] },
         { name: mine, http: '{{test_url}}/', expect: [status == 200] }"
    );
    CaseGroup::from(vec![
        case("the replacement answers", identity).succeeds().assert(|played| {
            let versions = request_lines(played).iter().filter(|request| *request == "GET /version").count();
            expect_eq("the requests for the version", &versions, &4)
        }),
        case("the original answers at first", identity)
            .world(|world| {
                let version = route(world, "/version");
                (version.body, version.first) = (Some(r#"{"version":"1.41.0"}"#.into()), Some(2));
            })
            .succeeds(),
        case("one in three responses comes from another version", impatient)
            .world(|world| {
                let version = route(world, "/version");
                (version.body, version.one_in) = (Some(r#"{"version":"1.41.0"}"#.into()), 3);
            })
            .fails("WrongVersionServed")
            .check_outcome("mine", "not_run"),
        case("the image holds another version", impatient)
            .world(|world| world.versions.last_mut().unwrap().name = "1.41.0".into())
            .fails("WrongVersionServed")
            .check_outcome("mine", "not_run"),
        case("the response does not contain a version", impatient)
            .world(|world| route(world, "/version").body = Some("ok".into()))
            .fails("UnexpectedBody")
            .check_outcome("forwards_to", "errored"),
        case("only the conditions of the gate file count", impatient)
            .world(|world| route(world, "/version").status = 500)
            .succeeds(),
        case("the listener does not forward", impatient)
            .world(|world| {
                let blue = world.blue().unwrap().target_group().unwrap().to_owned();
                world.test().unwrap().default = vec![(blue, 1)];
            })
            .fails("ListenerNotForwarding")
            .check_outcome("mine", "not_run")
            .assert(|played| expect_eq("the requests", &request_lines(played)[..], &[][..])),
        case(
            "the weights must stay the same for the settle time",
            only!(
                "after_allow_test_traffic",
                "{ name: forwards_to, forwards_to: green, within: 5s, every: 50ms, settle: 300ms }, { http: '{{test_url}}/', expect: [status == 200] }"
            ),
        )
        .succeeds(),
        case(
            "conditions without a request",
            only!("after_allow_test_traffic", "{ forwards_to: green, expect: [status == 200], consecutive: 3 }"),
        )
        .fails("GateInvalid"),
        case(
            "the request goes to the other listener",
            only!(
                "after_allow_test_traffic",
                "{ forwards_to: green, http: '{{production_url}}/version', expect: [status == 200] }"
            ),
        )
        .fails("GateInvalid"),
        case("ALB_URL leads to another listener", impatient)
            .env("ALB_URL", "localhost:1")
            .fails("ConnectRefused"),
        case(
            "ALB_URL leads to another listener, and no request verifies the version",
            only!("after_allow_test_traffic", "{ forwards_to: green, settle: 0s }, { name: mine, http: '{{test_url}}/', expect: [status == 200] }"),
        )
        .env("ALB_URL", "localhost:1")
        .fails("SettingsInvalid")
        .check_outcome("mine", "not_run"),
    ])
    .edit_text(truncate_long_verdict)
}
