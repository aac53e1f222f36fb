//! The table, row by row, and every way to break the promise.

use proptest::prelude::*;

use super::*;
use crate::hook_name::HookName;

const HOOK: FunctionName = FunctionName::Hook(HookName::AfterInstall);
const MINUTE: Duration = Duration::from_secs(60);

fn hook(faults: &[Fault]) -> Plan {
    Plan::new(HOOK, MINUTE, faults)
}

fn who(hook: &Plan, net: Option<&Plan>) -> Vec<AnsweredBy> {
    allowed(hook, net).into_iter().collect()
}

use AnsweredBy::{Hook, Net, Nobody};

#[test]
fn what_is_not_about_its_answer_keeps_no_hook_from_it() {
    let net = Plan::net(&[]);
    let of_another = Fault { function: Some(FunctionName::LastAnswer), ..Fault::always(PUT, Trouble::Deny) };
    for faults in [vec![], vec![Fault::always("ecs:DescribeServices", Trouble::Stall)], vec![of_another]] {
        assert_eq!(who(&hook(&faults), Some(&net)), [Hook], "{faults:?}");
        assert_eq!(who(&hook(&faults), None), [Hook], "{faults:?}");
    }
}

#[test]
fn an_answer_that_takes_effect_is_one_whatever_comes_back() {
    for trouble in Trouble::ALL {
        assert_eq!(who(&hook(&[Fault::always(PUT, trouble).taking_effect()]), None), [Hook], "{trouble:?}");
    }
}

#[test]
fn some_answers_without_effect_are_sent_again_in_the_time_kept_back() {
    let net = Plan::net(&[]);
    let often = |times, trouble| hook(&[Fault::first(times, PUT, trouble)]);
    assert_eq!(who(&often(3, Trouble::Throttle), Some(&net)), [Hook]);
    assert_eq!(who(&often(1, Trouble::Stall), Some(&net)), [Hook]);
    assert_eq!(who(&often(30, Trouble::Throttle), Some(&net)), [Hook, Net]);
    assert_eq!(who(&often(3, Trouble::Stall), None), [Hook, Nobody]);
    let hurried = Plan { timeout: Duration::from_secs(5), ..often(2, Trouble::Throttle) };
    assert_eq!(who(&hurried, Some(&net)), [Hook, Net]);
    assert_eq!(
        who(&hook(&[Fault::first(1, "*", Trouble::Deny)]), None),
        [Hook],
        "each operation is counted for itself"
    );
}

#[test]
fn a_process_that_ends_early_or_has_the_wrong_time_may_answer_or_not() {
    let net = Plan::net(&[]);
    let plans = [
        Plan { dies: true, ..hook(&[]) },
        Plan { timeout: Duration::from_secs(1), ..hook(&[]) },
        Plan { believed: MINUTE * 5, ..hook(&[]) },
    ];
    for plan in plans {
        assert_eq!(who(&plan, Some(&net)), [Hook, Net], "{plan:?}");
        assert_eq!(who(&plan, None), [Hook, Nobody], "{plan:?}");
    }
    let clock = |off| who(&hook(&[]).with_clock(off), None);
    assert_eq!(clock(ClockOff::Ahead(Duration::from_secs(55))), [Hook], "with less time in mind it answers sooner");
    assert_eq!(clock(ClockOff::Ahead(MINUTE * 9)), [Hook], "with none in mind it tries all the same");
    assert_eq!(clock(ClockOff::Behind(MINUTE)), [Hook, Nobody]);
}

#[test]
fn an_answer_that_never_has_an_effect_is_the_net_s_and_then_the_alarm_s() {
    let denied = hook(&[Fault::always(PUT, Trouble::Deny)]);
    let net = |faults: &[Fault]| Plan::net(faults);
    assert_eq!(who(&denied, Some(&net(&[]))), [Net]);
    assert_eq!(who(&denied, Some(&net(&[Fault::first(1, PUT, Trouble::Stall)]))), [Net], "it is tried again");
    assert_eq!(who(&denied, Some(&net(&[Fault::always(PUT, Trouble::Fail)]))), [Nobody]);
    assert_eq!(who(&denied, Some(&Plan { dies: true, ..net(&[]) })), [Net, Nobody]);
    assert_eq!(who(&denied, None), [Nobody]);
}

#[test]
fn of_several_faults_the_first_that_strikes_counts() {
    let first_lost = [Fault::first(1, PUT, Trouble::HangUp).taking_effect(), Fault::always(PUT, Trouble::Deny)];
    // The second call of all might be the first one of this execution.
    assert_eq!(who(&hook(&first_lost), None), [Hook, Nobody]);
    let later = Fault { after: 1, ..Fault::always(PUT, Trouble::Deny) };
    assert_eq!(who(&hook(&[later]), None), [Hook, Nobody]);
}

fn sent(status: &str, took_effect: bool, at: u64) -> Sent {
    Sent { by: Some(0), status: status.to_owned(), took_effect, at: Duration::from_secs(at) }
}

fn check(decision: &str) -> CheckLine {
    CheckLine {
        name: "targets".to_owned(),
        kind: "targets".to_owned(),
        outcome: "passed".to_owned(),
        decision: decision.to_owned(),
        code: String::new(),
        hint: String::new(),
        duration_ms: 1,
        message: String::new(),
    }
}

/// Asked, and answered as promised.
fn good() -> Asked {
    Asked {
        allowed: [Hook].into(),
        answered_by: Hook,
        sent: vec![sent("Succeeded", true, 2)],
        deadlines: vec![MINUTE],
        checks: vec![check("pass"), check("warn")],
        verdict: "AfterInstall succeeded: 1 check passed".to_owned(),
    }
}

#[test]
fn a_kept_promise_is_not_broken() {
    assert_eq!(broken(&good()), [""; 0]);
    let again = vec![sent("Succeeded", true, 2), sent("Succeeded", false, 3)];
    assert_eq!(broken(&Asked { sent: again, ..good() }), [""; 0], "a lost reply is sent again");
    let why = "nothing was checked, 1 warned: roll-back: …".to_owned();
    assert_eq!(broken(&Asked { checks: vec![], verdict: why, ..good() }), [""; 0]);
    let failed = Asked { sent: vec![sent("Failed", true, 2)], checks: vec![check("fail")], ..good() };
    assert_eq!(broken(&failed), [""; 0]);
    let other = Sent { by: Some(1), ..sent("Failed", false, 3) };
    let twice = Asked { sent: vec![sent("Succeeded", true, 2), other], deadlines: vec![MINUTE; 2], ..good() };
    assert_eq!(broken(&twice), [""; 0], "a second delivery may come to another verdict");
}

#[test]
fn every_way_to_break_it_is_told() {
    let told = |asked: Asked| broken(&asked).join("; ");
    let two = vec![sent("Succeeded", true, 2), sent("Succeeded", true, 3)];
    assert_eq!(told(Asked { sent: two, ..good() }), "one answer may take effect, and 2 did");
    let mind = vec![sent("Failed", false, 2), sent("Succeeded", true, 3)];
    assert_eq!(told(Asked { sent: mind, ..good() }), "one invocation changed its mind: it put Failed, then Succeeded");
    let late = vec![sent("Succeeded", true, 61)];
    assert_eq!(told(Asked { sent: late, ..good() }), "it put Succeeded 1s after Lambda's deadline");
    let nowhere = vec![Sent { by: None, ..sent("Failed", true, 3600) }];
    assert!(told(Asked { sent: nowhere, ..good() }).contains("when the net had long been at its end"));
    let lie = Asked { checks: vec![check("fail")], ..good() };
    assert_eq!(told(lie), "it put Succeeded, and its check `targets` says fail");
    let said = "AfterInstall succeeded, observed: would have failed: targets: 1 of 2 unhealthy".to_owned();
    assert_eq!(told(Asked { checks: vec![check("fail")], verdict: said, ..good() }), "", "it only observes");
    let blind = Asked { checks: vec![], ..good() };
    assert_eq!(told(blind), "it put Succeeded, and has neither checked anything nor said why not");
    let silent = Asked { answered_by: Nobody, sent: vec![], ..good() };
    assert!(told(silent.clone()).contains("nothing that was planned keeps it from that; nobody answered"));
    let silent = Asked { allowed: [Hook, Net].into(), ..silent };
    assert!(told(silent).contains("if not of its own then the net's, which nothing keeps from it; nobody answered"));
    let ghost = Asked { allowed: [Net, Nobody].into(), ..good() };
    assert_eq!(told(ghost), "expected the net's answer or no answer by what was planned; it answered itself");
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let effects = prop::sample::select(vec![Effect::Before, Effect::After]);
    let operations = prop::sample::select(vec![PUT, "*", "ecs:ListTasks"]);
    let functions = prop::sample::select(vec![None, Some(HOOK), Some(FunctionName::LastAnswer)]);
    let troubles = prop::sample::select(Trouble::ALL.to_vec());
    (operations, troubles, effects, functions, prop::option::of(1..6_u32), 0..3_u32).prop_map(
        |(operation, trouble, effect, function, times, after)| Fault {
            operation: operation.to_owned(),
            trouble,
            effect,
            function,
            times,
            after,
        },
    )
}

proptest! {
    #[test]
    fn somebody_or_nobody_is_always_allowed(hook_faults in prop::collection::vec(any_fault(), 0..4), dies: bool) {
        let (hook, net) = (Plan { dies, ..hook(&hook_faults) }, Plan::net(&hook_faults));
        let (with, without) = (allowed(&hook, Some(&net)), allowed(&hook, None));
        prop_assert!(!with.is_empty() && !without.is_empty());
        prop_assert_eq!(with.contains(&Hook), without.contains(&Hook), "the net changes nothing for the hook");
        prop_assert!(!without.contains(&Net));
        prop_assert!(!with.contains(&Nobody) || without.contains(&Nobody), "the net makes nothing worse");
    }

    #[test]
    fn one_more_thing_that_goes_wrong_never_makes_an_answer_certain(
        faults in prop::collection::vec(any_fault(), 0..3),
        more in any_fault(),
    ) {
        let before = allowed(&hook(&faults), None);
        let after = allowed(&hook(&[faults, vec![more]].concat()), None);
        prop_assert!(!before.contains(&Nobody) || after.contains(&Nobody));
    }

    #[test]
    fn the_order_in_which_things_were_sent_by_others_breaks_nothing(at in 0..50_u64, failed: bool) {
        let status = if failed { "Failed" } else { "Succeeded" };
        let sent = vec![sent(status, true, at), sent(status, false, at + 1)];
        prop_assert_eq!(broken(&Asked { sent, ..good() }), Vec::<String>::new());
    }
}
