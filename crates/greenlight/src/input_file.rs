//! A file as the command line names it: a path, or `-` for standard input.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::Context;
use hook_core::printable;

/// A file's text, and what to call it.
#[derive(Debug)]
pub struct InputFile {
    /// Its path, or `<stdin>`.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

impl InputFile {
    /// Reads a gate file.
    pub fn read_gate_file(path: &Path) -> anyhow::Result<Self> {
        Self::read("gate file", path)
    }

    /// Reads a file that errors call so.
    pub fn read(what: &str, path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
            let text = String::from_utf8(bytes).context("standard input is no text")?;
            return Ok(Self { name: "<stdin>".to_owned(), text });
        }
        let name = printable(&path.display().to_string()).into_owned();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the {what} {name}"))?;
        Ok(Self { name, text })
    }
}
