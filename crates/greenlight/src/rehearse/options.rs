//! The options of `greenlight rehearse`.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Args;
use rehearsal::Hook;

use crate::cli::parse_hook;

const AFTER_HELP: &str = "\
Output:
  Without --scenario and --all: a tour of two scenarios, one that succeeds and one that is stopped; with --appspec, only
  the first.
  With --scenario: the timeline of each, one after the other. With --all or --filter: many at once, as a table.
  With --gate: what your gate file would have caught. What it names (alarms, secrets, variables, routes) is put into the
  simulated world, checks of other hosts are left out, and its windows pass 30 times faster. So do the times of a
  scenario file of your own, and what that file expects is judged.
  With --service: the same for your own service, and with its names, rules and alarms.
  With --serve: a deployment that waits for you at a hook, and how to reach it.

With --appspec, the problems of the file come first, as `greenlight appspec --check` prints them. Then the rehearsal
runs a deployment with the file. CodeDeploy skips a hook that the file does not name. A function that the file names
runs the program that its name ends in (CodeDeployHook_shop-before-install), at any hook. A function that CodeDeploy
cannot invoke fails its event at once. CodeDeploy has the narrower of its two managed roles, and the task definition
comes from the rehearsal.

With --serve, your functions take the place of the programs. If a fault of the scenario names a function, it applies to
yours too. With --appspec, only the hooks of the file are invoked: a function of Greenlight runs its program, and any
other function waits for you under its own name. With --await-deployment, a deployment begins when a client creates it,
such as `aws ecs deploy` or a CI action, and the client's AppSpec file names the functions. After an error or a timeout,
a function gets its event again. After a return without an error it does not, as in Lambda.

With --json, standard output has one JSON object per line, each with `scenario` and `event`. First come the events of
the timeline, with `at_ms` (since the deployment was created): deployment-created, event-completed, hook-invoked,
check-finished, on-failure (a function failed, and what on-failure does about it), hook-finished, world-changed,
rolled-back, deployment-ended. The last line of a scenario is `report`, with `met_expectations` and the whole report; or
`error`, with `error`. With --serve there is no report. Additional events are `open` (the endpoints), `waiting` (a hook,
its event, its function and its Lambda Runtime API), `called` (an AWS operation) and `returned` (a function).

Exit status:
  0    every scenario ended as expected; with --gate or --service, every scenario of the
       library was played
  1    a scenario did not, or could not be played
  2    bad usage: an unknown scenario, a file that cannot be read, an AppSpec file that CodeDeploy does not accept,
       missing hook programs
  130  stopped by Ctrl-C (143: by SIGTERM); the hook processes are stopped too
  With --serve, Ctrl-C and SIGTERM are the normal end, with status 0. With --once they are not, and 0 means that every
  hook got a status and every deployment ended as the scenario expects, whichever hook stopped it.";

/// `greenlight rehearse`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct RehearseOptions {
    /// A scenario to play: a name from --list, or a YAML file; can be repeated
    #[arg(short, long = "scenario", value_name = "NAME|FILE")]
    pub scenarios: Vec<String>,

    /// Play every scenario, several at a time, and print a table
    #[arg(long, conflicts_with = "scenarios")]
    pub all: bool,

    /// Only scenarios whose name contains TEXT, or matches it where TEXT has * or ?; can be repeated, and then one
    /// match is enough. Prints a table like --all, or a list with --list
    #[arg(short, long = "filter", value_name = "TEXT", conflicts_with = "scenarios")]
    pub filters: Vec<String>,

    /// How many scenarios to play at a time for a table [default: 4 per CPU, up to 24, because they mostly wait]
    #[arg(short, long, value_name = "N", conflicts_with = "scenarios")]
    pub jobs: Option<NonZeroUsize>,

    /// With a table, also explain in two lines why each deployment was stopped, not only where a scenario failed
    #[arg(long, conflicts_with_all = ["scenarios", "json"])]
    pub why: bool,

    /// List the scenarios, and play none
    #[arg(long, conflicts_with_all = ["scenarios", "all", "gate", "service", "appspec", "logs", "binaries", "jobs", "junit", "seed", "why"])]
    pub list: bool,

    /// Keep the simulated AWS of one scenario running and print its endpoints, for your own hook, the aws CLI, or
    /// another program
    #[arg(long, conflicts_with_all = ["all", "filters", "list", "logs", "jobs", "junit", "why"])]
    pub serve: bool,

    /// With --serve: the hook to wait at, such as AfterInstall; the hooks before it are skipped [default: the hook that
    /// stops the scenario, else AfterAllowTestTraffic]
    #[arg(long, value_name = "HOOK", requires = "serve", value_parser = parse_hook, conflicts_with_all = ["appspec", "await_deployment"])]
    pub at: Option<Hook>,

    /// With --serve: start no deployment; each one begins when a client creates it (CreateDeployment), with the AppSpec
    /// file of that client
    #[arg(long, requires = "serve", conflicts_with = "appspec")]
    pub await_deployment: bool,

    /// With --serve: end after the scenario's deployments, with an exit status for CI
    #[arg(long, requires = "serve")]
    pub once: bool,

    /// With --serve: the functions' timeout, such as 5m [default: the scenario's, normally 1m]
    #[arg(long, value_name = "TIME", requires = "serve", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,

    /// With --serve: how long CodeDeploy waits for a status [default: 1d; with --once 1h, as in AWS]
    #[arg(long, value_name = "TIME", requires = "serve", value_parser = humantime::parse_duration)]
    pub hook_timeout: Option<Duration>,

    /// With --serve: fixed ports, for containers and scripts. AWS has PORT; the production listener, the test listener
    /// and the Runtime APIs of the five hooks have the next ports in this order [default: free ports of loopback]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "serve")]
    pub listen: Option<SocketAddr>,

    /// Your own gate file: plays every failure and prints which of them it would have caught, and by which check. With
    /// --scenario, prints the timeline
    #[arg(long, value_name = "FILE")]
    pub gate: Option<PathBuf>,

    /// A file that describes your own service, from `greenlight describe`: every scenario plays with it instead of the
    /// simulated shop. Without --gate, the built-in checks decide
    #[arg(long, value_name = "FILE")]
    pub service: Option<PathBuf>,

    /// An AppSpec file to use instead of the scenario's own: only its hooks run, with the functions that it names
    #[arg(long, value_name = "FILE")]
    pub appspec: Option<PathBuf>,

    /// Print JSON lines
    #[arg(long)]
    pub json: bool,

    /// Also print the hooks' logs: on standard error after each scenario; with --json, in its report
    #[arg(long)]
    pub logs: bool,

    /// Also write a JUnit report for a CI system: one test case per scenario
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Derive ids from this number, so that they are the same each time [default: from the clock; a scenario that does
    /// not end as expected prints the number]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// The directory of the five hook programs and of on-failure [default: the directory of this program]
    #[arg(long, value_name = "DIR")]
    pub binaries: Option<PathBuf>,
}

impl RehearseOptions {
    /// Whether several scenarios run at once and are printed as a table.
    pub fn is_table(&self) -> bool {
        self.all || !self.filters.is_empty() || self.is_trial()
    }

    /// Whether the question is what a gate file would have caught.
    pub fn is_trial(&self) -> bool {
        (self.gate.is_some() || self.service.is_some()) && self.scenarios.is_empty()
    }
}
