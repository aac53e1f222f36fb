//! Finds the scenarios, so that a new one is a new file and nothing else.

use std::{fmt::Write as _, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=scenarios");
    // Cargo runs this in the package's folder. A path taken when this was compiled would be another checkout's.
    let mut names = Vec::new();
    for file in fs::read_dir("scenarios")? {
        let path = file?.path();
        let is_scenario = path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("gate.yaml");
        names.extend(path.file_stem().filter(|_| is_scenario).map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    let mut list = String::from("&[");
    for name in names {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/scenarios/{name}.yaml\")");
        let _ = write!(list, "({name:?}, include_str!({path})),");
    }
    #[expect(clippy::disallowed_methods, reason = "Cargo tells a build script in no other way")]
    let folder = std::env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&folder).join("scenarios.rs"), list + "]")
}
