//! Confirms that CodeDeploy is at this hook's lifecycle event.

use std::time::Duration;

use aws_client::{
    Aws, DiscoveredDeployment,
    model::{EventMatch, LifecycleProgress},
};
use gate::ReasonCode;
use lifecycle::{DeploymentId, Hook};
use tokio::time::{Instant, sleep};

use super::EvaluationContext;
use crate::{
    conclusion::{Conclusion, STRICT, WARN},
    finding::{Observation, Policies},
    finding_log::FindingLog,
    phase::Phase,
    settings::WrongEventPolicy,
};

/// CodeDeploy's record of its lifecycle events lags. If it shows no event in progress, the hook reads it again for this
/// long.
const NO_EVENT_RETRY: Duration = Duration::from_secs(10);
/// How long to read the record again while another hook's event is in progress.
const OTHER_EVENT_RETRY: Duration = Duration::from_secs(3);
/// How long to read the record again while one of CodeDeploy's own events is in progress, or while there is no record:
/// in both cases the record can only be late.
const OWN_EVENT_RETRY: Duration = Duration::from_secs(60);
/// At most this share of the remaining time is spent on it, because the checks need the rest.
const OWN_EVENT_RETRY_SHARE: u32 = 4;
/// The pause between two reads of the record.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the record again while it may be late, and ends the evaluation if another event is in progress.
///
/// # Errors
/// CodeDeploy is not at this hook's event, or it is not known whether it is.
pub async fn confirm(
    cx: &EvaluationContext,
    aws: &Aws,
    id: &DeploymentId,
    mut found: DiscoveredDeployment,
    log: &FindingLog,
    until: Instant,
) -> Result<DiscoveredDeployment, Conclusion> {
    let policy = cx.settings.wrong_event;
    if policy != WrongEventPolicy::Ignore {
        let read_again = || aws.refresh_progress(id, &found);
        let progress = latest_progress(found.progress.clone(), cx.hook, until, read_again).await;
        found.progress = progress;
    }
    match decide(policy, cx.hook, id, &found.progress) {
        EventDecision::Continue => Ok(found),
        EventDecision::ContinueWith(policies, observation) => {
            log.record(Phase::LifecycleEvent, policies, observation);
            Ok(found)
        }
        EventDecision::End(conclusion) => Err(conclusion),
    }
}

/// The record, read again while it may be late.
async fn latest_progress<F: Future<Output = LifecycleProgress>>(
    mut progress: LifecycleProgress,
    hook: Hook,
    until: Instant,
    read_again: impl Fn() -> F,
) -> LifecycleProgress {
    let started_at = Instant::now();
    while Instant::now() + RETRY_INTERVAL < until {
        let patience = retry_time(&progress.match_event(hook), until.saturating_duration_since(started_at));
        if started_at.elapsed() >= patience {
            break;
        }
        sleep(RETRY_INTERVAL).await;
        // The last successful read counts until another one succeeds, so a failed read cannot excuse a wrong event.
        match read_again().await {
            LifecycleProgress::Unknown { .. } => {}
            seen => progress = seen,
        }
    }
    progress
}

/// How long to read the record again. Zero if it is final. `left` is the time until the checks must have ended.
fn retry_time(event: &EventMatch, left: Duration) -> Duration {
    match event {
        EventMatch::Matches | EventMatch::Unknown { .. } => Duration::ZERO,
        EventMatch::OtherEvent(_) => OTHER_EVENT_RETRY,
        EventMatch::NoneInProgress => NO_EVENT_RETRY,
        EventMatch::NotYetKnown(_) => OWN_EVENT_RETRY.min(left / OWN_EVENT_RETRY_SHARE),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum EventDecision {
    Continue,
    /// The evaluation continues, and this is recorded.
    ContinueWith(Policies, Observation),
    End(Conclusion),
}

/// What the record means for this hook.
fn decide(policy: WrongEventPolicy, hook: Hook, id: &DeploymentId, progress: &LifecycleProgress) -> EventDecision {
    let event = progress.match_event(hook);
    if policy == WrongEventPolicy::Ignore {
        return note_for_dry_run(hook, id, event);
    }
    let resource = format!("deployment {id}");
    let expected = format!("event {} in progress", hook.event_name());
    let (observation, is_certain) = match event {
        EventMatch::Matches => return EventDecision::Continue,
        // The deployment does not continue on checks that may belong to another event.
        EventMatch::Unknown { code, why } => (Observation::errored(code, resource, why), false),
        EventMatch::NotYetKnown(why) => (Observation::errored(ReasonCode::LifecycleStateUnknown, resource, why), false),
        EventMatch::OtherEvent(event) => {
            (Observation::failed(ReasonCode::WrongEvent, resource, expected, event), false)
        }
        EventMatch::NoneInProgress => {
            (Observation::failed(ReasonCode::NoEventInProgress, resource, expected, "none"), true)
        }
    };
    if policy == WrongEventPolicy::Warn && !is_certain {
        EventDecision::ContinueWith(WARN, observation)
    } else {
        EventDecision::End(Conclusion::strict(Phase::LifecycleEvent, observation))
    }
}

/// A dry run works at any time, so a different event in progress is only noted. The checks see the current state.
fn note_for_dry_run(hook: Hook, id: &DeploymentId, event: EventMatch) -> EventDecision {
    let at = match event {
        EventMatch::Matches => return EventDecision::Continue,
        EventMatch::Unknown { why, .. } | EventMatch::NotYetKnown(why) => {
            format!("the lifecycle event in progress is unknown: {why}")
        }
        EventMatch::OtherEvent(event) => format!("CodeDeploy is at {event}"),
        EventMatch::NoneInProgress => "no lifecycle event is in progress".to_owned(),
    };
    let note = format!("{at}, so {} is evaluated against the current state", hook.event_name());
    EventDecision::ContinueWith(STRICT, Observation::excluded(format!("deployment {id}"), note))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use aws_client::model::StartedEvent;

    use super::*;

    const HOOK: Hook = Hook::AfterInstall;

    fn id() -> DeploymentId {
        DeploymentId::try_from("d-1".to_owned()).unwrap()
    }

    fn in_progress(event: &str) -> LifecycleProgress {
        let event = event.to_owned();
        LifecycleProgress::Started(vec![StartedEvent { event, started_at: None, in_progress: true }])
    }

    fn none_in_progress() -> LifecycleProgress {
        LifecycleProgress::Started(Vec::new())
    }

    fn unknown() -> LifecycleProgress {
        LifecycleProgress::Unknown { code: ReasonCode::AwsDenied, why: "denied".to_owned() }
    }

    fn not_yet_known() -> LifecycleProgress {
        LifecycleProgress::NotYetKnown("there is no record".to_owned())
    }

    fn ends_with(observation: Observation) -> EventDecision {
        EventDecision::End(Conclusion::strict(Phase::LifecycleEvent, observation))
    }

    fn decision(policy: WrongEventPolicy, progress: &LifecycleProgress) -> EventDecision {
        decide(policy, HOOK, &id(), progress)
    }

    fn wrong_event() -> Observation {
        let (expected, seen) = ("event AfterInstall in progress", "AfterAllowTraffic");
        Observation::failed(ReasonCode::WrongEvent, "deployment d-1", expected, seen)
    }

    #[test]
    fn own_event_in_progress_continues() {
        for policy in [WrongEventPolicy::Fail, WrongEventPolicy::Warn, WrongEventPolicy::Ignore] {
            assert_eq!(decision(policy, &in_progress("AfterInstall")), EventDecision::Continue, "{policy:?}");
        }
    }

    #[test]
    fn other_event_ends_the_evaluation_or_warns() {
        let progress = in_progress("AfterAllowTraffic");
        assert_eq!(decision(WrongEventPolicy::Fail, &progress), ends_with(wrong_event()));
        assert_eq!(decision(WrongEventPolicy::Warn, &progress), EventDecision::ContinueWith(WARN, wrong_event()));
    }

    #[test]
    fn event_that_is_over_ends_it_whatever_the_policy() {
        let expected = "event AfterInstall in progress";
        let observation = Observation::failed(ReasonCode::NoEventInProgress, "deployment d-1", expected, "none");
        for policy in [WrongEventPolicy::Fail, WrongEventPolicy::Warn] {
            assert_eq!(decision(policy, &none_in_progress()), ends_with(observation.clone()), "{policy:?}");
        }
    }

    #[test]
    fn record_that_cannot_be_read_ends_it_with_the_code_from_aws() {
        let observation = Observation::errored(ReasonCode::AwsDenied, "deployment d-1", "denied");
        assert_eq!(decision(WrongEventPolicy::Fail, &unknown()), ends_with(observation));
    }

    #[test]
    fn record_that_stays_late_ends_it() {
        let why = "there is no record";
        let observation = Observation::errored(ReasonCode::LifecycleStateUnknown, "deployment d-1", why);
        assert_eq!(decision(WrongEventPolicy::Fail, &not_yet_known()), ends_with(observation));
    }

    #[test]
    fn dry_run_continues_at_any_time_and_notes_the_event() {
        let cases = [
            (in_progress("AfterAllowTraffic"), "CodeDeploy is at AfterAllowTraffic"),
            (none_in_progress(), "no lifecycle event is in progress"),
            (unknown(), "the lifecycle event in progress is unknown: denied"),
            (not_yet_known(), "the lifecycle event in progress is unknown: there is no record"),
        ];
        for (progress, at) in cases {
            let note = format!("{at}, so AfterInstall is evaluated against the current state");
            let observation = Observation::excluded("deployment d-1", note);
            let expected = EventDecision::ContinueWith(STRICT, observation);
            assert_eq!(decision(WrongEventPolicy::Ignore, &progress), expected);
        }
    }

    /// The progress after all reads, how many reads there were, and how long they took. The last record stays.
    async fn read(records: Vec<LifecycleProgress>, left: Duration) -> (LifecycleProgress, usize, Duration) {
        let began = Instant::now();
        let (first, later) = records.split_first().unwrap();
        let reads = RefCell::new(0);
        let read_again = || async {
            *reads.borrow_mut() += 1;
            later.get(*reads.borrow() - 1).or(later.last()).unwrap_or(first).clone()
        };
        let progress = latest_progress(first.clone(), HOOK, began + left, read_again).await;
        (progress, reads.into_inner(), began.elapsed())
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test(start_paused = true)]
    async fn record_that_shows_the_own_event_is_not_read_again() {
        assert_eq!(read(vec![in_progress("AfterInstall")], LONG).await.1, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn late_record_is_read_until_it_shows_the_event() {
        let records = vec![not_yet_known(), in_progress("Install"), in_progress("AfterInstall")];
        let expected = (in_progress("AfterInstall"), 2, Duration::from_secs(2));
        assert_eq!(read(records, LONG).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn each_state_is_read_again_for_its_own_time() {
        for (progress, time) in [
            (in_progress("AfterAllowTraffic"), OTHER_EVENT_RETRY),
            (none_in_progress(), NO_EVENT_RETRY),
            (not_yet_known(), OWN_EVENT_RETRY),
            (unknown(), Duration::ZERO),
        ] {
            assert_eq!(read(vec![progress.clone()], LONG).await.2, time, "{progress:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_a_quarter_of_the_time_is_spent_on_it() {
        assert_eq!(read(vec![not_yet_known()], Duration::from_secs(20)).await.2, Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn failed_read_does_not_excuse_a_wrong_event() {
        let other = || in_progress("AfterAllowTraffic");
        assert_eq!(read(vec![other(), unknown()], LONG).await, (other(), 3, OTHER_EVENT_RETRY));
    }
}
