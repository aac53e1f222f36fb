//! Requests that the original may answer: their URL is not that of a listener of the deployment.

use lifecycle::{Hook, TrafficRoute};

use crate::MapReader;

/// The key `any_version`: it does not matter which version responds.
pub(super) fn read_any_version(fields: &mut MapReader<'_>) -> bool {
    fields.bool("any_version").unwrap_or(false)
}

/// Whether the check cannot prove anything about the new version, although the team wants it to. Then it warns when the
/// file is read, and again when it has passed. `route` is the listener that the request in `key` goes to.
pub(super) fn warn_if_unbound(
    key: &'static str,
    route: Option<TrafficRoute>,
    any_version: bool,
    fields: &mut MapReader<'_>,
) -> bool {
    let hook = fields.scope().hook.filter(|hook| original_may_answer(*hook));
    let Some(hook) = hook.filter(|_| route.is_none() && !any_version) else { return false };
    let url = fields.string(key).unwrap_or_default();
    warn_unbound(&url, hook, key, fields);
    true
}

/// Whether the original may answer a request to a URL of the author's choice at this hook. Before Install there is only
/// one version.
fn original_may_answer(hook: Hook) -> bool {
    hook.has_replacement()
}

/// Warns about a request whose URL is not that of a listener of this deployment.
fn warn_unbound(url: &str, hook: Hook, key: &str, fields: &mut MapReader<'_>) {
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
