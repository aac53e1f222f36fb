//! From a deployment's id to everything that the checks need to know: calls that do not depend on each other run at once.

use super::{Aws, AwsError, AwsOperation, codedeploy::DeploymentGroup};
use crate::{
    code::ReasonCode,
    ids::DeploymentId,
    model::{Deployment, DeploymentView, LifecycleProgress, Listener, Service, TargetGroup},
    permissions::Requirement,
    settings::EcsServiceName,
};

/// What is known of a deployment, in the two steps in which it becomes known.
#[derive(Debug)]
pub struct DiscoveredDeployment {
    /// The deployment itself.
    pub deployment: Deployment,
    /// Which lifecycle event it is at.
    pub progress: LifecycleProgress,
    target_id: Result<String, AwsError>,
}

/// What the first step takes, before anybody knows whether there is anything to check.
pub fn requirements_for_discovery() -> Vec<Requirement> {
    vec![
        Requirement::new(
            AwsOperation::Deployment,
            "to know the deployment: its group, its description, whether it is a roll-back",
        ),
        Requirement::new(
            AwsOperation::TargetId,
            "to find the target of the deployment, which names cluster and service",
        ),
        Requirement::new(AwsOperation::Progress, "to see which lifecycle event CodeDeploy is at"),
    ]
}

/// What the second step takes, where there is something to check.
pub fn requirements_for_view() -> Vec<Requirement> {
    vec![
        Requirement::new(
            AwsOperation::DeploymentGroup,
            "to know service, listeners, target groups and alarms of the deployment group",
        ),
        Requirement::new(AwsOperation::Service, "to tell the task sets of the replacement and of the original"),
        Requirement::new(AwsOperation::TargetGroups, "to tell their target groups, and how those check health"),
        Requirement::new(AwsOperation::Listener, "to know where production and test listener are, and where they lead"),
    ]
}

impl Aws {
    /// The first step: what the deployment is and where it stands. Enough to know whether to check at all. Where
    /// `a_rollback_passes`, whether it is a rollback is asked for as long as there is time: nothing may keep the cure out.
    ///
    /// # Errors
    /// The deployment cannot be read, or is of another platform.
    pub async fn discover(&self, id: &DeploymentId, skips_rollbacks: bool) -> Result<DiscoveredDeployment, AwsError> {
        let progress_read = async {
            let target_id = self.target_id(id).await;
            let progress = match &target_id {
                Ok(target_id) => self.progress(id, target_id).await,
                Err(fault) => fault.clone().into(),
            };
            (target_id, progress)
        };
        let retry_budget = if skips_rollbacks { self.retry_budget.until_deadline() } else { self.retry_budget };
        let (deployment, (target_id, progress)) = tokio::join!(self.deployment(id, retry_budget), progress_read);
        Ok(DiscoveredDeployment { deployment: deployment?, progress, target_id })
    }

    /// Asks again which lifecycle event the deployment is at.
    pub async fn refresh_progress(&self, id: &DeploymentId, discovery: &DiscoveredDeployment) -> LifecycleProgress {
        match &discovery.target_id {
            Ok(target_id) => self.progress(id, target_id).await,
            Err(fault) => fault.clone().into(),
        }
    }

    /// The second step: the service and what carries its traffic. `told` is the service by the settings, for where
    /// CodeDeploy does not name one.
    ///
    /// # Errors
    /// The first thing that could not be read; without it no check can be trusted.
    pub async fn deployment_view(
        &self,
        discovery: DiscoveredDeployment,
        configured_service: Option<&EcsServiceName>,
    ) -> Result<DeploymentView, AwsError> {
        let DiscoveredDeployment { mut deployment, target_id, .. } = discovery;
        let group = match (deployment.application.as_str(), configured_service) {
            // A deployment that CloudFormation made may name no application. What is told is then all there is.
            ("", Some(_)) => DeploymentGroup::default(),
            ("", None) => return Err(AwsError::missing_field("codedeploy:GetDeployment", "applicationName")),
            (application, _) => self.deployment_group(application, &deployment.group).await?,
        };
        fill_from_group(&mut deployment, &group);
        let EcsServiceName { cluster, service } = match (configured_service, named_service(&group, &target_id)) {
            (None, said) => said?,
            (Some(told), Err(_)) => told.clone(),
            (Some(told), Ok(said)) if is_same_service(told, &said) => said,
            (Some(told), Ok(said)) => return Err(service_mismatch(told, &said)),
        };
        let (service, groups, production, test) = tokio::join!(
            self.service(&cluster, &service),
            self.target_groups(&deployment.target_groups),
            self.optional_listener(deployment.production_listener.as_deref()),
            self.optional_listener(deployment.test_listener.as_deref()),
        );
        let mut service = service?;
        let mut groups = groups?;
        if groups.is_empty() {
            let arns: Vec<_> = service.task_sets.iter().filter_map(|set| set.target_group().cloned()).collect();
            groups = self.target_groups_by_arn(&arns).await?;
        }
        let pair: Vec<_> = groups.iter().map(|group| group.arn.clone()).collect();
        service.order_registrations(&pair);
        let green_group = green_target_group(&service, &deployment, groups);
        Ok(DeploymentView {
            alarms: deployment.alarms.clone().unwrap_or(group.alarms),
            deployment,
            cluster,
            service,
            target_group_pair: pair,
            green_group,
            production: production?,
            test: test?,
        })
    }

    async fn optional_listener(&self, arn: Option<&str>) -> Result<Option<Listener>, AwsError> {
        match arn {
            Some(arn) => self.listener(arn).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What the deployment does not say itself, its group says.
fn fill_from_group(deployment: &mut Deployment, group: &DeploymentGroup) {
    deployment.rolls_back_on_failure = deployment.rolls_back_on_failure.or(group.rolls_back_on_failure);
    if deployment.target_groups.is_empty() {
        deployment.target_groups.clone_from(&group.target_group_pair.target_groups);
    }
    if deployment.production_listener.is_none() {
        deployment.production_listener.clone_from(&group.target_group_pair.production);
    }
    if deployment.test_listener.is_none() {
        deployment.test_listener.clone_from(&group.target_group_pair.test);
    }
}

fn named_service(group: &DeploymentGroup, target_id: &Result<String, AwsError>) -> Result<EcsServiceName, AwsError> {
    if let Some((cluster, service)) = &group.service {
        return Ok(EcsServiceName { cluster: cluster.clone(), service: service.clone() });
    }
    let target_id = target_id.as_ref().map_err(Clone::clone)?;
    let (cluster, service) = target_id.split_once(':').ok_or_else(|| AwsError {
        operation: "codedeploy:ListDeploymentTargets",
        code: ReasonCode::ServiceNotConfigured,
        detail: format!("the target {target_id:?} is not of the form cluster:service"),
    })?;
    Ok(EcsServiceName { cluster: cluster.to_owned(), service: service.to_owned() })
}

/// Whether both name the same service, by name or by ARN.
fn is_same_service(left: &EcsServiceName, right: &EcsServiceName) -> bool {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    name(&left.cluster) == name(&right.cluster) && name(&left.service) == name(&right.service)
}

/// One set of functions can serve many services, and their variables name one.
fn service_mismatch(configured: &EcsServiceName, discovered: &EcsServiceName) -> AwsError {
    let detail = format!(
        "GREENLIGHT_CLUSTER and GREENLIGHT_SERVICE name service {} of cluster {}, and this deployment is of service {} of \
         cluster {}; remove the two variables, as CodeDeploy names the service",
        configured.service, configured.cluster, discovered.service, discovered.cluster
    );
    AwsError { operation: "codedeploy:GetDeploymentGroup", code: ReasonCode::SettingsInvalid, detail }
}

/// The replacement's target group: the one that its task set names, else the one of the pair that the original does not.
fn green_target_group(service: &Service, deployment: &Deployment, groups: Vec<TargetGroup>) -> Option<TargetGroup> {
    let green = service.green(deployment).and_then(|set| set.target_group().cloned());
    let blue = service.blue(deployment).and_then(|set| set.target_group().cloned());
    match (green, blue) {
        (Some(green), _) => groups.into_iter().find(|group| group.arn == green),
        (None, Some(blue)) => groups.into_iter().find(|group| group.arn != blue),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(cluster: &str, service: &str) -> EcsServiceName {
        EcsServiceName { cluster: cluster.to_owned(), service: service.to_owned() }
    }

    #[test]
    fn names_and_arns_of_a_service_are_compared_by_name() {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:";
        let long = named(&format!("{arn}cluster/shop"), &format!("{arn}service/shop/web"));
        assert!(is_same_service(&named("shop", "web"), &long));
        assert!(!is_same_service(&named("shop", "worker"), &long));
        assert!(!is_same_service(&named("staging", "web"), &long));
    }
}
