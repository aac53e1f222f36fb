//! `greenlight schema`: what an editor can know of a gate file.

use hook_core::gate_file;

use crate::{
    exit::{CommandError, CommandOutcome},
    output::Output,
};

/// Prints the JSON Schema.
pub fn print_schema() -> Result<CommandOutcome, CommandError> {
    Output::stdout().println(&serde_json::to_string_pretty(&gate_file::schema())?)?;
    Ok(CommandOutcome::Success)
}
