//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    Rehearse(Rehearse),
}

const AFTER: &str = "\
What it shows:
  Without --scenario and --all: a tour of two, one that succeeds and one that is stopped.
  With --scenario: the timeline of each, one after the other. With --all: all at once, as a table.

With --json, standard output has one JSON object per line. Every one has `scenario` and `what`. First come the moments,
as they happen, with `at_ms` (since the deployment was created): created, passed, invoked, checked, answered, moved,
rolled-back, ended. The last of a scenario is `report`, with `held` and the whole of it; or `error`, with `error`.

Exit status:
  0    every scenario ended as it promises
  1    one did not, or could not be played
  2    bad usage: an unknown scenario, a file that cannot be read, no hook programs
  130  stopped by Ctrl-C (143: by SIGTERM); the hook processes are stopped as well";

/// `greenlight rehearse`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct Rehearse {
    /// A scenario to play, by its name (see --list) or as a YAML file; may be given more than once
    #[arg(short, long = "scenario", value_name = "NAME|FILE")]
    pub scenarios: Vec<String>,

    /// Play every scenario, four at a time, and show a table
    #[arg(long, conflicts_with = "scenarios")]
    pub all: bool,

    /// Say which scenarios there are, and play none
    #[arg(long, conflicts_with_all = ["scenarios", "all", "gate", "logs", "binaries"])]
    pub list: bool,

    /// A gate file to use in place of the scenarios' own
    #[arg(long, value_name = "FILE")]
    pub gate: Option<PathBuf>,

    /// Print JSON lines for a program to read
    #[arg(long)]
    pub json: bool,

    /// Also print what the hooks logged: on standard error when a scenario is over; with --json, in its report
    #[arg(long)]
    pub logs: bool,

    /// Where the five hook programs are [default: beside this program]
    #[arg(long, value_name = "DIR")]
    pub binaries: Option<PathBuf>,
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
    fn help_as_golden_text() {
        let mut command = Greenlight::command();
        command.build();
        let help = command.find_subcommand_mut("rehearse").unwrap().render_long_help().to_string();
        insta::assert_snapshot!(help);
    }
}
