//! How a command ends, and what the shell hears of it.

use std::{io, process::ExitCode};

use crate::style::sanitize;

/// What a shell says of a program whose reader went away (128 + SIGPIPE).
const READER_GONE: u8 = 141;

/// What a command found out, if it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// All is well: 0.
    Success,
    /// It is not: 1.
    Failure,
}

/// Why it could not.
#[derive(Debug)]
pub enum CommandError {
    /// The command line, or a file that it names, is wrong; or nobody may do this with these credentials.
    Usage(anyhow::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Something else went wrong.
    Failed(anyhow::Error),
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

/// Says what went wrong, and gives the exit status.
pub fn exit_code(end: Result<CommandOutcome, CommandError>) -> ExitCode {
    match end {
        Ok(CommandOutcome::Success) => ExitCode::SUCCESS,
        Ok(CommandOutcome::Failure) => ExitCode::from(1),
        Err(CommandError::Usage(error)) => {
            eprintln!("error: {}", sanitize(&format!("{error:#}")));
            ExitCode::from(2)
        }
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(READER_GONE),
        Err(CommandError::Output(error)) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::FAILURE
        }
        Err(CommandError::Failed(error)) => {
            eprintln!("error: {}", sanitize(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}
