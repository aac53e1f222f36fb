//! `greenlight doctor`: what usually goes wrong, found before a deployment. All facts are gathered first, and what is found
//! is made of them alone; nothing in here can change anything.

mod facts;
mod findings;
mod gather;
mod net;
mod told;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::survey::Survey;

use crate::{
    args::hook,
    caller,
    exit::{Fault, Verdict},
    screen::Screen,
    source::Source,
};

const AFTER: &str = "\
It looks at the deployment group, the functions that its newest AppSpec file names, what their roles may do, the load balancer,
the VPC and the gate file, with your credentials, and changes nothing: roles are simulated by IAM, and no hook is invoked.
docs/DOCTOR.md has a heading for every finding.

Permissions that it asks for: codedeploy:GetDeploymentGroup, GetDeployment, GetApplicationRevision;
lambda:GetFunctionConfiguration, GetFunctionEventInvokeConfig; iam:SimulatePrincipalPolicy;
elasticloadbalancing:DescribeListeners, DescribeLoadBalancers, DescribeRules, DescribeTargetGroups; ecs:DescribeServices;
cloudwatch:DescribeAlarms; for functions in a VPC and for
security groups ec2:DescribeSubnets, DescribeRouteTables, DescribeSecurityGroups, DescribeVpcEndpoints; and where a gate file
is there or names it ssm:GetParameter, ssm:GetParameters, s3:GetObject, secretsmanager:DescribeSecret,
ecs:DescribeTaskDefinition, tag:GetResources. What it may not look at it says, and does not count as good.

With --json, standard output has one object: findings ({code, where, message, fix, command?}), unseen ({looked_for, permission?, why}),
looked_at.

Exit status:
  0    nothing found, and everything was looked at
  1    a finding, or something that could not be looked at
  2    bad usage, no credentials, or no such deployment group: nothing was looked at
  130  stopped by Ctrl-C (143: by SIGTERM)";

/// `greenlight doctor`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct Doctor {
    /// The application of CodeDeploy
    #[arg(long, value_name = "NAME")]
    application: String,

    /// Its deployment group
    #[arg(long, value_name = "NAME")]
    deployment_group: String,

    /// The AppSpec file of the next deployment [default: the newest deployment's]
    #[arg(long, value_name = "FILE")]
    appspec: Option<PathBuf>,

    /// A function in place of an AppSpec file's, such as AfterInstall=CodeDeployHook_shop-after-install; may be given more
    /// than once
    #[arg(long = "function", value_name = "EVENT=NAME", value_parser = function, conflicts_with = "appspec")]
    functions: Vec<(String, String)>,

    /// The gate file, or - for standard input [default: the one that each function's variables name]
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,

    /// A profile of your AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// The region of the deployment group [default: the environment's or the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Print one JSON object for a program to read
    #[arg(long)]
    json: bool,
}

/// `AfterInstall=NAME`.
fn function(text: &str) -> Result<(String, String), String> {
    let (event, name) =
        text.split_once('=').ok_or("it is EVENT=NAME, such as AfterInstall=CodeDeployHook_after-install")?;
    if name.is_empty() {
        return Err("the function has no name".to_owned());
    }
    Ok((hook(event)?.event_name().to_owned(), name.to_owned()))
}

/// Does what was asked.
pub async fn doctor(args: &Doctor) -> Result<Verdict, Fault> {
    let mut screen = Screen::stdout();
    let gate = args.gate.as_deref().map(Source::read).transpose().map_err(Fault::Usage)?;
    if args.appspec.as_ref().is_some_and(|path| !path.is_file()) {
        let path = args.appspec.clone().unwrap_or_default();
        return Err(Fault::Usage(anyhow!("cannot read the AppSpec file {}: there is no such file", path.display())));
    }
    let caller = caller::find(args.profile.as_deref(), args.region.as_deref()).await.map_err(Fault::Usage)?;
    let asked = gather::Asked {
        application: args.application.clone(),
        group: args.deployment_group.clone(),
        region: caller.region.clone(),
        app_spec: args.appspec.clone(),
        functions: args.functions.clone(),
        gate,
    };
    if !args.json {
        screen.say(&told::heading(screen.look, &asked.application, &asked.group, &asked.region))?;
        screen.status("looking …")?;
    }
    let facts = gather::gather(Survey::new(caller.settings), asked).await.map_err(Fault::Usage)?;
    let findings = findings::all(&facts);
    let told = if args.json {
        told::json(&facts, &findings)?
    } else {
        format!("\n{}", told::text(screen.look, &facts, &findings))
    };
    screen.say(&told)?;
    Ok(if findings.is_empty() && facts.unseen.is_empty() { Verdict::Good } else { Verdict::Bad })
}
