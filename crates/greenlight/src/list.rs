//! `--list`: what there is to play.

use crate::paint::{Look, Tone};

/// Name and sentence of every scenario.
pub fn list<'a>(look: Look, scenarios: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let name = scenarios.clone().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(title, about)| look.hang(&look.paint(Tone::Strong, title), name + 2, Tone::Plain, about);
    scenarios.map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each() {
        let two = [
            ("healthy", "A good version: every hook says yes, and customers are on it at the end."),
            (
                "targets-unhealthy",
                "The tasks run, but the load balancer finds them unhealthy: they listen on a port that the security group does not let through.",
            ),
        ];
        insta::assert_snapshot!(list(Look { width: 80, colour: false }, two.into_iter()));
    }
}
