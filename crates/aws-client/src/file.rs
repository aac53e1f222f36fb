//! Reads files that a setting or a gate file names, so that none of them can block the process or fill its memory.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// The largest certificate bundles, those of whole systems, have a quarter of a megabyte.
pub const MAX_CA_BUNDLE_BYTES: usize = 4 * 1024 * 1024;

/// The bytes of a regular file with at most `max_bytes` bytes.
///
/// # Errors
/// It cannot be read, is not a regular file, or is too large. The text continues a sentence that starts with its name.
pub fn read(path: &Path, max_bytes: usize) -> Result<Vec<u8>, String> {
    let why = |error| describe_io_error(&error);
    // A device may never end, and opening a named pipe waits for a writer.
    if !fs::metadata(path).map_err(why)?.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(why)?.take(limit).read_to_end(&mut bytes).map_err(why)?;
    if bytes.len() > max_bytes { Err(format!("has more than {max_bytes} bytes")) } else { Ok(bytes) }
}

/// What went wrong with a file, in words. The text continues a sentence that starts with its name.
pub fn describe_io_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Like [`read`], for text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(path: &Path, max_bytes: usize) -> Result<String, String> {
    String::from_utf8(read(path, max_bytes)?).map_err(|_| "is not text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_within_the_limit_is_read() {
        let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/file.rs"));
        assert!(read_text(own, MAX_CA_BUNDLE_BYTES).unwrap().starts_with("//! "));
        assert_eq!(read(own, 10).unwrap_err(), "has more than 10 bytes");
        for other in ["/dev/zero", "/"] {
            assert_eq!(read(Path::new(other), 10).unwrap_err(), "is not a regular file");
        }
        assert!(read(Path::new("/no/such/file"), 10).unwrap_err() == "does not exist");
    }
}
