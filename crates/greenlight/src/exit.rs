//! How a command ends, and what the shell hears of it.

use std::{io, process::ExitCode};

use crate::paint::harmless;

/// What a shell says of a program whose reader went away (128 + SIGPIPE).
const READER_GONE: u8 = 141;

/// What a command found out, if it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well: 0.
    Good,
    /// It is not: 1.
    Bad,
}

/// Why it could not.
#[derive(Debug)]
pub enum Fault {
    /// The command line, or a file that it names, is wrong; or nobody may do this with these credentials.
    Usage(anyhow::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Something else went wrong.
    Failed(anyhow::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

/// Says what went wrong, and gives the exit status.
pub fn code(end: Result<Verdict, Fault>) -> ExitCode {
    match end {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(Fault::Usage(error)) => {
            eprintln!("error: {}", harmless(&format!("{error:#}")));
            ExitCode::from(2)
        }
        Err(Fault::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(READER_GONE),
        Err(Fault::Output(error)) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::FAILURE
        }
        Err(Fault::Failed(error)) => {
            eprintln!("error: {}", harmless(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}
