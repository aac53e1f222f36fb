//! The address of a route: scheme, host and port of a listener, and the load balancer to connect to for it.

use aws_client::model::{ConditionMatch, Listener, RequestParts, Rule, TargetGroup};
use gate::ReasonCode;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, USER_AGENT};

use super::{CheckContext, TrafficRoute, connection::ConnectTo, listener_rules::all_candidates_forward_to};
use crate::finding::Observation;

/// Where the requests to a listener go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenerAddress {
    /// `https://shop.example.com:8443`.
    pub base: String,
    /// What to connect to in place of the host, if anything.
    pub connect_to: Option<ConnectTo>,
}

/// The request that a check will send, as far as it determines the host.
#[derive(Clone, Debug, Default)]
pub(super) struct RoutedRequest<'a> {
    /// The host that the check specifies.
    pub host: Option<&'a str>,
    /// Method, path, query and headers.
    pub parts: RequestParts,
}

impl RoutedRequest<'_> {
    /// A request to a path with its query, with these headers.
    pub fn new(method: &str, path: &str, headers: &HeaderMap) -> Self {
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let value = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut sent: Vec<_> = headers.iter().map(|(name, own)| (name.as_str().to_owned(), value(own))).collect();
        // The client adds these to every request that does not have them.
        let added = [(USER_AGENT, super::http_client::USER_AGENT), (ACCEPT, "*/*")];
        let added = added.into_iter().filter(|(name, _)| !headers.contains_key(name));
        sent.extend(added.map(|(name, value)| (name.as_str().to_owned(), value.to_owned())));
        let parts = RequestParts {
            host: String::new(),
            method: method.to_owned(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query: query.to_owned(),
            headers: sent,
        };
        Self { host: None, parts }
    }

    /// A GET request without headers from the gate file.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path, &HeaderMap::new())
    }
}

/// The listeners of a deployment, and what determines where requests to them go.
#[derive(Clone, Debug, Default)]
pub struct Routing<'a> {
    pub deployment_group: &'a str,
    pub production: Option<&'a Listener>,
    pub test: Option<&'a Listener>,
    /// The ARNs of the pair of target groups.
    pub target_group_pair: Vec<String>,
    /// The target group of the new version.
    pub green: Option<&'a TargetGroup>,
    /// The port of its container, if a task set specifies it.
    pub container_port: Option<i32>,
    /// `GREENLIGHT_HOST`.
    pub host: Option<&'a str>,
    /// `ALB_URL`, used in place of the test listener's address.
    pub test_address: Option<&'a str>,
}

impl<'a> Routing<'a> {
    pub fn listener(&self, route: TrafficRoute) -> Result<&'a Listener, Observation> {
        let listener = match route {
            TrafficRoute::Test => self.test,
            TrafficRoute::Production => self.production,
        };
        listener.ok_or_else(|| {
            let expected = format!("a {} listener", route.as_str());
            let resource = format!("deployment group {}", self.deployment_group);
            Observation::failed(ReasonCode::NoListener, resource, expected, "none")
        })
    }

    pub(super) fn address(
        &self,
        route: TrafficRoute,
        wanted: &RoutedRequest<'_>,
    ) -> Result<ListenerAddress, Observation> {
        if let (TrafficRoute::Test, Some(own)) = (route, self.test_address) {
            return Ok(with_host(ListenerAddress { base: with_scheme(own), connect_to: None }, wanted.host));
        }
        let listener = self.listener(route)?;
        let scheme = match listener.protocol.as_str() {
            "HTTPS" | "TLS" => "https",
            _ => "http",
        };
        let host = match wanted.host {
            Some(host) => Some(host.to_owned()),
            None => host_for(listener, &self.target_group_pair, self.host, &wanted.parts)?,
        };
        if let Some(host) = host.as_deref().filter(|host| !is_host_name(host)) {
            let why = format!("{host:?} is not a host name");
            return Err(Observation::errored(ReasonCode::RequestFailed, listener.display_name(), why));
        }
        let own = listener.dns_name.clone();
        let detour = host.clone().map(|host| ConnectTo { host, connect_host: own.clone() });
        Ok(ListenerAddress {
            base: format!("{scheme}://{}:{}", host.unwrap_or(own), listener.port),
            connect_to: detour,
        })
    }

    /// The listener whose rules apply to a route's requests. None if `ALB_URL` points to another one, whose rules are
    /// unknown.
    pub(super) fn listener_for_requests(&self, route: TrafficRoute) -> Option<&'a Listener> {
        let listener = self.listener(route).ok()?;
        match (route, self.test_address) {
            (TrafficRoute::Test, Some(own)) => {
                let port = reqwest::Url::parse(&with_scheme(own)).ok()?.port_or_known_default();
                (port == Some(listener.port)).then_some(listener)
            }
            _ => Some(listener),
        }
    }
}

impl CheckContext {
    /// Where requests to the listeners go, from what discovery found.
    pub(super) fn routing(&self) -> Routing<'_> {
        let target = &self.target;
        let green_set = target.service.green(&target.deployment);
        Routing {
            deployment_group: &target.deployment.group,
            production: target.production.as_ref(),
            test: target.test.as_ref(),
            target_group_pair: self.target_group_pair(),
            green: target.green_group.as_ref(),
            // Before the new task set exists, take the port from the one in production, because it rarely changes.
            container_port: green_set
                .or(target.service.blue(&target.deployment))
                .and_then(|set| set.registration()?.container_port),
            host: self.host.as_deref(),
            test_address: self.test_address.as_deref(),
        }
    }

    pub(super) fn listener(&self, route: TrafficRoute) -> Result<&Listener, Observation> {
        self.routing().listener(route)
    }

    pub(super) fn address(
        &self,
        route: TrafficRoute,
        wanted: &RoutedRequest<'_>,
    ) -> Result<ListenerAddress, Observation> {
        self.routing().address(route, wanted)
    }

    /// The ARNs of the service's target groups: the deployment's pair, and those of its task sets.
    pub(super) fn target_group_pair(&self) -> Vec<String> {
        let green = self.target.green_group.iter().map(|group| group.arn.clone());
        let sets = self.target.service.task_sets.iter().filter_map(|set| set.target_group().cloned());
        // A listener can still forward to one of the pair that no task set uses.
        let mut pair: Vec<_> = green.chain(sets).chain(self.target.target_group_pair.iter().cloned()).collect();
        pair.sort();
        pair.dedup();
        pair
    }
}

const HOST_NOT_ACCEPTED_HINT: &str =
    "set GREENLIGHT_HOST to a host name that a listener rule of the service accepts, or add this name to a rule";

/// The host with which the listener rules forward a request to the service. None for the load balancer's own name.
///
/// The same functions can serve many services, so `GREENLIGHT_HOST` counts only if the service's own rules have no host
/// condition, or accept it.
fn host_for(
    listener: &Listener,
    pair: &[String],
    configured: Option<&str>,
    parts: &RequestParts,
) -> Result<Option<String>, Observation> {
    let needs_host_name = matches!(listener.protocol.as_str(), "HTTPS" | "TLS");
    let mut rules: Vec<&Rule> = listener.rules_forwarding_to(pair).collect();
    // Rules without further conditions come first.
    rules.sort_by_key(|rule| rule.conditions.len() > usize::from(rule.hosts().is_some()));
    let mut hosts: Vec<&str> =
        rules.iter().filter_map(|rule| rule.hosts()).flat_map(|hosts| hosts.literals()).map(String::as_str).collect();
    if let Some(configured) = configured {
        let is_let_through =
            rules.iter().filter_map(|rule| rule.hosts()).any(|it| it.matches_host(configured) == ConditionMatch::Yes);
        if is_let_through || hosts.is_empty() {
            hosts.insert(0, configured);
        }
    }
    let rule_outcome = |host: &str| {
        all_candidates_forward_to(&listener.rules, &RequestParts { host: host.to_owned(), ..parts.clone() }, pair)
    };
    let only_by_host = rules.iter().all(|rule| rule.hosts().is_some()) && !rules.is_empty();
    // A host that no rule of the service accepts does not help.
    hosts.retain(|host| {
        !only_by_host
            || rules.iter().filter_map(|rule| rule.hosts()).any(|it| it.matches_host(host) != ConditionMatch::No)
    });
    let host = hosts.iter().find(|host| rule_outcome(host)).or_else(|| hosts.first());
    if let Some(host) = host {
        return Ok(Some((*host).to_owned()));
    }
    let only_by_host = only_by_host && !rule_outcome(&listener.dns_name);
    if !needs_host_name && !only_by_host {
        return Ok(None);
    }
    let expected =
        if only_by_host { "a host name that its rules accept" } else { "a host name that its certificate covers" };
    // A configured host that is left out here is one that no rule accepts.
    let (seen, hint) = match configured {
        Some(host) => (format!("{host} in GREENLIGHT_HOST"), Some(HOST_NOT_ACCEPTED_HINT)),
        None => ("none: GREENLIGHT_HOST is not set, and no listener rule of the service names a host".to_owned(), None),
    };
    Err(Observation::failed(ReasonCode::HostNotConfigured, listener.display_name(), expected, seen).with_hint(hint))
}

/// Whether a text is only a host name: not an address, and without a user, a port or a path. In a URL, anything else could
/// lead to another server than the listener.
fn is_host_name(text: &str) -> bool {
    let only_host = !text.contains(['@', ':', '/', '\\', '?', '#', '%', '[', ']']);
    only_host && reqwest::Url::parse(&format!("http://{text}/")).is_ok_and(|url| url.domain().is_some())
}

/// The same address with another host name.
fn with_host(address: ListenerAddress, host: Option<&str>) -> ListenerAddress {
    let (Some(host), Ok(mut url)) = (host, reqwest::Url::parse(&address.base)) else { return address };
    let to = url.host_str().unwrap_or_default().to_owned();
    if !is_host_name(host) || url.set_host(Some(host)).is_err() {
        return address;
    }
    let base = url.as_str().trim_end_matches('/').to_owned();
    ListenerAddress { base, connect_to: Some(ConnectTo { host: host.to_owned(), connect_host: to }) }
}

/// `ALB_URL` is a host in the article that this project grew from, but people also write a scheme.
pub fn with_scheme(host: &str) -> String {
    let host = host.trim_end_matches('/');
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

#[cfg(test)]
mod tests {
    use aws_client::model::{Action, Patterns, RuleCondition};

    use super::*;

    fn rule(hosts: &[&str], path: Option<&str>, group: &str) -> Rule {
        let patterns = |texts: &[&str]| Patterns {
            wildcards: texts.iter().map(|text| (*text).to_owned()).collect(),
            regexes: Vec::new(),
        };
        let hosts = (!hosts.is_empty()).then(|| RuleCondition::Host(patterns(hosts)));
        let path = path.map(|path| RuleCondition::Path(patterns(&[path])));
        Rule {
            priority: "10".into(),
            conditions: hosts.into_iter().chain(path).collect(),
            action: Action::Forward(vec![(group.into(), 1)]),
            authenticates: None,
        }
    }

    /// The host of the request for `/health`. `-` for the load balancer's own name, `?` if none is known.
    fn host_or_marker(protocol: &str, rules: Vec<Rule>, configured: Option<&str>) -> String {
        let listener = Listener {
            arn: "l".into(),
            port: 443,
            protocol: protocol.into(),
            load_balancer: "shop".into(),
            dns_name: "shop-1.elb.amazonaws.com".into(),
            is_internal: false,
            rules,
        };
        let parts = RoutedRequest::get("/health").parts;
        match host_for(&listener, &["blue".into(), "green".into()], configured, &parts) {
            Ok(host) => host.unwrap_or_else(|| "-".into()),
            Err(observation) => {
                assert_eq!(observation.code, Some(ReasonCode::HostNotConfigured));
                "?".into()
            }
        }
    }

    #[test]
    fn a_configured_host_counts_where_no_rule_names_one_or_lets_it_through() {
        let other = Some("pay.example.com");
        let named = || vec![rule(&["shop.example.com", "www.example.com"], None, "blue"), rule(&[], None, "blog")];
        assert_eq!(host_or_marker("HTTPS", named(), other), "shop.example.com");
        assert_eq!(host_or_marker("HTTPS", named(), Some("www.example.com")), "www.example.com");
        assert_eq!(host_or_marker("HTTPS", vec![rule(&[], None, "blue")], other), "pay.example.com");
        let wild = || vec![rule(&["*.example.com"], None, "blue"), rule(&[], None, "blog")];
        assert_eq!(host_or_marker("HTTP", wild(), other), "pay.example.com");
        assert_eq!(host_or_marker("HTTP", wild(), None), "?");
        assert_eq!(host_or_marker("HTTPS", vec![rule(&[], None, "blue")], None), "?");
        assert_eq!(host_or_marker("HTTP", vec![rule(&[], None, "blue")], None), "-");
    }

    #[test]
    fn the_host_is_the_one_by_which_the_request_comes_through() {
        let rules = || {
            vec![
                rule(&["api.example.com"], Some("/api/*"), "green"),
                rule(&["shop.example.com"], Some("/health"), "green"),
                rule(&[], None, "blog"),
            ]
        };
        assert_eq!(host_or_marker("HTTP", rules(), None), "shop.example.com");
        assert_eq!(
            host_or_marker("HTTP", vec![rule(&["*.example.com"], Some("/x"), "green"), rule(&[], None, "green")], None),
            "-"
        );
    }
}
