//! `--serve`: keeps a world running for a user's own functions and clients.

use std::time::Duration;

use anyhow::anyhow;
use rehearsal::{AppSpec, FunctionRef, Scenario, ServeOptions};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    gate_trial, json, load_appspec,
    options::RehearseOptions,
    scenario_run::STATUS_INTERVAL,
    select,
    serve_once::{OnceEnd, OnceResult, render_end, sleep_until_end},
    serve_printer::ServePrinter,
};
use crate::{
    cli::{CommandError, CommandOutcome},
    terminal::Output,
};

/// How long CodeDeploy waits for a status where no person does, as in AWS.
const HOOK_TIMEOUT_ONCE: Duration = Duration::from_secs(60 * 60);

/// Serves the world of one scenario until a signal stops it, or with `--once`, until its deployments have ended.
pub async fn serve(screen: &mut Output, args: &RehearseOptions) -> Result<CommandOutcome, CommandError> {
    let (scenario, options) = serve_options(screen, args)?;
    let (tx, mut events) = unbounded_channel();
    let mut serving = std::pin::pin!(rehearsal::serve(&scenario, &options, tx));
    let mut ticks = tokio::time::interval(STATUS_INTERVAL);
    let mut printer = ServePrinter::new(screen.style, &options, args.once);
    let mut result = OnceResult::new(&scenario);
    let mut end: Option<OnceEnd> = None;
    if !args.json {
        screen.println(&printer.timeline.heading(&scenario.name, &scenario.about))?;
    }
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => {
                match args.json {
                    true => screen.print_json_line(&json::serve_event_line(&scenario.name, &event))?,
                    false => if let Some(text) = printer.render(&event) {
                        screen.println(&text)?;
                    },
                }
                if let Some(end) = &mut end {
                    end.note(&event);
                }
                if let Some(differences) = result.add(&event).filter(|_| args.once) {
                    if !args.json {
                        screen.println(&render_end(screen.style, &differences))?;
                    }
                    end = Some(OnceEnd::new(&differences, args.await_deployment));
                }
            },
            () = sleep_until_end(end.as_ref()), if end.is_some() => {
                let is_success = end.is_some_and(|end| end.is_success);
                return Ok(CommandOutcome::from_success(is_success));
            }
            failed = &mut serving => return match failed {
                Err(error) => Err(CommandError::Failed(error)),
            },
            _ = ticks.tick() => if !args.json {
                screen.status(&printer.status_line())?;
            },
        }
    }
}

/// The scenario and the options that the command line names.
fn serve_options(screen: &mut Output, args: &RehearseOptions) -> Result<(Scenario, ServeOptions), CommandError> {
    let service = select::service(args).map_err(CommandError::Usage)?;
    let (scenario, at) = select::served_scenario(args, service.as_ref()).map_err(CommandError::Usage)?;
    let appspec = args.appspec.as_ref().map(|path| load_appspec(screen, path, args)).transpose()?;
    let binaries = match &appspec {
        // A file that names our functions needs their programs.
        Some(file) if names_own_function(file) => Some(select::binaries(args).map_err(CommandError::Usage)?),
        // A client's file can name them, or none of them.
        None if args.await_deployment && args.binaries.is_none() => select::binaries(args).ok(),
        None if args.await_deployment => Some(select::binaries(args).map_err(CommandError::Usage)?),
        _ => None,
    };
    for (option, is_given) in [("--gate", args.gate.is_some()), ("--binaries", args.binaries.is_some())] {
        if is_given && binaries.is_none() {
            let message = format!(
                "{option} is for Greenlight's own programs, and with --serve your function takes their place: leave it \
                 out, or add --await-deployment, or name our functions in the file of --appspec"
            );
            return Err(CommandError::Usage(anyhow!(message)));
        }
    }
    let trial = gate_trial::requested(args.gate.as_deref(), service.as_ref(), false).map_err(CommandError::Usage)?;
    let options = ServeOptions {
        at,
        appspec,
        await_deployment: args.await_deployment,
        binaries,
        gate: trial.map(|it| it.trial),
        timeout: args.timeout,
        hook_timeout: args.hook_timeout.or(args.once.then_some(HOOK_TIMEOUT_ONCE)),
        listen: args.listen,
        seed: args.seed,
    };
    Ok((scenario, options))
}

/// Whether an AppSpec file names one of our functions.
fn names_own_function(file: &AppSpec) -> bool {
    let is_own = |name: &String| name.parse::<FunctionRef>().is_ok_and(|function| function.function().is_some());
    file.hooks.values().any(is_own)
}
