//! Finds or builds the programs under test: five hooks, `on-failure` and the command line. Cargo builds no binaries of
//! other packages for a test, so this module does.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use rehearsal::Hook;

/// The folder with the programs: `GREENLIGHT_BINARIES`, which `make test` fills. Without it, this function builds them,
/// so that they are never stale.
///
/// # Panics
/// If a program is missing or cannot be built: a test of missing programs must not pass.
pub fn binaries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = binaries_from_env().unwrap_or_else(build_binaries);
        for name in program_names() {
            let program = folder.join(name);
            assert!(program.is_file(), "{} is missing; `make test` builds it", program.display());
        }
        folder
    })
}

/// The path of the command line.
pub fn greenlight() -> PathBuf {
    binaries().join("greenlight")
}

fn program_names() -> impl Iterator<Item = &'static str> {
    Hook::ALL.into_iter().map(Hook::program_name).chain(["on-failure", "greenlight"])
}

#[expect(clippy::disallowed_methods, reason = "the one setting of the tests")]
fn binaries_from_env() -> Option<PathBuf> {
    std::env::var_os("GREENLIGHT_BINARIES").map(PathBuf::from)
}

fn build_binaries() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked"]);
    for name in program_names() {
        build.args(["--package", name]);
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "the programs cannot be built: {status:?}");
    // The program of this test is target/PROFILE/deps/NAME-HASH.
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(3).unwrap_or(Path::new("target"));
    target.join("debug")
}
