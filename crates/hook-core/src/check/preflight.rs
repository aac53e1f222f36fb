//! `preflight:`: what has to be true before anything is deployed. Some items are a look at what discovery found, and some
//! look for what the task definition names. Where the permission to look is missing, that is told and stops nothing.

mod named;
mod wiring;

use std::{sync::Arc, time::Duration};

use super::{Check, Kind, Looking, Route, Scene, foreseen};
use crate::{
    aws::Ask,
    code::Code,
    finding::{Observation, Outcome},
    gate::{Data, Fields},
    hook::Hook,
    permissions::Need,
};

pub const KIND: Kind = Kind { key: "preflight", read };

/// A load balancer in the same VPC answers in milliseconds.
const CONNECT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// The service exists, is ACTIVE, and CodeDeploy deploys it.
    Service,
    /// The deployment group can be read, and says what is deployed where.
    Group,
    /// The production listener forwards to the pair of target groups, and the test listener is another one.
    ListenerWiring,
    /// There is a test listener.
    TestListener,
    /// A failed deployment rolls back by itself.
    Rollback,
    /// The load balancer can be reached from here at all.
    Reachable,
    /// The requests of all hooks have a host, and listener rules that lead them to the service.
    Requests,
    /// The task definition that is going to be deployed is ACTIVE.
    TaskDefinition,
    /// The log groups that it names exist.
    LogGroups,
    /// Its roles exist.
    Roles,
    /// The parameters and secrets that it names exist.
    Secrets,
    /// Its images are in their registries.
    Images,
}

const ITEMS: [(&str, Item); 12] = [
    ("service", Item::Service),
    ("group", Item::Group),
    ("listener-wiring", Item::ListenerWiring),
    ("test-listener", Item::TestListener),
    ("rollback", Item::Rollback),
    ("reachable", Item::Reachable),
    ("requests", Item::Requests),
    ("task-definition", Item::TaskDefinition),
    ("log-groups", Item::LogGroups),
    ("roles", Item::Roles),
    ("secrets", Item::Secrets),
    ("images", Item::Images),
];

impl Item {
    /// Whether it is about the task definition.
    const fn is_of_definition(self) -> bool {
        matches!(self, Self::TaskDefinition | Self::LogGroups | Self::Roles | Self::Secrets | Self::Images)
    }
}

#[derive(Debug)]
struct Preflight(Vec<Item>);

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let items = fields.choices("preflight", &ITEMS);
    if let Some(node) =
        fields.node("preflight").filter(|node| matches!(&node.data, Data::List(list) if list.is_empty()))
    {
        fields.fault(node.at, "`preflight` names nothing to look at");
    }
    if items.is_empty() { None } else { Some(Arc::new(Preflight(items))) }
}

impl Check for Preflight {
    fn title(&self) -> String {
        let words = ITEMS.iter().filter(|(_, item)| self.0.contains(item)).map(|(word, _)| *word);
        format!("preflight {}", words.collect::<Vec<_>>().join(", "))
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        if self.0.iter().any(|item| item.is_of_definition()) {
            needs.push(Need::new(Ask::AppSpec, "to know which task definition is going to be deployed"));
            needs.push(Need::new(Ask::Definition, "to know what the task definition names, and whether it is ACTIVE"));
        }
        let named = |item: &Item| match item {
            Item::LogGroups => vec![Need::new(Ask::LogGroup, "to look whether its log groups exist")],
            Item::Roles => vec![Need::new(Ask::Role, "to look whether its roles exist")],
            Item::Secrets => vec![
                Need::new(Ask::ParametersThere, "to look whether its parameters exist"),
                Need::new(Ask::SecretThere, "to look whether its secrets exist, without their values"),
            ],
            Item::Images => vec![Need::new(Ask::Image, "to look whether its images exist")],
            _ => Vec::new(),
        };
        needs.extend(self.0.iter().flat_map(named));
        needs
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let definition = if self.0.iter().any(|item| item.is_of_definition()) {
                Some(named::definition(scene).await)
            } else {
                None
            };
            let mut seen = Vec::new();
            let mut told = false;
            for item in &self.0 {
                let observation = match (item, &definition) {
                    (Item::Service, _) => service(scene),
                    (Item::Group, _) => wiring::group(scene),
                    (Item::ListenerWiring, _) => wiring::listeners(scene),
                    (Item::TestListener, _) => wiring::test_listener(scene),
                    (Item::Rollback, _) => rollback(scene),
                    (Item::Reachable, _) => reachable(scene).await,
                    (Item::Requests, _) => requests(scene),
                    (Item::LogGroups, Some(Ok(definition))) => named::log_groups(scene, definition).await,
                    (Item::Roles, Some(Ok(definition))) => named::roles(scene, definition).await,
                    (Item::Secrets, Some(Ok(definition))) => named::secrets(scene, definition).await,
                    (Item::Images, Some(Ok(definition))) => named::images(scene, definition).await,
                    (Item::TaskDefinition, Some(Ok(definition))) => named::active(definition),
                    // Without the task definition none of these can be looked at, which is told once.
                    (_, Some(Err(_))) if told => continue,
                    (_, Some(Err(why))) => {
                        told = true;
                        why.clone()
                    }
                    (_, None) => continue,
                };
                seen.push(observation);
            }
            fold(seen)
        })
    }
}

/// The worst one speaks, and the others are its evidence.
fn fold(mut seen: Vec<Observation>) -> Observation {
    let rank = |observation: &Observation| match observation.outcome {
        Outcome::Passed => 2,
        Outcome::NotApplicable => 3,
        Outcome::Doubtful => 1,
        _ => 0,
    };
    let worst = (0..seen.len()).min_by_key(|&index| (rank(&seen[index]), seen[index].outcome, index));
    let Some(worst) = worst else {
        return Observation::no_data(Code::CheckFailed, "preflight", "something to look at", "nothing");
    };
    let worst = seen.remove(worst);
    // Beside what is wrong, what is well is no evidence.
    seen.retain(|other| worst.holds() || !other.holds() || other.outcome == Outcome::Doubtful);
    let worst = seen.iter().fold(worst, Observation::counting);
    let told = seen.into_iter().flat_map(|other| {
        let line = match other.expected.as_str() {
            "" => format!("{}: {}", other.resource, other.seen),
            expected => format!("{}: expected {expected}, was {}", other.resource, other.seen),
        };
        [line].into_iter().chain(other.details)
    });
    worst.with(told.collect::<Vec<_>>())
}

fn service(scene: &Scene) -> Observation {
    let service = &scene.target.service;
    let resource = format!("service {}", service.name);
    if service.status != "ACTIVE" {
        return Observation::failed(Code::ServiceNotActive, resource, "status ACTIVE", &service.status);
    }
    if !matches!(service.controller.as_str(), "CODE_DEPLOY" | "EXTERNAL") {
        return Observation::failed(
            Code::ServiceNotActive,
            resource,
            "deployment controller CODE_DEPLOY or EXTERNAL",
            &service.controller,
        );
    }
    Observation::passed(resource, format!("ACTIVE, deployment controller {}", service.controller))
}

fn rollback(scene: &Scene) -> Observation {
    let deployment = &scene.target.deployment;
    let resource = format!("deployment group {}", deployment.group);
    match deployment.rolls_back_on_failure {
        Some(true) => Observation::passed(resource, "rolls back on DEPLOYMENT_FAILURE"),
        _ => Observation::failed(Code::RollbackNotConfigured, resource, "auto-rollback on DEPLOYMENT_FAILURE", "none"),
    }
}

/// Whether this function is in the VPC, and whom a security group lets in, cannot be asked. Whether a connection opens can
/// be tried, and is what matters.
async fn reachable(scene: &Scene) -> Observation {
    let production = match scene.listener(Route::Production) {
        Ok(listener) => listener,
        Err(observation) => return observation,
    };
    let resource = format!("load balancer {}", production.balancer);
    let scheme = if production.internal { "internal" } else { "internet-facing" };
    // With ALB_URL nobody asks the test listener by its own address.
    let test = scene.target.test.as_ref().filter(|_| scene.test_address.is_none());
    let mut ports = Vec::new();
    for listener in [Some(production), test].into_iter().flatten() {
        if let Err(trouble) = scene.probe.connect(&listener.dns_name, listener.port, CONNECT).await {
            let expected = format!("a connection from this function to port {} ({scheme})", listener.port);
            return Observation::failed(Code::InternalUnreachable, resource, expected, trouble.words());
        }
        ports.push(format!("port {}", listener.port));
    }
    let answer = if ports.len() == 1 { "answers" } else { "answer" };
    let ports = ports.join(" and ");
    Observation::passed(resource, format!("{scheme}, and {ports} {answer} from here"))
}

/// What the checks of all hooks are going to ask through the listeners.
fn requests(scene: &Scene) -> Observation {
    let routing = scene.routing();
    let found = Hook::ALL.into_iter().flat_map(|hook| {
        let of_hook = foreseen(hook, &scene.gate, &routing).into_iter();
        of_hook.map(move |(check, observation)| Observation {
            resource: format!("{check} of {hook}: {}", observation.resource),
            ..observation
        })
    });
    match found.collect::<Vec<_>>() {
        found if found.is_empty() => {
            Observation::passed("requests of all hooks", "the listener rules lead them to the service")
        }
        found => fold(found),
    }
}
