//! `greenlight describe`: reads a service from AWS and writes the file for `greenlight rehearse --service`.

mod conversion;

use clap::Args;
use hook_core::aws_inspector::{AwsError, AwsInspector, TaskDefinition, Traffic, TrafficConfig};

use crate::{
    cli::{CommandError, CommandOutcome, aws_credentials},
    doctor::{self, DeploymentGroupConfig},
    terminal::Output,
};

const AFTER_HELP: &str = "\
Reads with your credentials, found as the AWS SDKs find them (environment, profile, SSO, a process, a role), and changes
nothing. The file has names of containers and alarms, listener rules and the path of the health check; it has no ids, no
addresses, no variables and no secrets. Keep it next to the gate file:

  greenlight describe --application shop --deployment-group web > service.yaml
  greenlight rehearse --service service.yaml --gate greenlight.yaml

Edit the file afterwards: add how your routes respond, and correct what has changed.
`greenlight schema service` prints its JSON Schema.

Permissions that it uses: codedeploy:GetDeploymentGroup; elasticloadbalancing:DescribeListeners, DescribeRules,
DescribeLoadBalancers, DescribeTargetGroups; ecs:DescribeServices, DescribeTaskDefinition.

Exit status:
  0    the description is on standard output
  2    bad usage, no credentials, or something that cannot be read: nothing is on standard output
  130  stopped by Ctrl-C (143: by SIGTERM)";

/// `greenlight describe`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DescribeOptions {
    /// The CodeDeploy application
    #[arg(long, value_name = "NAME")]
    application: String,

    /// The deployment group of the application
    #[arg(long, value_name = "NAME")]
    deployment_group: String,

    /// A profile of your AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// The region of the deployment group [default: from the environment or the profile]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

/// What AWS knows about a service.
#[derive(Debug)]
struct ObservedService {
    group: DeploymentGroupConfig,
    traffic: Traffic,
    definition: TaskDefinition,
}

pub async fn describe(args: &DescribeOptions) -> Result<CommandOutcome, CommandError> {
    let credentials =
        aws_credentials::load(args.profile.as_deref(), args.region.as_deref()).await.map_err(CommandError::Usage)?;
    let inspector = AwsInspector::new(credentials.settings);
    let observed = observe(&inspector, &args.application, &args.deployment_group).await;
    let observed = observed.map_err(|error| {
        CommandError::Usage(anyhow::anyhow!("the service cannot be described: {}", error.with_permission_hint()))
    })?;
    let title = format!("deployment group {} of {}", args.deployment_group, args.application);
    let text = conversion::render(&title, &observed).map_err(CommandError::Failed)?;
    Output::stdout().println(text.trim_end())?;
    Ok(CommandOutcome::Success)
}

async fn observe(inspector: &AwsInspector, application: &str, group: &str) -> Result<ObservedService, AwsError> {
    let group = doctor::read_deployment_group(inspector, application, group).await?;
    let traffic = inspector
        .traffic(&TrafficConfig {
            production: group.production_listener.clone(),
            test: group.test_listener.clone(),
            target_groups: group.target_groups.clone(),
            service: group.service.clone(),
        })
        .await?;
    let definition = match traffic.primary_task_set() {
        Some(set) => inspector.task_definition(&set.task_definition).await?,
        None => TaskDefinition::default(),
    };
    Ok(ObservedService { group, traffic, definition })
}
