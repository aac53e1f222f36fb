//! `make size-check`: sizes, instructions and the number of crates, compared with the values that are committed in
//! bench/committed.json.
//!
//! It keeps what is there. The limits that the project wants to reach are in `budgets`.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, ensure};
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use rehearsal::{FunctionName, Hook};
use serde::{Deserialize, Serialize};

use crate::{
    callgrind, functions,
    job::{Job, Program, Transport},
    laboratory::Laboratory,
    size::Size,
};

/// How much a value can grow before somebody has to commit a new one, with the reason.
const TOLERANCE: f64 = 1.03;

/// How the names of the counts begin.
const INSTRUCTIONS: &str = "instructions of";

/// Each value by its name.
type Values = BTreeMap<String, u64>;

/// The content of bench/committed.json.
#[derive(Deserialize, Serialize)]
struct Committed {
    /// The compiler of these values. Another one makes other programs, so growth is then only a warning.
    rustc: String,
    /// The processor: libraries choose their code by what it can do, and so the instructions differ.
    processor: String,
    values: Values,
}

/// Measures, prints the comparison, and with `record` writes the new values.
///
/// # Errors
/// A value grew by more than the tolerance, or could not be measured although the tools for it are installed.
pub async fn check(laboratory: &Laboratory, file: &Path, record: bool) -> anyhow::Result<()> {
    let now = Committed { rustc: rustc()?, processor: processor(), values: measure(laboratory).await? };
    if record {
        let text = serde_json::to_string_pretty(&now)? + "\n";
        return fs::write(file, text).with_context(|| format!("cannot write {}", file.display()));
    }
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let committed: Committed =
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", file.display()))?;
    println!("{}", table(&committed.values, &now.values));
    let mut too_much = grown(&committed.values, &now.values);
    if committed.rustc != now.rustc {
        warn_about(&mut too_much, |_| true, &now.rustc, &committed.rustc);
    }
    if committed.processor != now.processor {
        warn_about(&mut too_much, |name| name.starts_with(INSTRUCTIONS), &now.processor, &committed.processor);
    }
    ensure!(
        too_much.is_empty(),
        "{} grew by more than 3 %; make it smaller, or run `make size-record` and give the reason in the commit",
        too_much.join(", ")
    );
    Ok(())
}

/// Prints the names for which another tool or machine may be the reason, and removes them.
fn warn_about(grown: &mut Vec<&str>, concerns: impl Fn(&str) -> bool, now: &str, committed: &str) {
    for name in grown.extract_if(.., |name| concerns(name)) {
        eprintln!("only a warning, with {now} in place of {committed}: {name} grew by more than 3 %");
    }
}

/// The name that Linux has for the processor; empty elsewhere.
fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map(|(_, name)| name.trim().to_owned()).unwrap_or_default()
}

/// The version of the compiler: `rustc 1.95.0 (…)`.
fn rustc() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("cannot start rustc")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn measure(laboratory: &Laboratory) -> anyhow::Result<Values> {
    let mut values = Values::new();
    for function in FunctionName::all_functions() {
        let name = function.program_name();
        let size =
            Size::measure(name, &laboratory.binaries.join(name)).with_context(|| format!("no program {name}"))?;
        values.insert(format!("zipped bytes of {name}"), u64::try_from(size.zipped_bytes)?);
    }
    values.insert("crates of a hook".to_owned(), crates()?);
    if callgrind::is_installed() {
        let article = Job::article(Program::Function(Hook::AfterAllowTestTraffic.into()));
        // Its number of requests does not depend on time.
        let default = Job::default_hook(Hook::BeforeInstall);
        for (name, job) in [("the article's job", article), ("a default hook", default)] {
            let count = functions::instructions(laboratory, &job, Transport::Plain).await?;
            values.insert(format!("{INSTRUCTIONS} {name}"), count);
        }
    } else {
        eprintln!("instructions are not checked: valgrind is not installed");
    }
    Ok(values)
}

/// The number of crates in a hook function, its own and other people's.
fn crates() -> anyhow::Result<u64> {
    let arguments = ["tree", "--locked", "--edges", "normal", "--prefix", "none", "--package", "after-install"];
    let output = Command::new("cargo").args(arguments).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let mut lines: Vec<_> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(u64::try_from(lines.len())?)
}

/// The values that grew by more than the tolerance, and those that nobody has committed.
fn grown<'a>(committed: &Values, measured: &'a Values) -> Vec<&'a str> {
    let is_grown = |(name, value): &(&String, &u64)| {
        committed.get(*name).is_none_or(|limit| **value as f64 > *limit as f64 * TOLERANCE)
    };
    measured.iter().filter(is_grown).map(|(name, _)| name.as_str()).collect()
}

fn table(committed: &Values, measured: &Values) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["value", "committed", "now", "change"]);
    for (name, now) in measured {
        let before = committed.get(name);
        let change = before.map(|before| format!("{:+.1} %", (*now as f64 / *before as f64 - 1.0) * 100.0));
        table.add_row([
            name.clone(),
            before.map(u64::to_string).unwrap_or_default(),
            now.to_string(),
            change.unwrap_or_else(|| "new".to_owned()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<const N: usize>(values: [(&str, u64); N]) -> Values {
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn growth_within_the_tolerance_and_shrinking_are_fine() {
        let committed = values([("a", 1000), ("b", 1000), ("c", 1000)]);
        assert_eq!(grown(&committed, &values([("a", 1030), ("b", 1), ("c", 1000)])), [""; 0]);
    }

    #[test]
    fn another_processor_explains_only_instructions() {
        let mut grown = vec!["instructions of a", "zipped bytes of b"];
        warn_about(&mut grown, |name| name.starts_with(INSTRUCTIONS), "one", "another");
        assert_eq!(grown, ["zipped bytes of b"]);
    }

    #[test]
    fn more_growth_and_a_value_that_is_not_committed_are_not() {
        let committed = values([("a", 1000), ("b", 1000)]);
        assert_eq!(grown(&committed, &values([("a", 1031), ("b", 1000), ("c", 1)])), ["a", "c"]);
    }
}
