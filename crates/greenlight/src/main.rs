//! `greenlight`, the command line: rehearses an ECS blue/green deployment with the real hook programs on one machine,
//! checks gate files, and runs a hook's checks on a real deployment without putting a status.

mod appspec;
mod cli;
mod describe;
mod doctor;
mod dry_run;
mod gate_file;
mod iam;
mod rehearse;
mod terminal;

use std::{future::Future, process::ExitCode};

use clap::Parser;

use crate::{
    cli::{
        CommandError, CommandOutcome,
        args::{Command, Greenlight},
        exit_code,
        signals::{Signal, or_shutdown},
    },
    describe::describe,
    rehearse::rehearse,
};

fn main() -> ExitCode {
    match Greenlight::parse().command {
        Command::Rehearse(args) => match block_on(rehearse(&args)) {
            // `--serve` runs until a signal stops it, so a signal is its normal end. `--once` has an end of its own.
            Err(_) if args.serve && !args.once => ExitCode::SUCCESS,
            end => exit_code_of(end, "stopped; no hook process is left behind"),
        },
        Command::HookFunction { program } => hook_core::run_in_rehearsal(&program),
        Command::Check(args) => exit_code(gate_file::check_gate(&args)),
        Command::Explain(args) => exit_code(gate_file::explain(&args)),
        Command::Schema { kind } => exit_code(gate_file::print_schema(kind)),
        Command::Iam(args) => exit_code(iam::print_policy(&args)),
        Command::Init(args) => exit_code(gate_file::init(&args)),
        Command::Appspec(args) => exit_code_of(block_on(appspec::run_appspec(&args)), "stopped; nothing was written"),
        Command::Describe(args) => exit_code_of(block_on(describe(&args)), "stopped; nothing was described"),
        Command::Doctor(args) => {
            exit_code_of(block_on(doctor::run_doctor(&args)), "stopped; not everything was checked")
        }
        Command::DryRun(args) => {
            exit_code_of(block_on(dry_run::dry_run(&args)), "stopped; the checks were not finished: no verdict")
        }
    }
}

/// Runs a command until it ends or a signal stops it.
fn block_on(
    work: impl Future<Output = Result<CommandOutcome, CommandError>>,
) -> Result<Result<CommandOutcome, CommandError>, Signal> {
    match tokio::runtime::Runtime::new() {
        // Dropping the runtime waits until every task is dropped, and each task takes its hook processes with it. This
        // process must not end before that.
        Ok(runtime) => runtime.block_on(or_shutdown(work)),
        Err(error) => Ok(Err(CommandError::Failed(anyhow::Error::new(error).context("cannot start")))),
    }
}

fn exit_code_of(end: Result<Result<CommandOutcome, CommandError>, Signal>, stopped: &str) -> ExitCode {
    match end {
        Ok(end) => exit_code(end),
        Err(signal) => {
            eprintln!("{stopped}");
            ExitCode::from(signal.exit_code())
        }
    }
}
