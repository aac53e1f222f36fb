//! `greenlight run`: what a hook says of a real deployment, with the credentials of whoever asks, and without an answer.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clap::Args;
use hook_core::{
    Hook, gate_file,
    trial::{Concluded, Seen, Status, Trial},
};
use rehearsal::{CheckLine, Happening, Moment};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    args::{hook, rehearsed},
    caller,
    exit::{Fault, Verdict},
    faults,
    paint::{Look, PLAIN, Tone, span},
    screen::Screen,
    source::Source,
    timeline::Timeline,
};

/// How often the line below the others is written anew.
const TICK: Duration = Duration::from_millis(200);

const AFTER: &str = "\
It reads AWS with your credentials, found as the AWS SDKs find them (environment, profile, SSO, a process, a role),
and sends the requests that the checks ask for. It answers nobody: CodeDeploy does not hear of it, and the hook itself decides.
It judges what is there now, so long after the hook the answer may be another one.

The hooks' own settings count as well where this shell has them: GREENLIGHT_HOST, GREENLIGHT_CLUSTER, ALB_URL, … Your
machine has to reach what the checks ask: an internal load balancer may need a VPN.

With --json, standard output has the lines that the hook would have logged (docs/LOGGING.md).

Exit status:
  0    the deployment passes
  1    the hook would have answered Failed
  2    bad usage, a gate file with a fault, no credentials, or a deployment that they cannot read: nothing was judged
  130  stopped by Ctrl-C (143: by SIGTERM)";

/// `greenlight run`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct Run {
    /// The hook whose checks are made, such as AfterInstall
    #[arg(long, value_name = "HOOK", value_parser = hook)]
    hook: Hook,

    /// The deployment, such as d-A1B2C3D4E
    #[arg(long, value_name = "ID")]
    deployment_id: String,

    /// The gate file, or - for standard input [default: the built-in checks alone]
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,

    /// A profile of your AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// The region of the deployment [default: the environment's or the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// The time-out of the function: its checks have a little less [default: what Lambda allows at most]
    #[arg(long, value_name = "TIME", default_value = "15m", hide_default_value = true, value_parser = humantime::parse_duration)]
    timeout: Duration,

    /// Print the lines that the hook would have logged
    #[arg(long)]
    json: bool,
}

/// Does what was asked.
pub async fn run(args: &Run) -> Result<Verdict, Fault> {
    let mut screen = Screen::stdout();
    let mut settings = match &args.gate {
        Some(path) => {
            let source = Source::read(path).map_err(Fault::Usage)?;
            refuse_faults(&source).map_err(Fault::Usage)?;
            vec![("GREENLIGHT_GATE", source.text), ("GREENLIGHT_GATE_FILE", String::new())]
        }
        None => Vec::new(),
    };
    let caller = caller::find(args.profile.as_deref(), args.region.as_deref()).await.map_err(Fault::Usage)?;
    let place = caller.place();
    settings.extend(caller.settings);
    let trial = Trial::new(args.hook, &args.deployment_id, settings);
    let trial = trial.map_err(|faults| Fault::Usage(anyhow!("{}", faults.join("\n       "))))?;
    let concluded = match args.json {
        true => trial.logged(args.timeout).await,
        false => told(&mut screen, args, &caller.region, &trial).await?,
    };
    if let Some(why) = concluded.unread {
        return Err(Fault::Usage(anyhow!(
            "nothing was judged, as the deployment could not be read: {why}\n       {place} was asked; --region and \
             --profile choose another"
        )));
    }
    if !args.json {
        screen.say(&verdict(screen.look, &concluded))?;
    }
    Ok(if concluded.status == Status::Succeeded { Verdict::Good } else { Verdict::Bad })
}

/// A gate file with a fault judges nothing, so it ends here.
fn refuse_faults(source: &Source) -> anyhow::Result<()> {
    let faults = gate_file::check(&source.text);
    if faults.is_empty() {
        return Ok(());
    }
    let look = Look { colour: console::colors_enabled_stderr(), ..PLAIN };
    Err(anyhow!("{}\n{}", faults::count(faults.len()), faults::told(look, source, &faults)))
}

/// Tells of the checks as they end.
async fn told(screen: &mut Screen, args: &Run, region: &str, trial: &Trial) -> Result<Concluded, Fault> {
    let name = rehearsed(args.hook);
    let mut timeline = Timeline::new(screen.look);
    let began = Instant::now();
    let moment = |what| Moment { at: began.elapsed(), what };
    let heading =
        format!("deployment {} in {region}; it is only read, and CodeDeploy gets no answer", args.deployment_id);
    screen.say(&screen.look.hang("", 0, Tone::Quiet, &heading))?;
    screen.say(&timeline.moment(&moment(Happening::Invoked { hook: name, function: None })))?;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let judging = trial.told(args.timeout, move |one| {
        // Nobody listens any more only when this is being dropped.
        let _ = tell.send(one);
    });
    tokio::pin!(judging);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let concluded = loop {
        tokio::select! {
            biased;
            Some(one) = seen.recv() => {
                screen.say(&timeline.moment(&moment(Happening::Checked { hook: name, check: line(one) })))?;
            }
            concluded = &mut judging => break concluded,
            _ = tick.tick() => screen.status(&timeline.status(began.elapsed()))?,
        }
    };
    while let Ok(one) = seen.try_recv() {
        screen.say(&timeline.moment(&moment(Happening::Checked { hook: name, check: line(one) })))?;
    }
    Ok(concluded)
}

/// The verdict, and what to do next.
fn verdict(look: Look, concluded: &Concluded) -> String {
    let (tone, word) = match concluded.status {
        Status::Succeeded => (Tone::Good, "Succeeded"),
        Status::Failed => (Tone::Bad, "Failed"),
    };
    let took = look.paint(Tone::Quiet, &format!("after {}", span(concluded.took)));
    let mut lines = vec![
        format!("{:10}{} {took}", "", look.paint(tone, &format!("→ would answer {word}"))),
        String::new(),
        look.hang("", 0, Tone::Plain, &concluded.line),
    ];
    if let Some(hint) = concluded.hint {
        lines.push(look.hang("next: ", 6, Tone::Plain, hint));
    }
    lines.join("\n")
}

/// A check's line as the rehearsal knows it, so that both look alike.
fn line(seen: Seen) -> CheckLine {
    CheckLine {
        name: seen.check,
        kind: seen.kind.to_owned(),
        outcome: seen.outcome.to_owned(),
        decision: seen.decision.to_owned(),
        code: seen.code.map(|code| code.word()).unwrap_or_default(),
        hint: seen.hint.map(str::to_owned).unwrap_or_default(),
        duration_ms: seen.took.as_millis().try_into().unwrap_or(u64::MAX),
        message: seen.line,
    }
}
