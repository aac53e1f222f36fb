//! Reads Elastic Load Balancing: target groups, the health of targets, and listeners with their rules.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{self, ActionTypeEnum, LoadBalancerSchemeEnum, ProtocolEnum};
use gate::permissions::actions::{
    DESCRIBE_LISTENERS, DESCRIBE_LOAD_BALANCERS, DESCRIBE_RULES, DESCRIBE_TARGET_GROUPS, DESCRIBE_TARGET_HEALTH,
};

use super::{Aws, AwsError, text_or_empty};
use crate::model::{Action, Listener, Patterns, Rule, RuleCondition, TargetGroup, TargetHealth};

/// Pages of DescribeRules. The default quota is 100 rules for a listener, and some accounts have a higher one.
const MAX_PAGES: usize = 20;

impl Aws {
    /// DescribeTargetGroups by name.
    pub async fn target_groups(&self, names: &[String]) -> Result<Vec<TargetGroup>, AwsError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.elb().describe_target_groups().set_names(Some(names.to_vec()));
        let reply = self.send(DESCRIBE_TARGET_GROUPS, || request.clone().send()).await?;
        Ok(reply.target_groups().iter().map(target_group).collect())
    }

    /// DescribeTargetGroups by ARN.
    pub(super) async fn target_groups_by_arn(&self, arns: &[String]) -> Result<Vec<TargetGroup>, AwsError> {
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.elb().describe_target_groups().set_target_group_arns(Some(arns.to_vec()));
        let reply = self.send(DESCRIBE_TARGET_GROUPS, || request.clone().send()).await?;
        Ok(reply.target_groups().iter().map(target_group).collect())
    }

    pub async fn target_health(&self, group: &str) -> Result<Vec<TargetHealth>, AwsError> {
        let request = self.elb().describe_target_health().target_group_arn(group);
        let reply = self.send(DESCRIBE_TARGET_HEALTH, || request.clone().send()).await?;
        let described = reply.target_health_descriptions().iter();
        Ok(described
            .map(|it| {
                let health = it.target_health();
                TargetHealth {
                    id: it.target().and_then(|target| target.id()).unwrap_or("?").to_owned(),
                    port: it.target().and_then(|target| target.port()),
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

    /// DescribeListeners, DescribeRules and DescribeLoadBalancers: one listener, and where it forwards now.
    pub async fn listener(&self, arn: &str) -> Result<Listener, AwsError> {
        let (listener, rules) = tokio::join!(self.describe_listener(arn), self.rules(arn));
        let listener = listener?;
        let protocol = listener.protocol().map_or("", ProtocolEnum::as_str).to_owned();
        // Only Application Load Balancers have rules. For other types, the result of DescribeRules is ignored.
        let rules = if has_rules(&protocol) { rules? } else { default_rules(&listener) };
        let balancer = listener
            .load_balancer_arn()
            .ok_or_else(|| AwsError::missing_field(DESCRIBE_LISTENERS, "LoadBalancerArn"))?;
        let request = self.elb().describe_load_balancers().load_balancer_arns(balancer);
        let reply = self.send(DESCRIBE_LOAD_BALANCERS, || request.clone().send()).await?;
        let balancer = reply
            .load_balancers()
            .first()
            .ok_or_else(|| AwsError::missing_field(DESCRIBE_LOAD_BALANCERS, "LoadBalancers"))?;
        Ok(Listener {
            arn: arn.to_owned(),
            port: listener
                .port()
                .and_then(|port| port.try_into().ok())
                .ok_or_else(|| AwsError::missing_field(DESCRIBE_LISTENERS, "Port"))?,
            protocol,
            load_balancer: text_or_empty(balancer.load_balancer_name()),
            dns_name: text_or_empty(balancer.dns_name()),
            is_internal: balancer.scheme() == Some(&LoadBalancerSchemeEnum::Internal),
            rules,
        })
    }

    /// Where a known listener forwards now. It needs only one call, because checks poll it.
    pub async fn refresh_listener(&self, known: &Listener) -> Result<Listener, AwsError> {
        let rules = if has_rules(&known.protocol) {
            self.rules(&known.arn).await?
        } else {
            default_rules(&self.describe_listener(&known.arn).await?)
        };
        Ok(Listener { rules, ..known.clone() })
    }

    async fn describe_listener(&self, arn: &str) -> Result<types::Listener, AwsError> {
        let request = self.elb().describe_listeners().listener_arns(arn);
        let reply = self.send(DESCRIBE_LISTENERS, || request.clone().send()).await?;
        reply
            .listeners
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| AwsError::missing_field(DESCRIBE_LISTENERS, "Listeners"))
    }

    /// DescribeRules: the rules in the order of their priorities, with the default rule last.
    async fn rules(&self, listener: &str) -> Result<Vec<Rule>, AwsError> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let request = self.elb().describe_rules().listener_arn(listener).set_marker(marker);
            let reply = self.send(DESCRIBE_RULES, || request.clone().send()).await?;
            rules.extend(reply.rules().iter().map(rule));
            marker = reply.next_marker().map(str::to_owned);
            if marker.is_none() {
                // AWS returns the rules in this order, but does not promise it.
                rules.sort_by_key(|rule| rule.priority.parse().unwrap_or(u32::MAX));
                return Ok(rules);
            }
        }
        Err(AwsError::missing_field(DESCRIBE_RULES, format_args!("end after {MAX_PAGES} pages")))
    }
}

fn has_rules(protocol: &str) -> bool {
    matches!(protocol, "HTTP" | "HTTPS")
}

fn default_rules(listener: &types::Listener) -> Vec<Rule> {
    let (authenticates, action) = actions(listener.default_actions());
    vec![Rule { priority: "default".to_owned(), conditions: Vec::new(), authenticates, action }]
}

fn rule(rule: &types::Rule) -> Rule {
    let (authenticates, action) = actions(rule.actions());
    let conditions = rule.conditions().iter().map(condition).collect();
    Rule { priority: text_or_empty(rule.priority()), conditions, authenticates, action }
}

fn condition(condition: &types::RuleCondition) -> RuleCondition {
    // Old rules have the values of a host or a path next to the field instead of in its own structure.
    let patterns = |wildcards: Option<&[String]>, regexes: Option<&[String]>| {
        let regexes = regexes.unwrap_or_default().to_vec();
        match wildcards.unwrap_or_default() {
            [] if regexes.is_empty() => Patterns { wildcards: condition.values().to_vec(), regexes },
            wildcards => Patterns { wildcards: wildcards.to_vec(), regexes },
        }
    };
    match condition.field().unwrap_or_default() {
        "host-header" => {
            let config = condition.host_header_config();
            RuleCondition::Host(patterns(config.map(|it| it.values()), config.map(|it| it.regex_values())))
        }
        "path-pattern" => {
            let config = condition.path_pattern_config();
            RuleCondition::Path(patterns(config.map(|it| it.values()), config.map(|it| it.regex_values())))
        }
        "http-header" => {
            let config = condition.http_header_config();
            let values = patterns(config.map(|it| it.values()), config.map(|it| it.regex_values()));
            RuleCondition::Header { name: text_or_empty(config.and_then(|it| it.http_header_name())), values }
        }
        "http-request-method" => {
            let config = condition.http_request_method_config();
            RuleCondition::Method(config.map(|it| it.values()).unwrap_or_default().to_vec())
        }
        "query-string" => {
            let config = condition.query_string_config();
            let pairs = config.map(|it| it.values()).unwrap_or_default().iter();
            RuleCondition::Query(
                pairs.map(|pair| (pair.key().map(str::to_owned), text_or_empty(pair.value()))).collect(),
            )
        }
        "source-ip" => {
            let config = condition.source_ip_config();
            RuleCondition::SourceIp(config.map(|it| it.values()).unwrap_or_default().to_vec())
        }
        other => RuleCondition::Unknown(other.to_owned()),
    }
}

/// The action that ends a rule, and the authentication before it that answers requests without a session or a token.
fn actions(actions: &[types::Action]) -> (Option<String>, Action) {
    let mut authenticates = None;
    let mut end = Action::Unknown("none".to_owned());
    let mut ordered: Vec<_> = actions.iter().collect();
    ordered.sort_by_key(|action| action.order());
    for action in ordered {
        let kind = action.r#type().map_or("", ActionTypeEnum::as_str);
        match action.r#type() {
            Some(ActionTypeEnum::Forward) => end = Action::Forward(target_group_weights(action)),
            Some(ActionTypeEnum::FixedResponse) => {
                let status = action.fixed_response_config().and_then(|config| config.status_code());
                end = Action::FixedResponse(text_or_empty(status));
            }
            Some(ActionTypeEnum::Redirect) => end = Action::Redirect(redirect_url(action)),
            Some(ActionTypeEnum::AuthenticateOidc) => {
                let config = action.authenticate_oidc_config();
                let lets_in = config.and_then(|config| config.on_unauthenticated_request());
                if lets_in.is_none_or(|lets_in| lets_in.as_str() != "allow") {
                    authenticates = Some(kind.to_owned());
                }
            }
            Some(ActionTypeEnum::AuthenticateCognito) => {
                let config = action.authenticate_cognito_config();
                let lets_in = config.and_then(|config| config.on_unauthenticated_request());
                if lets_in.is_none_or(|lets_in| lets_in.as_str() != "allow") {
                    authenticates = Some(kind.to_owned());
                }
            }
            Some(ActionTypeEnum::JwtValidation) => authenticates = Some(kind.to_owned()),
            // An unknown action may answer the request itself.
            _ => end = Action::Unknown(kind.to_owned()),
        }
        if matches!(end, Action::Unknown(ref kind) if kind != "none") {
            break;
        }
    }
    (authenticates, end)
}

/// Where a redirect sends a client, as AWS writes it: `https://#{host}:443/#{path}`. The query is left out because it
/// may contain a secret.
fn redirect_url(action: &types::Action) -> String {
    let Some(config) = action.redirect_config() else { return "another URL".to_owned() };
    let protocol = config.protocol().unwrap_or("#{protocol}").to_ascii_lowercase();
    let (host, port) = (config.host().unwrap_or("#{host}"), config.port().unwrap_or("#{port}"));
    format!("{protocol}://{host}:{port}{}", config.path().unwrap_or("/#{path}"))
}

/// Target groups with weights. A single group without a weight gets all traffic.
fn target_group_weights(action: &types::Action) -> Vec<(String, i32)> {
    let weighted = action.forward_config().map(|config| config.target_groups()).unwrap_or_default();
    if weighted.is_empty() {
        return action.target_group_arn().map(|arn| (arn.to_owned(), 1)).into_iter().collect();
    }
    weighted.iter().map(|group| (text_or_empty(group.target_group_arn()), group.weight().unwrap_or(1))).collect()
}

fn target_group(group: &types::TargetGroup) -> TargetGroup {
    TargetGroup {
        name: text_or_empty(group.target_group_name()),
        arn: text_or_empty(group.target_group_arn()),
        protocol_version: text_or_empty(group.protocol_version()),
        port: group.port(),
        health_check_protocol: group.health_check_protocol().map_or("", ProtocolEnum::as_str).to_owned(),
        // Otherwise it is `traffic-port`.
        health_check_port: group.health_check_port().and_then(|port| port.parse().ok()),
        health_check_path: group.health_check_path().map(str::to_owned),
        health_codes: group.matcher().and_then(|matcher| matcher.http_code()).map(str::to_owned),
        grpc_codes: group.matcher().and_then(|matcher| matcher.grpc_code()).map(str::to_owned),
        health_check_timeout: group
            .health_check_timeout_seconds()
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs),
    }
}
