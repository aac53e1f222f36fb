//! Runs the Python programs of the tests. Python has AWS's service models, an independent AWS client and a parser of
//! templates.

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    path::Path,
    process::Command,
    sync::OnceLock,
};

use rehearsal::Exchange;

/// A Python with the packages of `tests/requirements.txt`. `make test` installs it and sets `GREENLIGHT_PYTHON` to its
/// path.
///
/// # Panics
/// If the variable is not set: a check against missing models must not pass.
#[expect(clippy::disallowed_methods, reason = "make sets the variable")]
pub fn python() -> &'static OsStr {
    static PYTHON: OnceLock<OsString> = OnceLock::new();
    PYTHON.get_or_init(|| {
        std::env::var_os("GREENLIGHT_PYTHON").unwrap_or_else(|| {
            panic!(
                "GREENLIGHT_PYTHON is not set. These tests read AWS's service models with botocore; `make test` \
                 installs it and sets the variable to the Python that has it"
            )
        })
    })
}

/// Runs a program. `script` is its path in `tests`.
///
/// # Errors
/// Its whole output, if it failed or wrote to standard error.
///
/// # Panics
/// If Python is not installed or cannot be started.
pub fn run_python(script: &str, arguments: &[&OsStr]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python());
    // The program must not read the user's AWS configuration, and must not leave files among the sources.
    let home = tempfile::tempdir().expect("a temporary folder");
    command.env_clear().env("HOME", home.path());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.arg(folder.join(script)).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{} cannot be started: {error}", python().display()));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    // A warning from Python becomes an error in a later version.
    if output.status.success() && err.is_empty() { Ok(out) } else { Err(format!("{out}{err}")) }
}

/// Compares exchanges with AWS's service models. Returns a line with their number.
///
/// # Errors
/// Every difference, one line for each operation, member and reason.
///
/// # Panics
/// If Python is not installed, or the exchanges cannot be written to a file.
pub fn check_models(exchanges: &[Exchange]) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    for exchange in exchanges {
        let line = serde_json::to_string(exchange).expect("an exchange is JSON");
        writeln!(file, "{line}").expect("a temporary file can be written");
    }
    file.flush().expect("a temporary file can be written");
    run_python("wire/check_models.py", &[file.path().as_os_str()])
}
