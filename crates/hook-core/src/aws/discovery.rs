//! From a deployment's id to everything that the checks need to know: calls that do not depend on each other run at once.

use super::{Ask, Aws, Fault, codedeploy::Group};
use crate::{
    code::Code,
    ids::DeploymentId,
    permissions::Need,
    settings::ServiceName,
    target::{Deployment, Listener, Progress, Service, Target, TargetGroup},
};

/// What is known of a deployment, in the two steps in which it becomes known.
#[derive(Debug)]
pub struct Discovery {
    /// The deployment itself.
    pub deployment: Deployment,
    /// Which lifecycle event it is at.
    pub progress: Progress,
    target_id: Result<String, Fault>,
}

/// What the first step takes, before anybody knows whether there is anything to check.
pub fn needs_of_discovery() -> Vec<Need> {
    vec![
        Need::new(Ask::Deployment, "to know the deployment: its group, its description, whether it is a roll-back"),
        Need::new(Ask::TargetId, "to find the target of the deployment, which names cluster and service"),
        Need::new(Ask::Progress, "to see which lifecycle event CodeDeploy is at"),
    ]
}

/// What the second step takes, where there is something to check.
pub fn needs_of_target() -> Vec<Need> {
    vec![
        Need::new(Ask::Group, "to know service, listeners, target groups and alarms of the deployment group"),
        Need::new(Ask::Service, "to tell the task sets of the replacement and of the original"),
        Need::new(Ask::TargetGroups, "to tell their target groups, and how those check health"),
        Need::new(Ask::Listener, "to know where production and test listener are, and where they lead"),
    ]
}

impl Aws {
    /// The first step: what the deployment is and where it stands. Enough to know whether to check at all. Where
    /// `a_rollback_passes`, whether it is a rollback is asked for as long as there is time: nothing may keep the cure out.
    ///
    /// # Errors
    /// The deployment cannot be read, or is of another platform.
    pub async fn discover(&self, id: &DeploymentId, a_rollback_passes: bool) -> Result<Discovery, Fault> {
        let at = async {
            let target_id = self.target_id(id).await;
            let progress = match &target_id {
                Ok(target_id) => self.progress(id, target_id).await,
                Err(fault) => fault.clone().into(),
            };
            (target_id, progress)
        };
        let patience = if a_rollback_passes { self.patience.to_the_end() } else { self.patience };
        let (deployment, (target_id, progress)) = tokio::join!(self.deployment(id, patience), at);
        Ok(Discovery { deployment: deployment?, progress, target_id })
    }

    /// Asks again which lifecycle event the deployment is at.
    pub async fn progress_again(&self, id: &DeploymentId, discovery: &Discovery) -> Progress {
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
    pub async fn target(&self, discovery: Discovery, told: Option<&ServiceName>) -> Result<Target, Fault> {
        let Discovery { mut deployment, target_id, .. } = discovery;
        let group = match (deployment.application.as_str(), told) {
            // A deployment that CloudFormation made may name no application. What is told is then all there is.
            ("", Some(_)) => Group::default(),
            ("", None) => return Err(Fault::lacks("codedeploy:GetDeployment", "applicationName")),
            (application, _) => self.deployment_group(application, &deployment.group).await?,
        };
        complete(&mut deployment, &group);
        let ServiceName { cluster, service } = match (told, service_of(&group, &target_id)) {
            (None, said) => said?,
            (Some(told), Err(_)) => told.clone(),
            (Some(told), Ok(said)) if is_same(told, &said) => said,
            (Some(told), Ok(said)) => return Err(other_service(told, &said)),
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
        service.prefer(&pair);
        let green_group = green_group(&service, &deployment, groups);
        Ok(Target {
            alarms: deployment.alarms.clone().unwrap_or(group.alarms),
            deployment,
            cluster,
            service,
            pair,
            green_group,
            production: production?,
            test: test?,
        })
    }

    async fn optional_listener(&self, arn: Option<&str>) -> Result<Option<Listener>, Fault> {
        match arn {
            Some(arn) => self.listener(arn).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What the deployment does not say itself, its group says.
fn complete(deployment: &mut Deployment, group: &Group) {
    deployment.rolls_back_on_failure = deployment.rolls_back_on_failure.or(group.rolls_back_on_failure);
    if deployment.target_groups.is_empty() {
        deployment.target_groups.clone_from(&group.routes.target_groups);
    }
    if deployment.production_listener.is_none() {
        deployment.production_listener.clone_from(&group.routes.production);
    }
    if deployment.test_listener.is_none() {
        deployment.test_listener.clone_from(&group.routes.test);
    }
}

fn service_of(group: &Group, target_id: &Result<String, Fault>) -> Result<ServiceName, Fault> {
    if let Some((cluster, service)) = &group.service {
        return Ok(ServiceName { cluster: cluster.clone(), service: service.clone() });
    }
    let target_id = target_id.as_ref().map_err(Clone::clone)?;
    let (cluster, service) = target_id.split_once(':').ok_or_else(|| Fault {
        operation: "codedeploy:ListDeploymentTargets",
        code: Code::ServiceUnknown,
        detail: format!("the target {target_id:?} is not of the form cluster:service"),
    })?;
    Ok(ServiceName { cluster: cluster.to_owned(), service: service.to_owned() })
}

/// Whether both name the same service, by name or by ARN.
fn is_same(one: &ServiceName, other: &ServiceName) -> bool {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    name(&one.cluster) == name(&other.cluster) && name(&one.service) == name(&other.service)
}

/// One set of functions can serve many services, and their variables name one.
fn other_service(told: &ServiceName, said: &ServiceName) -> Fault {
    let detail = format!(
        "GREENLIGHT_CLUSTER and GREENLIGHT_SERVICE name service {} of cluster {}, and this deployment is of service {} of \
         cluster {}; remove the two variables, as CodeDeploy names the service",
        told.service, told.cluster, said.service, said.cluster
    );
    Fault { operation: "codedeploy:GetDeploymentGroup", code: Code::SettingsInvalid, detail }
}

/// The replacement's target group: the one that its task set names, else the one of the pair that the original does not.
fn green_group(service: &Service, deployment: &Deployment, groups: Vec<TargetGroup>) -> Option<TargetGroup> {
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

    fn named(cluster: &str, service: &str) -> ServiceName {
        ServiceName { cluster: cluster.to_owned(), service: service.to_owned() }
    }

    #[test]
    fn names_and_arns_of_a_service_are_compared_by_name() {
        let arn = "arn:aws:ecs:eu-central-1:111122223333:";
        let long = named(&format!("{arn}cluster/shop"), &format!("{arn}service/shop/web"));
        assert!(is_same(&named("shop", "web"), &long));
        assert!(!is_same(&named("shop", "worker"), &long));
        assert!(!is_same(&named("staging", "web"), &long));
    }
}
