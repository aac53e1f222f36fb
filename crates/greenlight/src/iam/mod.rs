//! `greenlight iam`: what the hooks' roles have to be allowed for a gate file, statement by statement and why.

mod policy;
mod template;
mod told;
mod wanted;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use hook_core::{
    Hook,
    permissions::{self, GateSource, Names, Permission, Places},
};

use self::{
    policy::Policy,
    template::{Parameters, Way, way},
    wanted::Wanted,
};
use crate::{
    args::hook,
    exit::{Fault, Verdict},
    faults,
    screen::Screen,
    source::Source,
};

const AFTER: &str = "\
A name that is not given stands as a word in capitals, such as ACCOUNT; names may hold *. What Lambda itself does with a role
(logs, network interfaces, the destination of what failed) is not in here: infra/template.yaml has it.

Without --hook it is the sum for all five hooks; with --hook what that one needs, for a role of its own. With --json, standard
output has a policy document for `aws iam put-role-policy` and `aws iam create-policy`. Nothing is read from AWS.

Exit status:
  0    it is printed
  1    the file has a fault, which is shown as `greenlight check` shows it
  2    bad usage: a file that cannot be read";

/// `greenlight iam`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct Iam {
    /// A gate file, or - for standard input [default: none, so the built-in checks alone]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Only this hook's role, such as AfterInstall; or last-answer's
    #[arg(long, value_name = "HOOK", value_parser = whose)]
    hook: Option<Whose>,

    /// Only what no parameter of infra/template.yaml lets its roles do: a policy for its MorePolicyArns
    #[arg(long)]
    beyond_template: bool,

    /// Print a policy document
    #[arg(long)]
    json: bool,

    /// Where the functions read the gate file from, if not from their package: ssm:NAME or s3://bucket/key
    #[arg(long, value_name = "PLACE", value_parser = GateSource::parse)]
    gate_source: Option<GateSource>,

    /// Where AppSpec files are, if deployments name them in S3: s3://bucket/key, where both may hold *
    #[arg(long, value_name = "PLACE", value_parser = object)]
    appspec: Option<(String, String)>,

    /// A key of your own that parameters, secrets or objects are encrypted with; may be given more than once
    #[arg(long = "kms-key", value_name = "ARN", value_parser = key)]
    keys: Vec<String>,

    /// The application of CodeDeploy
    #[arg(long, value_name = "NAME", value_parser = name)]
    application: Option<String>,

    /// The deployment group of CodeDeploy
    #[arg(long, value_name = "NAME", value_parser = name)]
    deployment_group: Option<String>,

    /// The cluster of ECS
    #[arg(long, value_name = "NAME", value_parser = name)]
    cluster: Option<String>,

    /// The service of ECS
    #[arg(long, value_name = "NAME", value_parser = name)]
    service: Option<String>,

    /// The region
    #[arg(long, value_name = "NAME", value_parser = name)]
    region: Option<String>,

    /// The account, 12 digits
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,

    /// The partition [default: that of the region, else aws]
    #[arg(long, value_name = "NAME", value_parser = name)]
    partition: Option<String>,
}

/// Whose role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// A hook's.
    Hook(Hook),
    /// The safety net's.
    LastAnswer,
}

impl Whose {
    /// The word in what is told.
    const fn word(self) -> &'static str {
        match self {
            Self::Hook(hook) => hook.event_name(),
            Self::LastAnswer => "last-answer",
        }
    }
}

/// A hook by any of its names, or the safety net.
fn whose(text: &str) -> Result<Whose, String> {
    match text {
        "last-answer" | "LastAnswer" => Ok(Whose::LastAnswer),
        text => hook(text).map(Whose::Hook).map_err(|why| format!("{why}; and there is last-answer")),
    }
}

fn object(text: &str) -> Result<(String, String), String> {
    let place = text.strip_prefix("s3://").and_then(|place| place.split_once('/'));
    let place = place.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    place.map(|(bucket, key)| (bucket.to_owned(), key.to_owned())).ok_or_else(|| "it is s3://bucket/key".to_owned())
}

fn key(text: &str) -> Result<String, String> {
    let is_key = text.starts_with("arn:") && text.split(':').nth(2) == Some("kms") && text.contains(":key/");
    // An alias in a policy allows nothing: IAM compares with the key's own ARN.
    if is_key {
        Ok(text.to_owned())
    } else {
        Err("it is the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID".to_owned())
    }
}

/// What an ARN would have in it is none of a name's letters, nor is what IAM would take for a variable.
fn name(text: &str) -> Result<String, String> {
    let sound = |c: char| c.is_ascii_alphanumeric() || "._+=,@*?-".contains(c);
    let is_name = !text.is_empty() && text.chars().all(sound);
    if is_name { Ok(text.to_owned()) } else { Err("it is a name, in which * may stand, and no ARN".to_owned()) }
}

fn account(text: &str) -> Result<String, String> {
    let sound = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { Ok(text.to_owned()) } else { Err("it has 12 digits".to_owned()) }
}

impl Iam {
    fn names(&self) -> Names {
        Names {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            application: self.application.clone(),
            deployment_group: self.deployment_group.clone(),
            cluster: self.cluster.clone(),
            service: self.service.clone(),
        }
    }

    fn places(&self) -> Places {
        Places {
            gate: self.gate_source.clone().unwrap_or_default(),
            app_spec: self.appspec.clone(),
            keys: self.keys.clone(),
        }
    }

    /// What one role needs.
    fn of(&self, whose: Whose, file: Option<&str>) -> Result<Vec<Permission>, Vec<permissions::Fault>> {
        match whose {
            Whose::Hook(hook) => permissions::of(file, hook, &self.places()),
            Whose::LastAnswer => Ok(permissions::of_last_answer()),
        }
    }
}

/// Does what was asked.
pub fn iam(args: &Iam) -> Result<Verdict, Fault> {
    let mut screen = Screen::stdout();
    let source = args.file.as_deref().map(Source::read).transpose().map_err(Fault::Usage)?;
    let text = source.as_ref().map(|source| source.text.as_str());
    let roles = args.hook.map_or_else(|| Hook::ALL.map(Whose::Hook).to_vec(), |one| vec![one]);
    let (names, places) = (args.names(), args.places());
    let (mut wanted, mut parameters, mut beyond) = (Wanted::default(), Parameters::default(), false);
    for role in &roles {
        match (args.of(*role, text), &source) {
            (Ok(mut permissions), _) => {
                permissions.retain(|it| {
                    let way = if let Whose::Hook(hook) = role { way(*hook, it, &places, &names) } else { Way::Always };
                    let is_beyond = way == Way::Not;
                    beyond |= is_beyond;
                    parameters.add(way);
                    is_beyond || !args.beyond_template
                });
                wanted.add(role.word(), permissions);
            }
            (Err(faults), Some(source)) => {
                let told = faults::told(screen.look, source, &faults);
                // What stands on standard output with --json is a policy, or nothing.
                if args.json {
                    screen.aside(&told)?
                } else {
                    screen.say(&told)?
                }
                return Ok(Verdict::Bad);
            }
            (Err(_), None) => return Err(Fault::Failed(anyhow!("the built-in checks have a fault"))),
        }
    }
    let policy = Policy::new(&wanted, &names);
    if args.json {
        let text = serde_json::to_string_pretty(&policy)?;
        screen.say(&text)?;
        for note in told::warnings(&policy, &text, &names) {
            screen.aside(&note)?;
        }
    } else {
        let name = source.as_ref().map_or("the built-in checks alone", |source| source.name.as_str());
        screen.say(&told::told(screen.look, &told::title(name, &roles, args.beyond_template), &policy, &roles))?;
        if !args.beyond_template {
            screen.say(&told::in_template(screen.look, &parameters, beyond))?;
        }
        let notes = told::notes(&wanted, &policy, &names, &places);
        if !notes.is_empty() {
            screen.say(&told::laid_out(screen.look, &notes))?;
        }
    }
    if let (GateSource::Ssm(_), Some(text)) = (&places.gate, text)
        && let Some(why) = refused_by_ssm(text)
    {
        screen.aside(why)?;
    }
    Ok(Verdict::Good)
}

/// Why Systems Manager would not take this as the value of a parameter.
fn refused_by_ssm(text: &str) -> Option<&'static str> {
    if text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        return Some(
            "warning: Systems Manager refuses a value with {{…}}: in a parameter write \"\\x7b{test_url}\\x7d/\" for {{test_url}}/ \
             (docs/GATE-FILE.md), or keep the gate file in S3",
        );
    }
    (text.len() > 8 * 1024).then_some("warning: Systems Manager takes 8 KiB in a parameter: keep the gate file in S3")
}
