//! A request to a URL that is not bound to a listener: the original may respond to it. A pass proves something about a
//! response, but nothing about the new version, so it always warns.

use std::sync::Arc;

use super::{Check, CheckContext, CheckFuture, Routing, TrafficRoute};
use crate::{
    code::ReasonCode,
    finding::{Observation, Outcome},
    gate::Referenced,
    permissions::Requirement,
};

/// Wraps a check so that its pass is unverified.
pub fn wrap(check: Arc<dyn Check>) -> Arc<dyn Check> {
    Arc::new(Unbound(check))
}

#[derive(Debug)]
struct Unbound(Arc<dyn Check>);

impl Check for Unbound {
    fn default_name(&self) -> String {
        self.0.default_name()
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        self.0.required_route()
    }

    fn unblocks(&self) -> Option<TrafficRoute> {
        self.0.unblocks()
    }

    fn references(&self) -> Vec<Referenced> {
        self.0.references()
    }

    fn requirements(&self) -> Vec<Requirement> {
        self.0.requirements()
    }

    fn predict_failure(&self, routing: &Routing<'_>) -> Option<Observation> {
        self.0.predict_failure(routing)
    }

    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a> {
        Box::pin(async { mark_version_unverified(self.0.run(cx).await) })
    }
}

fn mark_version_unverified(seen: Observation) -> Observation {
    let detail = "the old version may have responded: the URL is not bound to a listener".to_owned();
    match seen.outcome {
        Outcome::Passed => {
            seen.prepend_details([detail]).with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified)
        }
        Outcome::Unverified => seen.with_details([detail]),
        _ => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_becomes_unverified() {
        let passed = mark_version_unverified(Observation::passed("GET http://x/", "answered 200"));
        assert_eq!((passed.outcome, passed.code), (Outcome::Unverified, Some(ReasonCode::VersionUnverified)));
        let other = passed.clone().with_outcome(Outcome::Unverified, ReasonCode::TlsUnverified);
        assert_eq!(mark_version_unverified(other).code, Some(ReasonCode::TlsUnverified));
        let failed = Observation::failed(ReasonCode::UnexpectedStatus, "GET http://x/", "status == 200", "503");
        assert_eq!(mark_version_unverified(failed.clone()), failed);
    }
}
