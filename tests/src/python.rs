//! The programs of the tests that are in Python: AWS's own service models, a client that others wrote and a reader of
//! templates exist there.

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    path::Path,
    process::Command,
    sync::OnceLock,
};

use rehearsal::Exchange;

/// A Python with what `tests/requirements.txt` names. `make test` installs it and says where in
/// `GREENLIGHT_PYTHON`.
///
/// # Panics
/// When the variable is not set: a check against models that are not there must not pass.
#[expect(clippy::disallowed_methods, reason = "where make has installed it")]
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

/// Runs a program, by its path in `tests`.
///
/// # Errors
/// Everything it said, if it did not end well.
///
/// # Panics
/// When Python is not there or cannot be started.
pub fn run_python(script: &str, arguments: &[&OsStr]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python());
    // Nothing of a person's own AWS configuration may reach it, nor may it leave files among the sources.
    let home = tempfile::tempdir().expect("a temporary folder");
    command.env_clear().env("HOME", home.path());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.arg(folder.join(script)).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{} cannot be started: {error}", python().display()));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    // A warning of Python's is a fault to come.
    if output.status.success() && err.is_empty() { Ok(out) } else { Err(format!("{out}{err}")) }
}

/// Compares exchanges with AWS's service models. Gives a line that says how many they were.
///
/// # Errors
/// What does not fit, one line for each operation, member and reason.
///
/// # Panics
/// When Python is not there, or the exchanges cannot be written to a file.
pub fn check_models(exchanges: &[Exchange]) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    for exchange in exchanges {
        let line = serde_json::to_string(exchange).expect("an exchange is JSON");
        writeln!(file, "{line}").expect("a temporary file can be written");
    }
    file.flush().expect("a temporary file can be written");
    run_python("wire/check_models.py", &[file.path().as_os_str()])
}
