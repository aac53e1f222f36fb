//! Which task set a listener forwards a request to.

use std::net::{IpAddr, Ipv4Addr};

use crate::world::{
    Condition, InitialRule, Listener, Rule, RuleAction, RuleTarget, TaskSet, Version, World, matches_wildcard,
};

/// The parts of a request that listener rules read.
#[derive(Clone, Debug, Default)]
pub struct ListenerRequest<'a> {
    /// The host, with or without a port.
    pub host: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    /// The query, without its `?`.
    pub query: &'a str,
    /// Header names in lower case, with their values.
    pub headers: Vec<(&'a str, &'a str)>,
}

/// What a listener does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed<'a> {
    /// It forwards the request to this target group.
    To(&'a str),
    /// It responds with this status itself.
    Answered(u16),
    /// It redirects the client to this URL.
    Redirected(String),
    /// It forwards to no target group.
    Nowhere,
}

impl World {
    /// What a listener does with a request now. `turn` counts the listener's requests, so that shares match the weights
    /// exactly and do not depend on chance.
    pub fn route<'a>(&'a self, listener: &'a Listener, request: &ListenerRequest<'_>, turn: u64) -> Routed<'a> {
        let mut rules: Vec<_> = listener.rules.iter().collect();
        rules.sort_by_key(|rule| rule.priority);
        let rule = rules.into_iter().find(|rule| rule.conditions.iter().all(|condition| condition.is_met_by(request)));
        match rule.map(|rule| &rule.action) {
            Some(RuleAction::FixedResponse(status)) => return Routed::Answered(*status),
            Some(RuleAction::Redirect(to)) => return Routed::Redirected(fill_redirect(to, listener, request)),
            Some(RuleAction::Authenticate) => return Routed::Redirected("https://login.example.com/authorize".into()),
            Some(RuleAction::Forward) | None => {}
        }
        let weights = rule.map_or(&listener.default, |rule| &rule.forward);
        picked(weights, turn).map_or(Routed::Nowhere, Routed::To)
    }

    /// The task set behind a target group, if any of its tasks runs.
    pub fn task_set_behind(&self, group: &str) -> Option<&TaskSet> {
        let sets = &self.service.as_ref()?.task_sets;
        sets.iter().find(|set| set.target_group() == Some(group) && set.running > 0)
    }

    /// The version that runs in a task set.
    pub fn version_of(&self, set: &TaskSet) -> Option<&Version> {
        self.versions.iter().find(|version| version.task_definition == set.task_definition)
    }
}

/// The target group that gets this turn.
fn picked(weights: &[(String, i32)], turn: u64) -> Option<&str> {
    let sum: u64 = weights.iter().map(|(_, weight)| u64::try_from(*weight).unwrap_or(0)).sum();
    let mut at = turn.checked_rem(sum)?;
    for (group, weight) in weights {
        let weight = u64::try_from(*weight).unwrap_or(0);
        if at < weight {
            return Some(group);
        }
        at -= weight;
    }
    None
}

/// The URL of a redirect, with its placeholders replaced by the parts of the request.
fn fill_redirect(to: &str, listener: &Listener, request: &ListenerRequest<'_>) -> String {
    to.replace("#{protocol}", &listener.protocol.to_lowercase())
        .replace("#{host}", request.host.split(':').next().unwrap_or_default())
        .replace("#{port}", &listener.port.to_string())
        .replace("#{path}", request.path.trim_start_matches('/'))
}

impl Condition {
    fn is_met_by(&self, request: &ListenerRequest<'_>) -> bool {
        match self {
            Self::Host(patterns) => {
                let host = request.host.split(':').next().unwrap_or_default();
                patterns.iter().any(|pattern| matches_wildcard_ignoring_case(pattern, host))
            }
            Self::Path(patterns) => patterns.iter().any(|pattern| matches_wildcard(pattern, request.path)),
            Self::Method(methods) => methods.iter().any(|method| method == request.method),
            Self::Query(pairs) => pairs.iter().any(|(key, value)| {
                request.query.split('&').filter_map(|pair| pair.split_once('=')).any(|(own_key, own_value)| {
                    key.as_ref().is_none_or(|key| matches_wildcard_ignoring_case(key, own_key))
                        && matches_wildcard_ignoring_case(value, own_value)
                })
            }),
            Self::Header(name, values) => {
                let own = request.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
                own.into_iter().any(|(_, own)| values.iter().any(|value| matches_wildcard_ignoring_case(value, own)))
            }
            // Every client of a rehearsal is on this machine.
            Self::SourceIp(blocks) => blocks.iter().any(|block| cidr_contains(block, Ipv4Addr::LOCALHOST)),
        }
    }
}

fn cidr_contains(block: &str, address: Ipv4Addr) -> bool {
    let Some((net, bits)) = block.split_once('/') else { return false };
    let (Ok(IpAddr::V4(net)), Ok(bits)) = (net.parse(), bits.parse::<u32>()) else { return false };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    net.to_bits() & mask == address.to_bits() & mask
}

impl InitialRule {
    /// The rule for a listener whose default rule forwards to `own`.
    pub(crate) fn to_rule(&self, arn: String, own: &[(String, i32)], other: Option<&(String, i32)>) -> Rule {
        let list =
            |values: &[String], of: fn(Vec<String>) -> Condition| (!values.is_empty()).then(|| of(values.to_vec()));
        let query = self.query.iter().map(|(key, value)| (Some(key.clone()), value.clone())).collect::<Vec<_>>();
        let headers = self.headers.iter().map(|(name, values)| Condition::Header(name.clone(), values.clone()));
        let lists = [
            list(&self.hosts, Condition::Host),
            list(&self.paths, Condition::Path),
            list(&self.methods, Condition::Method),
            (!query.is_empty()).then_some(Condition::Query(query)),
            list(&self.source_ips, Condition::SourceIp),
        ];
        let action = match (self.fixed_response, &self.redirect) {
            (Some(status), _) => RuleAction::FixedResponse(status),
            (None, Some(to)) => RuleAction::Redirect(to.clone()),
            (None, None) if self.authenticate => RuleAction::Authenticate,
            (None, None) => RuleAction::Forward,
        };
        let forward = match (&action, self.to) {
            (RuleAction::FixedResponse(_) | RuleAction::Redirect(_), _) => Vec::new(),
            (_, RuleTarget::Service) => own.to_vec(),
            (_, RuleTarget::Another) => other.cloned().into_iter().collect(),
        };
        let conditions = lists.into_iter().flatten().chain(headers).collect();
        Rule { arn, priority: self.priority, conditions, forward, action }
    }
}

fn matches_wildcard_ignoring_case(pattern: &str, text: &str) -> bool {
    matches_wildcard(&pattern.to_lowercase(), &text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_met_by_what_it_is_about() {
        let request = ListenerRequest {
            host: "Shop.example.com:80",
            method: "POST",
            path: "/api/x",
            query: "version=V1&b=c",
            headers: vec![("x-team", "Blue team")],
        };
        let one = |text: &str| vec![text.to_owned()];
        let met = [
            Condition::Host(one("*.example.com")),
            Condition::Path(one("/api/*")),
            Condition::Method(one("POST")),
            Condition::Query(vec![(Some("Version".into()), "v?".into())]),
            Condition::Query(vec![(None, "c".into())]),
            Condition::Header("X-Team".into(), one("blue*")),
            Condition::SourceIp(vec!["10.0.0.0/8".into(), "127.0.0.0/8".into()]),
        ];
        assert!(met.iter().all(|condition| condition.is_met_by(&request)));
        let not = [
            Condition::Host(one("example.com")),
            Condition::Path(one("/API/*")),
            Condition::Method(one("post")),
            Condition::Query(vec![(Some("c".into()), "*".into())]),
            Condition::Header("X-Team".into(), one("green*")),
            Condition::SourceIp(one("10.0.0.0/8")),
        ];
        assert!(!not.iter().any(|condition| condition.is_met_by(&request)));
    }
}
