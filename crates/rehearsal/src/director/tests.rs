//! The director's order, with functions that do as they are told in place of processes.

mod net;

use std::{collections::HashMap, time::SystemTime};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::{
    report::{Answer, AnsweredBy, Happening, Outcome},
    runtime::InvocationResult,
    world::{Ground, World},
};

/// What a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Put(Answer),
    PutTwice,
    /// As often as it is invoked, whether that is taken or not.
    PutIfTaken,
    Silent,
    Die,
    /// Answers, and dies with the reply on its way.
    PutAndDie(Answer),
    /// Says Succeeded with a check in its log that says fail.
    Lie,
    RunOn,
    /// Dies at the first try and answers at the next, as only the net can.
    PutAtTheSecondTry,
}

struct Actors {
    cloud: Arc<Cloud>,
    acts: HashMap<FunctionName, Act>,
    lines: UnboundedSender<(FunctionName, String)>,
    invoked: Vec<FunctionName>,
    kept: Vec<oneshot::Sender<InvocationResult>>,
}

impl Actors {
    fn put(&self, by: FunctionName, payload: &Value, answer: Answer) -> bool {
        let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        let status = if answer == Answer::Succeeded { "Succeeded" } else { "Failed" };
        let (deployment, execution) = (text("DeploymentId"), text("LifecycleEventHookExecutionId"));
        self.cloud.put_for(Some(by), &deployment, &execution, status).is_ok()
    }
}

impl Functions for Actors {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        _: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        self.invoked.push(function);
        let mut payload: Value = serde_json::from_slice(&payload).unwrap();
        let is_net = function == FunctionName::LastAnswer;
        if is_net {
            payload = payload["requestPayload"].take();
        }
        assert_eq!(payload.as_object().unwrap().len(), 2);
        let (sender, receiver) = oneshot::channel();
        let say = |line: &str| self.lines.send((function, line.to_owned())).unwrap();
        let done = InvocationResult::Success(Value::Null);
        let put = |answer| self.put(function, &payload, answer);
        let checked = |decision: &str| {
            say(&format!(
                r#"{{"check.name":"targets","check.outcome":"x","check.decision":"{decision}","check.code":"TargetsUnhealthy","message":"m"}}"#
            ));
        };
        let died = InvocationResult::Exited("signal: 9 (SIGKILL)".into());
        let usual = if is_net { Act::PutIfTaken } else { Act::Put(Answer::Succeeded) };
        match self.acts.get(&function).copied().unwrap_or(usual) {
            Act::Put(answer) => {
                if answer == Answer::Failed {
                    checked("fail");
                    say(r#"{"verdict":"failed","verdict.code":"TargetsUnhealthy","message":"the verdict"}"#);
                } else {
                    say(FINE);
                }
                assert!(put(answer));
                let _ = sender.send(done);
            }
            Act::PutTwice => {
                say(FINE);
                assert!(put(Answer::Succeeded));
                assert!(!put(Answer::Failed));
                let _ = sender.send(done);
            }
            Act::PutIfTaken if is_net => {
                if put(Answer::Failed) {
                    say(r#"{"verdict":"failed","verdict.code":"HookDied","message":"the net's verdict"}"#);
                }
                let _ = sender.send(done);
            }
            Act::PutIfTaken => {
                put(Answer::Succeeded);
                say(FINE);
                let _ = sender.send(done);
            }
            Act::Silent => drop(sender.send(done)),
            Act::Die => drop(sender.send(died)),
            Act::PutAndDie(answer) => {
                say(FINE);
                assert!(put(answer));
                let _ = sender.send(died);
            }
            Act::Lie => {
                checked("fail");
                say(FINE);
                assert!(put(Answer::Succeeded));
                let _ = sender.send(done);
            }
            Act::PutAtTheSecondTry => {
                let tries = self.invoked.iter().filter(|invoked| **invoked == function).count();
                let _ = sender.send(if tries > 1 && put(Answer::Failed) { done } else { died });
            }
            Act::RunOn => self.kept.push(sender),
        }
        Ok(receiver)
    }
}

/// A verdict that says why no check was logged.
const FINE: &str = r#"{"verdict":"succeeded","verdict.code":"","message":"nothing was checked"}"#;

struct Outcomes {
    report: Report,
    moments: Vec<Happening>,
}

async fn play(yaml: &str, acts: &[(HookName, Act)]) -> Outcomes {
    let acts: Vec<_> = acts.iter().map(|(hook, act)| (FunctionName::Hook(*hook), *act)).collect();
    play_all(&format!("hour: 300ms\n{yaml}"), &acts).await
}

async fn play_all(yaml: &str, acts: &[(FunctionName, Act)]) -> Outcomes {
    let scenario = Scenario::from_yaml(&format!("name: x\nabout: x.\n{yaml}"), "x").unwrap();
    let worlds = scenario.services().into_iter().zip(3..).map(|(service, seed)| {
        World::of(service, SystemTime::now(), Ground { production: 1, test: 2, seed }, &scenario.given)
    });
    let cloud = Arc::new(Cloud::of(worlds.collect(), Vec::new()));
    let (line, lines) = mpsc::unbounded_channel();
    let (moment, mut moments) = mpsc::unbounded_channel();
    let actors = Actors {
        cloud: cloud.clone(),
        acts: acts.iter().copied().collect(),
        lines: line,
        invoked: Vec::new(),
        kept: Vec::new(),
    };
    let report = Director::new(cloud, actors, lines, moment, &scenario).play(&scenario).await.unwrap();
    let mut all = Vec::new();
    while let Ok(moment) = moments.try_recv() {
        all.push(moment.what);
    }
    Outcomes { report, moments: all }
}

/// The moments in short.
fn short(moments: &[Happening]) -> Vec<String> {
    let one = |moment: &Happening| match moment {
        Happening::Created { number, of, .. } => format!("created {number}/{of}"),
        Happening::Passed { event, .. } => event.clone(),
        Happening::Invoked { hook, .. } => format!("{hook}?"),
        Happening::Checked { check, .. } => format!("check {}", check.name),
        Happening::Answered(run) => format!("{}: {:?}", run.hook, run.answer),
        Happening::Moved { .. } => "moved".into(),
        Happening::Net { text, .. } => text.clone(),
        Happening::RolledBack { .. } => "rolled back".into(),
        Happening::Ended { outcome, .. } => format!("{outcome:?}"),
    };
    moments.iter().map(one).collect()
}

const HEALTHY: &str = "deployments: [{ expect: { outcome: succeeded } }]";
const BROKEN: &str =
    "deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install, code: TargetsUnhealthy } }]";

#[tokio::test]
async fn events_come_in_order() {
    let played = play(HEALTHY, &[]).await;
    let told = short(&played.moments);
    let expected = [
        "created 1/1",
        "BeforeInstall?",
        "BeforeInstall: Some(Succeeded)",
        "Install",
        "AfterInstall?",
        "AfterInstall: Some(Succeeded)",
        "AllowTestTraffic",
        "AfterAllowTestTraffic?",
        "AfterAllowTestTraffic: Some(Succeeded)",
        "BeforeAllowTraffic?",
        "BeforeAllowTraffic: Some(Succeeded)",
        "AllowTraffic",
        "AfterAllowTraffic?",
        "AfterAllowTraffic: Some(Succeeded)",
        "Succeeded",
    ];
    assert_eq!(told, expected);
    assert!(played.report.held(), "{:?}", played.report);
    assert!(played.report.deployments[0].ending.ends_with("(version 1.42.0), the replacement"));
}

#[tokio::test]
async fn a_refusal_rolls_back_and_names_its_reason() {
    let played = play(BROKEN, &[(HookName::AfterInstall, Act::Put(Answer::Failed))]).await;
    let told = short(&played.moments);
    assert_eq!(
        told[4..],
        ["AfterInstall?", "check targets", "AfterInstall: Some(Failed)", "rolled back", "RolledBack"]
    );
    let deployment = &played.report.deployments[0];
    assert_eq!(deployment.stopped_by, Some(HookName::AfterInstall));
    assert_eq!(deployment.hooks[1].verdict, "the verdict");
    assert!(deployment.ending.ends_with("(version 1.41.0), as before"), "{}", deployment.ending);
    assert!(played.report.held(), "{:?}", deployment.differences);
}

#[tokio::test]
async fn before_install_has_nothing_to_undo() {
    let yaml = "deployments: [{ expect: { outcome: failed, stopped_by: before_install } }]";
    let played = play(yaml, &[(HookName::BeforeInstall, Act::Put(Answer::Failed))]).await;
    assert_eq!(short(&played.moments).last().unwrap(), "Failed");
    assert!(played.report.held());
}

#[tokio::test]
async fn without_auto_rollback_everything_stays_where_it_is() {
    let yaml = "given: { auto_rollback: false }\ndeployments: [{ expect: { outcome: failed } }]";
    let played = play(yaml, &[(HookName::AfterAllowTraffic, Act::Put(Answer::Failed))]).await;
    assert!(played.report.held());
    assert!(played.report.deployments[0].ending.ends_with("(version 1.42.0), the replacement"), "{:?}", played.report);
}

#[tokio::test]
async fn nobody_answers_in_the_hour() {
    for (act, word) in [(Act::Silent, "returned"), (Act::Die, "was killed"), (Act::RunOn, "still runs")] {
        let played = play(
            "net: false\ndeployments: [{ expect: { outcome: rolled-back, stopped_by: after_install } }]",
            &[(HookName::AfterInstall, act)],
        )
        .await;
        let run = &played.report.deployments[0].hooks[1];
        assert_eq!((run.answer, run.answered_by), (None, AnsweredBy::Nobody));
        assert!(run.verdict.contains(word) && run.verdict.contains("300ms"), "{}", run.verdict);
        assert!(run.took >= Duration::from_millis(300));
        let told = &played.report.deployments[0].differences;
        let broken = "AfterInstall: expected it to answer itself, since nothing that was planned keeps it from that; nobody answered";
        assert_eq!(told, &[broken], "a function that does as it likes breaks the promise");
    }
}

#[tokio::test]
async fn the_first_answer_counts_and_the_second_is_refused() {
    let played = play(HEALTHY, &[(HookName::AfterInstall, Act::PutTwice)]).await;
    assert_eq!(played.report.deployments[0].outcome, Outcome::Succeeded);
    let told = &played.report.deployments[0].differences;
    assert_eq!(told, &["AfterInstall: one invocation changed its mind: it put Succeeded, then Failed"]);
}

#[tokio::test]
async fn an_operator_stops_it() {
    let yaml = "deployments: [{ stop: { during: AfterInstall, after: 50ms }, expect: { outcome: stopped } }]";
    let played = play(yaml, &[(HookName::AfterInstall, Act::RunOn)]).await;
    assert!(played.report.held(), "{:?}", played.report);
    assert_eq!(played.report.deployments[0].hooks[1].answer, None);
    let yaml = "deployments: [{ stop: { during: Install }, expect: { outcome: stopped } }]";
    let played = play(yaml, &[]).await;
    assert_eq!(short(&played.moments).last().unwrap(), "Stopped");
    assert_eq!(played.report.deployments[0].hooks.len(), 1);
}

#[tokio::test]
async fn a_second_deployment_begins_where_the_first_one_ended() {
    let yaml = "deployments: [{ expect: { outcome: succeeded } }, { expect: { outcome: succeeded } }]";
    let played = play(yaml, &[]).await;
    let passed = played.moments.iter().filter_map(|moment| match moment {
        Happening::Passed { event, text } if event == "AllowTraffic" => Some(text.as_str()),
        _ => None,
    });
    let passed: Vec<_> = passed.collect();
    assert_eq!(
        passed,
        ["production listener now forwards 100 % to tg-shop-b", "production listener now forwards 100 % to tg-shop-a"]
    );
    assert!(played.report.deployments[1].ending.contains("(version 1.43.0)"));
}

#[tokio::test]
async fn the_appspec_says_whose_function_is_invoked() {
    let yaml = "appspec: { after_install: before_allow_traffic, before_allow_traffic: none }\n\
                deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install, code: TargetsUnhealthy } }]";
    let played = play(yaml, &[(HookName::BeforeAllowTraffic, Act::Put(Answer::Failed))]).await;
    assert!(played.report.held(), "{:?}", played.report.deployments[0].differences);
    assert_eq!(played.report.deployments[0].hooks[1].verdict, "the verdict", "the lines are the program's");
    let yaml =
        "appspec: { before_install: none, after_install: none }\ndeployments: [{ expect: { outcome: succeeded } }]";
    let played = play(yaml, &[]).await;
    let hooks: Vec<_> = played.report.deployments[0].hooks.iter().map(|run| run.hook).collect();
    assert_eq!(hooks, HookName::ALL[2..]);
}

#[tokio::test]
async fn an_event_that_comes_once_more_changes_nothing() {
    for (after, says) in [("Install", ""), ("AfterAllowTraffic", "")] {
        let yaml = format!(
            "deployments: [{{ again: {{ hook: before_install, after: {after}, says: '{says}' }}, \
             expect: {{ outcome: succeeded }} }}]"
        );
        let played = play(&yaml, &[(HookName::BeforeInstall, Act::PutIfTaken)]).await;
        assert!(played.report.held(), "{:?}", played.report.deployments[0].differences);
        let moved = |what: &&Happening| matches!(what, Happening::Moved { text } if text.contains("once more"));
        assert_eq!(played.moments.iter().filter(moved).count(), 1);
    }
    let yaml = "deployments: [{ again: { hook: before_install, after: Install, says: NoEventInProgress }, \
                expect: { outcome: succeeded } }]";
    let played = play(yaml, &[(HookName::BeforeInstall, Act::PutIfTaken)]).await;
    let told = &played.report.deployments[0].differences;
    assert_eq!(told, &["expected the second run of BeforeInstall to say NoEventInProgress; it said \"\""]);
}

#[tokio::test]
async fn two_deployments_go_on_together_and_are_told_one_after_the_other() {
    let yaml = "together: true\ndeployments:\n  - expect: { outcome: succeeded }\n  - service: cart\n    \
                expect: { outcome: succeeded }";
    let began = std::time::Instant::now();
    let played = play(yaml, &[]).await;
    assert!(played.report.held(), "{:?}", played.report);
    let told = short(&played.moments);
    assert_eq!((told[0].as_str(), told[15].as_str(), told.len()), ("created 1/2", "created 2/2", 30));
    let took: Duration = played.report.deployments.iter().map(|one| one.took).sum();
    assert!(began.elapsed() < took, "they waited for each other");
    let ids: std::collections::BTreeSet<_> = played.report.deployments.iter().map(|one| &one.deployment).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_shift_in_steps_takes_its_time_and_is_told() {
    let yaml = "deployments: [{ world: { shift: { first: 10, every: 200ms } }, expect: { outcome: succeeded } }]";
    let played = play(yaml, &[]).await;
    let moved = played.moments.iter().filter_map(|what| match what {
        Happening::Moved { text } => Some(text.as_str()),
        _ => None,
    });
    let moved: Vec<_> = moved.collect();
    assert_eq!(moved, ["production listener: 10 % to tg-shop-b", "production listener: 100 % to tg-shop-b"]);
    assert!(played.report.held());
}
