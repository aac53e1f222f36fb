//! Payloads that CodeDeploy would not send, and deployments that are not there.

use greenlight_tests::{Case, play, same};
use rehearsal::HookName;

fn case(title: &str) -> Case {
    Case::new(HookName::BeforeAllowTraffic, title)
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads() {
    let pad = |size: usize| format!(r#"{{"DeploymentId":"","Padding":"{}"}}"#, "x".repeat(size));
    let told = play(vec![
        case("not JSON").payload("hello").errors("EventNotJson"),
        case("nothing").payload("").errors("EventNotJson"),
        case("not even text").payload([0xff_u8, 0xfe, 0x00]).errors("EventNotJson"),
        case("deeply nested").payload("[".repeat(100_000)).errors("EventNotJson"),
        case("JSON, and no object").payload("[1]").errors("EventMalformed"),
        case("null").payload("null").errors("EventMalformed"),
        case("no keys").payload("{}").errors("EventMalformed"),
        case("keys in the wrong case")
            .payload(r#"{"deploymentId":"d-A1B2C3D4E","lifecycleEventHookExecutionId":"sesame"}"#)
            .errors("EventMalformed"),
        case("no execution id").payload(r#"{"DeploymentId":"d-A1B2C3D4E"}"#).errors("EventMalformed"),
        case("no deployment id").payload(r#"{"LifecycleEventHookExecutionId":"sesame"}"#).errors("EventMalformed"),
        case("an empty deployment id")
            .payload(r#"{"DeploymentId":"","LifecycleEventHookExecutionId":"sesame"}"#)
            .errors("EventMalformed"),
        case("an empty execution id")
            .payload(r#"{"DeploymentId":"d-A1B2C3D4E","LifecycleEventHookExecutionId":" "}"#)
            .errors("EventMalformed"),
        case("numbers").payload(r#"{"DeploymentId":1,"LifecycleEventHookExecutionId":2}"#).errors("EventMalformed"),
        case("six megabytes, and no ids").payload(pad(6 * 1024 * 1024 - 64)).errors("EventMalformed"),
        case("six megabytes, with ids")
            .padded(format!(r#","Padding":"{}""#, "x".repeat(6 * 1024 * 1024 - 1024)))
            .succeeds(),
        case("extra keys").padded(r#","Extra":{"a":[1,2]}"#).succeeds(),
        case("a deployment that does not exist")
            .stage(|mut stage| {
                let (_, execution) = stage.ids();
                stage.payload(format!(
                    r#"{{"DeploymentId":"d-NOTTHERE1","LifecycleEventHookExecutionId":"{execution}"}}"#
                ))
            })
            .errors("AnswerNotSent")
            .and(|played| same("the code", played.code.as_str(), "AwsRefused")),
    ])
    .await;
    assert!(!told.contains("sesame"), "{told}");
    insta::assert_snapshot!(told);
}
