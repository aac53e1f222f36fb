//! `preflight:`: what must be true before anything is deployed. Some items check what discovery found, others check
//! what the task definition refers to. If a permission for that is missing, the check warns and does not stop the
//! deployment.

mod listeners;
mod task_definition;

use std::{sync::Arc, time::Duration};

use super::{Check, CheckContext, CheckFuture, CheckKind, TrafficRoute, prediction};
use crate::{
    aws::AwsOperation,
    code::ReasonCode,
    finding::{Observation, Outcome},
    gate::{MapReader, YamlValue},
    hook::Hook,
    permissions::Requirement,
};

pub const KIND: CheckKind = CheckKind { key: "preflight", read };

/// A load balancer in the same VPC responds in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PreflightItem {
    /// The service exists, is ACTIVE, and is deployed by CodeDeploy.
    Service,
    /// The deployment group can be read, and names the service.
    DeploymentGroup,
    /// The production listener forwards to the pair of target groups, and the test listener is a different listener.
    Listeners,
    TestListener,
    /// A failed deployment rolls back automatically.
    Rollback,
    /// The function can connect to the load balancer.
    Reachable,
    /// The requests of all hooks have a host, and listener rules that forward them to the service.
    Requests,
    /// The task definition that will be deployed is ACTIVE.
    TaskDefinition,
    /// The log groups in the task definition exist.
    LogGroups,
    /// The roles in the task definition exist.
    Roles,
    /// The parameters and secrets in the task definition exist.
    Secrets,
    /// The images in the task definition exist in their registries.
    Images,
}

const PREFLIGHT_ITEMS: [(&str, PreflightItem); 12] = [
    ("service", PreflightItem::Service),
    ("group", PreflightItem::DeploymentGroup),
    ("listener-wiring", PreflightItem::Listeners),
    ("test-listener", PreflightItem::TestListener),
    ("rollback", PreflightItem::Rollback),
    ("reachable", PreflightItem::Reachable),
    ("requests", PreflightItem::Requests),
    ("task-definition", PreflightItem::TaskDefinition),
    ("log-groups", PreflightItem::LogGroups),
    ("roles", PreflightItem::Roles),
    ("secrets", PreflightItem::Secrets),
    ("images", PreflightItem::Images),
];

impl PreflightItem {
    /// Whether the item needs the task definition.
    const fn needs_task_definition(self) -> bool {
        matches!(self, Self::TaskDefinition | Self::LogGroups | Self::Roles | Self::Secrets | Self::Images)
    }
}

#[derive(Debug)]
struct Preflight(Vec<PreflightItem>);

fn read(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>> {
    let items = fields.variants("preflight", &PREFLIGHT_ITEMS);
    if let Some(node) =
        fields.node("preflight").filter(|node| matches!(&node.data, YamlValue::List(list) if list.is_empty()))
    {
        fields.error(node.at, "`preflight` names nothing to check");
    }
    if items.is_empty() { None } else { Some(Arc::new(Preflight(items))) }
}

impl Check for Preflight {
    fn default_name(&self) -> String {
        let words = PREFLIGHT_ITEMS.iter().filter(|(_, item)| self.0.contains(item)).map(|(word, _)| *word);
        format!("preflight {}", words.collect::<Vec<_>>().join(", "))
    }

    fn requirements(&self) -> Vec<Requirement> {
        let mut needs = Vec::new();
        if self.0.iter().any(|item| item.needs_task_definition()) {
            needs.push(Requirement::new(AwsOperation::AppSpec, "to find the task definition that will be deployed"));
            needs.push(Requirement::new(
                AwsOperation::TaskDefinition,
                "to read what the task definition refers to, and whether it is ACTIVE",
            ));
        }
        let named = |item: &PreflightItem| match item {
            PreflightItem::LogGroups => {
                vec![Requirement::new(AwsOperation::LogGroupExistence, "to check whether its log groups exist")]
            }
            PreflightItem::Roles => {
                vec![Requirement::new(AwsOperation::RoleExistence, "to check whether its roles exist")]
            }
            PreflightItem::Secrets => vec![
                Requirement::new(AwsOperation::ParameterExistence, "to check whether its parameters exist"),
                Requirement::new(
                    AwsOperation::SecretExistence,
                    "to check whether its secrets exist, without reading their values",
                ),
            ],
            PreflightItem::Images => {
                vec![Requirement::new(AwsOperation::ImageExistence, "to check whether its images exist")]
            }
            _ => Vec::new(),
        };
        needs.extend(self.0.iter().flat_map(named));
        needs
    }

    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a> {
        Box::pin(async {
            let definition = if self.0.iter().any(|item| item.needs_task_definition()) {
                Some(task_definition::find_task_definition(cx).await)
            } else {
                None
            };
            let mut seen = Vec::new();
            let mut is_reported = false;
            for item in &self.0 {
                let observation = match (item, &definition) {
                    (PreflightItem::Service, _) => check_service(cx),
                    (PreflightItem::DeploymentGroup, _) => listeners::check_deployment_group(cx),
                    (PreflightItem::Listeners, _) => listeners::check_listeners(cx),
                    (PreflightItem::TestListener, _) => listeners::check_test_listener(cx),
                    (PreflightItem::Rollback, _) => check_rollback(cx),
                    (PreflightItem::Reachable, _) => check_reachable(cx).await,
                    (PreflightItem::Requests, _) => check_requests(cx),
                    (PreflightItem::LogGroups, Some(Ok(definition))) => {
                        task_definition::check_log_groups(cx, definition).await
                    }
                    (PreflightItem::Roles, Some(Ok(definition))) => task_definition::check_roles(cx, definition).await,
                    (PreflightItem::Secrets, Some(Ok(definition))) => {
                        task_definition::check_secrets(cx, definition).await
                    }
                    (PreflightItem::Images, Some(Ok(definition))) => {
                        task_definition::check_images(cx, definition).await
                    }
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
        })
    }
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
        return Observation::no_data(ReasonCode::CheckFailed, "preflight", "something to check", "nothing");
    };
    let worst = seen.remove(worst);
    // Next to a problem, a pass is not evidence.
    seen.retain(|other| worst.is_ok() || !other.is_ok() || other.outcome == Outcome::Unverified);
    let worst = seen.iter().fold(worst, Observation::merge_outcomes);
    let evidence = seen.into_iter().flat_map(|other| {
        let line = match other.expected.as_str() {
            "" => format!("{}: {}", other.resource, other.actual),
            expected => format!("{}: expected {expected}, was {}", other.resource, other.actual),
        };
        [line].into_iter().chain(other.details)
    });
    worst.with_details(evidence.collect::<Vec<_>>())
}

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
        );
    }
    Observation::passed(resource, format!("ACTIVE, deployment controller {}", service.controller))
}

fn check_rollback(cx: &CheckContext) -> Observation {
    let deployment = &cx.target.deployment;
    let resource = format!("deployment group {}", deployment.group);
    match deployment.rolls_back_on_failure {
        Some(true) => Observation::passed(resource, "rolls back on DEPLOYMENT_FAILURE"),
        _ => Observation::failed(
            ReasonCode::RollbackNotConfigured,
            resource,
            "auto-rollback on DEPLOYMENT_FAILURE",
            "none",
        ),
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
