//! `preflight:`: what must be true before anything is deployed. Some items check what discovery found, others check
//! what the task definition refers to. If a permission for that is missing, the check warns and does not stop the
//! deployment.

mod listeners;
mod task_definition;

use std::time::Duration;

use gate::{
    ReasonCode,
    kinds::{PreflightItem, PreflightSpec},
};
use lifecycle::Hook;

use super::{CheckContext, TrafficRoute, prediction};
use crate::finding::{Observation, Outcome};

/// A load balancer in the same VPC responds in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

pub async fn run(spec: &PreflightSpec, cx: &CheckContext) -> Observation {
    let definition = if spec.items.iter().any(|item| item.needs_task_definition()) {
        Some(task_definition::find_task_definition(cx).await)
    } else {
        None
    };
    let mut seen = Vec::new();
    let mut is_reported = false;
    for item in &spec.items {
        let observation = match (item, &definition) {
            (PreflightItem::Service, _) => check_service(cx),
            (PreflightItem::DeploymentGroup, _) => listeners::check_deployment_group(cx),
            (PreflightItem::Listeners, _) => listeners::check_listeners(cx),
            (PreflightItem::TestListener, _) => listeners::check_test_listener(cx),
            (PreflightItem::Rollback, _) => check_rollback(cx),
            (PreflightItem::Reachable, _) => check_reachable(cx).await,
            (PreflightItem::Requests, _) => check_requests(cx),
            (PreflightItem::LogGroups, Some(Ok(definition))) => task_definition::check_log_groups(cx, definition).await,
            (PreflightItem::Roles, Some(Ok(definition))) => task_definition::check_roles(cx, definition).await,
            (PreflightItem::Secrets, Some(Ok(definition))) => task_definition::check_secrets(cx, definition).await,
            (PreflightItem::Images, Some(Ok(definition))) => task_definition::check_images(cx, definition).await,
            (PreflightItem::TaskDefinition, Some(Ok(definition))) => task_definition::check_active(definition),
            // Without the task definition none of these items can be checked, which is reported once.
            (_, Some(Err(_))) if is_reported => continue,
            (_, Some(Err(why))) => {
                is_reported = true;
                why.clone()
            }
            (_, None) => continue,
        };
        seen.push(observation);
    }
    merge_worst(seen)
}

/// Returns the worst observation, with the others as its evidence.
fn merge_worst(mut seen: Vec<Observation>) -> Observation {
    let rank = |observation: &Observation| match observation.outcome {
        Outcome::Passed => 2,
        Outcome::NotApplicable => 3,
        Outcome::Unverified => 1,
        _ => 0,
    };
    let worst = (0..seen.len()).min_by_key(|&index| (rank(&seen[index]), seen[index].outcome, index));
    let Some(worst) = worst else {
        return Observation::no_data(ReasonCode::CheckFailed, "preflight", "", "there is nothing to check");
    };
    let worst = seen.remove(worst);
    // Next to a problem, a pass is not evidence.
    let is_clean = |observation: &Observation| observation.is_ok() && observation.outcome != Outcome::Unverified;
    seen.retain(|other| is_clean(&worst) || !is_clean(other));
    let needs_several = seen.iter().any(|other| !other.is_ok() && other.code != worst.code);
    let worst = seen.iter().fold(worst, Observation::merge_outcomes);
    let evidence: Vec<_> = seen
        .into_iter()
        .flat_map(|other| {
            let seen = other.difference();
            let line = if other.resource == worst.resource { seen } else { format!("{}: {seen}", other.resource) };
            [line].into_iter().chain(other.details)
        })
        .collect();
    worst.with_details(evidence).with_hint(needs_several.then_some(SEVERAL_HINT))
}

/// If several items fail, the next step of the worst one is not enough.
const SEVERAL_HINT: &str = "correct each of these";

fn check_service(cx: &CheckContext) -> Observation {
    let service = &cx.target.service;
    let resource = format!("service {}", service.name);
    if service.status != "ACTIVE" {
        return Observation::failed(ReasonCode::ServiceNotActive, resource, "status ACTIVE", &service.status);
    }
    if !matches!(service.controller.as_str(), "CODE_DEPLOY" | "EXTERNAL") {
        return Observation::failed(
            ReasonCode::ServiceNotActive,
            resource,
            "deployment controller CODE_DEPLOY or EXTERNAL",
            &service.controller,
        )
        .with_hint(Some("create the service again with deployment controller CODE_DEPLOY"));
    }
    Observation::passed(resource, format!("ACTIVE, deployment controller {}", service.controller))
}

fn check_rollback(cx: &CheckContext) -> Observation {
    let deployment = &cx.target.deployment;
    let resource = format!("deployment group {}", deployment.group);
    match deployment.rolls_back_on_failure {
        Some(true) => Observation::passed(resource, "rolls back on DEPLOYMENT_FAILURE"),
        _ => {
            let seen = "auto-rollback is off, or on only for other events than DEPLOYMENT_FAILURE";
            Observation::failed(ReasonCode::RollbackNotConfigured, resource, "", seen)
        }
    }
}

/// No API tells whether this function is in the VPC and which security groups admit it. But opening a connection shows
/// whether it works, which is what matters.
async fn check_reachable(cx: &CheckContext) -> Observation {
    let production = match cx.listener(TrafficRoute::Production) {
        Ok(listener) => listener,
        Err(observation) => return observation,
    };
    let resource = format!("load balancer {}", production.load_balancer);
    let scheme = if production.is_internal { "internal" } else { "internet-facing" };
    // With ALB_URL no check connects to the test listener by its own address.
    let test = cx.target.test.as_ref().filter(|_| cx.test_address.is_none());
    let mut ports = Vec::new();
    for listener in [Some(production), test].into_iter().flatten() {
        if let Err(transport_error) =
            cx.http_client.open_connection(&listener.dns_name, listener.port, CONNECT_TIMEOUT).await
        {
            let expected = format!("a connection from this function to port {} ({scheme})", listener.port);
            return Observation::failed(
                ReasonCode::LoadBalancerUnreachable,
                resource,
                expected,
                transport_error.describe(),
            );
        }
        ports.push(format!("port {}", listener.port));
    }
    let answer = if ports.len() == 1 { "accepts connections" } else { "accept connections" };
    let ports = ports.join(" and ");
    Observation::passed(resource, format!("{scheme}, and {ports} {answer} from this function"))
}

/// Predicts whether the requests of all hooks can reach the service through the listeners.
fn check_requests(cx: &CheckContext) -> Observation {
    let routing = cx.routing();
    let found = Hook::ALL.into_iter().flat_map(|hook| {
        let of_hook = prediction::predict_failures(hook, &cx.gate_file, &routing).into_iter();
        of_hook.map(move |(check, observation)| Observation {
            resource: format!("{check} of {hook}: {}", observation.resource),
            ..observation
        })
    });
    match found.collect::<Vec<_>>() {
        found if found.is_empty() => {
            Observation::passed("requests of all hooks", "the listener rules forward them to the service")
        }
        found => merge_worst(found),
    }
}
