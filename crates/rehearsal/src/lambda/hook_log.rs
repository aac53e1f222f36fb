//! The log lines of a function: JSON, one line for each check and one for the verdict.

use std::time::Duration;

use serde_json::Value;

use crate::check_line::{CheckLine, without_hint};

/// A line about the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HookLogLine {
    Check(CheckLine),
    Verdict(HookVerdict),
}

/// The verdict line of a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookVerdict {
    /// The reason code; empty if the hook succeeded.
    pub code: String,
    /// What to do about it; empty if the hook succeeded.
    pub hint: String,
    /// The whole line for a reader.
    pub message: String,
    /// Why the function put *Failed*, or would have in observe mode: the line without the name of the hook, its status
    /// and the hint. Empty if it succeeded.
    pub reason: String,
    /// Whether the hook only observed, so that it puts *Succeeded* whatever its checks found.
    pub observes: bool,
    /// Whether the line says that nothing was checked.
    pub checked_nothing: bool,
}

/// The id of the deployment that a line is about, if it has one.
pub(crate) fn deployment(line: &str) -> Option<String> {
    let fields: Value = serde_json::from_str(line).ok()?;
    fields.get("deployment.id")?.as_str().map(str::to_owned)
}

/// Parses a line. `None` if it is about something else.
pub(crate) fn read(line: &str) -> Option<HookLogLine> {
    let fields: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if fields.get("check.name").is_some() && fields.get("check.outcome").is_some() {
        return Some(HookLogLine::Check(CheckLine {
            name: text("check.name"),
            kind: text("check.kind"),
            outcome: text("check.outcome").as_str().into(),
            decision: text("check.decision").as_str().into(),
            code: text("check.code"),
            hint: text("check.hint"),
            duration: Duration::from_millis(fields.get("duration_ms").and_then(Value::as_u64).unwrap_or_default()),
            message: text("message"),
        }));
    }
    let status = fields.get("verdict")?.as_str().unwrap_or_default();
    let (message, hint) = (text("message"), text("verdict.hint"));
    let (hook, observed) = (text("hook.name"), text("verdict.observed"));
    let head = match (status, observed.as_str()) {
        ("failed", _) => Some(format!("{hook} failed: ")),
        (_, "failed") => Some(format!("{hook} succeeded, observed: would have failed: ")),
        _ => None,
    };
    let reason = head.map(|head| without_hint(message.strip_prefix(&head).unwrap_or(&message), &hint).to_owned());
    Some(HookLogLine::Verdict(HookVerdict {
        code: text("verdict.code"),
        observes: !observed.is_empty(),
        // The log has no field for it.
        checked_nothing: message.contains("nothing was checked"),
        hint,
        reason: reason.unwrap_or_default(),
        message,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_line::{CheckDecision, CheckOutcome};

    #[test]
    fn lines_are_told_apart() {
        let check = r#"{"level":"ERROR","check.name":"targets","check.kind":"targets","check.outcome":"failed","check.decision":"fail","check.code":"TargetsUnhealthy","duration_ms":12,"message":"targets: …"}"#;
        let Some(HookLogLine::Check(check)) = read(check) else { panic!("not a check") };
        assert_eq!((check.name.as_str(), check.code.as_str()), ("targets", "TargetsUnhealthy"));
        assert_eq!((check.outcome, check.decision), (CheckOutcome::Failed, CheckDecision::Fail));
        assert_eq!(check.duration, Duration::from_millis(12));
        let verdict = r#"{"hook.name":"AfterInstall","verdict":"failed","verdict.code":"TargetsUnhealthy","verdict.hint":"check the port","message":"AfterInstall failed: targets: …"}"#;
        assert_eq!(
            read(verdict),
            Some(HookLogLine::Verdict(HookVerdict {
                code: "TargetsUnhealthy".into(),
                hint: "check the port".into(),
                message: "AfterInstall failed: targets: …".into(),
                reason: "targets: …".into(),
                ..HookVerdict::default()
            }))
        );
        let observes = r#"{"verdict":"succeeded","verdict.observed":"failed","hook.name":"AfterInstall","message":"AfterInstall succeeded, observed: would have failed: targets: …"}"#;
        let Some(HookLogLine::Verdict(verdict)) = read(observes) else { panic!("not a verdict") };
        assert!(verdict.observes);
        assert_eq!(verdict.reason, "targets: …");
        let rollback = r#"{"verdict":"succeeded","verdict.observed":"","message":"…: nothing was checked, 1 warned"}"#;
        let Some(HookLogLine::Verdict(verdict)) = read(rollback) else { panic!("not a verdict") };
        assert!(verdict.checked_nothing && !verdict.observes);
        assert_eq!(read(r#"{"level":"INFO","message":"hello"}"#), None);
        assert_eq!(read("thread 'main' panicked"), None);
    }
}
