//! Elastic Load Balancing, read: target groups, the health of targets, listeners with their rules.

use aws_sdk_elasticloadbalancingv2::types::{Action, LoadBalancerSchemeEnum, ProtocolEnum, RuleCondition};

use super::{Aws, Fault, text};
use crate::target::{Listener, Rule, TargetGroup, TargetHealth};

pub(super) const DESCRIBE_GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
pub(super) const DESCRIBE_HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
pub(super) const DESCRIBE_LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
pub(super) const DESCRIBE_RULES: &str = "elasticloadbalancing:DescribeRules";
pub(super) const DESCRIBE_BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";

/// Pages of DescribeRules: a listener has 100 rules by default, and some accounts have raised that.
const MAX_PAGES: usize = 20;

impl Aws {
    /// DescribeTargetGroups, by name.
    pub(super) async fn target_groups(&self, names: &[String]) -> Result<Vec<TargetGroup>, Fault> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let reply = self.elb.describe_target_groups().set_names(Some(names.to_vec())).send().await;
        let reply = reply.map_err(|error| Fault::of(DESCRIBE_GROUPS, &error))?;
        Ok(reply.target_groups().iter().map(target_group).collect())
    }

    /// DescribeTargetGroups, by ARN.
    pub(super) async fn target_groups_by_arn(&self, arns: &[String]) -> Result<Vec<TargetGroup>, Fault> {
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let reply = self.elb.describe_target_groups().set_target_group_arns(Some(arns.to_vec())).send().await;
        let reply = reply.map_err(|error| Fault::of(DESCRIBE_GROUPS, &error))?;
        Ok(reply.target_groups().iter().map(target_group).collect())
    }

    /// DescribeTargetHealth.
    pub async fn target_health(&self, group: &str) -> Result<Vec<TargetHealth>, Fault> {
        let reply = self.elb.describe_target_health().target_group_arn(group).send().await;
        let reply = reply.map_err(|error| Fault::of(DESCRIBE_HEALTH, &error))?;
        let described = reply.target_health_descriptions().iter();
        Ok(described
            .map(|it| {
                let id = it.target().and_then(|target| target.id()).unwrap_or("?");
                let port = it.target().and_then(|target| target.port()).map(|port| format!(":{port}"));
                let health = it.target_health();
                TargetHealth {
                    target: format!("{id}{}", port.unwrap_or_default()),
                    state: health
                        .and_then(|health| health.state())
                        .map_or("unknown", |state| state.as_str())
                        .to_owned(),
                    reason: health.and_then(|health| health.reason()).map(|reason| reason.as_str().to_owned()),
                    description: health.and_then(|health| health.description()).map(str::to_owned),
                }
            })
            .collect())
    }

    /// DescribeListeners, DescribeRules and DescribeLoadBalancers: one listener and where it forwards now.
    pub async fn listener(&self, arn: &str) -> Result<Listener, Fault> {
        let (listener, rules) = tokio::join!(self.bare_listener(arn), self.rules(arn));
        let listener = listener?;
        let protocol = listener.protocol().map_or("", ProtocolEnum::as_str).to_owned();
        // Only Application Load Balancers have rules; of the others, what DescribeRules says does not matter.
        let rules = if has_rules(&protocol) { rules? } else { default_rule(&listener) };
        let balancer =
            listener.load_balancer_arn().ok_or_else(|| Fault::lacks(DESCRIBE_LISTENERS, "LoadBalancerArn"))?;
        let reply = self.elb.describe_load_balancers().load_balancer_arns(balancer).send().await;
        let reply = reply.map_err(|error| Fault::of(DESCRIBE_BALANCERS, &error))?;
        let balancer =
            reply.load_balancers().first().ok_or_else(|| Fault::lacks(DESCRIBE_BALANCERS, "LoadBalancers"))?;
        Ok(Listener {
            arn: arn.to_owned(),
            port: listener
                .port()
                .and_then(|port| port.try_into().ok())
                .ok_or_else(|| Fault::lacks(DESCRIBE_LISTENERS, "Port"))?,
            protocol,
            balancer: text(balancer.load_balancer_name()),
            dns_name: text(balancer.dns_name()),
            internal: balancer.scheme() == Some(&LoadBalancerSchemeEnum::Internal),
            rules,
        })
    }

    /// Where a listener that is known forwards now: one call, since it is asked again and again.
    pub async fn listener_now(&self, known: &Listener) -> Result<Listener, Fault> {
        let rules = if has_rules(&known.protocol) {
            self.rules(&known.arn).await?
        } else {
            default_rule(&self.bare_listener(&known.arn).await?)
        };
        Ok(Listener { rules, ..known.clone() })
    }

    async fn bare_listener(&self, arn: &str) -> Result<aws_sdk_elasticloadbalancingv2::types::Listener, Fault> {
        let reply = self.elb.describe_listeners().listener_arns(arn).send().await;
        let reply = reply.map_err(|error| Fault::of(DESCRIBE_LISTENERS, &error))?;
        reply
            .listeners
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| Fault::lacks(DESCRIBE_LISTENERS, "Listeners"))
    }

    /// DescribeRules: the rules that forward, the default one last.
    async fn rules(&self, listener: &str) -> Result<Vec<Rule>, Fault> {
        let mut rules = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let reply = self.elb.describe_rules().listener_arn(listener).set_marker(marker).send().await;
            let reply = reply.map_err(|error| Fault::of(DESCRIBE_RULES, &error))?;
            rules.extend(reply.rules().iter().filter_map(|rule| {
                let (hosts, others): (Vec<_>, Vec<_>) =
                    rule.conditions().iter().partition(|it| it.field() == Some("host-header"));
                let (whole, wild): (Vec<_>, Vec<_>) =
                    hosts.iter().flat_map(|condition| values(condition)).partition(|host| !host.contains(['*', '?']));
                Some(Rule {
                    priority: text(rule.priority()),
                    wild: whole.is_empty() && !(wild.is_empty() && hosts.is_empty()),
                    narrow: !others.is_empty(),
                    hosts: whole,
                    weights: forward(rule.actions())?,
                })
            }));
            marker = reply.next_marker().map(str::to_owned);
            if marker.is_none() {
                return Ok(rules);
            }
        }
        Err(Fault::lacks(DESCRIBE_RULES, format_args!("end after {MAX_PAGES} pages")))
    }
}

fn has_rules(protocol: &str) -> bool {
    matches!(protocol, "HTTP" | "HTTPS")
}

fn default_rule(listener: &aws_sdk_elasticloadbalancingv2::types::Listener) -> Vec<Rule> {
    let weights = forward(listener.default_actions());
    weights.map(|weights| Rule { priority: "default".into(), weights, ..Rule::default() }).into_iter().collect()
}

/// The hosts of a host-header condition. One that has regular expressions only has none.
fn values(condition: &RuleCondition) -> Vec<String> {
    let configured = condition.host_header_config().map(|config| config.values()).unwrap_or_default();
    if configured.is_empty() { condition.values().to_vec() } else { configured.to_vec() }
}

/// Target groups with weights, if one of the actions forwards.
fn forward(actions: &[Action]) -> Option<Vec<(String, i32)>> {
    actions.iter().find_map(|action| {
        let weighted = action.forward_config().map(|config| config.target_groups()).unwrap_or_default();
        if weighted.is_empty() {
            return action.target_group_arn().map(|arn| vec![(arn.to_owned(), 1)]);
        }
        // A single group without a weight gets everything.
        Some(weighted.iter().map(|group| (text(group.target_group_arn()), group.weight().unwrap_or(1))).collect())
    })
}

fn target_group(group: &aws_sdk_elasticloadbalancingv2::types::TargetGroup) -> TargetGroup {
    TargetGroup {
        name: text(group.target_group_name()),
        arn: text(group.target_group_arn()),
        protocol_version: text(group.protocol_version()),
        port: group.port(),
        // Else it is `traffic-port`.
        health_port: group.health_check_port().and_then(|port| port.parse().ok()),
        health_path: group.health_check_path().map(str::to_owned),
        health_codes: group.matcher().and_then(|matcher| matcher.http_code()).map(str::to_owned),
    }
}
