//! Which version answers: an answer proves it only by a value that differs between the versions, and `ALB_URL` has to lead to
//! the listener that was looked at.

use greenlight_tests::{Case, play, same};
use rehearsal::{HookName, Played, Stage, world::World};

/// A barrier with a request, and a check that uses the address.
fn case(title: &str, condition: &str) -> Case {
    let gate = format!(
        "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - {{ name: reach, reach: green, within: 3s, every: 50ms, http: '{{{{test_url}}}}/version', expect: ['{condition}'] }}
      - {{ name: mine, http: '{{{{test_url}}}}/', expect: [status == 200] }}
"
    );
    Case::new(HookName::AfterAllowTestTraffic, title).gate(gate)
}

/// `ALB_URL` leads to the production listener, where the original still answers.
fn at_production(case: Case) -> Case {
    case.stage(|stage| {
        let mut port = 0;
        let stage = stage.world(|world| port = world.production().unwrap().port);
        stage.env("ALB_URL", &format!("localhost:{port}"))
    })
}

/// Only the configuration changes: both versions have the same image.
fn same_image(world: &mut World) {
    let [.., old, new] = &mut world.definitions[..] else { panic!("two versions") };
    new.containers[0].image.clone_from(&old.containers[0].image);
}

fn nobody_was_asked(played: &Played) -> Result<(), String> {
    same("the requests", &played.requests_to_service.len(), &0)
}

const BOTH_HAVE: &str = "json.colour exists";
const TAG: &str = "json.version == {{green.image_tag}}";

#[tokio::test(flavor = "multi_thread")]
async fn proof() {
    let told = play(vec![
        case("a value that differs", TAG).succeeds().check("reach", "passed"),
        case("a value that both versions have", BOTH_HAVE)
            .succeeds()
            .check("reach", "doubtful")
            .warns("VersionUnverified"),
        at_production(case("a value that both versions have, at the production port", BOTH_HAVE))
            .fails("SettingsInvalid")
            .check("mine", "not_run")
            .and(nobody_was_asked),
        at_production(case("a value that differs, at the production port", TAG))
            .fails("WrongVersionAnswers")
            .check("mine", "not_run"),
        case("the same image, and a tag", TAG)
            .world(same_image)
            .world(|world| world.versions.last_mut().unwrap().name = "1.41.0".into())
            .succeeds()
            .check("reach", "doubtful")
            .warns("VersionUnverified"),
        at_production(case("the same image, and a tag, at the production port", TAG))
            .world(same_image)
            .fails("SettingsInvalid")
            .and(nobody_was_asked),
        case("the same image, and the revision of the task definition", "json.revision == {{green.revision}}")
            .world(same_image)
            .world(|world| {
                let body = Some(r#"{"revision":42}"#.into());
                world.versions.last_mut().unwrap().routes.entry("/version".into()).or_default().body = body;
            })
            .succeeds()
            .check("reach", "passed"),
        case("a text inside of another", "body contains {{green.image_tag}}").succeeds().warns("VersionUnverified"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_alb_url_leads() {
    let at = |host: &'static str| {
        let gate = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
      - { name: reach, reach: green, within: 300ms, every: 50ms, settle: 0s }
      - { name: mine, http: '{{test_url}}/', expect: [status == 200] }
";
        let own = move |stage: Stage| {
            let port = stage.test_port();
            stage.env("ALB_URL", &format!("{host}:{port}"))
        };
        Case::new(HookName::AfterAllowTestTraffic, &format!("at {host}")).gate(gate).stage(own)
    };
    let told = play(vec![
        at("localhost").succeeds(),
        // Another name of the same addresses.
        at("127.0.0.1").succeeds(),
        at("127.0.0.2").fails("SettingsInvalid").check("mine", "not_run").and(nobody_was_asked),
        at("shop.invalid").fails("NameNotResolved").check("mine", "not_run"),
    ])
    .await;
    insta::assert_snapshot!(told);
}
