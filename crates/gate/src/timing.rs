//! Checks that a hook runs too early, and requests that the wrong version can answer. A check of the new version that
//! reaches the old one passes by mistake. A check that waits for something that cannot happen yet fails at the wrong
//! moment.

use lifecycle::{Colour, Hook, TrafficRoute};

use super::{CheckSpec, Fact, MapReader};

/// Why a fact has no value at this hook.
pub(super) fn why_fact_too_early(fact: &Fact, hook: Hook) -> Option<String> {
    match fact {
        Fact::Url(route) => why_route_too_early(*route, hook, "use {{test_url}}"),
        Fact::OfVersion(Colour::Green, _) if !hook.has_replacement() => Some(no_green_reason(hook)),
        _ => None,
    }
    .map(|why| format!("{{{{{fact}}}}} is not available here: {why}"))
}

/// Why a check of this kind cannot pass at this hook.
pub(super) fn why_check_too_early(spec: &CheckSpec, hook: Hook) -> Option<String> {
    let kind = spec.check.spec();
    if kind.colour() == Some(Colour::Green) && !hook.has_replacement() {
        return Some(format!("`{}: green` cannot be checked here: {}", kind.key(), no_green_reason(hook)));
    }
    let route = kind.listener()?;
    // Such a check has no URL.
    let instead = if kind.is_barrier() { "write `listener: test`" } else { "write `health_check: test`" };
    why_route_too_early(route, hook, instead)
        .map(|why| format!("`{}` on the {} listener cannot pass here: {why}", kind.key(), route.as_str()))
}

fn no_green_reason(hook: Hook) -> String {
    format!("{} runs before CodeDeploy creates the replacement task set; use after_install or a later hook", hook.key())
}

/// Why a listener does not forward to the replacement yet. `instead` is what to write for the test listener.
fn why_route_too_early(route: TrafficRoute, hook: Hook, instead: &str) -> Option<String> {
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

/// Whether the original may answer a request to a URL of the author's choice at this hook. Before Install there is only
/// one version.
pub(crate) fn original_may_answer(hook: Hook) -> bool {
    hook.has_replacement()
}

/// Warns about a request whose URL is not that of a listener of this deployment.
pub(crate) fn warn_unbound(url: &str, hook: Hook, key: &str, fields: &mut MapReader<'_>) {
    let at = fields.position_of(key);
    let instead = match hook {
        Hook::BeforeInstall | Hook::AfterInstall => {
            format!("move it to after_allow_test_traffic and use {}", through_listener(url, TrafficRoute::Test))
        }
        Hook::AfterAllowTestTraffic | Hook::BeforeAllowTraffic => {
            format!("use {}", through_listener(url, TrafficRoute::Test))
        }
        Hook::AfterAllowTraffic => format!("use {}", through_listener(url, TrafficRoute::Production)),
    };
    fields.warn(
        at,
        format!(
            "the old version may respond to this request: its URL is not bound to a listener, and the check does not wait for \
             `forwards_to`; {instead}, or write `any_version: true` if it does not matter which version responds"
        ),
    );
}

/// The same request through a listener: `POST {{test_url}}/orders` with `host: shop.example.com`.
fn through_listener(url: &str, route: TrafficRoute) -> String {
    let (method, url) = match url.trim().split_once(' ') {
        Some((method, url)) => (format!("{method} "), url.trim()),
        None => (String::new(), url.trim()),
    };
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or((rest, ""), |path| rest.split_at(path)),
        // The URL starts with a fact.
        None => ("", url.rsplit_once("}}").map_or("", |(_, path)| path)),
    };
    // The query may contain a secret, so the message does not repeat it.
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let named = host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(['{', '@']) && host != "localhost";
    let with = if named { format!(" with `host: {host}`") } else { String::new() };
    format!("{method}{{{{{}_url}}}}{path}{with}", route.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_its_own_is_told_as_one_through_a_listener() {
        let cases = [
            ("https://shop.example.com/checkout", "{{test_url}}/checkout with `host: shop.example.com`"),
            ("POST https://shop.example.com:8443/a?token=x", "POST {{test_url}}/a with `host: shop.example.com`"),
            ("http://10.0.0.1:8080/health", "{{test_url}}/health"),
            ("http://localhost", "{{test_url}}"),
            ("{{env.SHOP}}/health", "{{test_url}}/health"),
            ("https://{{env.HOST}}/health", "{{test_url}}/health"),
        ];
        for (url, expected) in cases {
            assert_eq!(through_listener(url, TrafficRoute::Test), expected, "{url}");
        }
    }
}
