//! How a command ends, and its exit status.

use std::{io, process::ExitCode};

use crate::terminal::sanitize;

/// The exit status after the reader of standard output went away: 128 + SIGPIPE, as a shell reports it.
const READER_GONE: u8 = 141;

/// The result of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The command found no problem. Exit status 0.
    Success,
    /// The command found a problem. Exit status 1.
    Failure,
}

impl CommandOutcome {
    pub const fn from_success(is_success: bool) -> Self {
        if is_success { Self::Success } else { Self::Failure }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum CommandError {
    /// The command line or a file that it names is wrong, or the credentials do not allow this. Exit status 2.
    Usage(anyhow::Error),
    /// Standard output cannot be written. Exit status 1, or 141 if its reader went away.
    Output(io::Error),
    /// Anything else. Exit status 1.
    Failed(anyhow::Error),
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Prints the error, if there is one, and returns the exit status.
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
