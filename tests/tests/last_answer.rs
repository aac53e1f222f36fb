//! The safety net: Lambda's record of an invocation that died, and Failed for it.

use std::{collections::BTreeMap, time::Duration};

use greenlight_tests::{Case, PUT, play, same};
use rehearsal::{Answer, Fault, HookName, InvocationResult, Played, Stage, Trouble, world::EventStatus};
use serde_json::{Value, json};

/// The record that Lambda hands to an on-failure destination.
fn record(mut stage: Stage, change: impl FnOnce(&mut Value)) -> Stage {
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

fn case(title: &str, change: impl FnOnce(&mut Value) + Send + 'static) -> Case {
    Case::new(HookName::AfterInstall, title).stage(|stage| record(stage.program("last-answer"), change))
}

fn reads_nothing(played: &Played) -> Result<(), String> {
    same("the calls of AWS", &played.calls, &BTreeMap::from([(PUT.to_owned(), 1)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn records() {
    let told = play(vec![
        case("a hook was killed", |_| {}).fails("HookDied").and(reads_nothing),
        case("the event grew too old", |record| {
            record["requestContext"]["condition"] = "EventAgeExceeded".into();
            record["responsePayload"] = Value::Null;
        })
        .fails("HookDied"),
        case("a record with nothing but the event", |record| {
            *record = json!({ "requestPayload": record["requestPayload"].clone() });
        })
        .fails("HookDied"),
        case("the hook had answered before it died", |_| {})
            .world(|world| {
                world.executions.last_mut().unwrap().answer = Some(Answer::Succeeded);
                world.deployment().event("AfterInstall").unwrap().status = EventStatus::Succeeded;
            })
            .and(|played| same("the answers", &played.answers[..], &[Answer::Succeeded][..]))
            .and(|played| match played.outcome_of_invocation {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            }),
        case("CodeDeploy throttles", |_| {}).fault(Fault::first(3, PUT, Trouble::Throttle)).fails("HookDied"),
        case("the reply is lost", |_| {})
            .fault(Fault::first(1, PUT, Trouble::HangUp).taking_effect())
            .and(|played| same("the answers", &played.answers[..], &[Answer::Failed][..])),
        // The whole time that there is is tried: two seconds here.
        case("the role may not answer", |_| {})
            .timeout(Duration::from_secs(2))
            .fault(Fault::always(PUT, Trouble::Deny))
            .errors("AnswerNotSent"),
        case("no record at all", |record| *record = json!({ "Records": [] })).errors("EventMalformed"),
        case("a record of another function's event", |record| record["requestPayload"] = json!({ "id": "sesame" }))
            .errors("EventMalformed"),
        case("an event of CodeDeploy, not wrapped", |record| *record = record["requestPayload"].clone())
            .errors("EventMalformed"),
    ])
    .await;
    assert!(!told.contains("sesame"), "{told}");
    insta::assert_snapshot!(told);
}
