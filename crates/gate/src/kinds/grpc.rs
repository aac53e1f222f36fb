//! `grpc:`: the standard health service reports SERVING (`grpc.health.v1.Health/Check`).

use std::{collections::BTreeSet, time::Duration};

use super::{
    KindSpec, PollPolicy, RequestTemplate,
    unbound::{read_any_version, warn_if_unbound},
};
use lifecycle::TrafficRoute;

use crate::{Fact, MapReader};

pub(super) const KEY: &str = "grpc";

/// <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>
pub const HEALTH_CHECK_PATH: &str = "/grpc.health.v1.Health/Check";

/// A call of the gRPC health service.
#[derive(Clone, Debug)]
pub struct GrpcSpec {
    pub request_template: RequestTemplate,
    pub facts: BTreeSet<Fact>,
    /// The name of the service to check. Empty for the server as a whole.
    pub service: String,
    pub poll_policy: PollPolicy,
    /// Whether a pass proves nothing about the new version, because the original may have responded.
    pub warns_unbound: bool,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<GrpcSpec> {
    let spec = read_call(fields);
    let any_version = read_any_version(fields);
    let spec = spec?;
    let warns_unbound = warn_if_unbound(KEY, spec.request_template.route(), any_version, fields);
    Some(GrpcSpec { warns_unbound, ..spec })
}

fn read_call(fields: &mut MapReader<'_>) -> Option<GrpcSpec> {
    let request_template = RequestTemplate::read_without_body(fields, "grpc")
        .map(|question| question.with_endpoint("POST", HEALTH_CHECK_PATH));
    let service = fields.string("service").unwrap_or_default();
    let poll_policy =
        PollPolicy::read(fields, &PollPolicy { every: Duration::from_secs(1), ..PollPolicy::SINGLE_ATTEMPT });
    let facts = fields.facts().clone();
    let question = request_template?;
    if !question.is_bare_origin() {
        fields.error(
            fields.position_of("grpc"),
            "`grpc` is an address without a method and a path, such as {{test_url}}",
        );
        return None;
    }
    Some(GrpcSpec { request_template: question, facts, service, poll_policy, warns_unbound: false })
}

impl KindSpec for GrpcSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("grpc {}", self.request_template.title())
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        self.request_template.route()
    }

    fn is_simulated(&self) -> bool {
        false
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.request_template.timeout)
    }

    fn connect_timeout(&self) -> Option<Duration> {
        Some(self.request_template.connect_timeout)
    }
}
