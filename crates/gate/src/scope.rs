//! What the header of a gate file says about the parts that follow: secrets and defaults.

use std::time::Duration;

use lifecycle::Hook;

use crate::Policies;

/// What is known while a part of the file is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The names under `secrets`.
    pub secrets: Vec<String>,
    pub defaults: Defaults,
    /// The hook whose part is read, or `None` in the header.
    pub hook: Option<Hook>,
}

/// `defaults`: the values for checks that do not set their own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Defaults {
    /// `defaults.http`.
    pub http: HttpDefaults,
    pub policies: Policies,
}

/// The limits and retries of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HttpDefaults {
    /// The limit for connecting. Within AWS this takes milliseconds; a security group drops a blocked connection
    /// silently.
    pub connect_timeout: Duration,
    /// The limit up to the last byte of the response. A customer would have given up by then.
    pub timeout: Duration,
    /// Retries after a transport error.
    pub retry: Retry,
}

impl Default for HttpDefaults {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(2), timeout: Duration::from_secs(5), retry: Retry::default() }
    }
}

/// `retry`: for transport errors only. A wrong response is still a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The number of retries; 0 means none.
    pub transport: u32,
    /// The first and the longest pause. Each pause is twice as long as the one before.
    pub backoff: (Duration, Duration),
}

impl Default for Retry {
    fn default() -> Self {
        Self { transport: 0, backoff: (Duration::from_millis(200), Duration::from_secs(2)) }
    }
}
