//! Discovers everything that the checks need, starting from the deployment id. Independent calls run at the same time.

use gate::ReasonCode;
use lifecycle::DeploymentId;

use super::{Aws, AwsError, codedeploy::DeploymentGroup};
use crate::model::{Deployment, DeploymentView, EcsServiceName, LifecycleProgress, Listener, Service, TargetGroup};

/// The result of the first step of the discovery.
#[derive(Debug)]
pub struct DiscoveredDeployment {
    pub deployment: Deployment,
    /// The lifecycle event in progress.
    pub progress: LifecycleProgress,
    target_id: Result<String, AwsError>,
}

impl Aws {
    /// The first step: the deployment and its lifecycle event, which are enough to decide whether to check at all. With
    /// `skips_rollbacks`, the deployment is read with retries until the deadline, because an AWS error must not stop a
    /// rollback.
    ///
    /// # Errors
    /// The deployment cannot be read, or is for another platform.
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

    /// Reads the lifecycle event in progress again.
    pub async fn refresh_progress(&self, id: &DeploymentId, discovery: &DiscoveredDeployment) -> LifecycleProgress {
        match &discovery.target_id {
            Ok(target_id) => self.progress(id, target_id).await,
            Err(fault) => fault.clone().into(),
        }
    }

    /// The second step: the service and the resources that carry its traffic. `configured_service` is the service from
    /// the settings, for deployments in which CodeDeploy does not name one.
    ///
    /// # Errors
    /// The first resource that could not be read. No check is reliable without it.
    pub async fn deployment_view(
        &self,
        discovery: DiscoveredDeployment,
        configured_service: Option<&EcsServiceName>,
    ) -> Result<DeploymentView, AwsError> {
        let DiscoveredDeployment { mut deployment, target_id, .. } = discovery;
        let group = match (deployment.application.as_str(), configured_service) {
            // A deployment that CloudFormation created sometimes names no application. Then only the settings name the
            // service.
            ("", Some(_)) => DeploymentGroup::default(),
            ("", None) => return Err(AwsError::missing_field("codedeploy:GetDeployment", "applicationName")),
            (application, _) => self.deployment_group(application, &deployment.group).await?,
        };
        fill_from_group(&mut deployment, &group);
        let EcsServiceName { cluster, service } = match (configured_service, named_service(&group, &target_id)) {
            (None, discovered) => discovered?,
            (Some(configured), Err(_)) => configured.clone(),
            (Some(configured), Ok(discovered)) if is_same_service(configured, &discovered) => discovered,
            (Some(configured), Ok(discovered)) => return Err(service_mismatch(configured, &discovered)),
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

/// Takes from the deployment group what the deployment does not say itself.
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
    let (cluster, service) = target_id.split_once(':').ok_or_else(|| {
        AwsError::new(
            "codedeploy:ListDeploymentTargets",
            ReasonCode::ServiceNotConfigured,
            format!("the target {target_id:?} is not of the form cluster:service"),
        )
    })?;
    Ok(EcsServiceName { cluster: cluster.to_owned(), service: service.to_owned() })
}

/// Whether both name the same service, by name or by ARN.
fn is_same_service(left: &EcsServiceName, right: &EcsServiceName) -> bool {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    name(&left.cluster) == name(&right.cluster) && name(&left.service) == name(&right.service)
}

/// One set of functions can serve many services, but their variables name only one.
fn service_mismatch(configured: &EcsServiceName, discovered: &EcsServiceName) -> AwsError {
    let detail = format!(
        "GREENLIGHT_CLUSTER and GREENLIGHT_SERVICE name service {} of cluster {}, and this deployment is of service {} of \
         cluster {}; remove the two variables, as CodeDeploy names the service",
        configured.service, configured.cluster, discovered.service, discovered.cluster
    );
    AwsError::new("codedeploy:GetDeploymentGroup", ReasonCode::SettingsInvalid, detail)
}

/// The replacement's target group: the one that its task set names, or the one of the pair that the original does not
/// use.
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
