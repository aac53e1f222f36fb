//! What does not exist yet when a hook runs, and what a request can be answered by. A check of the new version that meets
//! the old one passes by mistake, and one that waits for what cannot come fails at the wrong moment.

use super::{CheckSpec, Data, Fact, Fields};
use crate::{
    check::{Colour, Route},
    hook::Hook,
};

/// Why a fact has no value at this hook.
pub(super) fn fact_is_early(fact: &Fact, hook: Hook) -> Option<String> {
    match fact {
        Fact::Url(route) => route_is_early(*route, hook),
        Fact::Of(Colour::Green, _) if !hook.has_replacement() => Some(no_green(hook)),
        _ => None,
    }
    .map(|why| format!("{{{{{fact}}}}} is not available here: {why}"))
}

/// Why a check of this kind cannot hold at this hook.
pub(super) fn check_is_early(spec: &CheckSpec, hook: Hook) -> Option<String> {
    if matches!(spec.value(spec.kind), Some(Data::Text(colour)) if colour == "green")
        && spec.check.opens().is_none()
        && !hook.has_replacement()
    {
        return Some(format!("`{}: green` cannot be checked here: {}", spec.kind, no_green(hook)));
    }
    let route = spec
        .check
        .opens()
        .filter(|_| spec.kind == "reach")
        .or_else(|| spec.check.uses().filter(|_| spec.kind == "answers"))?;
    route_is_early(route, hook)
        .map(|why| format!("`{}` on the {} listener cannot hold here: {why}", spec.kind, route.word()))
}

fn no_green(hook: Hook) -> String {
    format!("{} runs before CodeDeploy creates the green task set; use after_install or a later hook", hook.key())
}

fn route_is_early(route: Route, hook: Hook) -> Option<String> {
    let (from, event) = match route {
        Route::Test => (Hook::AfterAllowTestTraffic, "AllowTestTraffic"),
        Route::Production => (Hook::AfterAllowTraffic, "AllowTraffic"),
    };
    if hook >= from {
        return None;
    }
    let instead = match (route, hook >= Hook::AfterAllowTestTraffic) {
        (Route::Production, true) => "use {{test_url}}, or move the check to after_allow_traffic".to_owned(),
        _ => format!("move the check to {}", from.key()),
    };
    Some(format!(
        "{} runs before {event}, so the {} listener still leads to the original; {instead}",
        hook.key(),
        route.word()
    ))
}

/// Whether the original may answer a request to an address of the author's own at this hook. Before Install there is
/// no other version that could be meant.
pub(super) fn may_meet_the_original(hook: Hook) -> bool {
    hook.has_replacement()
}

/// Warns of a request to an address that is not a listener's of this deployment.
pub(super) fn warn_unbound(url: &str, hook: Hook, key: &str, fields: &mut Fields<'_>) {
    let at = fields.place_of(key);
    let instead = match hook {
        Hook::BeforeInstall | Hook::AfterInstall => {
            format!("move it to after_allow_test_traffic and use {}", bound(url, Route::Test))
        }
        Hook::AfterAllowTestTraffic | Hook::BeforeAllowTraffic => format!("use {}", bound(url, Route::Test)),
        Hook::AfterAllowTraffic => format!("use {}", bound(url, Route::Production)),
    };
    fields.warn(
        at,
        format!(
            "the old version may answer this request: its URL is not bound to a listener, and the check does not wait for \
             `reach`; {instead}, or say `any_version: true` if it does not matter which version answers"
        ),
    );
}

/// The same request through a listener: `POST {{test_url}}/orders` with `host: shop.example.com`.
fn bound(url: &str, route: Route) -> String {
    let (method, url) = match url.trim().split_once(' ') {
        Some((method, url)) => (format!("{method} "), url.trim()),
        None => (String::new(), url.trim()),
    };
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or((rest, ""), |path| rest.split_at(path)),
        // A fact makes up the beginning.
        None => ("", url.rsplit_once("}}").map_or("", |(_, path)| path)),
    };
    // A query may hold what must not be repeated.
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let named = host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(['{', '@']) && host != "localhost";
    let with = if named { format!(" with `host: {host}`") } else { String::new() };
    format!("{method}{{{{{}_url}}}}{path}{with}", route.word())
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
            assert_eq!(bound(url, Route::Test), expected, "{url}");
        }
    }
}
