//! `greenlight schema`: prints the JSON Schema of a gate file, for editors.

use hook_core::gate_file;

use crate::{
    exit::{CommandError, CommandOutcome},
    output::Output,
};

pub fn print_schema() -> Result<CommandOutcome, CommandError> {
    Output::stdout().println(&serde_json::to_string_pretty(&gate_file::schema())?)?;
    Ok(CommandOutcome::Success)
}
