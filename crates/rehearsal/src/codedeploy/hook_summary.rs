//! The summary of a hook that is over: the code and the verdict, or why there is no status.

use std::time::Duration;

use lifecycle::{Hook, Status, format_duration};

use crate::{
    lambda::{FunctionName, HookVerdict, InvocationResult, ProcessExit},
    report::AnsweredBy,
};

/// Everything that is known when a hook is over.
pub(super) struct HookOutcome<'a> {
    pub hook: Hook,
    /// The function that ran. It is another hook's if the AppSpec file is wrong.
    pub program: FunctionName,
    /// The status that CodeDeploy accepted, and who put it.
    pub status: Option<(Status, AnsweredBy)>,
    pub by_operator: bool,
    pub verdict: Option<&'a HookVerdict>,
    pub on_failure_verdict: Option<&'a HookVerdict>,
    /// How the function's invocation ended; `on_failure_ended` is the same for the on-failure handler's last attempt.
    pub ended: Option<&'a InvocationResult>,
    pub on_failure_ended: Option<&'a InvocationResult>,
    pub has_on_failure: bool,
    pub hook_timeout: Duration,
}

/// What the report says about the hook.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HookSummary {
    pub code: String,
    pub verdict: String,
    pub reason: String,
    pub hint: String,
}

impl HookOutcome<'_> {
    pub fn summary(&self) -> HookSummary {
        let hook = self.hook;
        if self.by_operator {
            return HookSummary::of_hook(hook, "an operator stopped the deployment while it ran".to_owned());
        }
        let Some((answer, by)) = self.status else { return self.no_status() };
        let (who, verdict) = match by {
            AnsweredBy::OnFailureHandler => (FunctionName::OnFailure.to_string(), self.on_failure_verdict),
            AnsweredBy::Hook | AnsweredBy::Nobody => (hook.to_string(), self.verdict),
        };
        match verdict {
            Some(HookVerdict { code, message, reason, hint, .. }) => {
                HookSummary { code: code.clone(), verdict: message.clone(), reason: reason.clone(), hint: hint.clone() }
            }
            None => {
                let verdict = format!("{who} put {answer:?} and logged no verdict");
                // A status that stops nothing needs no reason: a person or a foreign function put it.
                let reason = if answer == Status::Succeeded { String::new() } else { verdict.clone() };
                HookSummary { reason, verdict, ..HookSummary::default() }
            }
        }
    }

    fn no_status(&self) -> HookSummary {
        let hook_timeout = format_duration(self.hook_timeout);
        let (mut code, mut how) = match self.ended {
            None => (String::new(), "the function still runs".to_owned()),
            Some(ended) => (error_type(ended), format!("the function {}", describe_end(ended))),
        };
        // Only the last error is given with its message, since the first one is usually the same.
        let mut last = self.ended;
        if let Some(ended) = self.on_failure_ended.filter(|ended| !ended.is_success()) {
            how = format!("{how}; on-failure {}", describe_end(ended));
            code = if code.is_empty() { error_type(ended) } else { code };
            last = Some(ended);
        }
        if let Some(InvocationResult::Error { error_message, .. }) = last {
            how = format!("{how}: {error_message}");
        }
        let reason =
            format!("{how}; nobody put a status in the {hook_timeout} that CodeDeploy waits here (an hour in AWS)");
        HookSummary { code, hint: self.remaining_remedies(), ..HookSummary::of_hook(self.hook, reason) }
    }

    /// What an operator can still do while CodeDeploy waits.
    fn remaining_remedies(&self) -> String {
        if !self.has_on_failure {
            return "make on-failure the on-failure destination of the functions' asynchronous invocations: it \
                    puts Failed for one that died"
                .to_owned();
        }
        let last = if self.on_failure_ended.is_some() { FunctionName::OnFailure } else { self.program };
        match self.on_failure_ended.or(self.ended) {
            Some(InvocationResult::Error { error_type, error_message }) if error_type == "StatusNotSent" => {
                let fix = match error_message.contains("AccessDenied") {
                    true => format!("allow the role of {} to put the status", last.program_name()),
                    false => "fix the cause, which is there too".to_owned(),
                };
                format!(
                    "stop the deployment, or put the status manually: the log of {} has both commands; then {fix}",
                    last.lambda_name()
                )
            }
            _ => format!(
                "stop the deployment with aws deploy stop-deployment; then find the cause in the log of {}",
                last.lambda_name()
            ),
        }
    }
}

impl HookSummary {
    /// The summary of a hook without a log line.
    fn of_hook(hook: Hook, reason: String) -> Self {
        Self { verdict: format!("{hook}: {reason}"), reason, ..Self::default() }
    }
}

/// The type of an error that a function returned, or an empty text.
fn error_type(ended: &InvocationResult) -> String {
    match ended {
        InvocationResult::Error { error_type, .. } => error_type.clone(),
        InvocationResult::Success(_) | InvocationResult::Exited(_) | InvocationResult::TimedOut(_) => String::new(),
    }
}

/// How an invocation ended, as the rest of a sentence that starts with the name of the function.
pub(super) fn describe_end(ended: &InvocationResult) -> String {
    match ended {
        InvocationResult::Success(_) => "returned".to_owned(),
        InvocationResult::Error { error_type, .. } => format!("failed with {error_type}"),
        InvocationResult::Exited(ProcessExit::Killed) => "was killed".to_owned(),
        InvocationResult::Exited(status) => format!("died ({status})"),
        InvocationResult::TimedOut(limit) => {
            format!("ran into its timeout of {}", format_duration(*limit))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> HookOutcome<'static> {
        HookOutcome {
            hook: Hook::AfterInstall,
            program: Hook::AfterInstall.into(),
            status: None,
            by_operator: false,
            verdict: None,
            on_failure_verdict: None,
            ended: None,
            on_failure_ended: None,
            has_on_failure: true,
            hook_timeout: Duration::from_secs(5),
        }
    }

    fn status_not_sent() -> InvocationResult {
        InvocationResult::Error { error_type: "StatusNotSent".into(), error_message: "AccessDenied".into() }
    }

    #[test]
    fn the_verdict_is_that_of_the_function_that_put_the_status() {
        let verdict = |message: &str| HookVerdict { message: message.to_owned(), ..HookVerdict::default() };
        let (hook, handler) = (verdict("the hook's"), verdict("handler's"));
        let both = HookOutcome { verdict: Some(&hook), on_failure_verdict: Some(&handler), ..outcome() };
        let by = |by| HookOutcome { status: Some((Status::Failed, by)), ..both }.summary().verdict;
        assert_eq!(
            (by(AnsweredBy::Hook).as_str(), by(AnsweredBy::OnFailureHandler).as_str()),
            ("the hook's", "handler's")
        );
        let silent = HookOutcome { status: Some((Status::Failed, AnsweredBy::OnFailureHandler)), ..outcome() };
        assert_eq!(silent.summary().verdict, "on-failure put Failed and logged no verdict");
    }

    #[test]
    fn when_nobody_answered_it_says_who_failed_how_and_what_is_left() {
        let (killed, denied) = (InvocationResult::Exited(ProcessExit::Killed), status_not_sent());
        let summary = HookOutcome { ended: Some(&killed), on_failure_ended: Some(&denied), ..outcome() }.summary();
        assert_eq!(
            summary.verdict,
            "AfterInstall: the function was killed; on-failure failed with StatusNotSent: AccessDenied; \
             nobody put a status in the 5s that CodeDeploy waits here (an hour in AWS)"
        );
        assert_eq!(summary.code, "StatusNotSent");
        assert_eq!(
            summary.hint,
            "stop the deployment, or put the status manually: the log of CodeDeployHook_on-failure has both commands; \
             then allow the role of on-failure to put the status"
        );
        let alone = HookOutcome { ended: Some(&killed), has_on_failure: false, ..outcome() }.summary();
        assert!(alone.hint.contains("on-failure destination"), "{}", alone.hint);
        assert_eq!(alone.code, "");
    }

    #[test]
    fn the_hint_advises_a_permission_only_if_the_call_was_denied() {
        let unreachable =
            InvocationResult::Error { error_type: "StatusNotSent".into(), error_message: "connect timeout".into() };
        let killed = InvocationResult::Exited(ProcessExit::Killed);
        let hint = |ended| HookOutcome { on_failure_ended: Some(ended), ..outcome() }.summary().hint;
        assert_eq!(
            hint(&unreachable),
            "stop the deployment, or put the status manually: the log of CodeDeployHook_on-failure has both commands; \
             then fix the cause, which is there too"
        );
        assert_eq!(
            hint(&killed),
            "stop the deployment with aws deploy stop-deployment; then find the cause in the log of \
             CodeDeployHook_on-failure"
        );
    }
}
