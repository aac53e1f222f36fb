//! `http:`: a request that the team defines.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::TrafficRoute;

use super::{
    KindSpec, PollPolicy, RESPONSE_SUBJECTS, RequestTemplate, UrlTemplate,
    unbound::{read_any_version, warn_if_unbound},
};
use crate::{Condition, Fact, MapReader, Message};

pub(super) const KEY: &str = "http";

/// A request and what to expect of its response.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    pub request_template: RequestTemplate,
    pub facts: BTreeSet<Fact>,
    /// The number of requests to send before the first one that counts.
    pub warmup: u32,
    pub poll_policy: PollPolicy,
    pub expect: Vec<Condition>,
    /// Whether a pass proves nothing about the new version, because the original may have responded.
    pub warns_unbound: bool,
}

/// How long a response to the smoke test of `ALB_URL` can take, as in the article that the project grew from.
const SMOKE_TEST_TIMEOUT: Duration = Duration::from_secs(2);

impl HttpSpec {
    /// The smoke test of `ALB_URL`: one `HEAD` request through the test listener, and a status of 2xx.
    ///
    /// # Errors
    /// The condition is not valid any more.
    pub fn smoke_test(path: &str) -> Result<Self, Message> {
        Ok(Self {
            request_template: RequestTemplate::head(TrafficRoute::Test, path, SMOKE_TEST_TIMEOUT),
            facts: BTreeSet::new(),
            warmup: 0,
            poll_policy: PollPolicy::SINGLE_ATTEMPT,
            expect: vec![Condition::parse("status == 2xx", RESPONSE_SUBJECTS)?],
            warns_unbound: false,
        })
    }
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<HttpSpec> {
    let spec = read_request(fields);
    let any_version = read_any_version(fields);
    let spec = spec?;
    let warns_unbound = warn_if_unbound(KEY, spec.request_template.route(), any_version, fields);
    Some(HttpSpec { warns_unbound, ..spec })
}

/// Reads the request and what to expect of its response.
pub(super) fn read_request(fields: &mut MapReader<'_>) -> Option<HttpSpec> {
    let request_template = RequestTemplate::read(fields, "http");
    let warmup = fields.number_or("warmup", 0..=1000, 0);
    let single_attempt = PollPolicy { every: Duration::from_secs(1), ..PollPolicy::SINGLE_ATTEMPT };
    let poll_policy = PollPolicy::read(fields, &single_attempt);
    let expect = fields.expect_required(RESPONSE_SUBJECTS, "[status == 200]");
    let facts = fields.facts().clone();
    let (request_template, warns_unbound) = (request_template?, false);
    Some(HttpSpec { request_template, facts, warmup, poll_policy, expect, warns_unbound })
}

impl KindSpec for HttpSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("http {}", self.request_template.title())
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        self.request_template.route()
    }

    fn is_simulated(&self) -> bool {
        !matches!(self.request_template.url, UrlTemplate::Absolute(_))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.request_template.timeout)
    }

    fn connect_timeout(&self) -> Option<Duration> {
        Some(self.request_template.connect_timeout)
    }

    fn expect(&self) -> &[Condition] {
        &self.expect
    }
}
