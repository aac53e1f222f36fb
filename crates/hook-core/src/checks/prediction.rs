//! Predicts which requests of the hooks cannot work, before anything is deployed: no host name for HTTPS, a health
//! check on its own port, a path that no listener rule forwards.

use aws_client::model::RequestParts;
use gate::{Plan, ReasonCode, load, plan, why_not_applicable};
use lifecycle::Hook;

use super::{GateFileInput, RoutedRequest, Routing, TrafficRoute, listener_rules::evaluate_rules, predict_failure};
use crate::finding::Observation;

/// The predicted failures of a hook's checks, with the check's name. Empty if the gate file is invalid, which is
/// reported elsewhere.
pub fn predict_failures(hook: Hook, gate: &GateFileInput, routing: &Routing<'_>) -> Vec<(String, Observation)> {
    // Without a test listener CodeDeploy skips this event.
    let is_left_out = hook == Hook::AfterAllowTestTraffic && routing.test.is_none() && routing.test_address.is_none();
    let Ok(own) = load(hook, gate.text.as_deref()) else { return Vec::new() };
    if is_left_out || why_not_applicable(&own.when, &gate.when_context).is_some() {
        return Vec::new();
    }
    let Plan::Checks(steps) = plan(own, &gate.when_context) else { return Vec::new() };
    let made = steps.iter().filter(|step| step.preset.is_none());
    made.filter_map(|step| Some((step.spec.name.clone(), predict_failure(&step.spec.check, routing)?))).collect()
}

impl Routing<'_> {
    /// Predicts what will be wrong with a request: its host is unknown, or the listener rules forward it elsewhere.
    pub(super) fn predict_failure(
        &self,
        route: TrafficRoute,
        title: &str,
        wanted: &RoutedRequest<'_>,
    ) -> Option<Observation> {
        // Without the target groups it is unknown which rules belong to the service.
        let listener = self.listener_for_requests(route).filter(|_| !self.target_group_pair.is_empty())?;
        let address = match self.address(route, wanted) {
            Ok(address) => address,
            Err(observation) => return Some(observation),
        };
        let url = reqwest::Url::parse(&address.base).ok()?;
        let parts = RequestParts { host: url.host_str().unwrap_or_default().to_owned(), ..wanted.parts.clone() };
        let seen = evaluate_rules(&listener.rules, &parts, &self.target_group_pair).err()?;
        let resource = format!("{title} through {} {}", route.as_str(), listener.display_name());
        let expected = "a listener rule that forwards it to the service";
        Some(Observation::failed(ReasonCode::RuleLeadsElsewhere, resource, expected, seen))
    }
}
