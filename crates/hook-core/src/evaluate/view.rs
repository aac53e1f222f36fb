//! Reads the service and the resources that carry its traffic.

use std::{sync::Arc, time::SystemTime};

use aws_client::{
    Aws, DiscoveredDeployment,
    model::{DeploymentView, LifecycleProgress, Service},
};
use gate::ReasonCode;
use lifecycle::{DeploymentId, Hook};

use super::{EvaluationContext, discover};
use crate::{conclusion::Conclusion, finding::Observation, finding_log::FindingLog, phase::Phase};

/// What the checks look at.
pub struct View {
    pub target: Arc<DeploymentView>,
    /// When customers' requests began to reach the replacement, if they do.
    pub traffic_since: Option<SystemTime>,
}

impl View {
    /// For checks that use nothing of the deployment.
    pub fn without_discovery() -> Self {
        Self { target: Arc::default(), traffic_since: None }
    }
}

/// Reads everything that the checks share.
///
/// # Errors
/// A resource could not be read, or the service is not active.
pub async fn read(
    cx: &EvaluationContext,
    aws: &Aws,
    id: &DeploymentId,
    found: DiscoveredDeployment,
    log: &FindingLog,
) -> Result<View, Conclusion> {
    let traffic_since = traffic_since(cx.hook, &found.progress);
    let target = aws.deployment_view(found, cx.settings.service.as_ref()).await;
    let target = target.map_err(|error| discover::unreadable(id, error))?;
    log.update_context(|context, redactor| context.add_view(&target, redactor));
    check_is_active(&target.service, &target.cluster)?;
    Ok(View { target: Arc::new(target), traffic_since })
}

/// A canary moves a part of the traffic long before AfterAllowTraffic.
fn traffic_since(hook: Hook, progress: &LifecycleProgress) -> Option<SystemTime> {
    if hook == Hook::AfterAllowTraffic { progress.started_at("AllowTraffic") } else { None }
}

/// A service that is being deleted cannot be deployed to.
fn check_is_active(service: &Service, cluster: &str) -> Result<(), Conclusion> {
    if service.is_active() {
        return Ok(());
    }
    let resource = format!("service {} of cluster {cluster}", service.name);
    let observation = Observation::failed(ReasonCode::ServiceNotActive, resource, "status ACTIVE", &service.status);
    Err(Conclusion::strict(Phase::Discovery, observation))
}

#[cfg(test)]
mod tests {
    use aws_client::model::StartedEvent;

    use super::*;

    fn service(status: &str) -> Service {
        Service {
            name: "web".to_owned(),
            status: status.to_owned(),
            controller: "CODE_DEPLOY".to_owned(),
            task_sets: Vec::new(),
            events: Vec::new(),
        }
    }

    #[test]
    fn active_service_continues() {
        assert_eq!(check_is_active(&service("ACTIVE"), "shop"), Ok(()));
    }

    #[test]
    fn service_that_is_not_active_ends_the_evaluation() {
        for status in ["DRAINING", "INACTIVE"] {
            let resource = "service web of cluster shop";
            let observation = Observation::failed(ReasonCode::ServiceNotActive, resource, "status ACTIVE", status);
            assert_eq!(
                check_is_active(&service(status), "shop"),
                Err(Conclusion::strict(Phase::Discovery, observation))
            );
        }
    }

    #[test]
    fn customers_reach_the_replacement_since_allow_traffic_and_only_the_last_hook_looks_at_it() {
        let at = Some(SystemTime::UNIX_EPOCH);
        let event = StartedEvent { event: "AllowTraffic".to_owned(), started_at: at, in_progress: false };
        let progress = LifecycleProgress::Started(vec![event]);
        assert_eq!(traffic_since(Hook::AfterAllowTraffic, &progress), at);
        assert_eq!(traffic_since(Hook::BeforeAllowTraffic, &progress), None);
        assert_eq!(traffic_since(Hook::AfterAllowTraffic, &LifecycleProgress::Started(Vec::new())), None);
    }
}
