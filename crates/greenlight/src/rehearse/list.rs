//! `--list`: prints the scenarios.

use rehearsal::Scenario;

use crate::terminal::{Emphasis, TerminalStyle};

/// Renders name and description of every scenario, under a heading for each category.
pub fn render_list(style: TerminalStyle, scenarios: &[Scenario]) -> String {
    let name = scenarios.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
    let mut all: Vec<&Scenario> = scenarios.iter().collect();
    // The sort is stable: within a category the scenarios keep their order.
    all.sort_by_key(|one| one.category);
    let groups = all.chunk_by(|one, next| one.category == next.category).map(|group| {
        let heading = group.first().map(|one| one.category.title()).unwrap_or_default();
        let lines: Vec<String> = group
            .iter()
            .map(|one| style.hanging(&format!("  {}", one.name), name + 4, Emphasis::Plain, &one.about))
            .collect();
        format!("{}\n{}", style.apply(Emphasis::Bold, heading), lines.join("\n"))
    });
    groups.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_under_what_it_is_about() {
        let scenario = |name: &str, about: &str, group: &str| {
            let text = format!(
                "name: {name}\nabout: {about:?}\ncategory: {group}\ndeployments: [{{ expect: {{ outcome: succeeded }} }}]\n"
            );
            Scenario::from_yaml(&text, name).unwrap()
        };
        let ill = "The tasks run, but the load balancer finds them unhealthy: they listen on a port that the security group does not allow.";
        let some = [
            scenario("targets-unhealthy", ill, "traffic"),
            scenario("healthy", "All is well.", "basics"),
            scenario("operator-stops", "Somebody stops it.", "deployments"),
            scenario("listener-lags", "The test listener needs five seconds.", "traffic"),
        ];
        insta::assert_snapshot!(render_list(TerminalStyle { width: 80, colour: false }, &some));
    }
}
