//! `greenlight dry-run`: runs a hook's checks on a real deployment with the caller's credentials, and puts no status.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clap::Args;
use hook_core::{
    Hook,
    dry_run::{CheckResult, DryRun, DryRunResult, Status},
    gate_file,
};
use lifecycle::format_duration;
use rehearsal::{CheckLine, EventKind, RehearsalEvent};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    cli::{CommandError, CommandOutcome, InputFile, aws_credentials, parse_hook},
    gate_file::diagnostics::{self, Level},
    rehearse::Timeline,
    terminal::{Emphasis, Output, TerminalStyle, count},
};

/// How often the status line below the timeline is redrawn.
const STATUS_INTERVAL: Duration = Duration::from_millis(200);

const AFTER_HELP: &str = "\
Reads AWS with your credentials, found as the AWS SDKs find them (environment, profile, SSO, a process, a role), and
sends the requests of the checks. It puts no status: CodeDeploy does not notice the dry run, and the hook function still
decides. The checks see the deployment as it is now, so long after the hook the result can differ.

The hooks' settings in this shell apply too: GREENLIGHT_HOST, GREENLIGHT_CLUSTER, ALB_URL, … Your machine must reach the
addresses of the checks: an internal load balancer may need a VPN.

With --json, standard output has the lines that the hook would log (docs/LOGGING.md).

Exit status:
  0    the hook would put Succeeded
  1    the hook would put Failed
  2    bad usage, a gate file with a fault, no credentials, or a deployment that the credentials cannot read: nothing
       was checked
  130  stopped by Ctrl-C (143: by SIGTERM)";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DryRunOptions {
    /// The hook whose checks to run, such as AfterInstall
    #[arg(long, value_name = "HOOK", value_parser = parse_hook)]
    hook: Hook,

    /// The deployment, such as d-A1B2C3D4E
    #[arg(long, value_name = "ID")]
    deployment_id: String,

    /// The gate file, or - for standard input [default: only the built-in checks]
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,

    /// A profile of your AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// The region of the deployment [default: the environment's or the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// The function's timeout; its checks have slightly less [default: 15m, Lambda's maximum]
    #[arg(long, value_name = "TIME", default_value = "15m", hide_default_value = true, value_parser = humantime::parse_duration)]
    timeout: Duration,

    /// Print the lines that the hook would log
    #[arg(long)]
    json: bool,
}

pub async fn dry_run(args: &DryRunOptions) -> Result<CommandOutcome, CommandError> {
    let mut screen = Output::stdout();
    let mut settings = match &args.gate {
        Some(path) => {
            let source = InputFile::read_gate_file(path).map_err(CommandError::Usage)?;
            reject_invalid_gate(&source).map_err(CommandError::Usage)?;
            vec![("GREENLIGHT_GATE", source.text), ("GREENLIGHT_GATE_FILE", String::new())]
        }
        None => Vec::new(),
    };
    let credentials =
        aws_credentials::load(args.profile.as_deref(), args.region.as_deref()).await.map_err(CommandError::Usage)?;
    let location = credentials.describe_location();
    settings.extend(credentials.settings);
    let dry_run = DryRun::new(args.hook, &args.deployment_id, settings);
    let dry_run = dry_run.map_err(|faults| CommandError::Usage(anyhow!("{}", faults.join("\n       "))))?;
    let result = match args.json {
        true => dry_run.run_logged(args.timeout).await,
        false => print_checks(&mut screen, args, &credentials.region, &dry_run).await?,
    };
    if let Some(why) = result.unreadable_reason {
        return Err(CommandError::Usage(anyhow!(
            "nothing was checked, because the deployment could not be read: {why}\n       the requests went to \
             {location}; --region and --profile choose another"
        )));
    }
    if !args.json {
        screen.println(&render_verdict(screen.style, &result))?;
    }
    Ok(CommandOutcome::from_success(result.status == Status::Succeeded))
}

/// Refuses a gate file with faults: no check can run with it.
fn reject_invalid_gate(source: &InputFile) -> anyhow::Result<()> {
    let faults = gate_file::check(&source.text);
    if faults.is_empty() {
        return Ok(());
    }
    let rendered = diagnostics::render(TerminalStyle::stderr(), Level::Fault, source, &faults);
    Err(anyhow!("{}\n{rendered}", count(faults.len(), "fault")))
}

/// Prints each check as it finishes.
async fn print_checks(
    screen: &mut Output,
    args: &DryRunOptions,
    region: &str,
    dry_run: &DryRun,
) -> Result<DryRunResult, CommandError> {
    let hook = args.hook;
    let mut timeline = Timeline::new(screen.style);
    let started = Instant::now();
    let moment = |what| RehearsalEvent { at: started.elapsed(), kind: what };
    let heading = format!("deployment {} in {region}; a dry run only reads, and puts no status", args.deployment_id);
    screen.println(&screen.style.paragraph(Emphasis::Dim, &heading))?;
    screen.println(&timeline.render_event(&moment(EventKind::HookInvoked { hook, function: None })))?;
    let (tx, mut rx) = mpsc::unbounded_channel();
    let evaluation = dry_run.run(args.timeout, move |one| {
        // Sending fails only while this function is being dropped.
        let _ = tx.send(one);
    });
    tokio::pin!(evaluation);
    let mut tick = interval(STATUS_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let result = loop {
        tokio::select! {
            biased;
            Some(one) = rx.recv() => {
                screen.println(&timeline.render_event(&moment(EventKind::CheckFinished { hook, check: check_line(one) })))?;
            }
            result = &mut evaluation => break result,
            _ = tick.tick() => screen.status(&timeline.status_line(started.elapsed()))?,
        }
    };
    while let Ok(one) = rx.try_recv() {
        screen.println(&timeline.render_event(&moment(EventKind::CheckFinished { hook, check: check_line(one) })))?;
    }
    Ok(result)
}

fn render_verdict(style: TerminalStyle, result: &DryRunResult) -> String {
    let (tone, word) = match result.status {
        Status::Succeeded => (Emphasis::Success, "Succeeded"),
        Status::Failed => (Emphasis::Error, "Failed"),
    };
    let took = style.apply(Emphasis::Dim, &format!("after {}", format_duration(result.elapsed)));
    let mut lines = vec![
        format!("{:10}{} {took}", "", style.apply(tone, &format!("→ would put {word}"))),
        String::new(),
        style.paragraph(Emphasis::Plain, &result.line),
    ];
    if let Some(hint) = result.hint {
        lines.push(style.hanging("next: ", 6, Emphasis::Plain, hint));
    }
    lines.join("\n")
}

/// Converts a result to the rehearsal's type, so that both commands print a check in the same way.
fn check_line(result: CheckResult) -> CheckLine {
    CheckLine {
        name: result.check,
        kind: result.kind.to_owned(),
        outcome: result.outcome.into(),
        decision: result.decision.into(),
        code: result.code.map(|code| code.name()).unwrap_or_default(),
        hint: result.hint.map(str::to_owned).unwrap_or_default(),
        duration: result.elapsed,
        message: result.line,
    }
}
