//! `greenlight iam` prints the policy that the hooks' roles need for a gate file, with the reason for each action.

mod policy;
mod render;
mod required_actions;
mod sam_template;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{
    Hook,
    permissions::{self, ArnNames, GateSource, Permission, PermissionInputs},
};

use self::{
    policy::PolicyDocument,
    required_actions::RequiredActions,
    sam_template::{TemplateGrant, TemplateParameters, grant_for},
};
use crate::{
    cli::{CommandError, CommandOutcome, InputFile, parse_hook},
    gate_file::diagnostics::{self, Level},
    terminal::Output,
};

const AFTER_HELP: &str = "\
A name that is not given is printed as a placeholder in capitals, such as ACCOUNT; names can contain *. The permissions
that Lambda itself needs (logs, network interfaces, the on-failure destination) are not included: infra/template.yaml
has them.

Without --hook, the policy covers all five hooks together; with --hook, it is for the role of that hook alone. With
--json, standard output has a policy document for `aws iam put-role-policy` and `aws iam create-policy`. Nothing is
read from AWS.

Exit status:
  0    the policy is printed
  1    the file has a fault, which is shown as `greenlight check` shows it
  2    bad usage: a file that cannot be read";

/// `greenlight iam`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct IamOptions {
    /// A gate file, or - for standard input [default: none, so only the built-in checks]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Only the role of this hook, such as AfterInstall, or of on-failure
    #[arg(long, value_name = "HOOK", value_parser = parse_role)]
    hook: Option<RoleName>,

    /// Only the permissions that no parameter of infra/template.yaml adds: the policy to name in its MorePolicyArns
    #[arg(long)]
    not_in_template: bool,

    /// Print a policy document
    #[arg(long)]
    json: bool,

    /// The location of the gate file, if it is not in the functions' package: ssm:NAME or s3://bucket/key
    #[arg(long, value_name = "PLACE", value_parser = GateSource::parse)]
    gate_source: Option<GateSource>,

    /// The location of AppSpec files, if deployments name them in S3: s3://bucket/key, where both can contain *
    #[arg(long, value_name = "PLACE", value_parser = parse_s3_uri)]
    appspec: Option<(String, String)>,

    /// A KMS key of your own that encrypts parameters, secrets or objects; can be repeated
    #[arg(long = "kms-key", value_name = "ARN", value_parser = parse_kms_key_arn)]
    keys: Vec<String>,

    /// The CodeDeploy application
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    application: Option<String>,

    /// The CodeDeploy deployment group
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    deployment_group: Option<String>,

    /// The ECS cluster
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    cluster: Option<String>,

    /// The ECS service
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    service: Option<String>,

    /// The region
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    region: Option<String>,

    /// The account number, 12 digits
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    account: Option<String>,

    /// The partition [default: that of the region, or else aws]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    partition: Option<String>,
}

/// The function whose role needs the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RoleName {
    Hook(Hook),
    /// The on-failure handler.
    OnFailure,
}

impl RoleName {
    /// The name in the output.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hook(hook) => hook.event_name(),
            Self::OnFailure => "on-failure",
        }
    }
}

/// Parses any name of a hook, or the on-failure handler.
fn parse_role(text: &str) -> Result<RoleName, String> {
    match text {
        "on-failure" | "OnFailure" => Ok(RoleName::OnFailure),
        text => parse_hook(text).map(RoleName::Hook).map_err(|why| format!("{why}; on-failure also works")),
    }
}

fn parse_s3_uri(text: &str) -> Result<(String, String), String> {
    let place = text.strip_prefix("s3://").and_then(|place| place.split_once('/'));
    let place = place.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    place.map(|(bucket, key)| (bucket.to_owned(), key.to_owned())).ok_or_else(|| "expected s3://bucket/key".to_owned())
}

fn parse_kms_key_arn(text: &str) -> Result<String, String> {
    let is_key = text.starts_with("arn:") && text.split(':').nth(2) == Some("kms") && text.contains(":key/");
    // A key alias in a policy has no effect, because IAM compares with the ARN of the key itself.
    if is_key {
        Ok(text.to_owned())
    } else {
        Err("expected the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID".to_owned())
    }
}

/// Parses a name. The characters that separate the parts of an ARN, or that mark a variable in IAM, are not allowed.
fn parse_name(text: &str) -> Result<String, String> {
    let sound = |c: char| c.is_ascii_alphanumeric() || "._+=,@*?-".contains(c);
    let is_name = !text.is_empty() && text.chars().all(sound);
    if is_name { Ok(text.to_owned()) } else { Err("expected a name, which can contain *, and not an ARN".to_owned()) }
}

fn parse_account(text: &str) -> Result<String, String> {
    let sound = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { Ok(text.to_owned()) } else { Err("expected 12 digits".to_owned()) }
}

impl IamOptions {
    fn arn_names(&self) -> ArnNames {
        ArnNames {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            application: self.application.clone(),
            deployment_group: self.deployment_group.clone(),
            cluster: self.cluster.clone(),
            service: self.service.clone(),
        }
    }

    fn permission_inputs(&self) -> PermissionInputs {
        PermissionInputs {
            gate: self.gate_source.clone().unwrap_or_default(),
            app_spec: self.appspec.clone(),
            kms_keys: self.keys.clone(),
        }
    }

    /// The permissions that one role needs.
    fn permissions_for(
        &self,
        role: RoleName,
        file: Option<&str>,
    ) -> Result<Vec<Permission>, Vec<permissions::Diagnostic>> {
        match role {
            RoleName::Hook(hook) => permissions::required_permissions(file, hook, &self.permission_inputs()),
            RoleName::OnFailure => Ok(permissions::on_failure_permissions()),
        }
    }
}

pub fn print_policy(args: &IamOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    let source = args.file.as_deref().map(InputFile::read_gate_file).transpose().map_err(CommandError::Usage)?;
    let text = source.as_ref().map(|source| source.text.as_str());
    let roles = args.hook.map_or_else(|| Hook::ALL.map(RoleName::Hook).to_vec(), |one| vec![one]);
    let (names, inputs) = (args.arn_names(), args.permission_inputs());
    let (mut required, mut parameters, mut beyond) = (RequiredActions::default(), TemplateParameters::default(), false);
    for role in &roles {
        match (args.permissions_for(*role, text), &source) {
            (Ok(mut permissions), _) => {
                permissions.retain(|it| {
                    let way = if let RoleName::Hook(hook) = role {
                        grant_for(*hook, it, &inputs, &names)
                    } else {
                        TemplateGrant::Always
                    };
                    let is_beyond = way == TemplateGrant::NotAllowed;
                    beyond |= is_beyond;
                    parameters.add(way);
                    is_beyond || !args.not_in_template
                });
                required.add(role.as_str(), permissions);
            }
            (Err(faults), Some(source)) => {
                let rendered = diagnostics::render(screen.style, Level::Fault, source, &faults);
                // With --json, standard output has a policy or nothing.
                if args.json {
                    screen.eprintln(&rendered)?
                } else {
                    screen.println(&rendered)?
                }
                return Ok(CommandOutcome::Failure);
            }
            (Err(_), None) => return Err(CommandError::Failed(anyhow!("the built-in checks have a fault"))),
        }
    }
    let policy = PolicyDocument::new(&required, &names);
    if args.json {
        screen.print_json(&policy)?;
        for note in render::warnings(&policy, &names) {
            screen.eprintln(&note)?;
        }
    } else {
        let name = source.as_ref().map_or("only the built-in checks", |source| source.name.as_str());
        screen.println(&render::render_policy(
            screen.style,
            &render::render_title(name, &roles, args.not_in_template),
            &policy,
            &roles,
        ))?;
        if !args.not_in_template {
            screen.println(&render::render_template_section(screen.style, &parameters, beyond))?;
        }
        let notes = render::notes(&required, &policy, &names, &inputs);
        if !notes.is_empty() {
            screen.println(&render::wrap_notes(screen.style, &notes))?;
        }
    }
    if let (GateSource::Ssm(_), Some(text)) = (&inputs.gate, text)
        && let Some(why) = ssm_rejection(text)
    {
        screen.eprintln(why)?;
    }
    Ok(CommandOutcome::Success)
}

/// The warning if Systems Manager would reject this text as the value of a parameter.
fn ssm_rejection(text: &str) -> Option<&'static str> {
    if text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Some(
            "warning: Systems Manager refuses a value with {{…}}: in a parameter write \"\\x7b{test_url}\\x7d/\" for {{test_url}}/ \
             (docs/GATE-FILE.md), or keep the gate file in S3",
        );
    }
    (text.len() > 8 * 1024).then_some("warning: Systems Manager takes 8 KiB in a parameter: keep the gate file in S3")
}
