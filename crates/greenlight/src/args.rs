//! The command line.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use hook_core::Hook;
use rehearsal::HookName;

use crate::{
    appspec::AppSpecOptions, check_gate::CheckGateOptions, doctor::DoctorOptions, dry_run::DryRunOptions,
    explain::ExplainOptions, iam::IamOptions, init::InitOptions, table::ReasonScope,
};

/// The command line of Greenlight.
#[derive(Debug, Parser)]
#[command(
    version,
    about = "Go or no-go for Amazon ECS blue/green deployments with AWS CodeDeploy",
    arg_required_else_help = true
)]
pub struct Greenlight {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What Greenlight can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take a deployment through the five hooks on this machine, with no AWS account
    ///
    /// The hooks are the real programs that run in AWS Lambda elsewhere. Here they are processes of this machine, and
    /// the AWS that they talk to is simulated; a scenario says what goes wrong in it.
    Rehearse(RehearseOptions),

    /// Say whether gate files can be used, and what is wrong where
    Check(CheckGateOptions),

    /// Tell in plain words what the hooks will do with a gate file, or without one
    Explain(ExplainOptions),

    /// Print the JSON Schema of a gate file, for an editor
    ///
    /// Keep it beside the gate file (`greenlight schema > greenlight.schema.json`), and put this line at the top of that:
    ///
    ///   # yaml-language-server: $schema=greenlight.schema.json
    #[command(verbatim_doc_comment)]
    Schema,

    /// Write a short gate file to begin with
    Init(InitOptions),

    /// Write the hooks into an AppSpec file, or say what is wrong with one
    Appspec(AppSpecOptions),

    /// Tell what the hooks' roles have to be allowed for a gate file, and why
    Iam(IamOptions),

    /// Judge a real deployment as a hook would, with your own credentials, and answer nobody
    DryRun(DryRunOptions),

    /// Look for what usually goes wrong, before a deployment: roles, names, time-outs, the network, the gate file
    Doctor(DoctorOptions),
}

const AFTER_HELP: &str = "\
What it shows:
  Without --scenario and --all: a tour of two, one that succeeds and one that is stopped; with --appspec the first of them.
  With --scenario: the timeline of each, one after the other. With --all or --filter: many at once, as a table.
  With --serve: a deployment that waits at a hook for you, and how to reach it.

With --appspec, what is wrong with the file comes first, as `greenlight appspec --check` says it. Then a deployment is played with
it: an event that it does not name is passed, a function that it names is the program that its name ends in
(CodeDeployHook_shop-before-install), wherever it stands, and one that CodeDeploy could not invoke fails its event at once. CodeDeploy's
role is the narrower one of AWS's, and the task definition is the rehearsal's own.

With --json, standard output has one JSON object per line. Every one has `scenario` and `what`. First come the moments,
as they happen, with `at_ms` (since the deployment was created): created, passed, invoked, checked, net (a function
failed, and what on-failure makes of it), answered, moved, rolled-back, ended. The last of a scenario is `report`, with
`held` and the whole of it; or `error`, with `error`. With --serve there is no report, and `open` (where everything is),
`waiting` (a hook, its event and its Lambda Runtime API), `called` (an AWS operation) and `returned` (a function) as well.

Exit status:
  0    every scenario ended as it promises
  1    one did not, or could not be played
  2    bad usage: an unknown scenario, a file that cannot be read, an AppSpec file that CodeDeploy does not take, no hook
       programs
  130  stopped by Ctrl-C (143: by SIGTERM); the hook processes are stopped as well
  With --serve, Ctrl-C and SIGTERM are the normal end: 0.";

/// `greenlight rehearse`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct RehearseOptions {
    /// A scenario to play, by its name (see --list) or as a YAML file; may be given more than once
    #[arg(short, long = "scenario", value_name = "NAME|FILE")]
    pub scenarios: Vec<String>,

    /// Play every scenario, several at a time, and show a table
    #[arg(long, conflicts_with = "scenarios")]
    pub all: bool,

    /// Only the scenarios whose name has TEXT in it, or is like TEXT with * and ? as in a shell; may be given more than
    /// once, and then any of them will do. With --list, or as a table like --all
    #[arg(short, long = "filter", value_name = "TEXT", conflicts_with = "scenarios")]
    pub filters: Vec<String>,

    /// How many scenarios to play at a time in a table [default: 4 for each processor, since they mostly wait]
    #[arg(short, long, value_name = "N", conflicts_with = "scenarios")]
    pub jobs: Option<NonZeroUsize>,

    /// Below a table, say in two lines why each deployment was stopped, and not only where a promise was broken
    #[arg(long, conflicts_with_all = ["scenarios", "json"])]
    pub why: bool,

    /// Say which scenarios there are, and play none
    #[arg(long, conflicts_with_all = ["scenarios", "all", "gate", "appspec", "logs", "binaries", "jobs", "junit", "seed", "why"])]
    pub list: bool,

    /// Keep the world of one scenario up and say where it is, for your own hook, the aws CLI, or another program
    #[arg(long, conflicts_with_all = ["all", "filters", "list", "gate", "appspec", "logs", "binaries", "jobs", "junit", "why"])]
    pub serve: bool,

    /// With --serve: the hook to wait at, such as AfterInstall; those before it are passed over [default: the hook that
    /// stops the scenario, else AfterAllowTestTraffic]
    #[arg(long, value_name = "HOOK", requires = "serve", value_parser = parse_hook_name)]
    pub at: Option<HookName>,

    /// A gate file to use in place of the scenarios' own
    #[arg(long, value_name = "FILE")]
    pub gate: Option<PathBuf>,

    /// An AppSpec file: only the hooks that it names are asked, by the functions that it names. In place of the scenario's
    #[arg(long, value_name = "FILE")]
    pub appspec: Option<PathBuf>,

    /// Print JSON lines for a program to read
    #[arg(long)]
    pub json: bool,

    /// Also print what the hooks logged: on standard error when a scenario is over; with --json, in its report
    #[arg(long)]
    pub logs: bool,

    /// Also write a JUnit report for a CI system to show: a test case for each scenario
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Make ids from this number, so that they are the same each time [default: from the clock; a scenario that ends
    /// otherwise than it promises says which it was]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Where the programs of the five hooks and of on-failure are [default: beside this program]
    #[arg(long, value_name = "DIR")]
    pub binaries: Option<PathBuf>,
}

impl RehearseOptions {
    /// Whether many are played at once and shown as a table.
    pub fn is_table(&self) -> bool {
        self.all || !self.filters.is_empty()
    }

    /// Whose reasons a table tells.
    pub fn reason_scope(&self) -> ReasonScope {
        if self.why { ReasonScope::AllStopped } else { ReasonScope::UnmetOnly }
    }
}

/// A hook by CodeDeploy's name, by its program's, or by its key in a gate file.
pub fn parse_hook(text: &str) -> Result<Hook, String> {
    let text = text.replace('-', "_");
    let is_named_so = |hook: &Hook| [hook.event_name(), hook.key()].iter().any(|name| name.eq_ignore_ascii_case(&text));
    Hook::ALL.into_iter().find(is_named_so).ok_or_else(|| {
        let names: Vec<&str> = Hook::ALL.iter().map(|hook| hook.event_name()).collect();
        format!("the hooks are {}", names.join(", "))
    })
}

/// The same, as the rehearsal knows it.
fn parse_hook_name(text: &str) -> Result<HookName, String> {
    parse_hook(text).map(to_hook_name)
}

/// The rehearsal's name for a hook.
pub const fn to_hook_name(hook: Hook) -> HookName {
    match hook {
        Hook::BeforeInstall => HookName::BeforeInstall,
        Hook::AfterInstall => HookName::AfterInstall,
        Hook::AfterAllowTestTraffic => HookName::AfterAllowTestTraffic,
        Hook::BeforeAllowTraffic => HookName::BeforeAllowTraffic,
        Hook::AfterAllowTraffic => HookName::AfterAllowTraffic,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Greenlight::command().debug_assert();
    }

    #[test]
    fn a_hook_has_three_names() {
        for name in ["AfterInstall", "after-install", "after_install"] {
            assert_eq!(parse_hook(name), Ok(Hook::AfterInstall));
            assert_eq!(parse_hook_name(name), Ok(HookName::AfterInstall));
        }
        assert!(parse_hook("Install").unwrap_err().contains("BeforeInstall, AfterInstall"));
    }

    #[test]
    fn help_as_golden_text() {
        let mut command = Greenlight::command();
        command.build();
        let help = command.find_subcommand_mut("rehearse").unwrap().render_long_help().to_string();
        insta::assert_snapshot!(help);
        for name in ["check", "explain", "schema", "init", "appspec", "iam", "dry-run", "doctor"] {
            let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
            insta::assert_snapshot!(format!("help_of_{name}"), help);
        }
    }
}
