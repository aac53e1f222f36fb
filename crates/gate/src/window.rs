//! Time windows that cannot work: longer than a hook can run, or over before the second attempt. At run time such a
//! check would fail when customers already use the new version. Here the author can fix it.

use std::time::Duration;

use super::{CheckSpec, MapReader, format_duration};
use crate::{
    kinds::WindowKey,
    time_limit::{LAMBDA_LIMIT, longest_window},
};

/// Reports why a check cannot end in time, or cannot poll as intended. Errors depend only on effective values, so that
/// a gate file that Greenlight prints is as valid as the original. Warnings depend on the keys in the team's file,
/// because a `deadline` may intentionally be shorter than a default.
pub(super) fn check_windows(spec: &CheckSpec, deadline: Option<Duration>, fields: &mut MapReader<'_>) {
    if let Some((key, why)) = exceeds_limit(spec, deadline).or_else(|| interval_exceeds_window(spec)) {
        fields.error(spec.given_at(key), format!("{:?} {why}", spec.name));
    } else if let Some((key, why)) = exceeds_deadline(spec, deadline)
        .or_else(|| interval_exceeds_within(spec))
        .or_else(|| timeout_exceeds_window(spec))
    {
        fields.warn(spec.given_at(key), format!("{:?} {why}", spec.name));
    }
}

/// A key, and the problem with its value.
type KeyProblem = Option<(&'static str, String)>;

fn exceeds_limit(spec: &CheckSpec, deadline: Option<Duration>) -> KeyProblem {
    let longest = longest_window();
    let lambda = format!("longer than the {} that a check can have{LAMBDA_LIMIT}", format_duration(longest));
    let least = spec.min_duration();
    if least > longest.min(deadline.unwrap_or(longest)) {
        let kind = spec.check.spec();
        let is_window = kind.poll_policy().is_some_and(|policy| policy.hold_for == least);
        let key = if is_window { kind.window_key().as_str() } else { "consecutive" };
        let limit = match deadline.filter(|deadline| *deadline < longest) {
            Some(deadline) => format!("longer than this hook's deadline of {}", format_duration(deadline)),
            None => lambda,
        };
        return Some((key, format!("must keep passing for {}, {limit}", format_duration(least))));
    }
    let (key, within) = ("within", spec.within());
    if within > longest {
        return Some((key, format!("may take {} to pass, {lambda}", format_duration(within))));
    }
    if within + least > longest {
        return Some((key, format!("{}, {lambda}", describe_total(within, least))));
    }
    let timeout = spec.check.spec().timeout()?;
    if timeout > longest {
        return Some(("timeout", format!("has a `timeout` of {}, {lambda}", format_duration(timeout))));
    }
    timeout.is_zero().then(|| ("timeout", "has a `timeout` of 0s, which leaves no time for a response".to_owned()))
}

fn interval_exceeds_window(spec: &CheckSpec) -> KeyProblem {
    let (kind, policy) = (spec.check.spec(), spec.check.spec().poll_policy()?);
    // `settle` is shorter than most pauses, and the listener is read once more after it.
    let window = Some(kind.window_key()).filter(|key| *key != WindowKey::Settle && !policy.hold_for.is_zero())?;
    (policy.every > policy.hold_for).then(|| {
        let (every, length) = (format_duration(policy.every), format_duration(policy.hold_for));
        let window = window.as_str();
        ("every", format!("polls every {every}, longer than its `{window}` of {length}: no second attempt fits"))
    })
}

fn exceeds_deadline(spec: &CheckSpec, deadline: Option<Duration>) -> KeyProblem {
    let (key, within) = ("within", spec.within());
    let deadline = deadline.filter(|_| spec.given_keys.contains_key(key))?;
    (within + spec.min_duration() > deadline).then(|| {
        let (together, deadline) = (describe_total(within, spec.min_duration()), format_duration(deadline));
        (key, format!("{together}, but this hook's deadline of {deadline} ends it earlier"))
    })
}

fn interval_exceeds_within(spec: &CheckSpec) -> KeyProblem {
    let (key, within) = ("within", spec.within());
    let (every, is_given) = (spec.check.spec().poll_policy()?.every, spec.given_keys.contains_key("every"));
    (is_given && !within.is_zero() && every > within).then(|| {
        let (every, within) = (format_duration(every), format_duration(within));
        ("every", format!("polls every {every}, longer than its `{key}` of {within}"))
    })
}

fn timeout_exceeds_window(spec: &CheckSpec) -> KeyProblem {
    let timeout = spec.check.spec().timeout()?;
    let connect = spec.check.spec().connect_timeout().filter(|_| spec.given_keys.contains_key("connect_timeout"));
    if let Some(connect) = connect.filter(|connect| *connect > timeout) {
        let (connect, timeout) = (format_duration(connect), format_duration(timeout));
        let why =
            format!("has a `connect_timeout` of {connect}, longer than its `timeout` of {timeout}, which includes it");
        return Some(("connect_timeout", why));
    }
    let window = spec.within() + spec.min_duration();
    (spec.given_keys.contains_key("timeout") && !window.is_zero() && timeout > window).then(|| {
        let (timeout, window) = (format_duration(timeout), format_duration(window));
        ("timeout", format!("has a `timeout` of {timeout}, longer than its whole window of {window}"))
    })
}

fn describe_total(within: Duration, least: Duration) -> String {
    let within_text = format!("may take {} to pass", format_duration(within));
    if least.is_zero() {
        return within_text;
    }
    format!(
        "{within_text} and must then keep passing for {}: together {}",
        format_duration(least),
        format_duration(within + least)
    )
}
