//! What is told of a hook when it is over: whose answer it was, the code and the verdict; and in words why there is none.

use std::time::Duration;

use crate::{
    function_name::FunctionName,
    hook_name::HookName,
    report::{Answer, AnsweredBy},
    runtime::InvocationResult,
};

/// A verdict line: its code and its words.
pub(super) type Verdict = (String, String);

/// All that is known when a hook is over.
pub(super) struct Seen<'a> {
    pub hook: HookName,
    /// Whose function ran; another's, if the AppSpec is wrong.
    pub program: FunctionName,
    /// The answer that CodeDeploy took, and who gave it.
    pub answer: Option<(Answer, AnsweredBy)>,
    pub by_operator: bool,
    pub verdict: Option<&'a Verdict>,
    pub net_verdict: Option<&'a Verdict>,
    /// How the function's invocation ended, and how the net's last try did.
    pub ended: Option<&'a InvocationResult>,
    pub net_ended: Option<&'a InvocationResult>,
    pub has_net: bool,
    pub hour: Duration,
}

/// What is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub code: String,
    pub verdict: String,
    pub hint: String,
}

impl Seen<'_> {
    pub fn told(&self) -> Told {
        let hook = self.hook;
        if self.by_operator {
            return told(format!("{hook}: an operator stopped the deployment while it ran"));
        }
        let Some((answer, by)) = self.answer else { return self.nobody() };
        let (who, verdict) = match by {
            AnsweredBy::Net => (FunctionName::LastAnswer.to_string(), self.net_verdict),
            AnsweredBy::Hook | AnsweredBy::Nobody => (hook.to_string(), self.verdict),
        };
        match verdict {
            Some((code, verdict)) => Told { code: code.clone(), verdict: verdict.clone(), hint: String::new() },
            None => told(format!("{who} answered {answer:?} and logged no verdict")),
        }
    }

    fn nobody(&self) -> Told {
        let hour = humantime::format_duration(self.hour);
        let (mut code, mut how) = match self.ended {
            None => (String::new(), "the function still runs".to_owned()),
            Some(ended) => (kind(ended), format!("the function {}", in_short(ended))),
        };
        // The last error is told in full; mostly the first was the same.
        let mut last = self.ended;
        if let Some(ended) = self.net_ended.filter(|ended| !ended.is_success()) {
            how = format!("{how}; last-answer {}", in_short(ended));
            code = if code.is_empty() { kind(ended) } else { code };
            last = Some(ended);
        }
        if let Some(InvocationResult::Error { error_message, .. }) = last {
            how = format!("{how}: {error_message}");
        }
        let verdict =
            format!("{}: {how}; nobody answered in the {hour} that CodeDeploy waits here (an hour in AWS)", self.hook);
        Told { code, verdict, hint: self.what_is_left() }
    }

    /// What somebody can still do while CodeDeploy waits.
    fn what_is_left(&self) -> String {
        if !self.has_net {
            return "give the functions' asynchronous invocations last-answer as their on-failure destination: it \
                    answers for one that died"
                .to_owned();
        }
        let log = match self.net_ended.or(self.ended) {
            Some(InvocationResult::Error { error_type, .. }) if error_type == "AnswerNotSent" => {
                let whose = if self.net_ended.is_some() { FunctionName::LastAnswer } else { self.program };
                format!(
                    "the log of {} has the command that answers by hand, and the one that stops the deployment",
                    whose.in_aws()
                )
            }
            _ => "stop the deployment by hand: aws deploy stop-deployment".to_owned(),
        };
        format!("it is left to the alarm on last-answer's errors, which calls somebody before the hour is over: {log}")
    }
}

fn told(verdict: String) -> Told {
    Told { verdict, ..Told::default() }
}

/// The type of an error that a function returned.
fn kind(ended: &InvocationResult) -> String {
    match ended {
        InvocationResult::Error { error_type, .. } => error_type.clone(),
        InvocationResult::Success(_) | InvocationResult::Exited(_) | InvocationResult::TimedOut(_) => String::new(),
    }
}

/// How an invocation ended, after the name of its function.
pub(super) fn in_short(ended: &InvocationResult) -> String {
    match ended {
        InvocationResult::Success(_) => "returned".to_owned(),
        InvocationResult::Error { error_type, .. } => format!("failed with {error_type}"),
        InvocationResult::Exited(status) if status.contains("SIGKILL") => "was killed".to_owned(),
        InvocationResult::Exited(status) => format!("died ({status})"),
        InvocationResult::TimedOut(limit) => {
            format!("ran into its time-out of {}", humantime::format_duration(*limit))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen<'static> {
        Seen {
            hook: HookName::AfterInstall,
            program: HookName::AfterInstall.into(),
            answer: None,
            by_operator: false,
            verdict: None,
            net_verdict: None,
            ended: None,
            net_ended: None,
            has_net: true,
            hour: Duration::from_secs(5),
        }
    }

    fn not_sent() -> InvocationResult {
        InvocationResult::Error { error_type: "AnswerNotSent".into(), error_message: "AccessDenied".into() }
    }

    #[test]
    fn the_verdict_is_that_of_whoever_answered() {
        let (hook, net) = (("A".to_owned(), "the hook's".to_owned()), ("HookDied".to_owned(), "the net's".to_owned()));
        let both = Seen { verdict: Some(&hook), net_verdict: Some(&net), ..seen() };
        let by = |by| Seen { answer: Some((Answer::Failed, by)), ..both }.told().verdict;
        assert_eq!((by(AnsweredBy::Hook).as_str(), by(AnsweredBy::Net).as_str()), ("the hook's", "the net's"));
        let silent = Seen { answer: Some((Answer::Failed, AnsweredBy::Net)), ..seen() };
        assert_eq!(silent.told().verdict, "last-answer answered Failed and logged no verdict");
    }

    #[test]
    fn when_nobody_answered_it_says_who_failed_how_and_what_is_left() {
        let (killed, denied) = (InvocationResult::Exited("signal: 9 (SIGKILL)".into()), not_sent());
        let told = Seen { ended: Some(&killed), net_ended: Some(&denied), ..seen() }.told();
        assert_eq!(
            told.verdict,
            "AfterInstall: the function was killed; last-answer failed with AnswerNotSent: AccessDenied; \
             nobody answered in the 5s that CodeDeploy waits here (an hour in AWS)"
        );
        assert_eq!(told.code, "AnswerNotSent");
        assert!(told.hint.contains("alarm") && told.hint.contains("CodeDeployHook_last-answer"), "{}", told.hint);
        let alone = Seen { ended: Some(&killed), has_net: false, ..seen() }.told();
        assert!(alone.hint.contains("on-failure destination"), "{}", alone.hint);
        assert_eq!(alone.code, "");
    }
}
