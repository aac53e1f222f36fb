//! Turns what AWS knows about a service into the description of a service in a rehearsal.

use hook_core::aws_inspector::{Action, Listener, Patterns, Rule, RuleCondition, TargetGroup, TaskDefinition, TaskSet};
use lifecycle::TrafficRoute;
use rehearsal::{
    ServiceDescription,
    world::{
        Certificate, InitialContainer, InitialLoadBalancer, InitialRule, ListenerRole, LoadBalancerType, RuleTarget,
    },
};

use super::ObservedService;

/// The pattern of a rule that every path matches.
const EVERY_PATH: &str = "*";
/// The priority of a rule that stands for the default rule of one listener. AWS's own are smaller.
const LAST_PRIORITY: u32 = 50_001;

/// The file: the description, and above it what it cannot say.
pub fn render(title: &str, observed: &ObservedService) -> anyhow::Result<String> {
    let (service, notes) = describe(observed);
    let mut text = format!("# {title}, as `greenlight describe` read it. For `greenlight rehearse --service`.\n");
    for note in notes {
        text += &format!("# {note}\n");
    }
    Ok(text + &service.to_yaml()?)
}

/// The description, and what it cannot say, one sentence each.
fn describe(observed: &ObservedService) -> (ServiceDescription, Vec<String>) {
    let ObservedService { group, traffic, definition } = observed;
    let mut notes = Vec::new();
    let default = ServiceDescription::default();
    let set = traffic.primary_task_set();
    let mut containers = convert_containers(set, definition);
    if containers.is_empty() {
        notes.push("No running service was found, so the containers and their number are those of an example.".into());
        containers.clone_from(&default.containers);
    }
    let listeners = [(ListenerRole::Production, traffic.production()), (ListenerRole::Test, traffic.test())];
    let known = || listeners.into_iter().filter_map(|(role, listener)| Some((role, listener?)));
    let is_network = known().any(|(_, listener)| !listener.protocol.starts_with("HTTP"));
    let has_tls = |listener: &Listener| ["HTTPS", "TLS"].contains(&listener.protocol.as_str());
    let tls: Vec<_> = known().filter(|(_, listener)| has_tls(listener)).map(|(role, _)| role).collect();
    let (default_rule, rules) = convert_rules(known(), traffic.target_groups(), &mut notes);
    if !tls.is_empty() && !rules.iter().any(|rule| !rule.hosts.is_empty()) {
        notes.push(
            "The listeners have TLS, and no rule has a host name: set `host` to the functions' GREENLIGHT_HOST.".into(),
        );
    }
    let checked = traffic.target_groups().first();
    let description = ServiceDescription {
        containers,
        tasks: set.and_then(|set| u32::try_from(set.desired).ok()).map_or(default.tasks, |tasks| tasks.clamp(1, 100)),
        load_balancer: InitialLoadBalancer {
            kind: if is_network { LoadBalancerType::Network } else { LoadBalancerType::Application },
            internal: known().any(|(_, listener)| listener.is_internal),
            certificate: (!tls.is_empty()).then_some(Certificate::Good),
            tls_only_on: match tls.as_slice() {
                [only] if known().count() > 1 => Some(*only),
                _ => None,
            },
            ..default.load_balancer
        },
        test_listener: traffic.test().is_some(),
        default_rule,
        rules,
        host: None,
        health_path: checked.and_then(|group| group.health_check_path.clone()).unwrap_or(default.health_path),
        health_port: checked.and_then(|group| group.health_check_port).and_then(|port| port.try_into().ok()),
        alarms: group.active_alarms().to_vec(),
        auto_rollback: group.auto_rollback,
        routes: default.routes,
    };
    (description, notes)
}

/// The containers of a task, first the one that is registered with the target group.
fn convert_containers(set: Option<&TaskSet>, definition: &TaskDefinition) -> Vec<InitialContainer> {
    let registration = set.and_then(|set| set.registration());
    let serving = registration.and_then(|registration| registration.container.as_deref());
    let port = registration.and_then(|registration| registration.container_port?.try_into().ok());
    let mut containers: Vec<_> = definition
        .containers
        .iter()
        .map(|container| InitialContainer {
            name: container.name.clone(),
            port: port.filter(|_| serving == Some(&container.name)),
            essential: container.is_essential,
            health_check: container.has_health_check,
        })
        .collect();
    containers.sort_by_key(|container| serving != Some(&container.name));
    containers
}

/// Whether the default rules forward to the service, and the other rules of both listeners. Adds a note for each rule
/// that is left out.
fn convert_rules<'a>(
    listeners: impl Iterator<Item = (ListenerRole, &'a Listener)>,
    pair: &[TargetGroup],
    notes: &mut Vec<String>,
) -> (bool, Vec<InitialRule>) {
    let mut rules = Vec::new();
    let mut forwards_by_default = Vec::new();
    for (role, listener) in listeners {
        for rule in &listener.rules {
            if rule.priority == "default" {
                forwards_by_default.push((role, forwards_to_pair(rule, pair)));
                continue;
            }
            match convert_rule(rule, pair) {
                Ok(converted) => rules.push(InitialRule { listener: Some(role), ..converted }),
                Err(why) => notes.push(format!(
                    "Left out: rule {} of the {} listener, because a rehearsal cannot simulate {why}.",
                    rule.priority,
                    TrafficRoute::from(role).as_str()
                )),
            }
        }
    }
    let default_rule = forwards_by_default.iter().all(|(_, forwards)| *forwards);
    if !default_rule {
        let only = forwards_by_default.iter().filter(|(_, forwards)| *forwards);
        rules.extend(only.map(|(role, _)| InitialRule {
            listener: Some(*role),
            priority: LAST_PRIORITY,
            paths: vec![EVERY_PATH.to_owned()],
            ..InitialRule::default()
        }));
    }
    (default_rule, on_both_listeners(rules))
}

/// Merges the rules that both listeners have, and orders all of them by priority.
fn on_both_listeners(rules: Vec<InitialRule>) -> Vec<InitialRule> {
    let mut merged: Vec<InitialRule> = Vec::new();
    for rule in rules {
        let same = |other: &&mut InitialRule| InitialRule { listener: rule.listener, ..(*other).clone() } == rule;
        match merged.iter_mut().find(same) {
            Some(twin) => twin.listener = None,
            None => merged.push(rule),
        }
    }
    merged.sort_by_key(|rule| rule.priority);
    merged
}

fn forwards_to_pair(rule: &Rule, pair: &[TargetGroup]) -> bool {
    rule.weights().iter().any(|(arn, _)| pair.iter().any(|group| group.arn == *arn))
}

/// The rule, or what of it cannot be simulated.
fn convert_rule(rule: &Rule, pair: &[TargetGroup]) -> Result<InitialRule, &'static str> {
    let mut converted = InitialRule {
        priority: rule.priority.parse().map_err(|_| "its priority")?,
        authenticate: rule.authenticates.is_some(),
        to: if forwards_to_pair(rule, pair) { RuleTarget::Service } else { RuleTarget::Another },
        ..InitialRule::default()
    };
    match &rule.action {
        Action::Forward(_) => {}
        Action::FixedResponse(status) => {
            converted.fixed_response = Some(status.parse().map_err(|_| "the status of its response")?);
        }
        Action::Redirect(url) => converted.redirect = Some(url.clone()),
        Action::Unknown(_) => return Err("its action"),
    }
    // A redirect or a response of the load balancer has no target.
    if !matches!(rule.action, Action::Forward(_)) {
        converted.to = RuleTarget::default();
    }
    let wildcards = |patterns: &Patterns| match patterns.regexes.is_empty() {
        true => Ok(patterns.wildcards.clone()),
        false => Err("a regular expression"),
    };
    for condition in &rule.conditions {
        match condition {
            RuleCondition::Host(hosts) => converted.hosts = wildcards(hosts)?,
            RuleCondition::Path(paths) => converted.paths = wildcards(paths)?,
            RuleCondition::Method(methods) => converted.methods.clone_from(methods),
            RuleCondition::Query(pairs) => {
                for (key, value) in pairs {
                    let key = key.clone().ok_or("a query condition without a key")?;
                    converted.query.insert(key, value.clone());
                }
            }
            RuleCondition::Header { name, values } => {
                converted.headers.insert(name.clone(), wildcards(values)?);
            }
            RuleCondition::SourceIp(blocks) => converted.source_ips.clone_from(blocks),
            RuleCondition::Unknown(_) => return Err("one of its conditions"),
        }
    }
    Ok(converted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Vec<TargetGroup> {
        ["arn:a", "arn:b"].map(|arn| TargetGroup { arn: arn.to_owned(), ..TargetGroup::default() }).to_vec()
    }

    fn wildcards(text: &str) -> Patterns {
        Patterns { wildcards: vec![text.to_owned()], regexes: Vec::new() }
    }

    fn rule(action: Action, conditions: Vec<RuleCondition>) -> Rule {
        Rule { priority: "7".to_owned(), conditions, authenticates: None, action }
    }

    #[test]
    fn a_rule_keeps_its_conditions_and_its_action() {
        let conditions = vec![
            RuleCondition::Host(wildcards("*.example.com")),
            RuleCondition::Path(wildcards("/api/*")),
            RuleCondition::Query(vec![(Some("v".to_owned()), "2".to_owned())]),
            RuleCondition::Header { name: "x-team".to_owned(), values: wildcards("blue") },
        ];
        let converted =
            convert_rule(&rule(Action::Forward(vec![("arn:b".to_owned(), 1)]), conditions), &pair()).unwrap();
        assert_eq!((converted.priority, converted.to), (7, RuleTarget::Service));
        assert_eq!((converted.hosts, converted.paths), (vec!["*.example.com".to_owned()], vec!["/api/*".to_owned()]));
        assert_eq!((converted.query["v"].as_str(), &converted.headers["x-team"]), ("2", &vec!["blue".to_owned()]));
        let another = convert_rule(&rule(Action::Forward(vec![("arn:other".to_owned(), 1)]), Vec::new()), &pair());
        assert_eq!(another.unwrap().to, RuleTarget::Another);
        let fixed = convert_rule(&rule(Action::FixedResponse("503".to_owned()), Vec::new()), &pair()).unwrap();
        assert_eq!((fixed.fixed_response, fixed.to), (Some(503), RuleTarget::Service));
    }

    #[test]
    fn what_cannot_be_simulated_is_named() {
        let regex = Patterns { wildcards: Vec::new(), regexes: vec!["^x$".to_owned()] };
        let forward = || Action::Forward(Vec::new());
        let why = |it: Rule| convert_rule(&it, &pair()).unwrap_err();
        assert_eq!(why(rule(forward(), vec![RuleCondition::Host(regex)])), "a regular expression");
        assert_eq!(
            why(rule(forward(), vec![RuleCondition::Query(vec![(None, "x".to_owned())])])),
            "a query condition without a key"
        );
        assert_eq!(why(rule(Action::Unknown("jwt".to_owned()), Vec::new())), "its action");
    }

    #[test]
    fn a_rule_of_both_listeners_is_written_once() {
        let on = |role| InitialRule {
            listener: Some(role),
            priority: 7,
            paths: vec!["/a".to_owned()],
            ..InitialRule::default()
        };
        let other = InitialRule { priority: 5, ..on(ListenerRole::Test) };
        let merged = on_both_listeners(vec![on(ListenerRole::Production), on(ListenerRole::Test), other.clone()]);
        assert_eq!(merged, [other, InitialRule { listener: None, ..on(ListenerRole::Test) }]);
    }
}
