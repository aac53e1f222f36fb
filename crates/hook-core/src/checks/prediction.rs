//! What the hooks of a deployment will not be able to ask, known before anything is deployed: no host name for HTTPS, a
//! health check on a port of its own, a path that no listener rule lets through.

use super::{RoutedRequest, Routing, TrafficRoute, listener_rules::evaluate_rules};
use crate::{
    code::ReasonCode,
    finding::Observation,
    gate::{WhenContext, load, why_not_applicable},
    hook::Hook,
    model::RequestParts,
    plan::{Plan, plan},
};

/// The gate file, for whoever looks at the hooks to come.
#[derive(Clone, Default)]
pub struct GateFileInput {
    /// The text; none where there is no file.
    pub text: Option<String>,
    /// What its `when` compares with.
    pub when_context: WhenContext,
}

/// Variables may be secret.
impl std::fmt::Debug for GateFileInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GateOfAll")
    }
}

/// What is foreseen of each check of a hook, with the check's name. Nothing, where the file has a fault: that is reported
/// elsewhere.
pub fn predict_failures(hook: Hook, gate: &GateFileInput, routing: &Routing<'_>) -> Vec<(String, Observation)> {
    // Without a test listener CodeDeploy leaves this event out.
    let is_left_out = hook == Hook::AfterAllowTestTraffic && routing.test.is_none() && routing.test_address.is_none();
    let Ok(own) = load(hook, gate.text.as_deref()) else { return Vec::new() };
    if is_left_out || why_not_applicable(&own.when, &gate.when_context).is_some() {
        return Vec::new();
    }
    let Plan::Checks(steps) = plan(own, &gate.when_context) else { return Vec::new() };
    let made = steps.iter().filter(|step| step.preset.is_none());
    made.filter_map(|step| Some((step.spec.name.clone(), step.spec.check.predict_failure(routing)?))).collect()
}

impl Routing<'_> {
    /// What will be wrong with a request: nobody knows the host to ask for, or the listener rules lead it elsewhere.
    pub(super) fn predict_failure(
        &self,
        route: TrafficRoute,
        title: &str,
        wanted: &RoutedRequest<'_>,
    ) -> Option<Observation> {
        // Without the target groups nobody can say what is the service's.
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
