//! What the top of a gate file says about all that follows: secrets and defaults. It goes along while checks are read.

use std::time::Duration;

use super::MapReader;
use crate::{finding::Policies, hook::Hook};

/// What is known while a part of the file is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The names under `secrets`.
    pub secrets: Vec<String>,
    /// What earlier steps of the same check captured.
    pub captures: Vec<String>,
    /// `defaults`.
    pub defaults: Defaults,
    /// The hook whose part is read. None at the top of the file.
    pub hook: Option<Hook>,
}

/// `defaults`: what a check does that does not say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Defaults {
    /// `defaults.http`.
    pub http: HttpDefaults,
    /// `on_fail`, `on_error` and `no_data`.
    pub policies: Policies,
}

/// How requests are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HttpDefaults {
    /// Until there is a connection. Within AWS that takes milliseconds, and a security group drops it silently.
    pub connect_timeout: Duration,
    /// Until the last byte of the answer. A customer would have gone by then.
    pub timeout: Duration,
    /// Again, after a fault of the transport.
    pub retry: Retry,
}

impl Default for HttpDefaults {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(2), timeout: Duration::from_secs(5), retry: Retry::default() }
    }
}

/// `retry`: for faults of the transport only. An answer that is wrong is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often to try again; 0 is not at all.
    pub transport: u32,
    /// The first pause and the longest one; each is twice the one before.
    pub backoff: (Duration, Duration),
}

impl Default for Retry {
    fn default() -> Self {
        Self { transport: 0, backoff: (Duration::from_millis(200), Duration::from_secs(2)) }
    }
}

impl Retry {
    /// Reads the key `retry`: `{ transport: 3, backoff: 200ms..2s }`.
    pub fn read(fields: &mut MapReader<'_>, default: Self) -> Self {
        let read = |fields: &mut MapReader<'_>| Self {
            transport: fields.number_or("transport", 0..=10, default.transport),
            backoff: fields.duration_range_or("backoff", default.backoff),
        };
        fields.map_or("retry", "`retry`", read)
    }
}
