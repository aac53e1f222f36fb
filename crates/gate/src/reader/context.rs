//! What a reader knows and collects while it reads a file.

use crate::{Diagnostic, Message, Position, Scope};

/// What a file is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// To run the checks: only the typed values are kept.
    #[default]
    Evaluate,
    /// To print the file: the effective value of each key is also kept as YAML.
    Print,
    /// There is no file: every key counts as present, to record the keys that the readers accept.
    Schema,
}

/// The state while a file is read: its diagnostics, and the settings from its header.
#[derive(Debug, Default)]
pub struct ReadContext {
    /// Errors, in the order in which they are found.
    pub(crate) errors: Vec<Diagnostic>,
    /// Mistakes that do not prevent the use of the file.
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) scope: Scope,
    pub(crate) reading: Reading,
}

impl ReadContext {
    pub fn error(&mut self, at: Position, message: impl Into<Message>) {
        self.errors.push(Diagnostic::new(at, message));
    }

    pub fn warn(&mut self, at: Position, message: impl Into<Message>) {
        self.warnings.push(Diagnostic::new(at, message));
    }

    /// Whether there is no file, and every key counts as present.
    pub(super) fn is_schema(&self) -> bool {
        self.reading == Reading::Schema
    }

    /// Whether effective values are kept as YAML.
    pub(super) fn keeps_effective(&self) -> bool {
        self.reading == Reading::Print
    }
}
