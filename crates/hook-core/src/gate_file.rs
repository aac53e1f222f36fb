//! The gate file without AWS: for a command line, an editor, and tests.

use serde_json::Value;

pub use crate::gate::{Diagnostic, Diagnostics, Position, diagnose, render};
use crate::{gate, hook::Hook};

/// What is wrong with a gate file, in its order; nothing where it can be used.
pub fn check(text: &str) -> Vec<Diagnostic> {
    diagnose(text).errors
}

/// What a hook will do with this gate file, in plain words: its built-in checks and all defaults filled in.
///
/// # Errors
/// What is wrong with the file.
pub fn explain(text: Option<&str>, hook: Hook) -> Result<String, Vec<Diagnostic>> {
    gate::load(hook, text).map(|gate| gate::explain::explain(hook, &gate))
}

/// The number of checks of all hooks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Hooks that check anything.
    pub hooks: usize,
    /// Checks of the file, with those that it implies.
    pub from_file: usize,
    /// Built-in checks, changed or not.
    pub built_in: usize,
}

/// How much a gate file checks.
///
/// # Errors
/// What is wrong with the file.
pub fn count_checks(text: &str) -> Result<CheckCounts, Vec<Diagnostic>> {
    let mut count = CheckCounts::default();
    for hook in Hook::ALL {
        let gate = gate::load(hook, Some(text))?;
        let built_in = gate.checks.iter().filter(|check| check.is_built_in()).count();
        count.hooks += usize::from(!gate.checks.is_empty());
        count.built_in += built_in;
        count.from_file += gate.checks.len() - built_in;
    }
    Ok(count)
}

/// The same as a gate file: with every value that counts, and with the same meaning when it is read.
///
/// # Errors
/// What is wrong with the file.
pub fn to_yaml(text: Option<&str>, hook: Hook) -> Result<String, Vec<Diagnostic>> {
    gate::load(hook, text).map(|gate| gate.to_yaml())
}

/// The JSON Schema of a gate file.
pub fn schema() -> Value {
    gate::schema::schema()
}
