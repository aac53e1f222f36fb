//! What the hooks of a deployment will not be able to ask, known before anything is deployed: no host name for HTTPS, a
//! health check on a port of its own, a path that no listener rule lets through.

use super::{Route, Routing, Wanted, listener_rules::judge};
use crate::{
    code::Code,
    finding::Observation,
    gate::{Circumstances, load, unless_applies},
    hook::Hook,
    plan::{Plan, plan},
    target::RequestParts,
};

/// The gate file, for whoever looks at the hooks to come.
#[derive(Clone, Default)]
pub struct GateOfAll {
    /// The text; none where there is no file.
    pub text: Option<String>,
    /// What its `when` compares with.
    pub circumstances: Circumstances,
}

/// Variables may be secret.
impl std::fmt::Debug for GateOfAll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GateOfAll")
    }
}

/// What is foreseen of each check of a hook, with the check's name. Nothing, where the file has a fault: that is reported
/// elsewhere.
pub fn foreseen(hook: Hook, gate: &GateOfAll, routing: &Routing<'_>) -> Vec<(String, Observation)> {
    // Without a test listener CodeDeploy leaves this event out.
    let is_left_out = hook == Hook::AfterAllowTestTraffic && routing.test.is_none() && routing.test_address.is_none();
    let Ok(own) = load(hook, gate.text.as_deref()) else { return Vec::new() };
    if is_left_out || unless_applies(&own.when, &gate.circumstances).is_some() {
        return Vec::new();
    }
    let Plan::Checks(steps) = plan(own, &gate.circumstances) else { return Vec::new() };
    let made = steps.iter().filter(|step| step.settled.is_none());
    made.filter_map(|step| Some((step.spec.name.clone(), step.spec.check.foreseen(routing)?))).collect()
}

impl Routing<'_> {
    /// What will be wrong with a request: nobody knows the host to ask for, or the listener rules lead it elsewhere.
    pub(super) fn foreseen(&self, route: Route, title: &str, wanted: &Wanted<'_>) -> Option<Observation> {
        // Without the target groups nobody can say what is the service's.
        let listener = self.listener_of_requests(route).filter(|_| !self.pair.is_empty())?;
        let address = match self.address(route, wanted) {
            Ok(address) => address,
            Err(observation) => return Some(observation),
        };
        let url = reqwest::Url::parse(&address.base).ok()?;
        let parts = RequestParts { host: url.host_str().unwrap_or_default().to_owned(), ..wanted.parts.clone() };
        let seen = judge(&listener.rules, &parts, &self.pair).err()?;
        let resource = format!("{title} through {} {}", route.word(), listener.title());
        let expected = "a listener rule that forwards it to the service";
        Some(Observation::failed(Code::RuleLeadsElsewhere, resource, expected, seen))
    }
}
