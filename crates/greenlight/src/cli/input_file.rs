//! Reads a file that the command line names: a path, or `-` for standard input.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::Context;
use hook_core::printable;

#[derive(Debug)]
pub struct InputFile {
    /// The path, or `<stdin>`, for messages.
    pub name: String,
    pub text: String,
}

impl InputFile {
    pub fn read_gate_file(path: &Path) -> anyhow::Result<Self> {
        Self::read("gate file", path)
    }

    pub fn read_app_spec(path: &Path) -> anyhow::Result<Self> {
        Self::read("AppSpec file", path)
    }

    /// Whether the name says that the file is JSON.
    pub fn is_json(&self) -> bool {
        Path::new(&self.name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
    }

    /// `what` is the kind of file, for error messages.
    pub fn read(what: &str, path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
            let text = String::from_utf8(bytes).context("standard input is not UTF-8 text")?;
            return Ok(Self { name: "<stdin>".to_owned(), text });
        }
        let name = printable(&path.display().to_string()).into_owned();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the {what} {name}"))?;
        Ok(Self { name, text })
    }
}
