//! Looks more than once: until it is so, for so long, so many times in a row.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use super::{Scene, tally::Tally};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
    gate::{Fields, in_words},
};

/// How often to look, and when to be content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// `within`: how long it may take to become so.
    pub within: Duration,
    /// `for`: how long it then has to stay so.
    pub stay: Duration,
    /// `stable_for`: what stops being so meanwhile may become so again, and the time it has to stay so begins anew.
    pub anew: bool,
    /// `consecutive`: how many looks in a row have to find it so.
    pub consecutive: u32,
    /// `every`: the pause between two looks.
    pub every: Duration,
}

/// So long before time is up there is a last look. AWS answers in less.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// So long before time is up an attempt that has not come back is given up: the report has to be out by then.
const LAST_MOMENT: Duration = Duration::from_millis(100);
/// So long a task set may take to settle again in the middle of a window: CodeDeploy waits as long for one.
const TO_SETTLE: Duration = Duration::from_secs(5 * 60);
/// A pause shorter than this would be an attack.
pub(super) const LEAST_PAUSE: Duration = Duration::from_millis(50);

impl Pace {
    /// One look.
    pub const ONCE: Self = Self {
        within: Duration::ZERO,
        stay: Duration::ZERO,
        anew: false,
        consecutive: 1,
        every: Duration::from_secs(5),
    };

    /// Reads `within`, `for`, `consecutive` and `every`.
    pub fn read(fields: &mut Fields<'_>, default: &Self) -> Self {
        let stay = fields.duration_or("for", default.stay);
        // The usual pause must not be longer than a short window: it would have a single attempt.
        let every = if stay.is_zero() { default.every } else { default.every.min(stay) };
        Self {
            within: fields.duration_or("within", default.within),
            stay,
            anew: default.anew,
            consecutive: fields.number_or("consecutive", 1..=1000, default.consecutive),
            every: fields.duration_or("every", every).max(LEAST_PAUSE),
        }
    }

    /// The least time that the check takes when all is well.
    fn least(&self) -> Duration {
        self.stay.max(self.every * (self.consecutive - 1))
    }

    /// Attempts with `look`. An outcome that `look` calls final ends it at once.
    ///
    /// The window begins with the first pass, or when `within` is over. Its result counts every attempt in it, and the
    /// strictest policy decides: a bad attempt in place of a good one can make it worse and never better. What was not
    /// so before the first pass was "not yet".
    pub async fn watch<F>(&self, scene: &Scene, mut look: impl FnMut() -> F) -> Observation
    where
        F: Future<Output = Look>,
    {
        let began = Instant::now();
        let left = scene.until.saturating_duration_since(began);
        if self.least() > left {
            let expected = format!("{} to watch", in_words(self.least()));
            let seen = format!("{} left", in_words(left));
            return Observation::failed(Code::WindowTooLong, "this function", expected, seen)
                .but(Outcome::TimedOut, Code::WindowTooLong);
        }
        // An attempt that does not come back is given up in time to report what the attempts before it saw.
        let last_moment = scene.until.checked_sub(LAST_MOMENT).unwrap_or(scene.until);
        // `for`: a window that has begun can end and cannot begin again.
        let begins_once = !self.stay.is_zero() && !self.anew;
        let mut since = None;
        let mut in_a_row = 0;
        let mut tally = Tally::default();
        // Since when it settles again.
        let mut unsettled = None;
        loop {
            let attempt = async {
                // Never closed.
                let _permit = scene.permits.acquire().await;
                look().await
            };
            let Ok(look) = timeout_at(last_moment, attempt).await else {
                return tally.timed_out(began.elapsed());
            };
            let now = Instant::now();
            if let Look::Settling(observation) = &look {
                let has_time = now - *unsettled.get_or_insert(now) < TO_SETTLE;
                if has_time && begins_once {
                    tally.settling(observation.clone());
                    let left = scene.until.saturating_duration_since(now);
                    if left <= LAST_LOOK {
                        return tally.timed_out(now - began);
                    }
                    sleep(self.every.min(left - LAST_LOOK)).await;
                    continue;
                }
            } else {
                unsettled = None;
            }
            let is_gap = matches!(look, Look::Gap(_));
            let (observation, is_last) = match look {
                Look::Now(observation) | Look::Gap(observation) | Look::Settling(observation) => (observation, false),
                Look::Seamless(observation) => {
                    tally.close_gap();
                    (observation, false)
                }
                Look::Final(observation) => (observation, true),
            };
            // Who is refused at first is refused again; minutes of asking would only be louder.
            let is_refused = matches!(observation.code, Some(Code::AwsDenied | Code::AwsRefused)) && since.is_none();
            let holds = observation.holds();
            if holds && since.is_none() {
                tally.forget_what_was_not_yet();
            }
            if is_gap {
                tally.count_gap(observation)
            } else {
                tally.count(observation)
            }
            if is_last || is_refused {
                return tally.ended_by_last(self, now - began);
            }
            let may_wait = now - began < self.within;
            if holds || !may_wait || (begins_once && since.is_some()) {
                let since = *since.get_or_insert(now);
                in_a_row += 1;
                let is_over = now - since >= self.stay && in_a_row >= self.consecutive;
                // What is wrong later may be decided by a stricter policy, so only a decision ends a window early.
                if is_over || (!holds && tally.decides(scene.policies)) {
                    return tally.ended(self, now - began);
                }
            } else {
                since = None;
                in_a_row = 0;
            }
            let left = scene.until.saturating_duration_since(now);
            if left <= LAST_LOOK {
                return tally.timed_out(now - began);
            }
            sleep(self.every.min(left - LAST_LOOK)).await;
        }
    }

    /// How it passed, for the report.
    pub(super) fn manner(&self, took: Duration) -> String {
        match (self.stay.is_zero(), self.consecutive) {
            (false, _) => format!("for {}", in_words(took)),
            (true, 1) => format!("after {}", in_words(took)),
            (true, row) => format!("{row} times in a row"),
        }
    }
}

/// What one look gave.
pub enum Look {
    /// It may be otherwise the next time.
    Now(Observation),
    /// It is not so, and for a reason that passes by itself: the service scales out, or ECS replaces a task. With `for` it
    /// is neither a pass nor a break, for five minutes at a time; elsewhere it is as `Now`.
    Settling(Observation),
    /// The same, and what was between it and the attempt before is known as well: what could not be seen meanwhile hides
    /// nothing.
    Seamless(Observation),
    /// It could not be seen, and the next attempt can show that this hides nothing.
    Gap(Observation),
    /// It will not change any more.
    Final(Observation),
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use proptest::prelude::*;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        aws::Aws,
        board::Board,
        check::Probe,
        finding::{Policies, Policy},
        secrets::Secrets,
        settings::AwsSettings,
        target::{Deployment, Service, Target},
        verdict::{Decision, decide},
    };

    pub(crate) fn scene(left: Duration) -> Scene {
        let deployment = Deployment { id: "d-1".into(), creator: "user".into(), ..Deployment::of("shop", "web") };
        let service = Service {
            name: "web".into(),
            status: "ACTIVE".into(),
            controller: String::new(),
            task_sets: Vec::new(),
            events: Vec::new(),
        };
        let aws = Aws::new(&AwsSettings::default());
        Scene {
            target: Arc::new(Target {
                deployment,
                cluster: "shop".into(),
                service,
                pair: Vec::new(),
                green_group: None,
                production: None,
                test: None,
                alarms: Default::default(),
            }),
            probe: Probe::new(&AwsSettings::default()),
            test_address: None,
            host: None,
            given: Arc::default(),
            secrets: Arc::new(Secrets::new(BTreeMap::new(), aws.clone(), Board::new(Arc::new(|_, _, _| {})))),
            gate: Arc::default(),
            listeners: Arc::default(),
            permits: Arc::new(Semaphore::new(super::super::ATTEMPTS_AT_ONCE)),
            aws,
            traffic_since: None,
            policies: Policies::default(),
            until: Instant::now() + left,
        }
    }

    /// What an attempt gives, by its letter in a story.
    fn attempt(letter: char) -> Look {
        match letter {
            '+' => Look::Now(Observation::passed("web", "fine")),
            '?' => Look::Now(Observation::no_data(Code::AlarmNoData, "web", "fine", "nothing")),
            'e' => Look::Now(Observation::errored(Code::AwsThrottled, "web", "too many requests")),
            's' => Look::Seamless(Observation::passed("web", "fine, and was so")),
            'g' => Look::Gap(Observation::errored(Code::AwsThrottled, "web", "too many requests")),
            'x' => Look::Now(Observation::errored(Code::AwsDenied, "web", "not for you")),
            'z' => Look::Settling(Observation::failed(Code::NotRunning, "web", "fine", "settles")),
            '!' => Look::Final(Observation::failed(Code::NotSteady, "web", "fine", "dead")),
            _ => Look::Now(Observation::failed(Code::NotSteady, "web", "fine", "not")),
        }
    }

    /// Attempts that are good or bad as `story` says, the last one for ever. Which of them decide, the policies say.
    async fn attempts(pace: &Pace, scene: &Scene, story: &str) -> (Observation, usize) {
        let mut made = 0;
        let observation = pace
            .watch(scene, || {
                let now = story.chars().nth(made.min(story.len() - 1));
                made += 1;
                async move { attempt(now.unwrap_or('-')) }
            })
            .await;
        (observation, made)
    }

    const LENIENT: Policies = Policies { on_fail: Policy::Fail, on_error: Policy::Warn, no_data: Policy::Warn };

    /// Where only what is false decides, so that a window is watched to its end.
    async fn watch(pace: &Pace, left: u64, story: &str) -> (Outcome, usize) {
        let scene = Scene { policies: LENIENT, ..scene(Duration::from_secs(left)) };
        let (observation, made) = attempts(pace, &scene, story).await;
        (observation.outcome, made)
    }

    /// What all attempts together mean.
    async fn decided(pace: &Pace, left: u64, policies: Policies, story: &str) -> Decision {
        let scene = Scene { policies, ..scene(Duration::from_secs(left)) };
        decide(&attempts(pace, &scene, story).await.0, policies)
    }

    fn pace(within: u64, stay: u64, consecutive: u32) -> Pace {
        let seconds = Duration::from_secs;
        Pace { within: seconds(within), stay: seconds(stay), anew: false, consecutive, every: seconds(1) }
    }

    #[tokio::test(start_paused = true)]
    async fn it_becomes_so_within_its_time_or_fails() {
        assert_eq!(watch(&pace(0, 0, 1), 60, "+").await, (Outcome::Passed, 1));
        assert_eq!(watch(&pace(0, 0, 1), 60, "-+").await, (Outcome::Failed, 1));
        assert_eq!(watch(&pace(5, 0, 1), 60, "---+").await, (Outcome::Passed, 4));
        assert_eq!(watch(&pace(5, 0, 1), 60, "-").await, (Outcome::Failed, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn good_answers_have_to_come_in_a_row() {
        assert_eq!(watch(&pace(9, 0, 3), 60, "++-+++").await, (Outcome::Passed, 6));
        assert_eq!(watch(&pace(2, 0, 3), 60, "+-").await, (Outcome::Failed, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_to_stay_so_fails_as_soon_as_it_does_not() {
        assert_eq!(watch(&pace(0, 5, 1), 60, "+").await, (Outcome::Passed, 6));
        assert_eq!(watch(&pace(0, 5, 1), 60, "+++-+").await, (Outcome::Failed, 4));
        assert_eq!(watch(&pace(9, 5, 1), 60, "--+-+").await, (Outcome::Failed, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn what_settles_by_itself_neither_breaks_a_window_nor_ends_it() {
        assert_eq!(watch(&pace(0, 5, 1), 60, "+zz+").await, (Outcome::Passed, 6));
        assert_eq!(watch(&pace(0, 5, 1), 60, "+++++zzz+").await, (Outcome::Passed, 9));
        assert_eq!(watch(&pace(0, 5, 1), 60, "+zz-+").await, (Outcome::Failed, 4));
        assert_eq!(watch(&pace(0, 5, 1), 60, "+z").await.0, Outcome::TimedOut);
        assert_eq!(watch(&pace(0, 5, 1), 900, "+z").await.0, Outcome::Failed, "five minutes are over");
        // Before a window there is time for it as well; without one it is not so.
        assert_eq!(watch(&pace(0, 5, 1), 60, "z+").await, (Outcome::Passed, 7));
        assert_eq!(watch(&pace(0, 5, 1), 60, "z-").await, (Outcome::Failed, 2));
        assert_eq!(watch(&pace(0, 0, 1), 60, "z+").await, (Outcome::Failed, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_to_be_stable_may_begin_anew_while_there_is_time() {
        let stable = |within| Pace { anew: true, ..pace(within, 3, 1) };
        assert_eq!(watch(&stable(9), 60, "-++-++++").await, (Outcome::Passed, 8));
        assert_eq!(watch(&stable(9), 60, "++?++++").await, (Outcome::Passed, 7));
        assert_eq!(watch(&stable(3), 60, "++-++-").await, (Outcome::Failed, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_is_watched_to_its_end_also_where_one_look_could_not_judge() {
        assert_eq!(watch(&pace(0, 5, 1), 60, "??-").await, (Outcome::Failed, 3));
        assert_eq!(watch(&pace(0, 5, 1), 60, "+?-").await, (Outcome::Failed, 3));
        assert_eq!(watch(&pace(0, 5, 1), 60, "?").await, (Outcome::NoData, 6));
        assert_eq!(watch(&pace(0, 5, 1), 60, "+++?+").await, (Outcome::NoData, 6));
        assert_eq!(watch(&pace(0, 0, 1), 60, "?-").await, (Outcome::NoData, 1));
        assert_eq!(watch(&pace(9, 5, 1), 60, "+?").await, (Outcome::NoData, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_does_not_begin_before_there_is_something_to_judge() {
        assert_eq!(watch(&pace(9, 5, 1), 60, "??-?+").await, (Outcome::Passed, 10));
        assert_eq!(watch(&pace(3, 5, 1), 60, "?").await, (Outcome::NoData, 9));
        assert_eq!(watch(&pace(3, 5, 1), 60, "?????-").await, (Outcome::Failed, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_never_become_so_ends_at_once() {
        assert_eq!(watch(&pace(30, 0, 1), 60, "-!").await, (Outcome::Failed, 2));
        assert_eq!(watch(&pace(30, 0, 1), 60, "-x").await, (Outcome::Errored, 2));
        assert_eq!(watch(&pace(0, 30, 1), 60, "x").await, (Outcome::Errored, 1));
        assert_eq!(watch(&pace(0, 30, 1), 60, "+x-").await, (Outcome::Failed, 3), "who was let in once may be again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_counts_every_attempt_and_the_strictest_policy_decides() {
        let (fail, warn) = (Policy::Fail, Policy::Warn);
        let errors = Policies { on_fail: warn, on_error: fail, no_data: warn };
        let no_data = Policies { on_fail: warn, on_error: warn, no_data: fail };
        let window = pace(0, 5, 1);
        for story in ["?eee+", "+e?+", "e?+", "?+e?+"] {
            assert_eq!(decided(&window, 60, errors, story).await, Decision::Fail, "{story}");
            assert_eq!(decided(&window, 60, no_data, story).await, Decision::Fail, "{story}");
            assert_eq!(decided(&window, 60, LENIENT, story).await, Decision::Warn, "{story}");
        }
        assert_eq!(decided(&window, 60, no_data, "e?-").await, Decision::Fail, "what is false hides nothing");
        assert_eq!(decided(&pace(3, 5, 1), 60, errors, "e?-+").await, Decision::Pass, "not yet");
        assert_eq!(decided(&pace(3, 5, 1), 60, errors, "e-").await, Decision::Fail, "it never became so");
        assert_eq!(decided(&pace(3, 0, 1), 60, errors, "-e--?").await, Decision::Fail, "nor without a window");
        assert_eq!(decided(&pace(3, 0, 2), 60, errors, "e-++").await, Decision::Pass);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_hides_nothing_where_the_next_attempt_knows_what_was_in_it() {
        let strict = Policies::default();
        let window = pace(0, 5, 1);
        for story in ["sgs", "gs", "sggs"] {
            assert_eq!(decided(&window, 60, strict, story).await, Decision::Pass, "{story}");
        }
        for story in ["sg+", "g+", "sg", "sssg-", "sgx"] {
            assert_eq!(decided(&window, 60, strict, story).await, Decision::Fail, "{story}");
        }
        assert_eq!(decided(&window, 3, strict, "sg").await, Decision::Fail, "time runs out in it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_is_decided_ends_at_once() {
        let strict = scene(Duration::from_secs(60));
        for (story, attempts_made) in [("?", 1), ("+e", 2), ("++?-", 3)] {
            assert_eq!(attempts(&pace(0, 30, 1), &strict, story).await.1, attempts_made, "{story}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_runs_out_hides_nothing_that_was_seen() {
        let (fail, warn) = (Policy::Fail, Policy::Warn);
        let errors_warn = Policies { on_fail: fail, on_error: warn, no_data: warn };
        assert_eq!(decided(&pace(90, 0, 1), 10, errors_warn, "-").await, Decision::Fail);
        assert_eq!(decided(&pace(90, 0, 1), 10, errors_warn, "-?").await, Decision::Fail);
        assert_eq!(decided(&pace(90, 5, 1), 10, errors_warn, "-------+").await, Decision::Warn);
        assert_eq!(decided(&Pace { anew: true, ..pace(90, 5, 1) }, 10, errors_warn, "++-+++").await, Decision::Pass);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_does_not_come_back_hides_nothing_that_was_seen() {
        let scene = scene(Duration::from_secs(10));
        let mut made = 0;
        let observation = pace(90, 0, 1)
            .watch(&scene, || {
                made += 1;
                let comes_back = made < 3;
                async move { if comes_back { attempt('-') } else { std::future::pending().await } }
            })
            .await;
        assert_eq!((observation.outcome, decide(&observation, LENIENT)), (Outcome::TimedOut, Decision::Fail));
        let never = pace(90, 0, 1).watch(&scene, std::future::pending).await;
        assert_eq!((never.outcome, never.code), (Outcome::TimedOut, Some(Code::RanOutOfTime)));
    }

    #[tokio::test(start_paused = true)]
    async fn when_time_runs_out_the_last_look_is_told() {
        assert_eq!(watch(&pace(90, 0, 1), 10, "-").await, (Outcome::TimedOut, 11));
        assert_eq!(watch(&pace(90, 5, 1), 10, "-------+").await, (Outcome::TimedOut, 11));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_longer_than_the_time_left_is_not_begun() {
        assert_eq!(watch(&pace(0, 90, 1), 60, "+").await, (Outcome::TimedOut, 0));
        assert_eq!(watch(&pace(0, 0, 100), 60, "+").await, (Outcome::TimedOut, 0));
    }

    fn any_policies() -> impl Strategy<Value = Policies> {
        let policy = || prop_oneof![Just(Policy::Fail), Just(Policy::Warn), Just(Policy::Ignore)];
        (policy(), policy(), policy()).prop_map(|(on_fail, on_error, no_data)| Policies { on_fail, on_error, no_data })
    }

    fn any_pace() -> impl Strategy<Value = Pace> {
        (0..6_u64, 0..6_u64, any::<bool>(), 1..4_u32).prop_map(|(within, stay, anew, consecutive)| Pace {
            anew: anew && stay > 0,
            ..pace(within, stay, consecutive)
        })
    }

    /// Any attempts, and one of them in which a good one can change places with a bad one.
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
        static SCENE: Scene = scene(Duration::ZERO);
    }

    /// What the attempts mean, with so many seconds left.
    fn meaning(pace: &Pace, left: u64, policies: Policies, story: &str) -> Decision {
        let scene = SCENE.with(Scene::clone);
        PAUSED.with(|runtime| {
            runtime.block_on(async {
                let scene = Scene { policies, until: Instant::now() + Duration::from_secs(left), ..scene };
                decide(&attempts(pace, &scene, story).await.0, policies)
            })
        })
    }

    proptest! {
        /// Where `within` lets a window begin late, it begins with the first good attempt: an attempt before that, or
        /// the first good one itself, moves the window and is not in it.
        #[test]
        fn one_more_bad_attempt_never_helps_and_one_more_good_one_never_hurts(
            pace in any_pace(), left in 6..20_u64, policies in any_policies(), (story, at, bad) in any_story()
        ) {
            let starts_late = !pace.stay.is_zero() && !pace.anew && !pace.within.is_zero();
            let first_pass = story.find('+').unwrap_or(story.len());
            prop_assume!(!starts_late || first_pass < at);
            let with = |letter: char| {
                story.chars().enumerate().map(|(place, own)| if place == at { letter } else { own }).collect::<String>()
            };
            let (good, bad) = (with('+'), with(bad));
            let (after_good, after_bad) = (meaning(&pace, left, policies, &good), meaning(&pace, left, policies, &bad));
            prop_assert!(after_good <= after_bad, "{good} means {after_good:?}, {bad} means {after_bad:?}");
        }

        #[test]
        fn what_is_false_at_every_attempt_is_decided_by_on_fail(
            pace in any_pace(), left in 0..20_u64, policies in any_policies()
        ) {
            let never_begun = pace.least() > Duration::from_secs(left);
            let seen = meaning(&pace, left, policies, "-");
            let decided_by = |policy| decide(
                &Observation::failed(Code::NotSteady, "web", "fine", "not"),
                Policies { on_fail: policy, ..Policies::default() },
            );
            prop_assert!(never_begun || seen >= decided_by(policies.on_fail), "{seen:?}");
        }
    }
}
