//! The gate file without AWS: for a command line, an editor, and tests.

use serde_json::Value;

pub use crate::gate::{Diagnostic, Diagnostics, Position, diagnose, render};
use crate::{gate, hook::Hook};

/// The errors of a gate file, in its order. Empty if the file can be used.
pub fn check(text: &str) -> Vec<Diagnostic> {
    diagnose(text).errors
}

/// Describes what a hook does with this gate file, with its built-in checks and all defaults filled in.
///
/// # Errors
/// The errors of the file.
pub fn explain(text: Option<&str>, hook: Hook) -> Result<String, Vec<Diagnostic>> {
    gate::load(hook, text).map(|gate| gate::explain::explain(hook, &gate))
}

/// The number of checks of all hooks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Hooks with at least one check.
    pub hooks: usize,
    /// Checks of the file, including implied ones.
    pub from_file: usize,
    /// Built-in checks, changed or not.
    pub built_in: usize,
}

/// Counts the checks of a gate file.
///
/// # Errors
/// The errors of the file.
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

/// The gate file with all effective values. It has the same meaning when it is read.
///
/// # Errors
/// The errors of the file.
pub fn to_yaml(text: Option<&str>, hook: Hook) -> Result<String, Vec<Diagnostic>> {
    gate::load(hook, text).map(|gate| gate.to_yaml())
}

/// The JSON Schema of a gate file.
pub fn schema() -> Value {
    gate::schema::schema()
}
