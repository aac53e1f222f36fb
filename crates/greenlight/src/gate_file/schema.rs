//! `greenlight schema`: prints the JSON Schema of a gate file, for editors.

use hook_core::gate_file;

use crate::{
    cli::{CommandError, CommandOutcome},
    terminal::Output,
};

pub fn print_schema() -> Result<CommandOutcome, CommandError> {
    Output::stdout().print_json(&gate_file::schema())?;
    Ok(CommandOutcome::Success)
}
