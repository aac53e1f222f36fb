//! Facts and listeners that a hook uses too early. A check of the new version that reaches the old one passes by mistake. A
//! check that waits for something that cannot happen yet fails at the wrong moment.

use lifecycle::{Colour, Hook, TrafficRoute};

use super::Fact;

/// Why a fact has no value at this hook.
pub(super) fn why_fact_too_early(fact: &Fact, hook: Hook) -> Option<String> {
    match fact {
        Fact::Url(route) => why_route_too_early(*route, hook, "use {{test_url}}"),
        Fact::OfVersion(Colour::Green, _) if !hook.has_replacement() => Some(no_green_reason(hook)),
        _ => None,
    }
    .map(|why| format!("{{{{{fact}}}}} is not available here: {why}"))
}

/// Why there is no replacement yet.
pub(super) fn no_green_reason(hook: Hook) -> String {
    format!("{} runs before CodeDeploy creates the replacement task set; use after_install or a later hook", hook.key())
}

/// Why a listener does not forward to the replacement yet. `instead` is what to write for the test listener.
pub(super) fn why_route_too_early(route: TrafficRoute, hook: Hook, instead: &str) -> Option<String> {
    let (from, event) = match route {
        TrafficRoute::Test => (Hook::AfterAllowTestTraffic, "AllowTestTraffic"),
        TrafficRoute::Production => (Hook::AfterAllowTraffic, "AllowTraffic"),
    };
    if hook >= from {
        return None;
    }
    let instead = match (route, hook >= Hook::AfterAllowTestTraffic) {
        (TrafficRoute::Production, true) => format!("{instead}, or move the check to after_allow_traffic"),
        _ => format!("move the check to {}", from.key()),
    };
    Some(format!(
        "{} runs before {event}, so the {} listener still forwards to the original; {instead}",
        hook.key(),
        route.as_str()
    ))
}
