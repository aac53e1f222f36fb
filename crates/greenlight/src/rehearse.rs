//! `greenlight rehearse`: plays scenarios and tells what happens.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    time::Instant,
};

use anyhow::{Context, anyhow};
use rehearsal::{Happening, Options, Report, Scenario};

use crate::{
    all,
    appspec::{self, ForRehearsal},
    args::Rehearse,
    exit::{Fault, Verdict},
    json, junit, list,
    paint::{Look, PLAIN, Tone, seconds},
    pick,
    played::{End, News, Played, not_played, play},
    screen::Screen,
    serve,
    timeline::Timeline,
};

/// Does what was asked.
///
/// Dropping the future stops the rehearsal; the hook processes go with it.
pub async fn rehearse(args: &Rehearse) -> Result<Verdict, Fault> {
    let mut screen = Screen::stdout();
    if args.list {
        return tell_list(&mut screen, args);
    }
    if args.serve {
        return serve::serve(&mut screen, args).await;
    }
    let scenarios = pick::scenarios(args).map_err(Fault::Usage)?;
    let mut options = pick::options(args).map_err(Fault::Usage)?;
    if let Some(path) = &args.appspec {
        options.appspec = Some(appspec_file(&mut screen, path, args)?);
    }
    // Before anything is played: who asked for a report does not want to hear a minute later that there is none.
    let report = args
        .junit
        .as_ref()
        .map(|path| File::create(path).with_context(|| format!("cannot write the JUnit report {}", path.display())));
    let report = report.transpose().map_err(Fault::Usage)?;
    let began = Instant::now();
    let all = match args.is_table() {
        true => all::all(&mut screen, args, scenarios, options).await?,
        false => one_by_one(&mut screen, args, &scenarios, &options).await?,
    };
    if let Some(mut report) = report {
        let written = junit::junit(&all, began.elapsed()).and_then(|text| report.write_all(&text));
        written.context("cannot write the JUnit report").map_err(Fault::Failed)?;
    }
    Ok(if all.iter().all(Played::held) { Verdict::Good } else { Verdict::Bad })
}

/// What is wrong with an AppSpec file is said before anything is played; one that CodeDeploy does not take is not played.
fn appspec_file(screen: &mut Screen, path: &Path, args: &Rehearse) -> Result<rehearsal::AppSpec, Fault> {
    let ForRehearsal { source, found, file } = appspec::for_rehearsal(path).map_err(Fault::Usage)?;
    let look = if args.json { Look { colour: console::colors_enabled_stderr(), ..PLAIN } } else { screen.look };
    let Some(file) = file else {
        let look = Look { colour: console::colors_enabled_stderr(), ..PLAIN };
        let told = appspec::told(look, &source, &found);
        return Err(Fault::Usage(anyhow!("CodeDeploy does not take this AppSpec file\n{told}")));
    };
    let told = appspec::told(look, &source, &found) + "\n";
    match args.json {
        // Its lines are a program's.
        true if !found.is_empty() => screen.aside(told.trim_end())?,
        true => {}
        false => screen.say(&told)?,
    }
    Ok(file)
}

async fn one_by_one(
    screen: &mut Screen,
    args: &Rehearse,
    scenarios: &[Scenario],
    options: &Options,
) -> Result<Vec<Played>, Fault> {
    if !args.json {
        let text = "Five hooks are asked in turn whether a deployment may go on. Each is a real process; the AWS around it is simulated.";
        let text = screen.look.hang("", 0, Tone::Quiet, text);
        screen.say(&(text + "\n"))?;
    }
    let (began, mut all) = (Instant::now(), Vec::new());
    for scenario in scenarios {
        all.push(match args.json {
            true => tell_json(screen, scenario, options, args).await?,
            false => tell_timeline(screen, scenario, options, args).await?,
        });
    }
    if !args.json {
        let (held, of) = (all.iter().filter(|played| played.held()).count(), all.len());
        if of > 1 {
            screen.say(&format!("{held} of {of} scenarios ended as they promise, in {}", seconds(began.elapsed())))?;
        }
        if pick::is_tour(args) {
            let more = "`make rehearse ARGS=--list` names every scenario, `make rehearse ARGS=--all` plays them all and shows a table.";
            let more = screen.look.hang("", 0, Tone::Quiet, more);
            screen.say(&more)?;
        }
    }
    Ok(all)
}

fn tell_list(screen: &mut Screen, args: &Rehearse) -> Result<Verdict, Fault> {
    let scenarios = pick::filtered(&args.filters).map_err(Fault::Usage)?;
    if args.json {
        for one in &scenarios {
            screen.say(&json::listed(one)?)?;
        }
    } else {
        let text = list::list(screen.look, &scenarios);
        screen.say(&text)?;
    }
    Ok(Verdict::Good)
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
    match &played.end {
        End::Through(report) => {
            screen.say(&(timeline.verdict(report) + "\n"))?;
            if args.logs {
                tell_logs(screen, report)?;
            }
        }
        End::Not(error) => {
            let text = not_played(screen.look, error);
            screen.say(&(text + "\n"))?;
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
    let line = match &played.end {
        End::Through(report) if args.logs => json::report(report)?,
        End::Through(report) => json::report(&Report { logs: Vec::new(), ..Report::clone(report) })?,
        End::Not(error) => json::error(&played.scenario, error)?,
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
