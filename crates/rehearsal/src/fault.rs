//! What can go wrong between a function and AWS.

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::function_name::FunctionName;

/// An operation that does not answer as it should, a number of times or always.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedFault {
    /// `service:Operation`, for example `ecs:DescribeServices`; `*` is every operation, each counted for itself.
    pub operation: String,
    /// What happens in place of the answer.
    pub kind: FaultKind,
    /// Whether the operation takes effect all the same. Left out: it does not.
    #[serde(default)]
    pub timing: FaultTiming,
    /// The function that alone has this trouble, a hook's or `on_failure`: each has a role of its own. Left out: all.
    #[serde(default)]
    pub function: Option<FunctionName>,
    /// How many calls of an operation it happens to, beginning with the first. Left out: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many calls of an operation go well before the first that does not.
    #[serde(default)]
    pub after: u32,
}

/// On which side of the operation its trouble is. A caller cannot tell: what it sees is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultTiming {
    /// In front of it: the world is never touched. What seems to come back of an answer is made up.
    #[default]
    Before,
    /// Behind it: the operation is done, whatever its caller is told.
    After,
}

/// What happens in place of an answer. Each can happen with either [`Effect`]: even a refusal does not say that nothing
/// was done, since what refuses may stand behind what does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Too many requests.
    Throttle,
    /// The role lacks the permission.
    Deny,
    /// Status 500.
    Fail,
    /// Status 503.
    Unavailable,
    /// A reply that is whole by its length and cannot be read: half of a document.
    Malform,
    /// A reply that breaks off before its length has come.
    Truncate,
    /// The connection is closed without a byte.
    HangUp,
    /// The connection is reset, as by a firewall that has forgotten it.
    Reset,
    /// The connection is closed, and the port refuses every other for a moment: nobody listens there.
    Refuse,
    /// Nothing ever comes back, and the connection stays open until its client goes.
    BlackHole,
    /// A right answer after a minute. With [`Effect::Before`] the call is held up in front of the operation, which is
    /// done when the minute is over if its client still waits.
    Stall,
    /// The head of the reply comes byte by byte and never to its end.
    SlowHeaders,
    /// The head comes at once, the body byte by byte and never to its end.
    SlowBody,
    /// A proxy's page with status 200.
    WrongType,
    /// Somebody else's JSON object with status 200, as a gateway or a mock on the way sends it.
    ForeignJson,
    /// A body that begins as it should and goes on for 64 MiB.
    Huge,
}

impl FaultKind {
    /// Every trouble there is.
    pub const ALL: [Self; 16] = [
        Self::Throttle,
        Self::Deny,
        Self::Fail,
        Self::Unavailable,
        Self::Malform,
        Self::Truncate,
        Self::HangUp,
        Self::Reset,
        Self::Refuse,
        Self::BlackHole,
        Self::Stall,
        Self::SlowHeaders,
        Self::SlowBody,
        Self::WrongType,
        Self::ForeignJson,
        Self::Huge,
    ];

    /// Whether it costs its caller the whole time for which it waits, since nothing says before that there is trouble.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::BlackHole | Self::Stall | Self::SlowHeaders | Self::SlowBody)
    }

    /// Whether it says that another try is of no use. It may be of use all the same: IAM spreads a new role slowly.
    pub const fn is_permanent(self) -> bool {
        matches!(self, Self::Deny)
    }

    /// Whether AWS itself says what the matter is, with a status and a code in the words of the protocol.
    pub const fn is_service_error(self) -> bool {
        matches!(self, Self::Throttle | Self::Deny | Self::Fail | Self::Unavailable)
    }
}

/// What happens to a call, to be read after the operation's name.
impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttle => "is throttled",
            Self::Deny => "is denied",
            Self::Fail => "fails with status 500",
            Self::Unavailable => "is unavailable with status 503",
            Self::Malform => "gets a reply that cannot be read",
            Self::Truncate => "gets a reply that breaks off",
            Self::HangUp => "is hung up on",
            Self::Reset => "has its connection reset",
            Self::Refuse => "finds its port closed for a moment",
            Self::BlackHole => "is never answered",
            Self::Stall => "is answered after a minute",
            Self::SlowHeaders => "gets the head of its reply byte by byte",
            Self::SlowBody => "gets the body of its reply byte by byte",
            Self::WrongType => "gets a proxy's page",
            Self::ForeignJson => "gets somebody else's JSON object",
            Self::Huge => "gets a reply that does not end",
        })
    }
}

/// How long a stalled call takes: longer than any client waits.
pub(crate) const STALL: Duration = Duration::from_secs(60);

impl InjectedFault {
    /// `trouble` for the first `times` calls of `operation`.
    pub fn first(times: u32, operation: &str, trouble: FaultKind) -> Self {
        Self { times: Some(times), ..Self::always(operation, trouble) }
    }

    /// `trouble` for every call of `operation`.
    pub fn always(operation: &str, trouble: FaultKind) -> Self {
        let operation = operation.to_owned();
        Self { operation, kind: trouble, timing: FaultTiming::Before, function: None, times: None, after: 0 }
    }

    /// The same, with the operation done all the same.
    #[must_use]
    pub fn after_effect(self) -> Self {
        self.with_timing(FaultTiming::After)
    }

    /// The same, with the trouble on this side of the operation.
    #[must_use]
    pub fn with_timing(self, effect: FaultTiming) -> Self {
        Self { timing: effect, ..self }
    }

    /// Whether it happens to the `nth` call (from 1) of `operation`.
    pub(crate) fn applies_to_call(&self, operation: &str, nth: u64) -> bool {
        let first = u64::from(self.after) + 1;
        let last = self.times.map_or(u64::MAX, |times| u64::from(self.after) + u64::from(times));
        (self.operation == "*" || self.operation == operation) && (first..=last).contains(&nth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook_name::HookName;

    #[test]
    fn a_fault_of_one_function_is_read() {
        let fault: InjectedFault = serde_saphyr::from_str(
            "{ operation: '*', kind: hang-up, timing: after, function: after_install, times: 1 }",
        )
        .unwrap();
        assert_eq!((fault.function, fault.times), (Some(HookName::AfterInstall.into()), Some(1)));
        assert_eq!((fault.kind, fault.timing), (FaultKind::HangUp, FaultTiming::After));
        let fault: InjectedFault = serde_saphyr::from_str("{ operation: '*', kind: slow-headers }").unwrap();
        assert_eq!((fault.kind, fault.timing), (FaultKind::SlowHeaders, FaultTiming::Before));
    }

    #[test]
    fn the_first_calls_of_each_operation_are_struck() {
        let fault = InjectedFault::first(2, "*", FaultKind::Throttle);
        assert!(fault.applies_to_call("ecs:ListTasks", 2));
        assert!(!fault.applies_to_call("ecs:ListTasks", 3));
        let deny = InjectedFault::always("ecs:ListTasks", FaultKind::Deny);
        assert!(deny.applies_to_call("ecs:ListTasks", 99));
        assert!(!deny.applies_to_call("ecs:DescribeTasks", 1));
    }

    #[test]
    fn every_trouble_is_listed_once_and_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = FaultKind::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), FaultKind::ALL.len());
        assert!(FaultKind::ALL.is_sorted(), "in the order in which they are declared: {:?}", FaultKind::ALL);
        assert_eq!(FaultKind::ALL.last(), Some(&FaultKind::Huge), "the last that is declared");
    }
}
