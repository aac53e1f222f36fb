//! Every row of the table, and every way to violate an invariant.

use proptest::prelude::*;

use super::*;
use crate::check_line::CheckOutcome;

const HOOK: FunctionName = FunctionName::Hook(lifecycle::Hook::AfterInstall);
const MINUTE: Duration = Duration::from_secs(60);

fn hook(faults: &[InjectedFault]) -> PlannedFaults {
    PlannedFaults::new(HOOK, MINUTE, faults)
}

fn responders(hook: &PlannedFaults, on_failure: Option<&PlannedFaults>) -> Vec<AnsweredBy> {
    allowed_responders(hook, on_failure).into_iter().collect()
}

use AnsweredBy::{Hook, Nobody, OnFailureHandler};

#[test]
fn what_is_not_about_its_answer_keeps_no_hook_from_it() {
    let on_failure = PlannedFaults::for_on_failure(&[]);
    let of_another =
        InjectedFault { function: Some(FunctionName::OnFailure), ..InjectedFault::always(PUT_STATUS, FaultKind::Deny) };
    for faults in [vec![], vec![InjectedFault::always("ecs:DescribeServices", FaultKind::Stall)], vec![of_another]] {
        assert_eq!(responders(&hook(&faults), Some(&on_failure)), [Hook], "{faults:?}");
        assert_eq!(responders(&hook(&faults), None), [Hook], "{faults:?}");
    }
}

#[test]
fn an_answer_that_takes_effect_is_one_whatever_comes_back() {
    for trouble in FaultKind::ALL {
        assert_eq!(
            responders(&hook(&[InjectedFault::always(PUT_STATUS, trouble).after_effect()]), None),
            [Hook],
            "{trouble:?}"
        );
    }
}

#[test]
fn some_answers_without_effect_are_sent_again_in_the_time_kept_back() {
    let on_failure = PlannedFaults::for_on_failure(&[]);
    let often = |times, trouble| hook(&[InjectedFault::first(times, PUT_STATUS, trouble)]);
    assert_eq!(responders(&often(3, FaultKind::Throttle), Some(&on_failure)), [Hook]);
    assert_eq!(responders(&often(1, FaultKind::Stall), Some(&on_failure)), [Hook]);
    assert_eq!(responders(&often(30, FaultKind::Throttle), Some(&on_failure)), [Hook, OnFailureHandler]);
    assert_eq!(responders(&often(3, FaultKind::Stall), None), [Hook, Nobody]);
    let hurried = PlannedFaults { timeout: Duration::from_secs(5), ..often(2, FaultKind::Throttle) };
    assert_eq!(responders(&hurried, Some(&on_failure)), [Hook, OnFailureHandler]);
    assert_eq!(
        responders(&hook(&[InjectedFault::first(1, "*", FaultKind::Deny)]), None),
        [Hook],
        "each operation is counted for itself"
    );
}

#[test]
fn a_process_that_ends_early_or_has_the_wrong_time_may_answer_or_not() {
    let on_failure = PlannedFaults::for_on_failure(&[]);
    let plans = [
        PlannedFaults { dies: true, ..hook(&[]) },
        PlannedFaults { timeout: Duration::from_secs(1), ..hook(&[]) },
        PlannedFaults { believed_timeout: MINUTE * 5, ..hook(&[]) },
    ];
    for plan in plans {
        assert_eq!(responders(&plan, Some(&on_failure)), [Hook, OnFailureHandler], "{plan:?}");
        assert_eq!(responders(&plan, None), [Hook, Nobody], "{plan:?}");
    }
    let clock = |off| responders(&hook(&[]).with_clock(off), None);
    assert_eq!(clock(ClockSkew::Ahead(Duration::from_secs(55))), [Hook], "with less believed time it starts sooner");
    assert_eq!(clock(ClockSkew::Ahead(MINUTE * 9)), [Hook], "with no believed time it tries anyway");
    assert_eq!(clock(ClockSkew::Behind(MINUTE)), [Hook, Nobody]);
}

#[test]
fn an_answer_that_never_has_an_effect_is_the_handler_s_and_then_the_alarm_s() {
    let denied = hook(&[InjectedFault::always(PUT_STATUS, FaultKind::Deny)]);
    let on_failure = |faults: &[InjectedFault]| PlannedFaults::for_on_failure(faults);
    assert_eq!(responders(&denied, Some(&on_failure(&[]))), [OnFailureHandler]);
    assert_eq!(
        responders(&denied, Some(&on_failure(&[InjectedFault::first(1, PUT_STATUS, FaultKind::Stall)]))),
        [OnFailureHandler],
        "a status that failed is sent again"
    );
    assert_eq!(responders(&denied, Some(&on_failure(&[InjectedFault::always(PUT_STATUS, FaultKind::Fail)]))), [Nobody]);
    assert_eq!(responders(&denied, Some(&PlannedFaults { dies: true, ..on_failure(&[]) })), [OnFailureHandler, Nobody]);
    assert_eq!(responders(&denied, None), [Nobody]);
}

#[test]
fn of_several_faults_the_first_that_strikes_counts() {
    let first_lost = [
        InjectedFault::first(1, PUT_STATUS, FaultKind::HangUp).after_effect(),
        InjectedFault::always(PUT_STATUS, FaultKind::Deny),
    ];
    // The second call overall may be the first one of this execution.
    assert_eq!(responders(&hook(&first_lost), None), [Hook, Nobody]);
    let later = InjectedFault { after: 1, ..InjectedFault::always(PUT_STATUS, FaultKind::Deny) };
    assert_eq!(responders(&hook(&[later]), None), [Hook, Nobody]);
}

fn sent(status: &str, took_effect: bool, at: u64) -> SentStatus {
    SentStatus { by: Some(0), status: status.to_owned(), took_effect, at: Duration::from_secs(at) }
}

fn check(decision: CheckDecision) -> CheckLine {
    CheckLine {
        name: "targets".to_owned(),
        kind: "targets".to_owned(),
        outcome: CheckOutcome::Passed,
        decision,
        code: String::new(),
        hint: String::new(),
        duration: Duration::from_millis(1),
        message: String::new(),
    }
}

/// An execution in which all invariants hold.
fn good() -> ExecutionRecord {
    ExecutionRecord {
        allowed: [Hook].into(),
        answered_by: Hook,
        sent: vec![sent("Succeeded", true, 2)],
        deadlines: vec![MINUTE],
        checks: vec![check(CheckDecision::Pass), check(CheckDecision::Warn)],
        verdict: HookVerdict::default(),
    }
}

#[test]
fn a_kept_promise_is_not_broken() {
    assert_eq!(violations(&good()), [""; 0]);
    let again = vec![sent("Succeeded", true, 2), sent("Succeeded", false, 3)];
    assert_eq!(violations(&ExecutionRecord { sent: again, ..good() }), [""; 0], "a lost reply is sent again");
    let why = HookVerdict { checked_nothing: true, ..HookVerdict::default() };
    assert_eq!(violations(&ExecutionRecord { checks: vec![], verdict: why, ..good() }), [""; 0]);
    let failed =
        ExecutionRecord { sent: vec![sent("Failed", true, 2)], checks: vec![check(CheckDecision::Fail)], ..good() };
    assert_eq!(violations(&failed), [""; 0]);
    let other = SentStatus { by: Some(1), ..sent("Failed", false, 3) };
    let twice = ExecutionRecord { sent: vec![sent("Succeeded", true, 2), other], deadlines: vec![MINUTE; 2], ..good() };
    assert_eq!(violations(&twice), [""; 0], "a second delivery may come to another verdict");
}

#[test]
fn every_way_to_break_it_is_told() {
    let violation = |execution: ExecutionRecord| violations(&execution).join("; ");
    let two = vec![sent("Succeeded", true, 2), sent("Succeeded", true, 3)];
    assert_eq!(violation(ExecutionRecord { sent: two, ..good() }), "only one status can take effect, and 2 did");
    let mind = vec![sent("Failed", false, 2), sent("Succeeded", true, 3)];
    assert_eq!(
        violation(ExecutionRecord { sent: mind, ..good() }),
        "one invocation changed its mind: it put Failed, then Succeeded"
    );
    let late = vec![sent("Succeeded", true, 61)];
    assert_eq!(violation(ExecutionRecord { sent: late, ..good() }), "it put Succeeded 1s after Lambda's deadline");
    let nowhere = vec![SentStatus { by: None, ..sent("Failed", true, 3600) }];
    assert!(violation(ExecutionRecord { sent: nowhere, ..good() }).contains("long after the last attempt"));
    let lie = ExecutionRecord { checks: vec![check(CheckDecision::Fail)], ..good() };
    assert_eq!(violation(lie), "it put Succeeded, and its check `targets` decided fail");
    let said = HookVerdict { observes: true, ..HookVerdict::default() };
    assert_eq!(
        violation(ExecutionRecord { checks: vec![check(CheckDecision::Fail)], verdict: said, ..good() }),
        "",
        "it only observes"
    );
    let blind = ExecutionRecord { checks: vec![], ..good() };
    assert_eq!(violation(blind), "it put Succeeded without a check and without a reason for that");
    let silent = ExecutionRecord { answered_by: Nobody, sent: vec![], ..good() };
    assert!(violation(silent.clone()).contains("no planned fault prevents that; nobody put one"));
    let silent = ExecutionRecord { allowed: [Hook, OnFailureHandler].into(), ..silent };
    assert!(
        violation(silent).contains("if not its own then on-failure's, which no planned fault prevents; nobody put one")
    );
    let ghost = ExecutionRecord { allowed: [OnFailureHandler, Nobody].into(), ..good() };
    assert_eq!(violation(ghost), "expected on-failure's status or no status with the planned faults; it put its own");
}

fn any_fault() -> impl Strategy<Value = InjectedFault> {
    let effects = prop::sample::select(vec![FaultTiming::Before, FaultTiming::After]);
    let operations = prop::sample::select(vec![PUT_STATUS, "*", "ecs:ListTasks"]);
    let functions = prop::sample::select(vec![None, Some(HOOK), Some(FunctionName::OnFailure)]);
    let troubles = prop::sample::select(FaultKind::ALL.to_vec());
    (operations, troubles, effects, functions, prop::option::of(1..6_u32), 0..3_u32).prop_map(
        |(operation, trouble, effect, function, times, after)| InjectedFault {
            operation: operation.to_owned(),
            kind: trouble,
            timing: effect,
            function,
            times,
            after,
        },
    )
}

proptest! {
    #[test]
    fn somebody_or_nobody_is_always_allowed(hook_faults in prop::collection::vec(any_fault(), 0..4), dies: bool) {
        let (hook, net) = (PlannedFaults { dies, ..hook(&hook_faults) }, PlannedFaults::for_on_failure(&hook_faults));
        let (with, without) = (allowed_responders(&hook, Some(&net)), allowed_responders(&hook, None));
        prop_assert!(!with.is_empty() && !without.is_empty());
        prop_assert_eq!(with.contains(&Hook), without.contains(&Hook), "on-failure changes nothing for the hook");
        prop_assert!(!without.contains(&OnFailureHandler));
        prop_assert!(!with.contains(&Nobody) || without.contains(&Nobody), "on-failure makes nothing worse");
    }

    #[test]
    fn one_more_thing_that_goes_wrong_never_makes_an_answer_certain(
        faults in prop::collection::vec(any_fault(), 0..3),
        more in any_fault(),
    ) {
        let before = allowed_responders(&hook(&faults), None);
        let after = allowed_responders(&hook(&[faults, vec![more]].concat()), None);
        prop_assert!(!before.contains(&Nobody) || after.contains(&Nobody));
    }

    #[test]
    fn the_order_in_which_things_were_sent_by_others_breaks_nothing(at in 0..50_u64, failed: bool) {
        let status = if failed { "Failed" } else { "Succeeded" };
        let sent = vec![sent(status, true, at), sent(status, false, at + 1)];
        prop_assert_eq!(violations(&ExecutionRecord { sent, ..good() }), Vec::<String>::new());
    }
}
