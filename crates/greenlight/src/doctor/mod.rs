//! `greenlight doctor` finds common problems before a deployment. It reads everything into a snapshot first, and the
//! findings depend only on the snapshot. Nothing here can change a resource.

mod collect;
mod endpoints;
mod findings;
#[cfg(test)]
mod fixtures;
mod function_name;
mod permission_query;
mod report;
mod security_groups;
mod snapshot;
mod vpc;

pub use self::{collect::read_deployment_group, snapshot::DeploymentGroupConfig};

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::aws_inspector::AwsInspector;

use crate::{
    cli::{CommandError, CommandOutcome, InputFile, aws_credentials, parse_hook},
    terminal::Output,
};

const AFTER_HELP: &str = "\
The command checks the deployment group, the functions that its newest AppSpec file names, the permissions of their
roles, the load balancer, the VPC and the gate file. It reads with your credentials and changes nothing: IAM simulates
the roles, and no hook is invoked. docs/DOCTOR.md has a heading for every finding.

Permissions that it uses: codedeploy:GetDeploymentGroup, GetDeployment, GetApplicationRevision;
lambda:GetFunctionConfiguration, GetFunctionEventInvokeConfig; iam:SimulatePrincipalPolicy;
elasticloadbalancing:DescribeListeners, DescribeLoadBalancers, DescribeRules, DescribeTargetGroups; ecs:DescribeServices;
cloudwatch:DescribeAlarms; for functions in a VPC and for security groups ec2:DescribeSubnets, DescribeRouteTables,
DescribeSecurityGroups, DescribeVpcEndpoints; and for a gate file and the resources that it names ssm:GetParameter,
ssm:GetParameters, s3:GetObject, secretsmanager:DescribeSecret, ecs:DescribeTaskDefinition, tag:GetResources. If a
permission is missing, the command reports what it could not check, and does not count it as good.

With --json, standard output has one object: application, deployment_group, region, findings ({code, where, message,
fix, command?}), unreadable ({resource, permission?, why}), resources_read (a number), looked_at (what was read).

Exit status:
  0    nothing found, and everything was checked
  1    a finding, or something that could not be checked
  2    bad usage, no credentials, or no such deployment group: nothing was checked
  130  stopped by Ctrl-C (143: by SIGTERM)";

/// `greenlight doctor`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DoctorOptions {
    /// The CodeDeploy application
    #[arg(long, value_name = "NAME")]
    application: String,

    /// The deployment group of the application
    #[arg(long, value_name = "NAME")]
    deployment_group: String,

    /// The AppSpec file of the next deployment [default: the newest deployment's]
    #[arg(long, value_name = "FILE")]
    appspec: Option<PathBuf>,

    /// A function to check instead of those in an AppSpec file, such as AfterInstall=CodeDeployHook_shop-after-install;
    /// can be repeated
    #[arg(long = "function", value_name = "EVENT=NAME", value_parser = parse_function_override, conflicts_with = "appspec")]
    functions: Vec<(String, String)>,

    /// The gate file, or - for standard input [default: the one that each function's variables name]
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,

    /// A profile of your AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// The region of the deployment group [default: from the environment or the profile]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Also print everything that was looked at, and what this command cannot know
    #[arg(long, conflicts_with = "json")]
    verbose: bool,

    /// Print one JSON object for a program to read
    #[arg(long)]
    json: bool,
}

/// Parses `AfterInstall=NAME`.
fn parse_function_override(text: &str) -> Result<(String, String), String> {
    let (event, name) =
        text.split_once('=').ok_or("expected EVENT=NAME, such as AfterInstall=CodeDeployHook_after-install")?;
    if name.is_empty() {
        return Err("the function has no name".to_owned());
    }
    Ok((parse_hook(event)?.event_name().to_owned(), name.to_owned()))
}

pub async fn run_doctor(args: &DoctorOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    let gate = args.gate.as_deref().map(InputFile::read_gate_file).transpose().map_err(CommandError::Usage)?;
    if let Some(path) = args.appspec.as_ref().filter(|path| !path.is_file()) {
        return Err(CommandError::Usage(anyhow!("cannot read the AppSpec file {}: it does not exist", path.display())));
    }
    let credentials =
        aws_credentials::load(args.profile.as_deref(), args.region.as_deref()).await.map_err(CommandError::Usage)?;
    let target = collect::DoctorTarget {
        application: args.application.clone(),
        deployment_group: args.deployment_group.clone(),
        region: credentials.region.clone(),
        app_spec: args.appspec.clone(),
        functions: args.functions.clone(),
        gate,
    };
    if !args.json {
        screen.println(&report::render_heading(
            screen.style,
            &target.application,
            &target.deployment_group,
            &target.region,
        ))?;
        screen.status("checking …")?;
    }
    let snapshot =
        collect::collect(AwsInspector::new(credentials.settings), target).await.map_err(CommandError::Usage)?;
    let findings = findings::all_findings(&snapshot);
    match args.json {
        true => screen.print_json(&report::json_report(&snapshot, &findings))?,
        false => {
            let text = report::render(screen.style, &snapshot, &findings, args.verbose);
            screen.println(&format!("\n{text}"))?;
        }
    }
    Ok(CommandOutcome::from_success(findings.is_empty() && snapshot.unreadable.is_empty()))
}
