//! The order of a simulated deployment, with fake functions in place of processes.

mod on_failure;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lifecycle::{Hook, Status};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::{
    fake_aws::FakeAws,
    lambda::{FunctionName, InvocationResult, ProcessExit},
    report::{AnsweredBy, DeploymentOutcome, EventKind},
    world::{World, WorldOptions},
};

/// What a fake function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FakeAction {
    Put(Status),
    PutTwice,
    /// Puts the status at each invocation, and ignores whether CodeDeploy accepts it.
    PutIgnoringResult,
    ReturnWithoutPut,
    Die,
    /// Puts the status and dies before it receives the reply.
    PutAndDie(Status),
    /// Puts *Succeeded* although a check in its log decided *fail*.
    PutAgainstFailedCheck,
    NeverReturn,
    /// Dies at the first attempt and puts a status at the next one, which only the on-failure handler gets.
    DieThenPut,
}

struct FakeFunctions {
    aws: Arc<FakeAws>,
    actions: HashMap<FunctionName, FakeAction>,
    lines: UnboundedSender<(FunctionName, String)>,
    invoked: Vec<FunctionName>,
    pending: Vec<oneshot::Sender<InvocationResult>>,
}

impl FakeFunctions {
    fn put(&self, by: FunctionName, payload: &Value, answer: Status) -> bool {
        let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        let (deployment, execution) = (text("DeploymentId"), text("LifecycleEventHookExecutionId"));
        self.aws.put_status_for(Some(by), &deployment, &execution, answer).is_ok()
    }
}

impl Invoker for FakeFunctions {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        _: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        self.invoked.push(function);
        let mut payload: Value = serde_json::from_slice(&payload).unwrap();
        let is_on_failure = function == FunctionName::OnFailure;
        if is_on_failure {
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
        let died = InvocationResult::Exited(ProcessExit::Killed);
        let usual = if is_on_failure { FakeAction::PutIgnoringResult } else { FakeAction::Put(Status::Succeeded) };
        match self.actions.get(&function).copied().unwrap_or(usual) {
            FakeAction::Put(answer) => {
                if answer == Status::Failed {
                    checked("fail");
                    say(r#"{"verdict":"failed","verdict.code":"TargetsUnhealthy","message":"the verdict"}"#);
                } else {
                    say(FINE);
                }
                assert!(put(answer));
                let _ = sender.send(done);
            }
            FakeAction::PutTwice => {
                say(FINE);
                assert!(put(Status::Succeeded));
                assert!(!put(Status::Failed));
                let _ = sender.send(done);
            }
            FakeAction::PutIgnoringResult if is_on_failure => {
                if put(Status::Failed) {
                    say(r#"{"verdict":"failed","verdict.code":"HookInvocationFailed","message":"handler verdict"}"#);
                }
                let _ = sender.send(done);
            }
            FakeAction::PutIgnoringResult => {
                put(Status::Succeeded);
                say(FINE);
                let _ = sender.send(done);
            }
            FakeAction::ReturnWithoutPut => drop(sender.send(done)),
            FakeAction::Die => drop(sender.send(died)),
            FakeAction::PutAndDie(answer) => {
                say(FINE);
                assert!(put(answer));
                let _ = sender.send(died);
            }
            FakeAction::PutAgainstFailedCheck => {
                checked("fail");
                say(FINE);
                assert!(put(Status::Succeeded));
                let _ = sender.send(done);
            }
            FakeAction::DieThenPut => {
                let tries = self.invoked.iter().filter(|invoked| **invoked == function).count();
                let _ = sender.send(if tries > 1 && put(Status::Failed) { done } else { died });
            }
            FakeAction::NeverReturn => self.pending.push(sender),
        }
        Ok(receiver)
    }
}

/// A verdict that says why no check was logged.
const FINE: &str = r#"{"verdict":"succeeded","verdict.code":"","message":"nothing was checked"}"#;

struct RehearsalOutcome {
    report: Report,
    events: Vec<EventKind>,
}

async fn rehearse_hooks(yaml: &str, acts: &[(Hook, FakeAction)]) -> RehearsalOutcome {
    let acts: Vec<_> = acts.iter().map(|(hook, act)| (FunctionName::Hook(*hook), *act)).collect();
    rehearse_functions(&format!("hook_timeout: 300ms\n{yaml}"), &acts).await
}

async fn rehearse_functions(yaml: &str, acts: &[(FunctionName, FakeAction)]) -> RehearsalOutcome {
    let scenario = Scenario::from_yaml(&format!("name: x\nabout: x.\n{yaml}"), "x").unwrap();
    let worlds = scenario.services().into_iter().zip(3..).map(|(service, seed)| {
        World::for_service(service, SystemTime::now(), WorldOptions { production: 1, test: 2, seed }, &scenario.initial)
    });
    let cloud = Arc::new(FakeAws::with_services(worlds.collect(), Vec::new()));
    let (line, lines) = mpsc::unbounded_channel();
    let (moment, mut moments) = mpsc::unbounded_channel();
    let fake_functions = FakeFunctions {
        aws: cloud.clone(),
        actions: acts.iter().copied().collect(),
        lines: line,
        invoked: Vec::new(),
        pending: Vec::new(),
    };
    let report =
        SimulatedCodeDeploy::new(cloud, fake_functions, lines, moment, &scenario).run(&scenario).await.unwrap();
    let mut all = Vec::new();
    while let Ok(moment) = moments.try_recv() {
        all.push(moment.kind);
    }
    RehearsalOutcome { report, events: all }
}

/// The events in short form.
fn summaries(moments: &[EventKind]) -> Vec<String> {
    let summary = |moment: &EventKind| match moment {
        EventKind::DeploymentCreated { number, total: of, .. } => format!("created {number}/{of}"),
        EventKind::EventCompleted { event, .. } => event.clone(),
        EventKind::HookInvoked { hook, .. } => format!("{hook}?"),
        EventKind::CheckFinished { check, .. } => format!("check {}", check.name),
        EventKind::HookFinished(run) => format!("{}: {:?}", run.hook, run.status),
        EventKind::WorldChanged { .. } => "moved".into(),
        EventKind::OnFailure { text, .. } => text.clone(),
        EventKind::RolledBack { .. } => "rolled back".into(),
        EventKind::DeploymentEnded { outcome, .. } => format!("{outcome:?}"),
    };
    moments.iter().map(summary).collect()
}

const HEALTHY: &str = "deployments: [{ expect: { outcome: succeeded } }]";
const BROKEN: &str =
    "deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install, code: TargetsUnhealthy } }]";

#[tokio::test]
async fn events_come_in_order() {
    let played = rehearse_hooks(HEALTHY, &[]).await;
    let summaries = summaries(&played.events);
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
    assert_eq!(summaries, expected);
    assert!(played.report.met_expectations(), "{:?}", played.report);
    assert!(played.report.deployments[0].final_state.ends_with("(version 1.42.0), the replacement"));
}

#[tokio::test]
async fn a_refusal_rolls_back_and_names_its_reason() {
    let played = rehearse_hooks(BROKEN, &[(Hook::AfterInstall, FakeAction::Put(Status::Failed))]).await;
    let summaries = summaries(&played.events);
    assert_eq!(
        summaries[4..],
        ["AfterInstall?", "check targets", "AfterInstall: Some(Failed)", "rolled back", "RolledBack"]
    );
    let deployment = &played.report.deployments[0];
    assert_eq!(deployment.stopped_by, Some(Hook::AfterInstall));
    assert_eq!(deployment.hooks[1].verdict, "the verdict");
    assert!(deployment.final_state.ends_with("(version 1.41.0), as before"), "{}", deployment.final_state);
    assert!(played.report.met_expectations(), "{:?}", deployment.differences);
}

#[tokio::test]
async fn before_install_has_nothing_to_undo() {
    let yaml = "deployments: [{ expect: { outcome: failed, stopped_by: before_install } }]";
    let played = rehearse_hooks(yaml, &[(Hook::BeforeInstall, FakeAction::Put(Status::Failed))]).await;
    assert_eq!(summaries(&played.events).last().unwrap(), "Failed");
    assert!(played.report.met_expectations());
}

#[tokio::test]
async fn without_auto_rollback_everything_stays_where_it_is() {
    let yaml = "initial: { auto_rollback: false }\ndeployments: [{ expect: { outcome: failed } }]";
    let played = rehearse_hooks(yaml, &[(Hook::AfterAllowTraffic, FakeAction::Put(Status::Failed))]).await;
    assert!(played.report.met_expectations());
    assert!(
        played.report.deployments[0].final_state.ends_with("(version 1.42.0), the replacement"),
        "{:?}",
        played.report
    );
}

#[tokio::test]
async fn nobody_answers_in_the_hour() {
    for (act, word) in [
        (FakeAction::ReturnWithoutPut, "returned"),
        (FakeAction::Die, "was killed"),
        (FakeAction::NeverReturn, "still runs"),
    ] {
        let played = rehearse_hooks(
            "on_failure: false\ndeployments: [{ expect: { outcome: rolled-back, stopped_by: after_install } }]",
            &[(Hook::AfterInstall, act)],
        )
        .await;
        let run = &played.report.deployments[0].hooks[1];
        assert_eq!((run.status, run.answered_by), (None, AnsweredBy::Nobody));
        assert!(run.verdict.contains(word) && run.verdict.contains("300ms"), "{}", run.verdict);
        assert!(run.took >= Duration::from_millis(300));
        let summaries = &played.report.deployments[0].differences;
        let broken =
            "AfterInstall: expected it to put its status itself, since no planned fault prevents that; nobody put one";
        assert_eq!(summaries, &[broken], "a function that ignores its event violates the invariant");
    }
}

#[tokio::test]
async fn the_first_answer_counts_and_the_second_is_refused() {
    let played = rehearse_hooks(HEALTHY, &[(Hook::AfterInstall, FakeAction::PutTwice)]).await;
    assert_eq!(played.report.deployments[0].outcome, DeploymentOutcome::Succeeded);
    let summaries = &played.report.deployments[0].differences;
    assert_eq!(summaries, &["AfterInstall: one invocation changed its mind: it put Succeeded, then Failed"]);
}

#[tokio::test]
async fn an_operator_stops_it() {
    let yaml = "deployments: [{ stop: { during: AfterInstall, after: 50ms }, expect: { outcome: stopped } }]";
    let played = rehearse_hooks(yaml, &[(Hook::AfterInstall, FakeAction::NeverReturn)]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report);
    assert_eq!(played.report.deployments[0].hooks[1].status, None);
    let yaml = "deployments: [{ stop: { during: Install }, expect: { outcome: stopped } }]";
    let played = rehearse_hooks(yaml, &[]).await;
    assert_eq!(summaries(&played.events).last().unwrap(), "Stopped");
    assert_eq!(played.report.deployments[0].hooks.len(), 1);
}

#[tokio::test]
async fn a_second_deployment_begins_where_the_first_one_ended() {
    let yaml = "deployments: [{ expect: { outcome: succeeded } }, { expect: { outcome: succeeded } }]";
    let played = rehearse_hooks(yaml, &[]).await;
    let passed = played.events.iter().filter_map(|moment| match moment {
        EventKind::EventCompleted { event, text } if event == "AllowTraffic" => Some(text.as_str()),
        _ => None,
    });
    let passed: Vec<_> = passed.collect();
    assert_eq!(
        passed,
        ["production listener now forwards 100 % to tg-shop-b", "production listener now forwards 100 % to tg-shop-a"]
    );
    assert!(played.report.deployments[1].final_state.contains("(version 1.43.0)"));
}

#[tokio::test]
async fn the_appspec_says_whose_function_is_invoked() {
    let yaml = "appspec: { after_install: before_allow_traffic, before_allow_traffic: none }\n\
                deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install, code: TargetsUnhealthy } }]";
    let played = rehearse_hooks(yaml, &[(Hook::BeforeAllowTraffic, FakeAction::Put(Status::Failed))]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report.deployments[0].differences);
    assert_eq!(played.report.deployments[0].hooks[1].verdict, "the verdict", "the lines are the program's");
    let yaml =
        "appspec: { before_install: none, after_install: none }\ndeployments: [{ expect: { outcome: succeeded } }]";
    let played = rehearse_hooks(yaml, &[]).await;
    let hooks: Vec<_> = played.report.deployments[0].hooks.iter().map(|run| run.hook).collect();
    assert_eq!(hooks, Hook::ALL[2..]);
}

#[tokio::test]
async fn an_event_that_comes_once_more_changes_nothing() {
    for (after, says) in [("Install", ""), ("AfterAllowTraffic", "")] {
        let yaml = format!(
            "deployments: [{{ redelivery: {{ hook: before_install, after: {after}, verdict_code: '{says}' }}, \
             expect: {{ outcome: succeeded }} }}]"
        );
        let played = rehearse_hooks(&yaml, &[(Hook::BeforeInstall, FakeAction::PutIgnoringResult)]).await;
        assert!(played.report.met_expectations(), "{:?}", played.report.deployments[0].differences);
        let moved = |what: &&EventKind| matches!(what, EventKind::WorldChanged { text } if text.contains("once more"));
        assert_eq!(played.events.iter().filter(moved).count(), 1);
    }
    let yaml = "deployments: [{ redelivery: { hook: before_install, after: Install, verdict_code: NoEventInProgress }, \
                expect: { outcome: succeeded } }]";
    let played = rehearse_hooks(yaml, &[(Hook::BeforeInstall, FakeAction::PutIgnoringResult)]).await;
    let summaries = &played.report.deployments[0].differences;
    assert_eq!(summaries, &["expected the second run of BeforeInstall to say NoEventInProgress; it said \"\""]);
}

#[tokio::test]
async fn two_deployments_go_on_together_and_are_told_one_after_the_other() {
    let yaml = "concurrent: true\ndeployments:\n  - expect: { outcome: succeeded }\n  - service: cart\n    \
                expect: { outcome: succeeded }";
    let started = std::time::Instant::now();
    let played = rehearse_hooks(yaml, &[]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report);
    let summaries = summaries(&played.events);
    assert_eq!((summaries[0].as_str(), summaries[15].as_str(), summaries.len()), ("created 1/2", "created 2/2", 30));
    let took: Duration = played.report.deployments.iter().map(|one| one.took).sum();
    assert!(started.elapsed() < took, "they waited for each other");
    let ids: std::collections::BTreeSet<_> = played.report.deployments.iter().map(|one| &one.deployment).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_shift_in_steps_takes_its_time_and_is_told() {
    let yaml = "deployments: [{ behaviour: { shift: { first: 10, every: 200ms } }, expect: { outcome: succeeded } }]";
    let played = rehearse_hooks(yaml, &[]).await;
    let moved = played.events.iter().filter_map(|what| match what {
        EventKind::WorldChanged { text } => Some(text.as_str()),
        _ => None,
    });
    let moved: Vec<_> = moved.collect();
    assert_eq!(moved, ["production listener: 10 % to tg-shop-b", "production listener: 100 % to tg-shop-b"]);
    assert!(played.report.met_expectations());
}
