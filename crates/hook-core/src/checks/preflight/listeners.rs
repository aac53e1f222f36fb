//! Checks that the deployment group, the listeners and the target groups belong together.

use aws_client::model::target_group_name;
use gate::ReasonCode;

use crate::{
    checks::{CheckContext, TrafficRoute},
    finding::Observation,
};

/// An application name shows that the deployment group could be read. A deployment by CloudFormation has none.
pub fn check_deployment_group(cx: &CheckContext) -> Observation {
    let deployment = &cx.target.deployment;
    if deployment.application.is_empty() || deployment.group.is_empty() {
        return Observation::not_applicable(
            "deployment group",
            "this deployment has none, because CloudFormation created it",
        );
    }
    let resource = format!("deployment group {} of {}", deployment.group, deployment.application);
    let (cluster, service) = (&cx.target.cluster, &cx.target.service.name);
    Observation::passed(resource, format!("readable, deploys service {service} of cluster {cluster}"))
}

pub fn check_test_listener(cx: &CheckContext) -> Observation {
    match cx.listener(TrafficRoute::Test) {
        Ok(listener) => Observation::passed(format!("test {}", listener.display_name()), "exists"),
        Err(observation) => observation,
    }
}

/// Before traffic moves, production forwards to the original, and afterwards to the replacement: always to the pair
/// only.
pub fn check_listeners(cx: &CheckContext) -> Observation {
    let deployment = &cx.target.deployment;
    let resource = format!("deployment group {}", deployment.group);
    let misconfigured = |resource: &str, expected: &str, seen: String| {
        Observation::failed(ReasonCode::ListenerMisconfigured, resource, expected, seen)
    };
    let pair = &deployment.target_groups;
    if pair.len() != 2 {
        let seen = match &pair[..] {
            [] => "it has no target group, and needs two".to_owned(),
            [one] => format!("it has only the target group {one}, and needs two"),
            several => format!("it has {} target groups, and needs two: {}", several.len(), several.join(", ")),
        };
        return misconfigured(&resource, "", seen);
    }
    let production = match cx.listener(TrafficRoute::Production) {
        Ok(listener) => listener,
        Err(observation) => return observation,
    };
    if let Some(test) = &cx.target.test
        && test.arn == production.arn
    {
        let seen = format!("its test listener is also the production listener, {}", production.display_name());
        return misconfigured(&resource, "", seen);
    }
    let owned = |arn: &str| pair.iter().any(|name| name == target_group_name(arn));
    for listener in [Some(production), cx.target.test.as_ref()].into_iter().flatten() {
        let which = if listener.arn == production.arn { "production" } else { "test" };
        let title = format!("{which} {}", listener.display_name());
        let about = |rule: &&aws_client::model::Rule| rule.weights().iter().any(|(arn, _)| owned(arn));
        let rules: Vec<_> = listener.rules.iter().filter(about).collect();
        let rule_outcome: Vec<_> = listener.rules.iter().flat_map(|rule| rule.weights()).collect();
        if rules.is_empty() {
            let mut names: Vec<_> = rule_outcome.iter().map(|(arn, _)| target_group_name(arn)).collect();
            names.sort_unstable();
            names.dedup();
            let to = if names.is_empty() { "nowhere".to_owned() } else { format!("to {}", names.join(", ")) };
            let seen = format!("no rule forwards to {}; it forwards {to}", pair.join(" or "));
            return misconfigured(&title, "", seen);
        }
        // If a rule forwards to the pair and to another target group, the other one would keep its share of the
        // traffic.
        let foreign = rules.iter().flat_map(|rule| rule.weights()).find(|(arn, weight)| *weight > 0 && !owned(arn));
        if let Some((arn, weight)) = foreign {
            let other = target_group_name(arn);
            let seen = format!("a rule forwards to {} and with weight {weight} to {other}", pair.join(" or "));
            return misconfigured(&title, "", seen);
        }
    }
    let which_listeners = match cx.target.test {
        Some(_) => "production and test listener forward",
        None => "the production listener forwards",
    };
    Observation::passed(resource, format!("{which_listeners} to {}", pair.join(" and ")))
}
