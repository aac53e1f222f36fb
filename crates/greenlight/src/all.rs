//! `--all` and `--filter`: many scenarios, several at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    thread::available_parallelism,
    time::Instant,
};

use rehearsal::{Moment, Options, Scenario};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{Id, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{
    args::Rehearse,
    exit::Fault,
    json,
    matrix::{Cost, matrix},
    paint::{Tone, seconds},
    played::{End, News, Played, TICK, play},
    rehearse::{tell_json_end, tell_logs},
    screen::Screen,
};

/// How many at a time for each processor. A scenario has five processes that mostly wait: it takes a quarter of a second
/// of a processor's time and some seconds of everybody else's.
const FOR_EACH_PROCESSOR: usize = 4;
/// Not more, however many processors there are: each scenario has five processes in memory.
const MOST: usize = 24;

/// A moment and whose it is.
type Told = (Arc<str>, Moment);

/// Plays them all, shows the table, and gives what became of them.
pub async fn all(
    screen: &mut Screen,
    args: &Rehearse,
    scenarios: Vec<Scenario>,
    options: Options,
) -> Result<Vec<Played>, Fault> {
    let began = Instant::now();
    let options = Arc::new(options);
    let (tell, mut told) = unbounded_channel::<Told>();
    let (of, jobs) = (scenarios.len(), jobs(args).min(scenarios.len()));
    let mut waiting: VecDeque<(usize, Scenario)> = scenarios.into_iter().enumerate().collect();
    // Dropped when this future is: then it stops every scenario in it.
    let mut at_work: JoinSet<Played> = JoinSet::new();
    let mut which: BTreeMap<Id, (usize, String)> = BTreeMap::new();
    let mut done: Vec<(usize, Played)> = Vec::with_capacity(of);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    while done.len() < of {
        while at_work.len() < jobs
            && let Some((index, scenario)) = waiting.pop_front()
        {
            let name = scenario.name.clone();
            let task = at_work.spawn(play_one(scenario, options.clone(), tell.clone()));
            which.insert(task.id(), (index, name));
        }
        tokio::select! {
            biased;
            Some((scenario, moment)) = told.recv() => {
                if args.json {
                    screen.say(&json::moment(&scenario, &moment)?)?;
                }
            }
            Some(end) = at_work.join_next_with_id() => {
                let task = end.as_ref().map_or_else(|error| error.id(), |(task, _)| *task);
                let Some((index, name)) = which.remove(&task) else { continue };
                let played = match end {
                    Ok((_, played)) => played,
                    Err(error) => not(name, error.to_string(), began),
                };
                while let Ok((scenario, moment)) = told.try_recv() {
                    if args.json {
                        screen.say(&json::moment(&scenario, &moment)?)?;
                    }
                }
                tell_end(screen, args, &played)?;
                done.push((index, played));
            }
            _ = ticks.tick() => {
                if !args.json {
                    let line = status(began, &done, of, which.values().map(|(_, name)| name.as_str()));
                    let line = screen.look.paint(Tone::Quiet, &line);
                    screen.status(&line)?;
                }
            }
        }
    }

    done.sort_by_key(|(index, _)| *index);
    let done: Vec<Played> = done.into_iter().map(|(_, played)| played).collect();
    if !args.json {
        let text = matrix(screen.look, &done, args.reasons(), Cost { took: began.elapsed(), jobs });
        screen.say(&text)?;
    }
    Ok(done)
}

fn jobs(args: &Rehearse) -> usize {
    args.jobs.map_or_else(
        || available_parallelism().map_or(1, Into::into).saturating_mul(FOR_EACH_PROCESSOR).min(MOST),
        Into::into,
    )
}

fn status<'a>(began: Instant, done: &[(usize, Played)], of: usize, playing: impl Iterator<Item = &'a str>) -> String {
    let broken = match done.iter().filter(|(_, played)| !played.held()).count() {
        0 => String::new(),
        some => format!(" ({some} not as promised)"),
    };
    let playing: Vec<&str> = playing.collect();
    format!("{:>8}  {} of {of} done{broken}, playing {} …", seconds(began.elapsed()), done.len(), playing.join(", "))
}

fn tell_end(screen: &mut Screen, args: &Rehearse, played: &Played) -> Result<(), Fault> {
    match &played.end {
        _ if args.json => tell_json_end(screen, played, args),
        End::Through(report) if args.logs => Ok(tell_logs(screen, report)?),
        _ => Ok(()),
    }
}

async fn play_one(scenario: Scenario, options: Arc<Options>, tell: UnboundedSender<Told>) -> Played {
    let (began, name) = (Instant::now(), Arc::<str>::from(scenario.name.as_str()));
    let hear = |news: News<'_>| {
        if let News::Moment(moment) = news {
            // Nobody listens any more when the table is being dropped.
            let _ = tell.send((name.clone(), moment.clone()));
        }
        Ok(())
    };
    play(&scenario, &options, hear).await.unwrap_or_else(|error| not(scenario.name.clone(), error.to_string(), began))
}

fn not(scenario: String, error: String, began: Instant) -> Played {
    Played { scenario, end: End::Not(error), took: began.elapsed(), told: String::new() }
}
