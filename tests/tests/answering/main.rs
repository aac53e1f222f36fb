//! The answer gets through: lost, throttled, refused, too late. And in `matrix`, whatever goes wrong with any operation.

mod matrix;

use std::time::Duration;

use greenlight_tests::{Case, PUT, play, same};
use rehearsal::{Answer, Fault, HookName, InvocationResult, Played, Trouble, world::EventStatus};

fn case(title: &str) -> Case {
    Case::new(HookName::BeforeAllowTraffic, title)
}

fn puts(played: &rehearsal::Played) -> u64 {
    played.calls.get(PUT).copied().unwrap_or_default()
}

fn no_line(played: &Played, word: &str) -> Result<(), String> {
    let found = played.raw_log.iter().find(|line| line.contains(word));
    found.map_or(Ok(()), |line| Err(format!("{word:?} is in the log: {line}")))
}

/// One line says what to do, and the way out that needs no execution id comes first.
fn stop_comes_first(played: &Played) -> Result<(), String> {
    let commands = |line: &String| {
        let stop = line.find("aws deploy stop-deployment --region ");
        let put = line.find("aws deploy put-lifecycle-event-hook-execution-status --region ");
        stop.zip(put)
    };
    let found: Vec<_> = played.raw_log.iter().filter_map(commands).collect();
    same("the lines with the commands", &found.len(), &1)?;
    same("stop-deployment comes first", &(found[0].0 < found[0].1), &true)
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
        case("somebody else's JSON came back, and the answer had arrived")
            .fault(Fault::first(1, PUT, Trouble::ForeignJson).taking_effect())
            .succeeds()
            .and(|played| same("the puts", &puts(played), &2))
            .and(|played| no_line(played, "already")),
        case("somebody else's JSON came back, and the answer had not arrived")
            .fault(Fault::first(2, PUT, Trouble::ForeignJson))
            .succeeds()
            .and(|played| same("the puts", &puts(played), &3)),
        case("somebody else's JSON comes back for ever")
            .timeout(Duration::from_secs(3))
            .fault(Fault::always(PUT, Trouble::ForeignJson))
            .errors("AnswerNotSent")
            .and(stop_comes_first),
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
            .and(stop_comes_first),
        case("the role may not answer, and there is a dead-letter queue")
            .timeout(Duration::from_secs(3))
            .env("GREENLIGHT_DEAD_LETTER_QUEUE", "https://sqs.eu-west-1.amazonaws.com/111122223333/dead letters")
            .fault(Fault::always(PUT, Trouble::Deny))
            .errors("AnswerNotSent")
            .and(stop_comes_first)
            .and(|played| {
                let reads = "aws sqs receive-message --region eu-west-1 --queue-url \
                             'https://sqs.eu-west-1.amazonaws.com/111122223333/dead letters' ";
                let reads = |line: &&String| line.contains(reads);
                same("the lines that say how to read the event", &played.raw_log.iter().filter(reads).count(), &1)
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
