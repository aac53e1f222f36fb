//! The sizes of a program.

use std::{fs, io::Write, path::Path, process::Command};

use flate2::{Compression, write::DeflateEncoder};
use serde::Serialize;
use tempfile::NamedTempFile;

#[derive(Debug, Serialize)]
pub struct Size {
    pub program: String,
    pub architecture: &'static str,
    /// As cargo built it.
    pub raw_bytes: usize,
    /// After `strip`, if binutils are installed and know the architecture.
    pub stripped_bytes: Option<usize>,
    /// Compressed as in a zip file, without the zip file's 150 bytes of names.
    pub zipped_bytes: usize,
}

impl Size {
    pub fn measure(name: &str, program: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(program)?;
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
        zip.write_all(&bytes)?;
        Ok(Self {
            program: name.to_owned(),
            architecture: architecture(&bytes),
            raw_bytes: bytes.len(),
            stripped_bytes: stripped(program),
            zipped_bytes: zip.finish()?.len(),
        })
    }
}

/// The machine in the header of an ELF file.
fn architecture(bytes: &[u8]) -> &'static str {
    match bytes.get(18..20) {
        Some([0x3e, 0]) => "x86_64",
        Some([0xb7, 0]) => "arm64",
        _ => "other",
    }
}

fn stripped(program: &Path) -> Option<usize> {
    let output = NamedTempFile::new().ok()?;
    let done = Command::new("strip").arg("-o").arg(output.path()).arg(program).output().ok()?;
    done.status.success().then(|| fs::read(output.path()).ok())?.map(|bytes| bytes.len())
}
