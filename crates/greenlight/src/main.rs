//! `greenlight`, the command line: rehearses an ECS blue/green deployment with the real hook programs on one machine,
//! reads gate files, and judges a real deployment without answering.

mod all;
mod appspec;
mod args;
mod caller;
mod check;
mod doctor;
mod ending;
mod exit;
mod explain;
mod faults;
mod filter;
mod iam;
mod init;
mod json;
mod junit;
mod list;
mod matrix;
mod paint;
mod pick;
mod played;
mod rehearse;
mod run;
#[cfg(test)]
mod sample;
mod schema;
mod screen;
mod serve;
mod source;
mod stop;
mod timeline;
mod words;
mod xml;

use std::{future::Future, process::ExitCode};

use clap::Parser;

use crate::{
    args::{Command, Greenlight},
    exit::{Fault, Verdict},
    rehearse::rehearse,
    stop::{Signal, until_stopped},
};

fn main() -> ExitCode {
    match Greenlight::parse().command {
        Command::Rehearse(args) => match waited_for(rehearse(&args)) {
            // A world that is served has no other end.
            Err(_) if args.serve => ExitCode::SUCCESS,
            end => ended(end, "stopped; no hook process is left behind"),
        },
        Command::Check(args) => exit::code(check::check(&args)),
        Command::Explain(args) => exit::code(explain::explain(&args)),
        Command::Schema => exit::code(schema::schema()),
        Command::Iam(args) => exit::code(iam::iam(&args)),
        Command::Init(args) => exit::code(init::init(&args)),
        Command::Appspec(args) => ended(waited_for(appspec::appspec(&args)), "stopped; nothing was written"),
        Command::Doctor(args) => ended(waited_for(doctor::doctor(&args)), "stopped; not everything was looked at"),
        Command::Run(args) => ended(waited_for(run::run(&args)), "stopped; nothing was judged to its end"),
    }
}

/// Does what takes time, until it is done or somebody stops it.
fn waited_for(work: impl Future<Output = Result<Verdict, Fault>>) -> Result<Result<Verdict, Fault>, Signal> {
    match tokio::runtime::Runtime::new() {
        // The runtime is dropped here, which waits until every task is, and the hook processes with them. Only then may
        // this process end.
        Ok(runtime) => runtime.block_on(until_stopped(work)),
        Err(error) => Ok(Err(Fault::Failed(anyhow::Error::new(error).context("cannot start")))),
    }
}

fn ended(end: Result<Result<Verdict, Fault>, Signal>, stopped: &str) -> ExitCode {
    match end {
        Ok(end) => exit::code(end),
        Err(signal) => {
            eprintln!("{stopped}");
            ExitCode::from(signal.exit_code())
        }
    }
}
