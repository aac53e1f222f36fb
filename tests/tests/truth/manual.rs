//! What the manual says: its table of outcomes, read as a reader would.

/// What decides about an outcome, by the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    /// It passes.
    Nobody,
    /// It warns whatever the policies are.
    AlwaysWarns,
    /// One of the three policies, by its place in [`POLICIES`].
    Policy(usize),
}

/// The keys of the three policies.
pub const POLICIES: [&str; 3] = ["on_fail", "on_error", "no_data"];

/// Their values.
pub const VALUES: [&str; 3] = ["fail", "warn", "ignore"];

/// The rows of the table under "What passes, and what does not": an outcome, and what decides about it.
pub fn table() -> Vec<(String, Decides)> {
    let manual = include_str!("../../../docs/GATE-FILE.md");
    let (_, section) = manual.split_once("## What passes, and what does not\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let decides = match cells[3].trim_matches('`') {
                "– it passes" | "– it passes, and is said in words" => Decides::Nobody,
                "– it warns" => Decides::AlwaysWarns,
                key => Decides::Policy(POLICIES.iter().position(|policy| *policy == key).unwrap()),
            };
            (cells[2].trim_matches('`').to_owned(), decides)
        })
        .collect()
}

/// What decides about an outcome.
pub fn decides(outcome: &str) -> Decides {
    let row = table().into_iter().find(|(own, _)| own == outcome);
    row.unwrap_or_else(|| panic!("the manual has no row for {outcome}")).1
}

/// What is decided with these values of the three policies.
pub fn decision(outcome: &str, policies: [usize; 3]) -> &'static str {
    match decides(outcome) {
        Decides::Nobody => "pass",
        Decides::AlwaysWarns => "warn",
        Decides::Policy(which) => VALUES[policies[which]],
    }
}
