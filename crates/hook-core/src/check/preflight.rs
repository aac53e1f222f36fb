//! `preflight:`: what has to be true before anything is deployed. Each item is a look at what discovery found.

use std::{sync::Arc, time::Duration};

use super::{Check, Kind, Looking, Route, Scene};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
    gate::Fields,
};

pub const KIND: Kind = Kind { key: "preflight", read };

/// A load balancer in the same VPC answers in milliseconds.
const CONNECT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// The service exists, is ACTIVE, and CodeDeploy deploys it.
    Service,
    /// A failed deployment rolls back by itself.
    Rollback,
    /// An internal load balancer can be reached from here at all.
    Reachable,
}

const ITEMS: [(&str, Item); 3] =
    [("service", Item::Service), ("rollback", Item::Rollback), ("reachable", Item::Reachable)];

#[derive(Debug)]
struct Preflight(Vec<Item>);

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let mut items = Vec::new();
    for (at, word) in fields.texts("preflight") {
        match ITEMS.iter().find(|(known, _)| *known == word) {
            Some((_, item)) => items.push(*item),
            None => {
                let known: Vec<_> = ITEMS.iter().map(|(word, _)| *word).collect();
                let near = crate::gate::suggest(&word, known.iter().copied());
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                fields.fault(at, format!("`preflight` knows {}, not {word:?}{near}", known.join(", ")));
            }
        }
    }
    if items.is_empty() { None } else { Some(Arc::new(Preflight(items))) }
}

impl Check for Preflight {
    fn title(&self) -> String {
        let words = ITEMS.iter().filter(|(_, item)| self.0.contains(item)).map(|(word, _)| *word);
        format!("preflight {}", words.collect::<Vec<_>>().join(", "))
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let mut seen = Vec::new();
            for item in &self.0 {
                seen.push(match item {
                    Item::Service => service(scene),
                    Item::Rollback => rollback(scene),
                    Item::Reachable => reachable(scene).await,
                });
            }
            // The worst one speaks; the order of outcomes begins with passed and not applicable.
            let worst = seen
                .iter()
                .position(|it| !it.holds())
                .or_else(|| seen.iter().position(|it| it.outcome == Outcome::Passed));
            seen.swap_remove(worst.unwrap_or(0))
        })
    }
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

/// Whether this function is in the VPC cannot be asked; whether it gets through can be tried, and is what matters.
async fn reachable(scene: &Scene) -> Observation {
    let listener = match scene.listener(Route::Production) {
        Ok(listener) => listener,
        Err(observation) => return observation,
    };
    let resource = format!("load balancer {}", listener.balancer);
    if !listener.internal {
        return Observation::not_applicable(resource, "it faces the internet");
    }
    match scene.probe.connect(&listener.dns_name, listener.port, CONNECT).await {
        Ok(_) => Observation::passed(resource, format!("internal, and port {} answers from here", listener.port)),
        Err(trouble) => {
            let expected = format!("a way from this function to port {} of an internal one", listener.port);
            Observation::failed(Code::InternalUnreachable, resource, expected, trouble.words())
        }
    }
}
