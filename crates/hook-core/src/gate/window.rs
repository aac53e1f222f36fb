//! Windows that cannot fit: longer than a hook can run, or over before the second attempt. Such a check would end at its
//! worst moment, when customers are on the new version already; here it can be fixed.

use std::time::Duration;

use super::{CheckSpec, Data, Fields, in_words};
use crate::deadline;

/// What comes before the first attempt of a check: reading the deployment and the gate file, and waiting for CodeDeploy's
/// record of its lifecycle events, which lags by up to 10 s.
const BEFORE_CHECKS: Duration = Duration::from_secs(30);

/// The longest time that the checks of a hook can have.
pub(super) fn longest_deadline() -> Duration {
    deadline::for_checks(deadline::LONGEST_FUNCTION)
}

/// The longest time that one check can take.
fn longest_window() -> Duration {
    longest_deadline() - BEFORE_CHECKS
}

/// Reports why a check cannot end in time or cannot poll as it is meant to. A fault depends on the values that count
/// alone, so that a gate means the same when it is printed and read again; a warning is for what the team's file says
/// itself, since a `deadline` may well cut a default short.
pub(super) fn check(spec: &CheckSpec, deadline: Option<Duration>, fields: &mut Fields<'_>) {
    let place = |key: &str| spec.own.get(key).copied().unwrap_or(spec.at);
    if let Some((key, why)) = too_long(spec, deadline).or_else(|| never_twice(spec)) {
        fields.fault(place(key), format!("{:?} {why}", spec.name));
    } else if let Some((key, why)) = cut_short(spec, deadline).or_else(|| polled_once(spec)).or_else(|| outlasted(spec))
    {
        fields.warn(place(key), format!("{:?} {why}", spec.name));
    }
}

/// A key, and what is wrong with its value.
type Wrong = Option<(&'static str, String)>;

fn too_long(spec: &CheckSpec, deadline: Option<Duration>) -> Wrong {
    let longest = longest_window();
    let lambda =
        format!("longer than the {} that a check can have: Lambda ends a function after 15 minutes", in_words(longest));
    let least = spec.least();
    if least > longest.min(deadline.unwrap_or(longest)) {
        let windows = ["for", "stable_for", "settle"];
        let key = windows.into_iter().find(|key| spec.span(key) == least).unwrap_or("consecutive");
        let limit = match deadline.filter(|deadline| *deadline < longest) {
            Some(deadline) => format!("longer than this hook's deadline of {}", in_words(deadline)),
            None => lambda,
        };
        return Some((key, format!("watches for {}, {limit}", in_words(least))));
    }
    let (key, within) = within(spec);
    if within > longest {
        return Some((key, format!("may take {} to pass, {lambda}", in_words(within))));
    }
    if within + least > longest {
        return Some((key, format!("{}, {lambda}", together(within, least))));
    }
    let timeout = spec.span("timeout");
    if timeout > longest {
        return Some(("timeout", format!("has a `timeout` of {}, {lambda}", in_words(timeout))));
    }
    let none = matches!(spec.value("timeout"), Some(Data::Text(_))) && timeout.is_zero();
    none.then(|| ("timeout", "has a `timeout` of 0s, in which nothing can answer".to_owned()))
}

fn never_twice(spec: &CheckSpec) -> Wrong {
    let every = spec.span("every");
    let window = ["for", "stable_for"].into_iter().find(|key| !spec.span(key).is_zero())?;
    (every > spec.span(window)).then(|| {
        let (every, length) = (in_words(every), in_words(spec.span(window)));
        ("every", format!("polls every {every}, longer than its `{window}` of {length}: no second attempt fits"))
    })
}

fn cut_short(spec: &CheckSpec, deadline: Option<Duration>) -> Wrong {
    let (key, within) = within(spec);
    let deadline = deadline.filter(|_| spec.own.contains_key(key))?;
    (within + spec.least() > deadline).then(|| {
        let (together, deadline) = (together(within, spec.least()), in_words(deadline));
        (key, format!("{together}, and this hook's deadline of {deadline} ends it before"))
    })
}

fn polled_once(spec: &CheckSpec) -> Wrong {
    let (key, within) = within(spec);
    let (every, own) = (spec.span("every"), spec.own.contains_key("every"));
    (own && !within.is_zero() && every > within).then(|| {
        let (every, within) = (in_words(every), in_words(within));
        ("every", format!("polls every {every}, longer than its `{key}` of {within}"))
    })
}

fn outlasted(spec: &CheckSpec) -> Wrong {
    let (timeout, connect) = (spec.span("timeout"), spec.span("connect_timeout"));
    if spec.own.contains_key("connect_timeout") && connect > timeout {
        let (connect, timeout) = (in_words(connect), in_words(timeout));
        let why =
            format!("has a `connect_timeout` of {connect}, longer than its `timeout` of {timeout}, which includes it");
        return Some(("connect_timeout", why));
    }
    let window = within(spec).1 + spec.least();
    (spec.own.contains_key("timeout") && !window.is_zero() && timeout > window).then(|| {
        let (timeout, window) = (in_words(timeout), in_words(window));
        ("timeout", format!("has a `timeout` of {timeout}, longer than its whole window of {window}"))
    })
}

/// How long it may take to pass, and the key that says so.
fn within(spec: &CheckSpec) -> (&'static str, Duration) {
    let key = if spec.span("until").is_zero() { "within" } else { "until" };
    (key, spec.span(key))
}

fn together(within: Duration, least: Duration) -> String {
    let words = format!("may take {} to pass", in_words(within));
    if least.is_zero() {
        return words;
    }
    format!("{words} and then watches for {}: together {}", in_words(least), in_words(within + least))
}
