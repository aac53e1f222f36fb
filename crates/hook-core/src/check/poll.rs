//! Looks more than once: until it is so, for so long, so many times in a row.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use super::Scene;
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
        Self {
            within: fields.duration_or("within", default.within),
            stay: fields.duration_or("for", default.stay),
            anew: default.anew,
            consecutive: fields.number_or("consecutive", 1..=1000, default.consecutive),
            every: fields.duration_or("every", default.every).max(LEAST_PAUSE),
        }
    }

    /// The least time that the check takes when all is well.
    fn least(&self) -> Duration {
        self.stay.max(self.every * (self.consecutive - 1))
    }

    /// Looks with `look`. An outcome that `look` calls final ends it at once.
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
        // Since when nothing was wrong, and what could not be judged meanwhile.
        let mut since = None;
        let mut unjudged: Option<Observation> = None;
        let mut in_a_row = 0;
        let mut looks = 0_u32;
        loop {
            looks += 1;
            let look = look().await;
            let now = Instant::now();
            let (mut observation, is_final) = match look {
                // Who is refused once is refused again; minutes of asking would only be louder.
                Look::Now(observation) => {
                    let refused = matches!(observation.code, Some(Code::AwsDenied | Code::AwsRefused));
                    (observation, refused)
                }
                Look::Final(observation) => (observation, true),
            };
            if observation.holds() {
                let since = *since.get_or_insert(now);
                in_a_row += 1;
                if is_final || (now - since >= self.stay && in_a_row >= self.consecutive) {
                    return match unjudged {
                        Some(unjudged) => tired(unjudged, looks, now - began),
                        None => self.contented(observation, looks, now - began),
                    };
                }
            } else if observation.outcome != Outcome::Failed
                && !self.stay.is_zero()
                && !self.anew
                && !is_final
                && (since.is_some() || now - began >= self.within)
            {
                // A window is watched to its end also where one look could not judge: what is wrong may come later. It
                // does not begin with such a look as long as there is time for it to become so.
                let since = *since.get_or_insert(now);
                in_a_row = 0;
                unjudged.get_or_insert_with(|| observation.clone());
                if now - since >= self.stay {
                    return tired(observation, looks, now - began);
                }
            } else {
                let broke = since.take().is_some();
                // What could not be judged in the same window counts as well: one more fault may not help.
                if let Some(unjudged) = unjudged.take() {
                    observation = observation.counting(&unjudged);
                }
                in_a_row = 0;
                // What has to stay so may not stop being so; what has to become so may take its time.
                if is_final || (broke && !self.stay.is_zero() && !self.anew) || now - began >= self.within {
                    return tired(observation, looks, now - began);
                }
            }
            let left = scene.until.saturating_duration_since(now);
            if left <= LAST_LOOK {
                return self.out_of_time(observation, now - began);
            }
            sleep(self.every.min(left - LAST_LOOK)).await;
        }
    }

    /// What was seen last says more than that time ran out.
    fn out_of_time(&self, mut observation: Observation, took: Duration) -> Observation {
        observation.seen = match observation.holds() {
            true => format!("{}, but not for long enough when time ran out after {}", observation.seen, in_words(took)),
            false => format!("{} when time ran out after {}", observation.seen, in_words(took)),
        };
        observation.but(Outcome::TimedOut, Code::RanOutOfTime)
    }

    fn contented(&self, mut observation: Observation, looks: u32, took: Duration) -> Observation {
        if observation.outcome == Outcome::Passed && looks > 1 {
            let how = match (self.stay.is_zero(), self.consecutive) {
                (false, _) => format!("for {}", in_words(took)),
                (true, 1) => format!("after {}", in_words(took)),
                (true, row) => format!("{row} times in a row"),
            };
            observation.seen = format!("{} {how}", observation.seen);
        }
        observation
    }
}

fn tired(mut observation: Observation, looks: u32, took: Duration) -> Observation {
    if looks > 1 {
        observation.seen = format!("{} after {looks} looks in {}", observation.seen, in_words(took));
    }
    observation
}

/// What one look gave.
pub enum Look {
    /// It may be otherwise the next time.
    Now(Observation),
    /// It will not change any more.
    Final(Observation),
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{
        aws::Aws,
        board::Board,
        check::Probe,
        secrets::Secrets,
        settings::AwsSettings,
        target::{Deployment, Service, Target},
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
            secrets: Arc::new(Secrets::new(BTreeMap::new(), aws.clone(), Board::new(Arc::new(|_, _| {})))),
            listeners: Arc::default(),
            aws,
            until: Instant::now() + left,
        }
    }

    /// Looks that are good or bad as `story` says, the last one for ever.
    async fn watch(pace: &Pace, left: u64, story: &str) -> (Outcome, usize) {
        let scene = scene(Duration::from_secs(left));
        let mut looks = 0;
        let observation = pace
            .watch(&scene, || {
                let now = story.chars().nth(looks.min(story.len() - 1));
                looks += 1;
                async move {
                    match now {
                        Some('+') => Look::Now(Observation::passed("web", "fine")),
                        Some('?') => Look::Now(Observation::no_data(Code::AlarmNoData, "web", "fine", "nothing")),
                        Some('x') => Look::Now(Observation::errored(Code::AwsDenied, "web", "not for you")),
                        Some('!') => Look::Final(Observation::failed(Code::NotSteady, "web", "fine", "dead")),
                        _ => Look::Now(Observation::failed(Code::NotSteady, "web", "fine", "not")),
                    }
                }
            })
            .await;
        (observation.outcome, looks)
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
        assert_eq!(watch(&pace(0, 30, 1), 60, "+x").await, (Outcome::Errored, 2));
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
}
