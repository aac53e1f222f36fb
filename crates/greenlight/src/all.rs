//! `--all`: every scenario, several at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
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
    json,
    matrix::{Played, matrix},
    paint::{Tone, seconds},
    rehearse::{Fault, Promise, TICK, tell_json_end, tell_logs},
    screen::Screen,
};

/// How many at a time. Each has five small processes that mostly wait; more than this would make them wait for the
/// processor, and what has to happen within milliseconds would come late.
const AT_ONCE: usize = 4;

/// A moment and whose it is.
type Told = (Arc<str>, Moment);

/// Plays them all and shows the table.
pub async fn all(
    screen: &mut Screen,
    args: &Rehearse,
    scenarios: Vec<Scenario>,
    options: Options,
) -> Result<Promise, Fault> {
    let began = Instant::now();
    let options = Arc::new(options);
    let (tell, mut told) = unbounded_channel::<Told>();
    let of = scenarios.len();
    let mut waiting: VecDeque<(usize, Scenario)> = scenarios.into_iter().enumerate().collect();
    // Dropped when this future is: then it stops every scenario in it.
    let mut at_work: JoinSet<Played> = JoinSet::new();
    let mut which: BTreeMap<Id, (usize, String)> = BTreeMap::new();
    let mut done: Vec<(usize, Played)> = Vec::with_capacity(of);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    while done.len() < of {
        while at_work.len() < AT_ONCE
            && let Some((index, scenario)) = waiting.pop_front()
        {
            let name = scenario.name.clone();
            let task = at_work.spawn(play(scenario, options.clone(), tell.clone()));
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
                    Err(error) => Played::Not { scenario: name, error: error.to_string() },
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
                    let playing: Vec<&str> = which.values().map(|(_, name)| name.as_str()).collect();
                    let line = format!("{:>8}  {} of {of} done, playing {} …", seconds(began.elapsed()), done.len(), playing.join(", "));
                    let line = screen.look.paint(Tone::Quiet, &line);
                    screen.status(&line)?;
                }
            }
        }
    }

    done.sort_by_key(|(index, _)| *index);
    let done: Vec<Played> = done.into_iter().map(|(_, played)| played).collect();
    if !args.json {
        let text = matrix(screen.look, &done, began.elapsed());
        screen.say(&text)?;
    }
    Ok(if done.iter().all(Played::held) { Promise::Held } else { Promise::Broken })
}

fn tell_end(screen: &mut Screen, args: &Rehearse, played: &Played) -> Result<(), Fault> {
    match played {
        _ if args.json => tell_json_end(screen, played, args),
        Played::Through(report) if args.logs => Ok(tell_logs(screen, report)?),
        _ => Ok(()),
    }
}

async fn play(scenario: Scenario, options: Arc<Options>, tell: UnboundedSender<Told>) -> Played {
    let name: Arc<str> = scenario.name.as_str().into();
    let (own, mut moments) = unbounded_channel();
    let forward = {
        let name = name.clone();
        async move {
            while let Some(moment) = moments.recv().await {
                // Nobody listens any more when the table is being dropped.
                let _ = tell.send((name.clone(), moment));
            }
        }
    };
    let (played, ()) = tokio::join!(rehearsal::rehearse(&scenario, &options, own), forward);
    match played {
        Ok(report) => Played::Through(Box::new(report)),
        Err(error) => Played::Not { scenario: scenario.name, error: format!("{error:#}") },
    }
}
