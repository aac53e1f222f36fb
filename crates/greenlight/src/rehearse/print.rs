//! Prints the end of a scenario: its report as JSON, and the logs of its functions.

use std::io;

use rehearsal::Report;

use super::{
    json,
    options::RehearseOptions,
    scenario_run::{RunEnd, ScenarioRun},
};
use crate::{cli::CommandError, terminal::Output};

/// Prints the last line of a scenario: its report without logs, unless `--logs` is given, or its error.
pub fn print_json_report(
    screen: &mut Output,
    played: &ScenarioRun,
    args: &RehearseOptions,
) -> Result<(), CommandError> {
    match &played.end {
        RunEnd::Completed(report) if args.logs => screen.print_json_line(&json::report_line(report))?,
        RunEnd::Completed(report) => {
            let without_logs = Report { logs: Vec::new(), ..Report::clone(report) };
            screen.print_json_line(&json::report_line(&without_logs))?;
        }
        RunEnd::Error(error) => screen.print_json_line(&json::error_line(&played.scenario, error))?,
    }
    Ok(())
}

/// Prints every line that the functions logged, unchanged, to standard error.
pub fn print_logs(screen: &mut Output, report: &Report) -> io::Result<()> {
    for (hook, line) in &report.logs {
        screen.eprintln(&format!("{} | {line}", hook.program_name()))?;
    }
    Ok(())
}
