//! Faults that can be injected between a function and AWS.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::lambda::FunctionName;

/// A fault in the calls of an operation, a number of times or always.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedFault {
    /// `service:Operation`, for example `ecs:DescribeServices`. `*` means every operation, and each is counted
    /// separately.
    pub operation: String,
    /// What happens in place of the response.
    pub kind: FaultKind,
    /// Whether the operation takes effect in spite of the fault. By default it does not.
    #[serde(default)]
    pub timing: FaultTiming,
    /// The only function with this fault: a hook's, or `on_failure`. Each function has its own role. By default, all
    /// functions.
    #[serde(default)]
    pub function: Option<FunctionName>,
    /// How many calls of an operation fail, beginning with the first. By default, all.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many calls of an operation succeed before the first that fails.
    #[serde(default)]
    pub after: u32,
}

/// Whether a fault happens before or after the operation takes effect. A caller cannot distinguish them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultTiming {
    /// Before the effect: the world does not change. If a part of a response is sent, it is made up.
    #[default]
    Before,
    /// After the effect: the operation has been executed, whatever its caller sees.
    After,
}

/// What happens in place of a response. Each can happen with either [`FaultTiming`]. Even a refusal does not prove that
/// nothing was done, because the component that refuses can sit after the one that executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// AWS throttles the request.
    Throttle,
    /// The role lacks the permission.
    Deny,
    /// Status 500.
    Fail,
    /// Status 503.
    Unavailable,
    /// A reply of the right length that cannot be parsed: half of a document.
    Malform,
    /// A reply that ends before its announced length.
    Truncate,
    /// The connection is closed without a byte.
    HangUp,
    /// The connection is reset, as by a firewall that has lost its state.
    Reset,
    /// The connection is closed, and the port refuses new connections for a moment, as if nothing listened there.
    Refuse,
    /// No reply is ever sent, and the connection stays open until the client closes it.
    BlackHole,
    /// A correct response after a minute. With [`FaultTiming::Before`] the call is held before the operation, which is
    /// executed after the minute if the client is still waiting.
    Stall,
    /// The head of the reply is sent byte by byte and never completed.
    SlowHeaders,
    /// The head is sent at once. The body is sent byte by byte and never completed.
    SlowBody,
    /// A proxy's HTML page with status 200.
    WrongType,
    /// An unrelated JSON object with status 200, as a gateway or a mock between client and AWS can send it.
    ForeignJson,
    /// A body that begins correctly and continues for 64 MiB.
    Huge,
}

impl FaultKind {
    /// All kinds of faults.
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

    /// Whether the caller waits for its whole timeout, because nothing shows the fault earlier.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::BlackHole | Self::Stall | Self::SlowHeaders | Self::SlowBody)
    }
}

/// What happens to a call. The text follows the operation's name.
impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttle => "is throttled",
            Self::Deny => "is denied",
            Self::Fail => "fails with status 500",
            Self::Unavailable => "is unavailable with status 503",
            Self::Malform => "gets a reply that cannot be parsed",
            Self::Truncate => "gets a truncated reply",
            Self::HangUp => "has its connection closed without a reply",
            Self::Reset => "has its connection reset",
            Self::Refuse => "finds its port closed for a moment",
            Self::BlackHole => "gets no reply",
            Self::Stall => "gets its reply after a minute",
            Self::SlowHeaders => "gets the head of its reply byte by byte",
            Self::SlowBody => "gets the body of its reply byte by byte",
            Self::WrongType => "gets a proxy's page",
            Self::ForeignJson => "gets an unrelated JSON object",
            Self::Huge => "gets a reply that does not end",
        })
    }
}

/// The duration of a stalled call: longer than any client waits.
pub(crate) const STALL: Duration = Duration::from_secs(60);

impl InjectedFault {
    /// Injects `trouble` into the first `times` calls of `operation`.
    pub fn first(times: u32, operation: &str, trouble: FaultKind) -> Self {
        Self { times: Some(times), ..Self::always(operation, trouble) }
    }

    /// Injects `trouble` into every call of `operation`.
    pub fn always(operation: &str, trouble: FaultKind) -> Self {
        let operation = operation.to_owned();
        Self { operation, kind: trouble, timing: FaultTiming::Before, function: None, times: None, after: 0 }
    }

    /// The same fault, but after the operation has taken effect.
    #[must_use]
    pub fn after_effect(self) -> Self {
        self.with_timing(FaultTiming::After)
    }

    /// The same fault with this timing.
    #[must_use]
    pub fn with_timing(self, effect: FaultTiming) -> Self {
        Self { timing: effect, ..self }
    }

    /// Whether the fault applies to the `nth` call of `operation`, counted from 1.
    pub(crate) fn applies_to_call(&self, operation: &str, nth: u64) -> bool {
        let first = u64::from(self.after) + 1;
        let last = self.times.map_or(u64::MAX, |times| u64::from(self.after) + u64::from(times));
        (self.operation == "*" || self.operation == operation) && (first..=last).contains(&nth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::Hook;

    #[test]
    fn a_fault_of_one_function_is_read() {
        let fault: InjectedFault = serde_saphyr::from_str(
            "{ operation: '*', kind: hang-up, timing: after, function: after_install, times: 1 }",
        )
        .unwrap();
        assert_eq!((fault.function, fault.times), (Some(Hook::AfterInstall.into()), Some(1)));
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
        assert!(FaultKind::ALL.is_sorted(), "the order must be that of the declaration: {:?}", FaultKind::ALL);
        assert_eq!(FaultKind::ALL.last(), Some(&FaultKind::Huge), "the last one in the declaration");
    }
}
