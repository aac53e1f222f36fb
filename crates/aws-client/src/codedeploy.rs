//! Reads CodeDeploy: the deployment, its deployment group, and its lifecycle event in progress.

use aws_sdk_codedeploy::types::{
    self, AutoRollbackConfiguration, AutoRollbackEvent, ComputePlatform, DeploymentCreator, DeploymentInfo,
    LifecycleEventStatus, LoadBalancerInfo,
};
use gate::{
    ReasonCode,
    permissions::actions::{GET_DEPLOYMENT, GET_DEPLOYMENT_GROUP, GET_DEPLOYMENT_TARGET, LIST_DEPLOYMENT_TARGETS},
};
use lifecycle::DeploymentId;

use super::{Aws, AwsError, retry_budget::RetryBudget, system_time, text_or_empty};
use crate::model::{AlarmConfiguration, Deployment, LifecycleProgress, StartedEvent};

/// What the deployment group adds to the deployment.
#[derive(Default)]
pub(super) struct DeploymentGroup {
    /// Cluster and service, if the group names exactly one service.
    pub service: Option<(String, String)>,
    pub alarms: AlarmConfiguration,
    pub rolls_back_on_failure: Option<bool>,
    pub target_group_pair: TargetGroupPairInfo,
}

/// The target groups and listeners of the single pair that an ECS deployment has.
#[derive(Default)]
pub(super) struct TargetGroupPairInfo {
    pub target_groups: Vec<String>,
    pub production: Option<String>,
    pub test: Option<String>,
}

impl Aws {
    /// GetDeployment, with the caller's retry budget.
    pub(super) async fn deployment(
        &self,
        id: &DeploymentId,
        retry_budget: RetryBudget,
    ) -> Result<Deployment, AwsError> {
        let request = self.codedeploy().get_deployment().deployment_id(id.as_str());
        let reply = self.send_within(retry_budget, GET_DEPLOYMENT, || request.clone().send()).await?;
        let info = reply.deployment_info().ok_or_else(|| AwsError::missing_field(GET_DEPLOYMENT, "deploymentInfo"))?;
        match info.compute_platform() {
            Some(ComputePlatform::Ecs) | None => {}
            Some(other) => {
                let detail = format!("it is for the {} platform, not for Amazon ECS", other.as_str());
                return Err(AwsError::new(GET_DEPLOYMENT, ReasonCode::PlatformUnsupported, detail));
            }
        }
        let routes = target_group_pair(info.load_balancer_info());
        Ok(Deployment {
            id: id.as_str().to_owned(),
            application: text_or_empty(info.application_name()),
            group: text_or_empty(info.deployment_group_name()),
            created: system_time(info.create_time()),
            creator: info.creator().map(DeploymentCreator::as_str).unwrap_or_default().to_owned(),
            description: text_or_empty(info.description()),
            is_rollback: is_rollback(info),
            rolls_back_on_failure: info.auto_rollback_configuration().map(rolls_back_on_failure),
            target_groups: routes.target_groups,
            production_listener: routes.production,
            test_listener: routes.test,
            alarms: info.override_alarm_configuration().map(alarm_configuration),
        })
    }

    /// GetDeploymentGroup.
    pub(super) async fn deployment_group(&self, application: &str, group: &str) -> Result<DeploymentGroup, AwsError> {
        let request =
            self.codedeploy().get_deployment_group().application_name(application).deployment_group_name(group);
        let reply = self.send(GET_DEPLOYMENT_GROUP, || request.clone().send()).await?;
        let info = reply
            .deployment_group_info()
            .ok_or_else(|| AwsError::missing_field(GET_DEPLOYMENT_GROUP, "deploymentGroupInfo"))?;
        let service = match info.ecs_services() {
            [one] => one
                .cluster_name()
                .zip(one.service_name())
                .map(|(cluster, service)| (cluster.to_owned(), service.to_owned())),
            _ => None,
        };
        Ok(DeploymentGroup {
            service,
            alarms: info.alarm_configuration().map(alarm_configuration).unwrap_or_default(),
            rolls_back_on_failure: info.auto_rollback_configuration().map(rolls_back_on_failure),
            target_group_pair: target_group_pair(info.load_balancer_info()),
        })
    }

    /// ListDeploymentTargets: the only target of an ECS deployment, `cluster:service`.
    pub(super) async fn target_id(&self, id: &DeploymentId) -> Result<String, AwsError> {
        let request = self.codedeploy().list_deployment_targets().deployment_id(id.as_str());
        let reply = self.send(LIST_DEPLOYMENT_TARGETS, || request.clone().send()).await?;
        reply.target_ids().first().cloned().ok_or_else(|| AwsError::missing_field(LIST_DEPLOYMENT_TARGETS, "targetIds"))
    }

    /// GetDeploymentTarget: the lifecycle events that have started, and those in progress. If the target cannot be
    /// read, the result is [`LifecycleProgress::Unknown`], and the caller decides what that means.
    pub(super) async fn progress(&self, id: &DeploymentId, target: &str) -> LifecycleProgress {
        let request = self.codedeploy().get_deployment_target().deployment_id(id.as_str()).target_id(target);
        let reply = match self.send(GET_DEPLOYMENT_TARGET, || request.clone().send()).await {
            Ok(reply) => reply,
            Err(fault) => return fault.into(),
        };
        let target = reply.deployment_target();
        let events = match target.and_then(|target| target.ecs_target()) {
            Some(target) => target.lifecycle_events(),
            // A deployment that CloudFormation created.
            None => target
                .and_then(|target| target.cloud_formation_target())
                .map(|it| it.lifecycle_events())
                .unwrap_or_default(),
        };
        if events.is_empty() {
            // CodeDeploy's record lags.
            return LifecycleProgress::NotYetKnown(
                AwsError::missing_field(GET_DEPLOYMENT_TARGET, "lifecycleEvents").to_string(),
            );
        }
        let begun = events.iter().filter(|event| event.status() != Some(&LifecycleEventStatus::Pending)).map(|event| {
            let in_progress = event.status() == Some(&LifecycleEventStatus::InProgress);
            StartedEvent {
                event: text_or_empty(event.lifecycle_event_name()),
                started_at: system_time(event.start_time()),
                in_progress,
            }
        });
        LifecycleProgress::Started(begun.filter(|begun| !begun.event.is_empty()).collect())
    }
}

impl From<AwsError> for LifecycleProgress {
    fn from(fault: AwsError) -> Self {
        Self::Unknown { code: fault.code, why: fault.to_string() }
    }
}

/// A rollback says so itself, or names the deployment that it undoes. A deployment that *was* rolled back also has a
/// `rollbackInfo`, which names the deployment that undid it.
fn is_rollback(info: &DeploymentInfo) -> bool {
    info.creator() == Some(&DeploymentCreator::CodeDeployRollback)
        || info
            .rollback_info()
            .and_then(|info| info.rollback_triggering_deployment_id())
            .is_some_and(|id| !id.is_empty())
}

fn rolls_back_on_failure(setting: &AutoRollbackConfiguration) -> bool {
    setting.enabled() && setting.events().contains(&AutoRollbackEvent::DeploymentFailure)
}

fn alarm_configuration(setting: &types::AlarmConfiguration) -> AlarmConfiguration {
    let names = setting.alarms().iter().filter_map(|alarm| alarm.name()).map(str::to_owned).collect();
    AlarmConfiguration { enabled: setting.enabled(), names }
}

fn target_group_pair(info: Option<&LoadBalancerInfo>) -> TargetGroupPairInfo {
    let Some(pair) = info.and_then(|info| info.target_group_pair_info_list().first()) else {
        return TargetGroupPairInfo::default();
    };
    let listener = |route: Option<&aws_sdk_codedeploy::types::TrafficRoute>| {
        route.and_then(|route| route.listener_arns().first().cloned())
    };
    TargetGroupPairInfo {
        target_groups: pair.target_groups().iter().filter_map(|group| group.name()).map(str::to_owned).collect(),
        production: listener(pair.prod_traffic_route()),
        test: listener(pair.test_traffic_route()),
    }
}
