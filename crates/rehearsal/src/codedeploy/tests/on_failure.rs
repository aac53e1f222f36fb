//! The on-failure handler, and the invariants that every deployment is checked against.

use lifecycle::Hook;

use super::*;
use crate::lambda::FunctionName;

const HOOK: FunctionName = FunctionName::Hook(Hook::AfterInstall);
const KILLED: &str = "killed: [{ function: after_install, after: 1h }]\n";
const HANDED_OVER: &str = "AfterInstall's function was killed; Lambda sends the record of it to on-failure";

#[tokio::test]
async fn the_handler_puts_the_status_of_a_hook_that_died() {
    let yaml = format!(
        "{KILLED}deployments: [{{ expect: {{ outcome: rolled-back, stopped_by: after_install, code: HookInvocationFailed }} }}]"
    );
    let played = rehearse_functions(&yaml, &[(HOOK, FakeAction::Die)]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report.deployments[0].differences);
    let run = &played.report.deployments[0].hooks[1];
    assert_eq!((run.answered_by, run.verdict.as_str()), (AnsweredBy::OnFailureHandler, "handler verdict"));
    let summaries = summaries(&played.events);
    let expected = ["AfterInstall?", HANDED_OVER, "on-failure puts Failed for it", "AfterInstall: Some(Failed)"];
    assert_eq!(summaries[4..8], expected);
}

#[tokio::test]
async fn the_handler_is_tried_again() {
    let yaml = "killed: [{ function: after_install, after: 1h }, { function: on_failure, after: 1h }]\n\
                deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install } }]";
    let on_failure = (FunctionName::OnFailure, FakeAction::DieThenPut);
    let played = rehearse_functions(yaml, &[(HOOK, FakeAction::Die), on_failure]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report.deployments[0].differences);
    let summaries = summaries(&played.events);
    let again = "on-failure was killed; Lambda tries it again in 300ms (in AWS a minute)";
    assert_eq!(summaries[5..8], [HANDED_OVER, again, "on-failure puts Failed for it"]);
}

#[tokio::test]
async fn what_neither_can_answer_is_left_to_a_person() {
    let yaml = "hook_timeout: 2s\nkilled: [{ function: after_install, after: 1h }, { function: on_failure, after: 1h }]\n\
                deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install } }]";
    let played = rehearse_functions(yaml, &[(HOOK, FakeAction::Die), (FunctionName::OnFailure, FakeAction::Die)]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report.deployments[0].differences);
    let run = &played.report.deployments[0].hooks[1];
    assert_eq!(run.answered_by, AnsweredBy::Nobody);
    assert!(run.hint.contains("aws deploy stop-deployment"), "{}", run.hint);
    let summaries = summaries(&played.events);
    assert!(summaries[8].contains("for the third time") && summaries[9] == "AfterInstall: None", "{summaries:#?}");
}

#[tokio::test]
async fn a_hook_that_had_answered_before_it_died_changes_nothing() {
    let yaml = format!("{KILLED}{HEALTHY}");
    let played = rehearse_functions(&yaml, &[(HOOK, FakeAction::PutAndDie(Status::Succeeded))]).await;
    assert!(played.report.met_expectations(), "{:?}", played.report.deployments[0].differences);
    assert_eq!(played.report.deployments[0].hooks[1].answered_by, AnsweredBy::Hook);
    let summaries = summaries(&played.events);
    let expected = [HANDED_OVER, "on-failure finds a status, and changes nothing", "AfterInstall: Some(Succeeded)"];
    assert_eq!(summaries[5..8], expected);
}

#[tokio::test]
async fn a_handler_that_nothing_called_for_breaks_the_promise() {
    let yaml = "deployments: [{ expect: { outcome: rolled-back, stopped_by: after_install } }]";
    let played = rehearse_functions(yaml, &[(HOOK, FakeAction::Die)]).await;
    let summaries = &played.report.deployments[0].differences;
    let broken =
        "AfterInstall: expected it to put its status itself, since no planned fault prevents that; on-failure put one";
    assert_eq!(summaries, &[broken]);
}

#[tokio::test]
async fn a_yes_against_its_own_check_breaks_the_promise() {
    let played = rehearse_hooks(HEALTHY, &[(Hook::AfterInstall, FakeAction::PutAgainstFailedCheck)]).await;
    let summaries = &played.report.deployments[0].differences;
    assert_eq!(summaries, &["AfterInstall: it put Succeeded, and its check `targets` decided fail"]);
}
