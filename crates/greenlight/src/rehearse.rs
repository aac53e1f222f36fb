//! `greenlight rehearse`: plays scenarios and tells what happens.

use std::{
    io,
    time::{Duration, Instant},
};

use rehearsal::{Happening, Moment, Options, Report, Scenario};
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{MissedTickBehavior, interval},
};

use crate::{
    all,
    args::Rehearse,
    json, list,
    matrix::Played,
    paint::{Tone, seconds},
    pick,
    screen::Screen,
    timeline::Timeline,
};

/// How often the line in progress is written anew: often enough to look alive.
pub const TICK: Duration = Duration::from_millis(100);

/// Whether everything ended as promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It did.
    Held,
    /// It did not, or could not be played.
    Broken,
}

/// Why nothing more could be done.
#[derive(Debug)]
pub enum Fault {
    /// The command line, or a file that it names, is wrong.
    Usage(anyhow::Error),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

/// Does what was asked.
///
/// Dropping the future stops the rehearsal; the hook processes go with it.
pub async fn rehearse(args: &Rehearse) -> Result<Promise, Fault> {
    let mut screen = Screen::stdout();
    if args.list {
        return tell_list(&mut screen, args);
    }
    let scenarios = pick::scenarios(args).map_err(Fault::Usage)?;
    let options = pick::options(args).map_err(Fault::Usage)?;
    if args.all {
        return all::all(&mut screen, args, scenarios, options).await;
    }

    if !args.json {
        let text = "Five hooks are asked in turn whether a deployment may go on. Each is a real process; the AWS around it is simulated.";
        let text = screen.look.hang("", 0, Tone::Quiet, text);
        screen.say(&(text + "\n"))?;
    }
    let (began, mut held) = (Instant::now(), 0);
    for scenario in &scenarios {
        let played = match args.json {
            true => tell_json(&mut screen, scenario, &options, args).await?,
            false => tell_timeline(&mut screen, scenario, &options, args).await?,
        };
        held += usize::from(played.held());
    }
    let of = scenarios.len();
    if !args.json {
        if of > 1 {
            screen.say(&format!("{held} of {of} scenarios ended as they promise, in {}", seconds(began.elapsed())))?;
        }
        if pick::is_tour(args) {
            let more = "`make rehearse ARGS=--list` names every scenario, `make rehearse ARGS=--all` plays them all and shows a table.";
            let more = screen.look.hang("", 0, Tone::Quiet, more);
            screen.say(&more)?;
        }
    }
    Ok(if held == of { Promise::Held } else { Promise::Broken })
}

fn tell_list(screen: &mut Screen, args: &Rehearse) -> Result<Promise, Fault> {
    let scenarios = Scenario::all();
    if args.json {
        for one in &scenarios {
            screen.say(&json::listed(&one.name, &one.about)?)?;
        }
    } else {
        let text = list::list(screen.look, scenarios.iter().map(|one| (one.name.as_str(), one.about.as_str())));
        screen.say(&text)?;
    }
    Ok(Promise::Held)
}

async fn tell_timeline(
    screen: &mut Screen,
    scenario: &Scenario,
    options: &Options,
    args: &Rehearse,
) -> Result<Played, Fault> {
    let mut timeline = Timeline::new(screen.look);
    screen.say(&timeline.heading(&scenario.name, &scenario.about))?;
    let mut created = Instant::now();
    let played = play(scenario, options, |news| match news {
        News::Moment(moment) => {
            if let Happening::Created { .. } = moment.what {
                created = Instant::now();
            }
            screen.say(&timeline.moment(moment))
        }
        News::Tick => screen.status(&timeline.status(created.elapsed())),
    })
    .await?;
    match &played {
        Played::Through(report) => {
            screen.say(&(timeline.verdict(report) + "\n"))?;
            if args.logs {
                tell_logs(screen, report)?;
            }
        }
        Played::Not { error, .. } => {
            let glyph = screen.look.paint(Tone::Bad, "✗ could not be played: ");
            screen.say(&format!("{glyph}{error}\n"))?;
        }
    }
    Ok(played)
}

async fn tell_json(
    screen: &mut Screen,
    scenario: &Scenario,
    options: &Options,
    args: &Rehearse,
) -> Result<Played, Fault> {
    let played = play(scenario, options, |news| match news {
        News::Moment(moment) => screen.say(&json::moment(&scenario.name, moment)?),
        News::Tick => Ok(()),
    })
    .await?;
    tell_json_end(screen, &played, args)?;
    Ok(played)
}

/// The last line of a scenario.
pub fn tell_json_end(screen: &mut Screen, played: &Played, args: &Rehearse) -> Result<(), Fault> {
    let line = match played {
        Played::Through(report) if args.logs => json::report(report)?,
        Played::Through(report) => json::report(&Report { logs: Vec::new(), ..Report::clone(report) })?,
        Played::Not { scenario, error } => json::error(scenario, error)?,
    };
    Ok(screen.say(&line)?)
}

/// Every line that a hook wrote, as it wrote it.
pub fn tell_logs(screen: &mut Screen, report: &Report) -> io::Result<()> {
    for (hook, line) in &report.logs {
        screen.aside(&format!("{} | {line}", hook.binary()))?;
    }
    Ok(())
}

/// What there is to tell.
enum News<'a> {
    /// Something happened.
    Moment(&'a Moment),
    /// Nothing did, for a [`TICK`].
    Tick,
}

/// Plays one scenario and tells `hear` of it as it goes on.
async fn play(
    scenario: &Scenario,
    options: &Options,
    mut hear: impl FnMut(News<'_>) -> io::Result<()>,
) -> io::Result<Played> {
    let (tell, mut told) = unbounded_channel();
    let mut playing = std::pin::pin!(rehearsal::rehearse(scenario, options, tell));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        tokio::select! {
            biased;
            Some(moment) = told.recv() => hear(News::Moment(&moment))?,
            end = &mut playing => break end,
            _ = ticks.tick() => hear(News::Tick)?,
        }
    };
    // What was told in the last instant still waits.
    while let Ok(moment) = told.try_recv() {
        hear(News::Moment(&moment))?;
    }
    Ok(match end {
        Ok(report) => Played::Through(Box::new(report)),
        Err(error) => Played::Not { scenario: scenario.name.clone(), error: format!("{error:#}") },
    })
}
