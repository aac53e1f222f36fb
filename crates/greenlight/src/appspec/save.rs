//! Writes a text to standard output or to a file, byte for byte.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use anyhow::Context;

/// Prints the text to standard output unchanged.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Replaces a file's text. The text goes to a temporary file in the same folder first, so that a concurrent reader
/// always sees a complete file.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    // Change the target of a symbolic link and keep the link.
    let real = path.canonicalize().with_context(cannot)?;
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = real.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::metadata(&real)?.permissions())?;
        file.sync_all()?;
        fs::rename(&temporary, &real)
    })();
    if written.is_err() {
        // The temporary file might not exist.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(cannot)
}
