//! `greenlight schema`: what an editor can know of a gate file.

use hook_core::gate_file;

use crate::{
    exit::{Fault, Verdict},
    screen::Screen,
};

/// Prints the JSON Schema.
pub fn schema() -> Result<Verdict, Fault> {
    Screen::stdout().say(&serde_json::to_string_pretty(&gate_file::schema())?)?;
    Ok(Verdict::Good)
}
