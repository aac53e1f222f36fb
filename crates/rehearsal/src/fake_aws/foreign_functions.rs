//! Which function a caller is that does not have the access key of one.
//!
//! A function that a developer starts can have any credentials. Its calls are those of the hook whose event it handles,
//! so that a scenario's fault in the calls of one function also applies to it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::lambda::FunctionName;

/// The functions of a served world that other programs stand in for.
#[derive(Debug, Default)]
pub(crate) struct ForeignFunctions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The functions of other programs.
    functions: BTreeSet<FunctionName>,
    /// The function that handles an event now.
    running: Option<FunctionName>,
    /// The functions that Lambda has ended. Their processes are the developer's, and go on.
    ended: BTreeSet<FunctionName>,
}

/// The start of the AWS CLI's user agent. A person at a terminal has permissions of their own.
const CLI: &str = "aws-cli/";

impl ForeignFunctions {
    /// Sets the functions for which other programs stand in.
    pub fn set(&self, functions: BTreeSet<FunctionName>) {
        *self.lock() = State { functions, ..State::default() };
    }

    pub fn begin(&self, function: FunctionName) {
        let mut state = self.lock();
        state.ended.remove(&function);
        state.running = Some(function);
    }

    pub fn end(&self, function: FunctionName) {
        let mut state = self.lock();
        state.running = state.running.filter(|running| *running != function);
    }

    /// Notes that Lambda ends the function in the middle of its work. What it does until its next event does not count.
    pub fn kill(&self, function: FunctionName) {
        self.end(function);
        self.lock().ended.insert(function);
    }

    /// Whether Lambda has ended the function of a caller.
    pub fn has_ended(&self, caller: FunctionName) -> bool {
        self.lock().ended.contains(&caller)
    }

    /// The function of a caller without an access key that is known here. `hook` is the function of the hook whose
    /// status the call puts.
    pub fn caller(&self, user_agent: &str, hook: Option<FunctionName>) -> Option<FunctionName> {
        if user_agent.starts_with(CLI) {
            return None;
        }
        let state = self.lock();
        hook.filter(|hook| state.functions.contains(hook)).or(state.running)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::Hook;

    use super::*;

    #[test]
    fn a_foreign_caller_is_the_function_whose_event_it_handles() {
        let (hook, other): (FunctionName, FunctionName) = (Hook::AfterInstall.into(), Hook::BeforeInstall.into());
        let foreign = ForeignFunctions::default();
        assert_eq!(foreign.caller("Boto3/1.40", Some(hook)), None, "nothing is served");
        foreign.set([hook].into());
        assert_eq!(foreign.caller("Boto3/1.40", Some(hook)), Some(hook), "a status names its hook");
        assert_eq!(foreign.caller("Boto3/1.40", Some(other)), None, "our own program");
        assert_eq!(foreign.caller("Boto3/1.40", None), None);
        foreign.begin(hook);
        assert_eq!(foreign.caller("Boto3/1.40", None), Some(hook));
        assert_eq!(foreign.caller("aws-cli/2.31.0 md/x", None), None, "a person");
        foreign.end(other);
        assert_eq!(foreign.caller("Boto3/1.40", None), Some(hook));
        foreign.end(hook);
        assert_eq!(foreign.caller("Boto3/1.40", None), None);
    }

    #[test]
    fn a_function_that_lambda_has_ended_counts_again_with_its_next_event() {
        let hook: FunctionName = Hook::AfterInstall.into();
        let foreign = ForeignFunctions::default();
        foreign.set([hook].into());
        foreign.begin(hook);
        foreign.kill(hook);
        assert!(foreign.has_ended(hook) && foreign.caller("Boto3/1.40", None).is_none());
        foreign.begin(hook);
        assert!(!foreign.has_ended(hook));
    }
}
