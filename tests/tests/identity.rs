//! Which version responds: a response proves it only with a value that differs between the versions, and `ALB_URL` must
//! lead to the listener that the barrier has checked.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{Hook, HookRunReport, HookTestBed, world::World};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("proof", proof).cases("where_alb_url_leads", where_alb_url_leads).run()
}

/// A barrier with a request, and a check that uses the address.
fn case(title: &str, condition: &str) -> HookCase {
    let gate = format!(
        "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - {{ name: forwards_to, forwards_to: green, within: 3s, every: 50ms, http: '{{{{test_url}}}}/version', expect: ['{condition}'] }}
      - {{ name: mine, http: '{{{{test_url}}}}/', expect: [status == 200] }}
"
    );
    HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate)
}

/// Points `ALB_URL` at the production listener, where the original still responds.
fn at_production(case: HookCase) -> HookCase {
    case.with(|stage| {
        let mut port = 0;
        let stage = stage.world(|world| port = world.production().unwrap().port);
        stage.env("ALB_URL", &format!("localhost:{port}"))
    })
}

/// Gives both versions the same image, so that only the configuration changes.
fn same_image(world: &mut World) {
    let [.., old, new] = &mut world.definitions[..] else { panic!("two versions") };
    new.containers[0].image.clone_from(&old.containers[0].image);
}

fn no_requests_sent(played: &HookRunReport) -> Result<(), String> {
    expect_eq("the requests", &played.requests_to_service.len(), &0)
}

const PRESENT_IN_BOTH: &str = "json.colour exists";
const TAG: &str = "json.version == {{green.image_tag}}";

fn proof() -> Vec<HookCase> {
    vec![
        case("a value that differs between the versions", TAG).succeeds().check_outcome("forwards_to", "passed"),
        case("a value that both versions have", PRESENT_IN_BOTH)
            .succeeds()
            .check_outcome("forwards_to", "unverified")
            .warns("VersionUnverified"),
        at_production(case("a value that both versions have, at the production port", PRESENT_IN_BOTH))
            .fails("SettingsInvalid")
            .check_outcome("mine", "not_run")
            .assert(no_requests_sent),
        at_production(case("a value that differs between the versions, at the production port", TAG))
            .fails("WrongVersionServed")
            .check_outcome("mine", "not_run"),
        case("the same image, and a tag", TAG)
            .world(same_image)
            .world(|world| world.versions.last_mut().unwrap().name = "1.41.0".into())
            .succeeds()
            .check_outcome("forwards_to", "unverified")
            .warns("VersionUnverified"),
        at_production(case("the same image, and a tag, at the production port", TAG))
            .world(same_image)
            .fails("SettingsInvalid")
            .assert(no_requests_sent),
        case("the same image, and the revision of the task definition", "json.revision == {{green.revision}}")
            .world(same_image)
            .world(|world| {
                let body = Some(r#"{"revision":42}"#.into());
                world.versions.last_mut().unwrap().routes.entry("/version".into()).or_default().body = body;
            })
            .succeeds()
            .check_outcome("forwards_to", "passed"),
        case("a text that is part of another text", "body contains {{green.image_tag}}")
            .succeeds()
            .warns("VersionUnverified"),
    ]
}

fn where_alb_url_leads() -> Vec<HookCase> {
    let at = |host: &'static str| {
        let gate = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { name: forwards_to, forwards_to: green, within: 300ms, every: 50ms, settle: 0s }
      - { name: mine, http: '{{test_url}}/', expect: [status == 200] }
";
        let own = move |stage: HookTestBed| {
            let port = stage.test_port();
            stage.env("ALB_URL", &format!("{host}:{port}"))
        };
        HookCase::new(Hook::AfterAllowTestTraffic, &format!("at {host}")).gate(gate).with(own)
    };
    vec![
        at("localhost").succeeds(),
        // An address of `localhost`, so the same listener.
        at("127.0.0.1").succeeds(),
        at("127.0.0.2").fails("SettingsInvalid").check_outcome("mine", "not_run").assert(no_requests_sent),
        at("shop.invalid").fails("NameNotResolved").check_outcome("mine", "not_run"),
    ]
}
