use std::{collections::BTreeMap, sync::Arc};

use aws_client::{
    Aws, AwsSettings,
    model::{Deployment, DeploymentView, Service},
};
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    checks::{EgressPolicy, HttpClient},
    finding::{Policies, Policy},
    finding_log::FindingLog,
    secrets::Secrets,
    verdict::{Decision, decide},
};

pub(crate) fn check_context(left: Duration) -> CheckContext {
    let deployment = Deployment { id: "d-1".into(), creator: "user".into(), ..Deployment::for_group("shop", "web") };
    let service = Service { name: "web".into(), status: "ACTIVE".into(), ..Service::default() };
    let aws = Aws::new(&AwsSettings::default());
    CheckContext {
        target: Arc::new(DeploymentView { deployment, cluster: "shop".into(), service, ..DeploymentView::default() }),
        http_client: HttpClient::new(None, EgressPolicy::new(&[], true)),
        test_address: None,
        host: None,
        env_facts: Arc::default(),
        secrets: Arc::new(Secrets::new(BTreeMap::new(), aws.clone(), FindingLog::new(Arc::new(|_, _, _| {})))),
        gate_file: Arc::default(),
        listeners: Arc::default(),
        permits: Arc::new(Semaphore::new(super::super::MAX_PARALLEL_ATTEMPTS)),
        aws,
        traffic_since: None,
        policies: Policies::default(),
        deadline: Instant::now() + left,
        out_of_time_hint: None,
    }
}

/// The result of an attempt, by its letter in a story.
fn attempt(letter: char) -> Attempt {
    match letter {
        '+' => Attempt::Retryable(Observation::passed("web", "fine")),
        '?' => Attempt::Retryable(Observation::no_data(ReasonCode::AlarmNoData, "web", "fine", "nothing")),
        'e' => Attempt::Retryable(Observation::errored(ReasonCode::AwsThrottled, "web", "too many requests")),
        's' => Attempt::Continuous(Observation::passed("web", "fine, and was so")),
        'g' => Attempt::Gap(Observation::errored(ReasonCode::AwsThrottled, "web", "too many requests")),
        'x' => Attempt::Retryable(Observation::errored(ReasonCode::AwsDenied, "web", "not for you")),
        'z' => Attempt::Settling(Observation::failed(ReasonCode::NotRunning, "web", "fine", "settles")),
        '!' => Attempt::Final(Observation::failed(ReasonCode::NotSteady, "web", "fine", "dead")),
        _ => Attempt::Retryable(Observation::failed(ReasonCode::NotSteady, "web", "fine", "not")),
    }
}

/// Attempts that are good or bad as `story` says. The last one repeats forever. The policies say which of them
/// decide.
async fn poll_story(poll_policy: &PollPolicy, cx: &CheckContext, story: &str) -> (Observation, usize) {
    let mut made = 0;
    let observation = poll(poll_policy, cx, || {
        let now = story.chars().nth(made.min(story.len() - 1));
        made += 1;
        async move { attempt(now.unwrap_or('-')) }
    })
    .await;
    (observation, made)
}

const LENIENT: Policies = Policies { on_fail: Policy::Fail, on_error: Policy::Warn, no_data: Policy::Warn };

/// Policies with which only a false condition decides, so that a window is watched to its end.
async fn poll_outcome(poll_policy: &PollPolicy, left: u64, story: &str) -> (Outcome, usize) {
    let scene = CheckContext { policies: LENIENT, ..check_context(Duration::from_secs(left)) };
    let (observation, made) = poll_story(poll_policy, &scene, story).await;
    (observation.outcome, made)
}

/// What all attempts together mean.
async fn decide_story(poll_policy: &PollPolicy, left: u64, policies: Policies, story: &str) -> Decision {
    let cx = CheckContext { policies, ..check_context(Duration::from_secs(left)) };
    decide(&poll_story(poll_policy, &cx, story).await.0, policies)
}

fn poll_policy(within: u64, hold_for: u64, consecutive: u32) -> PollPolicy {
    let seconds = Duration::from_secs;
    PollPolicy {
        within: seconds(within),
        hold_for: seconds(hold_for),
        restart_on_failure: false,
        consecutive,
        every: seconds(1),
    }
}

#[tokio::test(start_paused = true)]
async fn it_becomes_so_within_its_time_or_fails() {
    assert_eq!(poll_outcome(&poll_policy(0, 0, 1), 60, "+").await, (Outcome::Passed, 1));
    assert_eq!(poll_outcome(&poll_policy(0, 0, 1), 60, "-+").await, (Outcome::Failed, 1));
    assert_eq!(poll_outcome(&poll_policy(5, 0, 1), 60, "---+").await, (Outcome::Passed, 4));
    assert_eq!(poll_outcome(&poll_policy(5, 0, 1), 60, "-").await, (Outcome::Failed, 6));
}

#[tokio::test(start_paused = true)]
async fn good_answers_have_to_come_in_a_row() {
    assert_eq!(poll_outcome(&poll_policy(9, 0, 3), 60, "++-+++").await, (Outcome::Passed, 6));
    assert_eq!(poll_outcome(&poll_policy(2, 0, 3), 60, "+-").await, (Outcome::Failed, 3));
}

#[tokio::test(start_paused = true)]
async fn what_has_to_stay_so_fails_as_soon_as_it_does_not() {
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+").await, (Outcome::Passed, 6));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+++-+").await, (Outcome::Failed, 4));
    assert_eq!(poll_outcome(&poll_policy(9, 5, 1), 60, "--+-+").await, (Outcome::Failed, 4));
}

#[tokio::test(start_paused = true)]
async fn what_settles_by_itself_neither_breaks_a_window_nor_ends_it() {
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+zz+").await, (Outcome::Passed, 6));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+++++zzz+").await, (Outcome::Passed, 9));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+zz-+").await, (Outcome::Failed, 4));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+z").await.0, Outcome::TimedOut);
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 900, "+z").await.0, Outcome::Failed, "five minutes are over");
    // Settling time is also allowed before a window. Without a window, settling is a failure.
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "z+").await, (Outcome::Passed, 7));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "z-").await, (Outcome::Failed, 2));
    assert_eq!(poll_outcome(&poll_policy(0, 0, 1), 60, "z+").await, (Outcome::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn what_has_to_be_stable_may_begin_anew_while_there_is_time() {
    let stable = |within| PollPolicy { restart_on_failure: true, ..poll_policy(within, 3, 1) };
    assert_eq!(poll_outcome(&stable(9), 60, "-++-++++").await, (Outcome::Passed, 8));
    assert_eq!(poll_outcome(&stable(9), 60, "++?++++").await, (Outcome::Passed, 7));
    assert_eq!(poll_outcome(&stable(3), 60, "++-++-").await, (Outcome::Failed, 6));
}

#[tokio::test(start_paused = true)]
async fn a_window_is_watched_to_its_end_also_where_one_look_could_not_judge() {
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "??-").await, (Outcome::Failed, 3));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+?-").await, (Outcome::Failed, 3));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "?").await, (Outcome::NoData, 6));
    assert_eq!(poll_outcome(&poll_policy(0, 5, 1), 60, "+++?+").await, (Outcome::NoData, 6));
    assert_eq!(poll_outcome(&poll_policy(0, 0, 1), 60, "?-").await, (Outcome::NoData, 1));
    assert_eq!(poll_outcome(&poll_policy(9, 5, 1), 60, "+?").await, (Outcome::NoData, 6));
}

#[tokio::test(start_paused = true)]
async fn a_window_does_not_begin_before_there_is_something_to_judge() {
    assert_eq!(poll_outcome(&poll_policy(9, 5, 1), 60, "??-?+").await, (Outcome::Passed, 10));
    assert_eq!(poll_outcome(&poll_policy(3, 5, 1), 60, "?").await, (Outcome::NoData, 9));
    assert_eq!(poll_outcome(&poll_policy(3, 5, 1), 60, "?????-").await, (Outcome::Failed, 6));
}

#[tokio::test(start_paused = true)]
async fn what_can_never_become_so_ends_at_once() {
    assert_eq!(poll_outcome(&poll_policy(30, 0, 1), 60, "-!").await, (Outcome::Failed, 2));
    assert_eq!(poll_outcome(&poll_policy(30, 0, 1), 60, "-x").await, (Outcome::Errored, 2));
    assert_eq!(poll_outcome(&poll_policy(0, 30, 1), 60, "x").await, (Outcome::Errored, 1));
    assert_eq!(
        poll_outcome(&poll_policy(0, 30, 1), 60, "+x-").await,
        (Outcome::Failed, 3),
        "access that was granted once may be granted again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_window_counts_every_attempt_and_the_strictest_policy_decides() {
    let (fail, warn) = (Policy::Fail, Policy::Warn);
    let errors = Policies { on_fail: warn, on_error: fail, no_data: warn };
    let no_data = Policies { on_fail: warn, on_error: warn, no_data: fail };
    let window = poll_policy(0, 5, 1);
    for story in ["?eee+", "+e?+", "e?+", "?+e?+"] {
        assert_eq!(decide_story(&window, 60, errors, story).await, Decision::Fail, "{story}");
        assert_eq!(decide_story(&window, 60, no_data, story).await, Decision::Fail, "{story}");
        assert_eq!(decide_story(&window, 60, LENIENT, story).await, Decision::Warn, "{story}");
    }
    assert_eq!(decide_story(&window, 60, no_data, "e?-").await, Decision::Fail, "a false condition hides nothing");
    assert_eq!(decide_story(&poll_policy(3, 5, 1), 60, errors, "e?-+").await, Decision::Pass, "not yet");
    assert_eq!(decide_story(&poll_policy(3, 5, 1), 60, errors, "e-").await, Decision::Fail, "it never passed");
    assert_eq!(decide_story(&poll_policy(3, 0, 1), 60, errors, "-e--?").await, Decision::Fail, "nor without a window");
    assert_eq!(decide_story(&poll_policy(3, 0, 2), 60, errors, "e-++").await, Decision::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_gap_hides_nothing_where_the_next_attempt_knows_what_was_in_it() {
    let strict = Policies::default();
    let window = poll_policy(0, 5, 1);
    for story in ["sgs", "gs", "sggs"] {
        assert_eq!(decide_story(&window, 60, strict, story).await, Decision::Pass, "{story}");
    }
    for story in ["sg+", "g+", "sg", "sssg-", "sgx"] {
        assert_eq!(decide_story(&window, 60, strict, story).await, Decision::Fail, "{story}");
    }
    assert_eq!(decide_story(&window, 3, strict, "sg").await, Decision::Fail, "time runs out in it");
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_decided_ends_at_once() {
    let strict = check_context(Duration::from_secs(60));
    for (story, attempts_made) in [("?", 1), ("+e", 2), ("++?-", 3)] {
        assert_eq!(poll_story(&poll_policy(0, 30, 1), &strict, story).await.1, attempts_made, "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_that_runs_out_hides_nothing_that_was_seen() {
    let (fail, warn) = (Policy::Fail, Policy::Warn);
    let errors_warn = Policies { on_fail: fail, on_error: warn, no_data: warn };
    assert_eq!(decide_story(&poll_policy(90, 0, 1), 10, errors_warn, "-").await, Decision::Fail);
    assert_eq!(decide_story(&poll_policy(90, 0, 1), 10, errors_warn, "-?").await, Decision::Fail);
    assert_eq!(decide_story(&poll_policy(90, 5, 1), 10, errors_warn, "-------+").await, Decision::Warn);
    assert_eq!(
        decide_story(&PollPolicy { restart_on_failure: true, ..poll_policy(90, 5, 1) }, 10, errors_warn, "++-+++")
            .await,
        Decision::Pass
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_does_not_come_back_hides_nothing_that_was_seen() {
    let scene = check_context(Duration::from_secs(10));
    let mut made = 0;
    let observation = poll(&poll_policy(90, 0, 1), &scene, || {
        made += 1;
        let comes_back = made < 3;
        async move { if comes_back { attempt('-') } else { std::future::pending().await } }
    })
    .await;
    assert_eq!((observation.outcome, decide(&observation, LENIENT)), (Outcome::TimedOut, Decision::Fail));
    let never = poll(&poll_policy(90, 0, 1), &scene, std::future::pending).await;
    assert_eq!((never.outcome, never.code), (Outcome::TimedOut, Some(ReasonCode::RanOutOfTime)));
}

#[tokio::test(start_paused = true)]
async fn when_time_runs_out_the_last_look_is_told() {
    assert_eq!(poll_outcome(&poll_policy(90, 0, 1), 10, "-").await, (Outcome::TimedOut, 11));
    assert_eq!(poll_outcome(&poll_policy(90, 5, 1), 10, "-------+").await, (Outcome::TimedOut, 11));
}

#[tokio::test(start_paused = true)]
async fn a_window_longer_than_the_time_left_is_not_begun() {
    assert_eq!(poll_outcome(&poll_policy(0, 90, 1), 60, "+").await, (Outcome::TimedOut, 0));
    assert_eq!(poll_outcome(&poll_policy(0, 0, 100), 60, "+").await, (Outcome::TimedOut, 0));
}

fn any_policies() -> impl Strategy<Value = Policies> {
    let policy = || prop_oneof![Just(Policy::Fail), Just(Policy::Warn), Just(Policy::Ignore)];
    (policy(), policy(), policy()).prop_map(|(on_fail, on_error, no_data)| Policies { on_fail, on_error, no_data })
}

fn any_poll_policy() -> impl Strategy<Value = PollPolicy> {
    (0..6_u64, 0..6_u64, any::<bool>(), 1..4_u32).prop_map(|(within, hold_for, anew, consecutive)| PollPolicy {
        restart_on_failure: anew && hold_for > 0,
        ..poll_policy(within, hold_for, consecutive)
    })
}

/// Any attempts, and the index of one that can be swapped between good and bad.
fn any_story() -> impl Strategy<Value = (String, usize, char)> {
    let letter = proptest::sample::select(vec!['+', '+', '+', '-', '?', 'e']);
    let story = proptest::collection::vec(letter, 1..12).prop_map(String::from_iter);
    let bad = proptest::sample::select(vec!['-', '?', 'e']);
    (story, bad).prop_flat_map(|(story, bad)| {
        let places = 0..story.len();
        (Just(story), places, Just(bad))
    })
}

thread_local! {
    static PAUSED: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    static SCENE: CheckContext = check_context(Duration::ZERO);
}

/// What the attempts mean with this many seconds left.
fn decision(poll_policy: &PollPolicy, left: u64, policies: Policies, story: &str) -> Decision {
    let cx = SCENE.with(CheckContext::clone);
    PAUSED.with(|runtime| {
        runtime.block_on(async {
            let scene = CheckContext { policies, deadline: Instant::now() + Duration::from_secs(left), ..cx };
            decide(&poll_story(poll_policy, &scene, story).await.0, policies)
        })
    })
}

proptest! {
    /// If `within` lets a window begin late, it begins with the first good attempt. An attempt before that one
    /// moves the window and is not in it, and so does the first good one itself.
    #[test]
    fn one_more_bad_attempt_never_helps_and_one_more_good_one_never_hurts(
        pace in any_poll_policy(), left in 6..20_u64, policies in any_policies(), (story, at, bad) in any_story()
    ) {
        let starts_late = !pace.hold_for.is_zero() && !pace.restart_on_failure && !pace.within.is_zero();
        let first_pass = story.find('+').unwrap_or(story.len());
        prop_assume!(!starts_late || first_pass < at);
        let with = |letter: char| {
            story.chars().enumerate().map(|(place, own)| if place == at { letter } else { own }).collect::<String>()
        };
        let (good, bad) = (with('+'), with(bad));
        let (after_good, after_bad) = (decision(&pace, left, policies, &good), decision(&pace, left, policies, &bad));
        prop_assert!(after_good <= after_bad, "{good} means {after_good:?}, {bad} means {after_bad:?}");
    }

    #[test]
    fn what_is_false_at_every_attempt_is_decided_by_on_fail(
        pace in any_poll_policy(), left in 0..20_u64, policies in any_policies()
    ) {
        let never_begun = pace.min_duration() > Duration::from_secs(left);
        let seen = decision(&pace, left, policies, "-");
        let decided_by = |policy| decide(
            &Observation::failed(ReasonCode::NotSteady, "web", "fine", "not"),
            Policies { on_fail: policy, ..Policies::default() },
        );
        prop_assert!(never_begun || seen >= decided_by(policies.on_fail), "{seen:?}");
    }
}
