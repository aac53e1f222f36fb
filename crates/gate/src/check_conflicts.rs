//! Checks that conflict with the other checks of their hook, or with the hook itself.

use std::collections::BTreeMap;

use lifecycle::TrafficRoute;

use super::{
    CheckSpec, Condition, MapReader,
    condition::satisfiability::{find_contradiction, review},
};

pub(super) fn reject_duplicate_names(checks: &[CheckSpec], fields: &mut MapReader<'_>) {
    let mut seen: BTreeMap<&str, &CheckSpec> = BTreeMap::new();
    for check in checks {
        if let Some(earlier) = seen.insert(&check.name, check) {
            let message = if earlier.is_built_in() {
                format!("{:?} is the name of a built-in check; give this check another `name`", check.name)
            } else {
                format!("two checks of this hook are called {:?}; give one another `name`", check.name)
            };
            fields.error(check.given_at("name"), message);
        }
    }
}

/// Two barriers that each use the URL that the other one unblocks would wait for each other forever.
pub(super) fn reject_barrier_cycle(checks: &[CheckSpec], fields: &mut MapReader<'_>) {
    let find_barrier = |route: TrafficRoute| {
        checks.iter().find(|it| it.check.unblocks() == Some(route) && !it.required_routes().is_empty())
    };
    if let (Some(test), Some(production)) = (find_barrier(TrafficRoute::Test), find_barrier(TrafficRoute::Production)) {
        let message = format!(
            "{:?} and {:?} wait for each other: each unblocks a listener whose URL the other one uses",
            test.name, production.name
        );
        fields.error(test.at.max(production.at), message);
    }
}

/// If the `when` of a check excludes the `when` of its hook, the check never runs, and nobody would notice.
pub(super) fn reject_contradictions(hook: &[Condition], checks: &[CheckSpec], fields: &mut MapReader<'_>) {
    if hook.is_empty() || !review(hook).is_empty() {
        return;
    }
    for check in checks.iter().filter(|check| !check.when.is_empty() && review(&check.when).is_empty()) {
        if let Some(why) = find_contradiction(hook, &check.when) {
            let message = format!(
                "{:?} never runs, because its `when` contradicts that of its hook: {why}; change one of the two `when`",
                check.name
            );
            fields.error(check.given_at("when"), message);
        }
    }
}
