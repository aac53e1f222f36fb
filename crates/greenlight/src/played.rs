//! Playing one scenario: what is told meanwhile, and what became of it.

use std::{
    io,
    time::{Duration, Instant},
};

use rehearsal::{Moment, Options, Report, Scenario};
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{MissedTickBehavior, interval},
};

use crate::{
    paint::{Look, PLAIN},
    timeline::Timeline,
};

/// How often the line in progress is written anew: often enough to look alive.
pub const TICK: Duration = Duration::from_millis(100);

/// What became of one scenario.
#[derive(Debug)]
pub struct Played {
    /// The scenario's name.
    pub scenario: String,
    /// How it ended.
    pub end: End,
    /// From the first process to the last.
    pub took: Duration,
    /// Its timeline, as it is written where nobody looks.
    pub told: String,
}

/// How a scenario ended.
#[derive(Debug)]
pub enum End {
    /// It was played.
    Through(Box<Report>),
    /// It could not be played: why.
    Not(String),
}

impl Played {
    /// Whether it ended as it promises.
    pub fn held(&self) -> bool {
        self.report().is_some_and(Report::held)
    }

    /// The report, if it was played.
    pub fn report(&self) -> Option<&Report> {
        match &self.end {
            End::Through(report) => Some(report),
            End::Not(_) => None,
        }
    }
}

/// What there is to tell.
#[derive(Debug)]
pub enum News<'a> {
    /// Something happened.
    Moment(&'a Moment),
    /// Nothing did, for a [`TICK`].
    Tick,
}

/// Plays one scenario and tells `hear` of it as it goes on. An error is `hear`'s.
pub async fn play(
    scenario: &Scenario,
    options: &Options,
    hear: impl FnMut(News<'_>) -> io::Result<()>,
) -> io::Result<Played> {
    let began = Instant::now();
    let mut pen = Pen::new(scenario, hear);
    let (tell, mut told) = unbounded_channel();
    let mut playing = std::pin::pin!(rehearsal::rehearse(scenario, options, tell));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        tokio::select! {
            biased;
            Some(moment) = told.recv() => pen.moment(&moment)?,
            end = &mut playing => break end,
            _ = ticks.tick() => (pen.hear)(News::Tick)?,
        }
    };
    // What was told in the last instant still waits.
    while let Ok(moment) = told.try_recv() {
        pen.moment(&moment)?;
    }
    let end = end.map_or_else(|error| End::Not(format!("{error:#}")), |report| End::Through(Box::new(report)));
    Ok(Played { scenario: scenario.name.clone(), told: pen.finish(&end), end, took: began.elapsed() })
}

/// Passes on what happens, and writes it down.
struct Pen<H> {
    hear: H,
    timeline: Timeline,
    lines: Vec<String>,
}

impl<H: FnMut(News<'_>) -> io::Result<()>> Pen<H> {
    fn new(scenario: &Scenario, hear: H) -> Self {
        let timeline = Timeline::new(PLAIN);
        let lines = vec![timeline.heading(&scenario.name, &scenario.about)];
        Self { hear, timeline, lines }
    }

    fn moment(&mut self, moment: &Moment) -> io::Result<()> {
        self.lines.push(self.timeline.moment(moment));
        (self.hear)(News::Moment(moment))
    }

    fn finish(mut self, end: &End) -> String {
        self.lines.push(match end {
            End::Through(report) => self.timeline.verdict(report),
            End::Not(error) => not_played(PLAIN, error),
        });
        self.lines.join("\n")
    }
}

/// The line that ends the timeline of a scenario that could not be played.
pub fn not_played(look: Look, error: &str) -> String {
    look.hang(&look.paint(crate::paint::Tone::Bad, "✗ could not be played: "), 2, crate::paint::Tone::Plain, error)
}
