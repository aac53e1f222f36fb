//! The on-failure handler: it gets Lambda's record of a failed invocation, and puts *Failed* for it.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use greenlight_tests::{CaseGroup, HookCase, PUT_STATUS, Suite, expect_eq, log_lacks};
use rehearsal::{
    FaultKind, Hook, HookRunReport, HookTestBed, InjectedFault, InvocationResult, Status, world::EventStatus,
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("records", records).run()
}

/// Sends the record that Lambda sends to an on-failure destination.
fn with_record(mut stage: HookTestBed, change: impl FnOnce(&mut Value)) -> HookTestBed {
    let (deployment, execution) = stage.ids();
    let mut record = json!({
        "version": "1.0",
        "timestamp": "2026-11-14T18:16:05.568Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4c5a-8880-a18cdf61200e",
            "functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 1
        },
        "requestPayload": { "DeploymentId": deployment, "LifecycleEventHookExecutionId": execution },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "responsePayload": {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: e4b46cbf-b738-4c5a-8880-a18cdf61200e Error: Runtime exited with error: signal: killed"
        }
    });
    change(&mut record);
    stage.payload(record.to_string())
}

fn case(title: &str, change: impl FnOnce(&mut Value) + Send + 'static) -> HookCase {
    HookCase::new(Hook::AfterInstall, title).with(|stage| with_record(stage.program("on-failure"), change))
}

fn makes_no_aws_reads(played: &HookRunReport) -> Result<(), String> {
    expect_eq("the calls of AWS", &played.calls, &BTreeMap::from([(PUT_STATUS.to_owned(), 1)]))
}

fn records() -> CaseGroup {
    CaseGroup::from(vec![
        case("a hook was killed", |_| {}).fails("HookInvocationFailed").assert(makes_no_aws_reads),
        case("a hook was killed, and the functions only observe", |_| {})
            .env("GREENLIGHT_MODE", "observe")
            .assert(makes_no_aws_reads)
            .assert(|played| expect_eq("the statuses", &played.statuses[..], &[Status::Succeeded][..]))
            .assert(|played| {
                let has_line = |line: &Value| line["verdict"] == "succeeded" && line["verdict.observed"] == "failed";
                expect_eq("the lines of the verdict", &played.log.iter().filter(|line| has_line(line)).count(), &1)
            }),
        case("the event became too old", |record| {
            record["requestContext"]["condition"] = "EventAgeExceeded".into();
            record["responsePayload"] = Value::Null;
        })
        .fails("HookInvocationFailed"),
        case("a record with only the event", |record| {
            *record = json!({ "requestPayload": record["requestPayload"].clone() });
        })
        .fails("HookInvocationFailed"),
        case("the hook had put its status before it died", |_| {})
            .world(|world| {
                world.executions.last_mut().unwrap().status = Some(Status::Succeeded);
                world.deployment().event("AfterInstall").unwrap().status = EventStatus::Succeeded;
            })
            .assert(|played| expect_eq("the statuses", &played.statuses[..], &[Status::Succeeded][..]))
            .assert(|played| match played.invocation_result {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            }),
        case("CodeDeploy throttles", |_| {})
            .with_fault(InjectedFault::first(3, PUT_STATUS, FaultKind::Throttle))
            .fails("HookInvocationFailed"),
        case("the reply is lost", |_| {})
            .with_fault(InjectedFault::first(1, PUT_STATUS, FaultKind::HangUp).after_effect())
            .assert(|played| expect_eq("the statuses", &played.statuses[..], &[Status::Failed][..])),
        // The handler tries until its time ends, which is two seconds here.
        case("the role is not allowed to put the status", |_| {})
            .timeout(Duration::from_secs(2))
            .with_fault(InjectedFault::always(PUT_STATUS, FaultKind::Deny))
            .errors("StatusNotSent"),
        case("a payload that is not a record", |record| *record = json!({ "Records": [] })).errors("EventMalformed"),
        case("a record of another function's event", |record| record["requestPayload"] = json!({ "id": "sesame" }))
            .errors("EventMalformed"),
        case("CodeDeploy's event without a record", |record| *record = record["requestPayload"].clone())
            .errors("EventMalformed"),
    ])
    .assert_each(log_lacks("sesame"))
}
