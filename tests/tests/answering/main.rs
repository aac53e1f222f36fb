//! The answer gets through: lost, throttled, refused, too late. And in `matrix`, whatever goes wrong with any operation.

mod matrix;

use std::time::Duration;

use greenlight_tests::{Case, PUT, play, same};
use rehearsal::{Answer, Fault, HookName, InvocationResult, Trouble, world::EventStatus};

fn case(title: &str) -> Case {
    Case::new(HookName::BeforeAllowTraffic, title)
}

fn puts(played: &rehearsal::Played) -> u64 {
    played.calls.get(PUT).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers() {
    let told = play(vec![
        case("the reply is lost, and the answer counts once")
            .fault(Fault::first(1, PUT, Trouble::HangUp).taking_effect())
            .succeeds()
            .and(|played| same("the puts", &puts(played), &2))
            .and(|played| match played.outcome_of_invocation {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            }),
        case("the reply is cut off").fault(Fault::first(1, PUT, Trouble::Malform).taking_effect()).succeeds(),
        case("it is throttled three times")
            .fault(Fault::first(3, PUT, Trouble::Throttle))
            .succeeds()
            .and(|played| same("the puts", &puts(played), &4)),
        case("the connection is closed before anything was done")
            .fault(Fault::first(2, PUT, Trouble::HangUp))
            .succeeds(),
        case("AWS fails twice").fault(Fault::first(2, PUT, Trouble::Fail)).succeeds(),
        case("the role is new, and IAM has not spread it yet")
            .fault(Fault::first(2, PUT, Trouble::Deny))
            .succeeds()
            .and(|played| same("the puts", &puts(played), &3)),
        // The whole time that is kept back for the answer is tried: a few seconds here.
        case("the role may not answer")
            .timeout(Duration::from_secs(3))
            .fault(Fault::always(PUT, Trouble::Deny))
            .errors("AnswerNotSent")
            .and(|played| {
                let by_hand = |line: &&String| line.contains("aws deploy put-lifecycle-event-hook-execution-status");
                same("the lines with the command", &played.raw_log.iter().filter(by_hand).count(), &1)
            }),
        case("the answer was put already")
            .world(|world| {
                world.executions.last_mut().unwrap().answer = Some(Answer::Failed);
                world.deployment().event("BeforeAllowTraffic").unwrap().status = EventStatus::Failed;
            })
            .env("GREENLIGHT_WRONG_EVENT", "warn")
            .and(|played| same("the puts", &puts(played), &1))
            .and(|played| match played.outcome_of_invocation {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            }),
    ])
    .await;
    insta::assert_snapshot!(told);
}
