//! `greenlight`, the command line: rehearses an ECS blue/green deployment with the real hook programs, on one machine.

mod all;
mod args;
mod ending;
mod filter;
mod json;
mod junit;
mod list;
mod matrix;
mod paint;
mod pick;
mod played;
mod rehearse;
#[cfg(test)]
mod sample;
mod screen;
mod serve;
mod stop;
mod timeline;
mod words;

use std::{io, process::ExitCode};

use clap::Parser;

use crate::{
    args::{Command, Greenlight},
    rehearse::{Fault, Promise, rehearse},
    stop::until_stopped,
};

/// What a shell says of a program whose reader went away (128 + SIGPIPE).
const READER_GONE: u8 = 141;

fn main() -> ExitCode {
    let Greenlight { command: Command::Rehearse(args) } = Greenlight::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let end = runtime.block_on(until_stopped(rehearse(&args)));
    // Waits until every task is dropped, and the hook processes with them. Only then may this process end.
    drop(runtime);
    match end {
        Ok(Ok(Promise::Held)) => ExitCode::SUCCESS,
        Ok(Ok(Promise::Broken)) => ExitCode::from(1),
        Ok(Err(Fault::Usage(error))) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        Ok(Err(Fault::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(READER_GONE),
        Ok(Err(Fault::Output(error))) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::FAILURE
        }
        Ok(Err(Fault::Failed(error))) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        // A world that is served has no other end.
        Err(_) if args.serve => ExitCode::SUCCESS,
        Err(signal) => {
            eprintln!("stopped; no hook process is left behind");
            ExitCode::from(signal.exit_code())
        }
    }
}
