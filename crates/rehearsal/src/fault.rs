//! What can go wrong between a function and AWS.

use std::time::Duration;

use serde::Deserialize;

use crate::hook_name::HookName;

/// An operation that does not answer as it should, a number of times or always.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `service:Operation`, for example `ecs:DescribeServices`; `*` is every operation, each counted for itself.
    pub operation: String,
    /// What happens in place of the answer.
    pub trouble: Trouble,
    /// The hook whose function alone has this trouble: each has a role of its own. Left out: all.
    #[serde(default)]
    pub function: Option<HookName>,
    /// How many calls of an operation it happens to, beginning with the first. Left out: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many calls of an operation go well before the first that does not.
    #[serde(default)]
    pub after: u32,
}

/// What happens in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Too many requests; nothing was done.
    Throttle,
    /// The role lacks the permission; nothing was done.
    Deny,
    /// Status 500; nothing was done.
    Fail,
    /// The connection is closed before anything was done.
    HangUp,
    /// It was done, and the connection is closed without a reply.
    LoseReply,
    /// It was done, and the reply is cut in half.
    Malform,
    /// It is done and answered, much too late: after a minute.
    Stall,
}

impl Trouble {
    /// Whether the request takes effect all the same.
    pub(crate) const fn after_handling(self) -> bool {
        matches!(self, Self::LoseReply | Self::Malform)
    }
}

/// How long a stalled call takes: longer than any client waits.
pub(crate) const STALL: Duration = Duration::from_secs(60);

impl Fault {
    /// `trouble` for the first `times` calls of `operation`.
    pub fn first(times: u32, operation: &str, trouble: Trouble) -> Self {
        Self { operation: operation.to_owned(), trouble, function: None, times: Some(times), after: 0 }
    }

    /// `trouble` for every call of `operation`.
    pub fn always(operation: &str, trouble: Trouble) -> Self {
        Self { operation: operation.to_owned(), trouble, function: None, times: None, after: 0 }
    }

    /// Whether it happens to the `nth` call (from 1) of `operation`.
    pub(crate) fn strikes(&self, operation: &str, nth: u64) -> bool {
        let first = u64::from(self.after) + 1;
        let last = self.times.map_or(u64::MAX, |times| u64::from(self.after) + u64::from(times));
        (self.operation == "*" || self.operation == operation) && (first..=last).contains(&nth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_one_function_is_read() {
        let fault: Fault =
            serde_saphyr::from_str("{ operation: '*', trouble: lose-reply, function: after_install, times: 1 }")
                .unwrap();
        assert_eq!((fault.function, fault.times), (Some(HookName::AfterInstall), Some(1)));
    }

    #[test]
    fn the_first_calls_of_each_operation_are_struck() {
        let fault = Fault::first(2, "*", Trouble::Throttle);
        assert!(fault.strikes("ecs:ListTasks", 2));
        assert!(!fault.strikes("ecs:ListTasks", 3));
        let deny = Fault::always("ecs:ListTasks", Trouble::Deny);
        assert!(deny.strikes("ecs:ListTasks", 99));
        assert!(!deny.strikes("ecs:DescribeTasks", 1));
    }
}
