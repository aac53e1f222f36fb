//! `preflight:`: what must be true before anything is deployed.

use lifecycle::TrafficRoute;

use super::{KindSpec, PollPolicy};
use crate::{AwsOperation, MapReader, YamlValue, permissions::Requirement};

pub(super) const KEY: &str = "preflight";

/// One thing to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreflightItem {
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
    pub const fn needs_task_definition(self) -> bool {
        matches!(self, Self::TaskDefinition | Self::LogGroups | Self::Roles | Self::Secrets | Self::Images)
    }
}

/// What must be true before anything is deployed.
#[derive(Clone, Debug)]
pub struct PreflightSpec {
    pub items: Vec<PreflightItem>,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<PreflightSpec> {
    let items = fields.variants("preflight", &PREFLIGHT_ITEMS);
    if let Some(node) =
        fields.node("preflight").filter(|node| matches!(&node.data, YamlValue::List(list) if list.is_empty()))
    {
        fields.error(node.at, "`preflight` names nothing to check");
    }
    if items.is_empty() { None } else { Some(PreflightSpec { items }) }
}

impl KindSpec for PreflightSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        let words = PREFLIGHT_ITEMS.iter().filter(|(_, item)| self.items.contains(item)).map(|(word, _)| *word);
        format!("preflight {}", words.collect::<Vec<_>>().join(", "))
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        None
    }

    fn requirements(&self) -> Vec<Requirement> {
        let mut needs = Vec::new();
        if self.items.iter().any(|item| item.needs_task_definition()) {
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
        needs.extend(self.items.iter().flat_map(named));
        needs
    }
}
