//! Payloads that CodeDeploy would not send, and deployments that do not exist.

use std::process::ExitCode;

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq, log_lacks};
use rehearsal::Hook;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("payloads", payloads).run()
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title)
}

fn payloads() -> CaseGroup {
    let pad = |size: usize| format!(r#"{{"DeploymentId":"","Padding":"{}"}}"#, "x".repeat(size));
    CaseGroup::from(vec![
        case("not JSON").payload("hello").errors("EventNotJson"),
        case("nothing").payload("").errors("EventNotJson"),
        case("not UTF-8").payload([0xff_u8, 0xfe, 0x00]).errors("EventNotJson"),
        case("deeply nested").payload("[".repeat(100_000)).errors("EventNotJson"),
        case("JSON that is not an object").payload("[1]").errors("EventMalformed"),
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
            .with_extra_json(format!(r#","Padding":"{}""#, "x".repeat(6 * 1024 * 1024 - 1024)))
            .succeeds(),
        case("extra keys").with_extra_json(r#","Extra":{"a":[1,2]}"#).succeeds(),
        case("a deployment that does not exist")
            .with(|mut stage| {
                let (_, execution) = stage.ids();
                stage.payload(format!(
                    r#"{{"DeploymentId":"d-NOTTHERE1","LifecycleEventHookExecutionId":"{execution}"}}"#
                ))
            })
            .errors("StatusNotSent")
            .assert(|played| expect_eq("the code", played.code.as_str(), "AwsRejected")),
    ])
    .assert_each(log_lacks("sesame"))
}
