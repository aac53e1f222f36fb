//! Finds out what alarms did between two attempts. If an alarm is in the same state, but entered it later than before,
//! it was in another state in between. Its history has that state.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_client::model::{Alarm, AlarmChange};
use tokio::time::sleep;

use super::CheckContext;

/// The history lags behind the state, so it is read up to this many times.
const HISTORY_ATTEMPTS: u32 = 3;
/// The pause between two reads of the history.
const HISTORY_PAUSE: Duration = Duration::from_secs(1);
/// The state and the history can report the time of the same transition differently, by less than this.
const MAX_TRANSITION_SKEW: Duration = Duration::from_secs(2);

/// The alarms of a window, as they were last seen.
pub(super) struct AlarmMemory {
    /// When the window began, for an alarm that was not seen yet. None: with the first attempt that sees it.
    window_start: Option<SystemTime>,
    last_states: Mutex<BTreeMap<String, LastAlarmState>>,
}

#[derive(Clone)]
struct LastAlarmState {
    state: String,
    since: Option<SystemTime>,
}

/// The states that an alarm entered since it was last seen.
pub(super) enum StateChanges {
    /// In this order. The last one is its current state. Empty if nothing changed.
    States(Vec<AlarmChange>),
    /// They are unknown, and why.
    Unknown(String),
}

impl AlarmMemory {
    pub fn new(from: Option<SystemTime>) -> Self {
        Self { window_start: from, last_states: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, LastAlarmState>> {
        self.last_states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of all alarms that were seen.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Returns what an alarm did since it was last seen, and remembers its current state.
    pub async fn changes_since_last_attempt(&self, cx: &CheckContext, alarm: &Alarm) -> StateChanges {
        let now = LastAlarmState { state: alarm.state.clone(), since: alarm.since };
        let before = self.lock().insert(alarm.name.clone(), now);
        let known_until = before.as_ref().map_or(self.window_start, |before| before.since);
        let (Some(known_until), Some(since)) = (known_until, alarm.since) else {
            return StateChanges::States(Vec::new());
        };
        if since <= known_until {
            return StateChanges::States(Vec::new());
        }
        for attempt in 1..=HISTORY_ATTEMPTS {
            let history = match cx.aws.alarm_history(&alarm.name, known_until).await {
                Ok(history) => history,
                Err(aws_error) => return StateChanges::Unknown(aws_error.to_string()),
            };
            let states = changes_after(history, known_until, since, before.as_ref());
            if reaches_current_state(&states, alarm, since) {
                return StateChanges::States(states);
            }
            if attempt < HISTORY_ATTEMPTS {
                sleep(HISTORY_PAUSE).await;
            }
        }
        StateChanges::Unknown("its history does not contain the change".to_owned())
    }
}

/// The states that the alarm entered after it was last seen, up to its current state.
fn changes_after(
    history: Vec<AlarmChange>,
    known_until: SystemTime,
    since: SystemTime,
    before: Option<&LastAlarmState>,
) -> Vec<AlarmChange> {
    let is_known = |change: &AlarmChange| {
        before.is_some_and(|before| before.state == change.state) && change.at <= known_until + MAX_TRANSITION_SKEW
    };
    let mut states: Vec<_> = history
        .into_iter()
        .filter(|change| change.at > known_until && change.at <= since + MAX_TRANSITION_SKEW)
        .collect();
    // Skip the transition that was seen already. The history reports a slightly different time for it.
    if states.len() > 1 && states.first().is_some_and(is_known) {
        states.remove(0);
    }
    states
}

/// Whether the history has reached the current state.
fn reaches_current_state(states: &[AlarmChange], alarm: &Alarm, since: SystemTime) -> bool {
    states.last().is_some_and(|last| last.state == alarm.state && last.at + MAX_TRANSITION_SKEW >= since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn change(seconds: u64, state: &str) -> AlarmChange {
        AlarmChange { at: at(seconds), state: state.to_owned(), reason: String::new() }
    }

    fn states(changes: &[AlarmChange]) -> Vec<&str> {
        changes.iter().map(|change| change.state.as_str()).collect()
    }

    #[test]
    fn what_was_seen_already_and_what_comes_later_is_left_out() {
        let history = vec![change(10, "OK"), change(41, "ALARM"), change(60, "OK"), change(90, "ALARM")];
        let seen = LastAlarmState { state: "ALARM".to_owned(), since: Some(at(40)) };
        assert_eq!(states(&changes_after(history.clone(), at(40), at(60), Some(&seen))), ["OK"]);
        assert_eq!(states(&changes_after(history, at(40), at(60), None)), ["ALARM", "OK"]);
    }

    #[test]
    fn a_history_that_has_not_come_to_the_state_of_now_is_not_complete() {
        let alarm = Alarm {
            name: "a".into(),
            state: "OK".into(),
            reason: String::new(),
            since: Some(at(60)),
            evaluation: None,
        };
        assert!(reaches_current_state(&[change(41, "ALARM"), change(60, "OK")], &alarm, at(60)));
        assert!(!reaches_current_state(&[change(41, "ALARM")], &alarm, at(60)));
        assert!(!reaches_current_state(&[change(20, "OK")], &alarm, at(60)), "it was OK at an earlier time");
        assert!(!reaches_current_state(&[], &alarm, at(60)));
    }
}
