//! Plays one scenario, and reports its events and its result.

use std::{
    io,
    time::{Duration, Instant},
};

use rehearsal::{Options, RehearsalEvent, Report, Scenario};
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{MissedTickBehavior, interval},
};

use super::timeline::Timeline;
use crate::terminal::{Emphasis, NO_STYLE, TerminalStyle};

/// How often the status line is redrawn: often enough to look alive.
pub const STATUS_INTERVAL: Duration = Duration::from_millis(100);

/// The result of one scenario.
#[derive(Debug)]
pub struct ScenarioRun {
    pub scenario: String,
    pub end: RunEnd,
    /// The real time that the scenario took.
    pub elapsed: Duration,
    /// The timeline without colours, for a report.
    pub transcript: String,
}

/// How a scenario ended.
#[derive(Debug)]
pub enum RunEnd {
    /// The scenario was played. Whether it ended as expected is in the report.
    Completed(Box<Report>),
    /// The scenario could not be played, and why.
    Error(String),
}

impl ScenarioRun {
    /// Whether the scenario was played and ended as it expects.
    pub fn met_expectations(&self) -> bool {
        self.report().is_some_and(Report::met_expectations)
    }

    /// The report, if the scenario was played.
    pub fn report(&self) -> Option<&Report> {
        match &self.end {
            RunEnd::Completed(report) => Some(report),
            RunEnd::Error(_) => None,
        }
    }
}

/// What [`run_scenario`] passes to its callback.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// An event of the rehearsal.
    Rehearsal(&'a RehearsalEvent),
    /// [`STATUS_INTERVAL`] has passed: time to redraw the status line.
    Tick,
}

/// Plays one scenario, and calls `on_event` for each event.
///
/// # Errors
/// An error of `on_event`. A scenario that cannot be played is a [`RunEnd::Error`].
pub async fn run_scenario(
    scenario: &Scenario,
    options: &Options,
    on_event: impl FnMut(RunEvent<'_>) -> io::Result<()>,
) -> io::Result<ScenarioRun> {
    let started = Instant::now();
    let mut writer = TranscriptWriter::new(scenario, on_event);
    let (tx, mut rx) = unbounded_channel();
    let mut rehearsal_run = std::pin::pin!(rehearsal::rehearse(scenario, options, tx));
    let mut ticks = interval(STATUS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        tokio::select! {
            biased;
            Some(moment) = rx.recv() => writer.write_event(&moment)?,
            end = &mut rehearsal_run => break end,
            _ = ticks.tick() => (writer.on_event)(RunEvent::Tick)?,
        }
    };
    // The last events can still be in the channel.
    while let Ok(moment) = rx.try_recv() {
        writer.write_event(&moment)?;
    }
    let end =
        end.map_or_else(|error| RunEnd::Error(format!("{error:#}")), |report| RunEnd::Completed(Box::new(report)));
    Ok(ScenarioRun {
        scenario: scenario.name.clone(),
        transcript: writer.finish(&end),
        end,
        elapsed: started.elapsed(),
    })
}

/// Passes events on, and records them as the transcript.
struct TranscriptWriter<H> {
    on_event: H,
    timeline: Timeline,
    lines: Vec<String>,
}

impl<H: FnMut(RunEvent<'_>) -> io::Result<()>> TranscriptWriter<H> {
    fn new(scenario: &Scenario, on_event: H) -> Self {
        let timeline = Timeline::new(NO_STYLE);
        let lines = vec![timeline.heading(&scenario.name, &scenario.about)];
        Self { on_event, timeline, lines }
    }

    fn write_event(&mut self, moment: &RehearsalEvent) -> io::Result<()> {
        self.lines.push(self.timeline.render_event(moment));
        (self.on_event)(RunEvent::Rehearsal(moment))
    }

    fn finish(mut self, end: &RunEnd) -> String {
        self.lines.push(match end {
            RunEnd::Completed(report) => self.timeline.render_verdict(report),
            RunEnd::Error(error) => not_run_line(NO_STYLE, error),
        });
        self.lines.join("\n")
    }
}

/// The line that ends the timeline of a scenario that could not be played.
pub fn not_run_line(style: TerminalStyle, error: &str) -> String {
    style.hanging(&style.apply(Emphasis::Error, "✗ could not be played: "), 2, Emphasis::Plain, error)
}
