//! A listener rule: the conditions for a request, and the action of the load balancer.

use std::collections::BTreeMap;

use super::target_group_name;

/// A listener rule. A request matches it if it meets all conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its priority, or `default`.
    pub priority: String,
    /// Its conditions. The default rule has none.
    pub conditions: Vec<RuleCondition>,
    /// The authentication action before the last one, if any. It answers every request without a session or a token:
    /// `authenticate-oidc`, `authenticate-cognito`, `jwt-validation`.
    pub authenticates: Option<String>,
    /// What the load balancer does with the request.
    pub action: Action,
}

/// One condition of a rule. A request meets it if one of its values matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleCondition {
    /// `host-header`.
    Host(Patterns),
    /// `path-pattern`.
    Path(Patterns),
    /// `http-request-method`.
    Method(Vec<String>),
    /// `query-string`: an optional key, and a value.
    Query(Vec<(Option<String>, String)>),
    /// `http-header`.
    Header { name: String, values: Patterns },
    /// `source-ip`: CIDR blocks.
    SourceIp(Vec<String>),
    /// A field that this version does not know.
    Unknown(String),
}

/// Texts with the wildcards `*` and `?`, and regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    /// `*.example.com`.
    pub wildcards: Vec<String>,
    /// `^shop[0-9]+\.example\.com$`.
    pub regexes: Vec<String>,
}

/// What the load balancer does with a request that matches a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Forwards it: target group ARNs with their weights.
    Forward(Vec<(String, i32)>),
    /// Returns this status itself.
    FixedResponse(String),
    /// Redirects the client to this URL.
    Redirect(String),
    /// An action that this version does not know.
    Unknown(String),
}

impl Default for Action {
    fn default() -> Self {
        Self::Forward(Vec::new())
    }
}

impl Rule {
    /// The default rule, with these target groups.
    #[cfg(test)]
    pub(crate) fn default_forwarding_to(weights: Vec<(String, i32)>) -> Self {
        Self { priority: "default".to_owned(), action: Action::Forward(weights), ..Self::default() }
    }

    /// Target group ARNs with their weights. Empty if the rule does not forward.
    pub fn weights(&self) -> &[(String, i32)] {
        match &self.action {
            Action::Forward(weights) => weights,
            Action::FixedResponse(_) | Action::Redirect(_) | Action::Unknown(_) => &[],
        }
    }

    /// The share of its traffic that goes to `group`, in percent.
    pub fn weight_percent(&self, group: &str) -> f64 {
        self.weight_percent_where(|arn| arn == group)
    }

    fn weight_percent_where(&self, is_counted: impl Fn(&str) -> bool) -> f64 {
        let weighted = || self.weights().iter().map(|(arn, weight)| (arn, f64::from((*weight).max(0))));
        let total: f64 = weighted().map(|(_, weight)| weight).sum();
        let own: f64 = weighted().filter(|(arn, _)| is_counted(arn)).map(|(_, weight)| weight).sum();
        if total == 0.0 { 0.0 } else { 100.0 * own / total }
    }

    /// Whether every request that matches it is forwarded to one of these target groups.
    pub fn forwards_only_to(&self, groups: &[String]) -> bool {
        self.authenticates.is_none()
            && self.weight_percent_where(|arn| groups.iter().any(|group| group == arn)) >= 100.0
    }

    /// The host-header condition, if it has one.
    pub fn hosts(&self) -> Option<&Patterns> {
        self.conditions.iter().find_map(|condition| match condition {
            RuleCondition::Host(hosts) => Some(hosts),
            _ => None,
        })
    }

    /// Its priority and conditions: `rule 10 (path /api/*)`.
    pub fn display_name(&self) -> String {
        if self.priority == "default" {
            return "the default rule".to_owned();
        }
        let conditions: Vec<_> = self.conditions.iter().map(RuleCondition::describe).collect();
        format!("rule {} ({})", self.priority, conditions.join(", "))
    }

    /// What the load balancer does with a request that matches it: `forwards 100 % to tg-blog`.
    pub fn describe_action(&self) -> String {
        let action = match &self.action {
            Action::Forward(_) => match self.describe_weights() {
                shares if shares.is_empty() => "forwards to no target group".to_owned(),
                shares => format!("forwards {shares}"),
            },
            Action::FixedResponse(status) => format!("returns a fixed response with status {status}"),
            Action::Redirect(to) => format!("redirects to {to}"),
            Action::Unknown(action) => format!("has an action that these hooks do not know ({action})"),
        };
        match &self.authenticates {
            Some(kind) => {
                format!(
                    "first authenticates the client ({kind}), so a request without a session reaches no target, then {action}"
                )
            }
            None => action,
        }
    }

    /// Its shares: `90 % to tg-blue, 10 % to tg-green`.
    pub fn describe_weights(&self) -> String {
        let shares: BTreeMap<_, _> =
            self.weights().iter().map(|(arn, _)| (target_group_name(arn), self.weight_percent(arn))).collect();
        let parts =
            shares.iter().filter(|(_, share)| **share > 0.0).map(|(name, share)| format!("{share:.0} % to {name}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl RuleCondition {
    fn describe(&self) -> String {
        match self {
            Self::Host(hosts) => format!("host {}", hosts.describe()),
            Self::Path(paths) => format!("path {}", paths.describe()),
            Self::Method(methods) => format!("method {}", methods.join(" or ")),
            Self::Query(pairs) => {
                let pair = |(key, value): &(Option<String>, String)| match key {
                    Some(key) => format!("{key}={value}"),
                    None => value.clone(),
                };
                format!("query {}", pairs.iter().map(pair).collect::<Vec<_>>().join(" or "))
            }
            Self::Header { name, values } => format!("header {name}: {}", values.describe()),
            Self::SourceIp(blocks) => format!("source IP {}", blocks.join(" or ")),
            Self::Unknown(field) => field.clone(),
        }
    }
}

impl Patterns {
    /// The patterns without a wildcard, which match only themselves.
    pub fn literals(&self) -> impl Iterator<Item = &String> {
        self.wildcards.iter().filter(|text| !text.contains(['*', '?']))
    }

    fn describe(&self) -> String {
        let regexes = self.regexes.iter().map(|regex| format!("~ {regex}"));
        self.wildcards.iter().cloned().chain(regexes).collect::<Vec<_>>().join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_shares() {
        let rule = Rule::default_forwarding_to(vec![("a".into(), 1), ("b".into(), 3)]);
        assert_eq!(rule.weight_percent("b"), 75.0);
        assert_eq!(rule.weight_percent("c"), 0.0);
        assert!(rule.forwards_only_to(&["a".into(), "b".into()]));
        assert!(!rule.forwards_only_to(&["b".into()]));
        let none = Rule::default_forwarding_to(vec![("a".into(), 0)]);
        assert_eq!(none.weight_percent("a"), 0.0);
        assert!(!none.forwards_only_to(&["a".into()]));
    }

    #[test]
    fn a_rule_says_what_it_is_for_and_what_it_does() {
        let arn = |name: &str| format!("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/{name}/0f");
        let rule = Rule {
            priority: "10".into(),
            conditions: vec![
                RuleCondition::Path(Patterns { wildcards: vec!["/api/*".into()], regexes: vec!["^/v[0-9]".into()] }),
                RuleCondition::Query(vec![(Some("beta".into()), "1".into()), (None, "x*".into())]),
            ],
            action: Action::Forward(vec![(arn("tg-a"), 90), (arn("tg-b"), 10)]),
            authenticates: None,
        };
        assert_eq!(rule.display_name(), "rule 10 (path /api/* or ~ ^/v[0-9], query beta=1 or x*)");
        assert_eq!(rule.describe_action(), "forwards 90 % to tg-a, 10 % to tg-b");
        let fixed = Rule { action: Action::FixedResponse("200".into()), ..rule };
        assert_eq!(fixed.describe_action(), "returns a fixed response with status 200");
        let oidc = Rule {
            authenticates: Some("authenticate-oidc".into()),
            ..Rule::default_forwarding_to(vec![(arn("tg-a"), 1)])
        };
        assert_eq!(
            format!("{} {}", oidc.display_name(), oidc.describe_action()),
            "the default rule first authenticates the client (authenticate-oidc), so a request without a session reaches \
             no target, then forwards 100 % to tg-a"
        );
        assert!(!oidc.forwards_only_to(&[arn("tg-a")]));
    }
}
