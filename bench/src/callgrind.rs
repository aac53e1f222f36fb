//! Counts instructions with valgrind's callgrind.

use std::path::Path;

/// The words of the command that runs a program under callgrind, which writes to `output`.
pub fn command(output: &Path) -> Vec<String> {
    vec![
        "valgrind".to_owned(),
        "--quiet".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", output.display()),
    ]
}

/// Whether valgrind is installed.
pub fn is_installed() -> bool {
    std::process::Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The number of instructions in callgrind's output. Some versions write it only as `summary`.
pub fn parse(output: &str) -> Option<u64> {
    let value =
        |key: &str| output.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok();
    value("totals:").or_else(|| value("summary:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "# callgrind format\nversion: 1\npid: 42\nevents: Ir\nsummary: 900\n\nfn=(0)\n0 900\n\n";

    #[test]
    fn totals_come_before_summary() {
        assert_eq!(parse(OUTPUT), Some(900));
        assert_eq!(parse(&format!("{OUTPUT}totals: 1000\n")), Some(1000));
    }

    #[test]
    fn output_without_a_number_has_no_count() {
        assert_eq!(parse("events: Ir\ntotals:\n"), None);
        assert_eq!(parse(""), None);
    }
}
