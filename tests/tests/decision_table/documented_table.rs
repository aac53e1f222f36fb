//! Reads the manual's table of outcomes.

/// What decides about an outcome, according to the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// The outcome passes.
    Nobody,
    /// The outcome warns, whatever the policies are.
    AlwaysWarns,
    /// One of the three policies, by its index in [`POLICY_KEYS`].
    Policy(usize),
}

pub const POLICY_KEYS: [&str; 3] = ["on_fail", "on_error", "no_data"];

pub const POLICY_VALUES: [&str; 3] = ["fail", "warn", "ignore"];

/// The rows of the table under "What passes, and what does not": an outcome, and what decides about it.
pub fn documented_rows() -> Vec<(String, DecidedBy)> {
    let manual = include_str!("../../../docs/GATE-FILE.md");
    let (_, section) = manual.split_once("## What passes, and what does not\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let decides = match cells[3].trim_matches('`') {
                "– it passes" | "– it passes, and the report says so" => DecidedBy::Nobody,
                "– it warns" => DecidedBy::AlwaysWarns,
                key => DecidedBy::Policy(POLICY_KEYS.iter().position(|policy| *policy == key).unwrap()),
            };
            (cells[2].trim_matches('`').to_owned(), decides)
        })
        .collect()
}

/// What decides about an outcome. Panics if the manual has no row for it.
pub fn decided_by(outcome: &str) -> DecidedBy {
    let row = documented_rows().into_iter().find(|(own, _)| own == outcome);
    row.unwrap_or_else(|| panic!("the manual has no row for {outcome}")).1
}

/// The decision with these values of the three policies, which are indexes in [`POLICY_VALUES`].
pub fn decision(outcome: &str, policies: [usize; 3]) -> &'static str {
    match decided_by(outcome) {
        DecidedBy::Nobody => "pass",
        DecidedBy::AlwaysWarns => "warn",
        DecidedBy::Policy(which) => POLICY_VALUES[policies[which]],
    }
}
