//! The names of lifecycle events, including those without a hook, and of the hooks' programs.

use hook_core::{Hook, gate_file::Message};
use rehearsal::FunctionName;

use crate::cli::suggest;

/// A name that is less similar than this does not count as a misspelling (0: nothing in common, 1: the same).
const MIN_SIMILARITY: f64 = 0.8;
/// The names of the programs are similar to each other, so a misspelling has to be closer to one of them.
const MIN_PROGRAM_SIMILARITY: f64 = 0.93;

/// Lifecycle events that only EC2 deployments have.
const EC2_EVENTS: [&str; 6] = [
    "ApplicationStop",
    "DownloadBundle",
    "BeforeBlockTraffic",
    "AfterBlockTraffic",
    "ApplicationStart",
    "ValidateService",
];

/// Events that CodeDeploy carries out itself, and the events around them that have hooks.
const EVENTS_WITHOUT_HOOK: [(&str, &str); 6] = [
    ("Start", "`BeforeInstall`"),
    ("Install", "`BeforeInstall` and `AfterInstall`"),
    ("AllowTestTraffic", "`AfterAllowTestTraffic`"),
    ("AllowTraffic", "`BeforeAllowTraffic` and `AfterAllowTraffic`"),
    ("BlockTraffic", "`BeforeAllowTraffic`"),
    ("End", "`AfterAllowTraffic`"),
];

/// The message for a name that is not an event with a hook.
pub fn unknown_event_message(name: &str) -> Message {
    let names = Hook::ALL.map(Hook::event_name);
    if EC2_EVENTS.contains(&name) {
        return format!("`{name}` is an event of deployments on EC2; Amazon ECS has {}", names.join(", ")).into();
    }
    if let Some((_, around)) = EVENTS_WITHOUT_HOOK.iter().find(|(event, _)| *event == name) {
        return format!("`{name}` has no hook, because CodeDeploy does it itself; the hooks around it: {around}")
            .into();
    }
    if name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return format!("`{name}` is a stage of Amazon ECS's own deployments, which have no AppSpec file").into();
    }
    match nearest(name, names) {
        Some(near) => Message::did_you_mean(format_args!("`{name}` is not a lifecycle event"), near),
        None => format!("`{name}` is not a lifecycle event; there are {}", names.join(", ")).into(),
    }
}

/// The most similar of the known names, if one is similar enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    suggest::nearest(name, known, MIN_SIMILARITY)
}

/// The most similar name that ends in a program's name: for `shop-before-instal`, `shop-before-install`.
pub fn suggest_function_name(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('-').collect();
    let candidates = FunctionName::all_functions().filter_map(|function| {
        let program = function.program_name();
        // Compare as many words as the program's name has. The first one can be attached to the prefix.
        let words = parts.len().saturating_sub(program.split('-').count());
        let end = parts[words..].join("-");
        let (before, end) =
            end.rsplit_once('_').map_or(("", end.as_str()), |(_, rest)| (&end[..end.len() - rest.len()], rest));
        let alike = suggest::similarity(end, program);
        let head: String = parts[..words].iter().map(|part| format!("{part}-")).collect();
        (end != program).then(|| (alike, format!("{head}{before}{program}")))
    });
    suggest::most_similar(candidates, MIN_PROGRAM_SIMILARITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_no_events_are_told_apart() {
        for (name, says) in [
            ("AfterAllowTestTrafic", "did you mean `AfterAllowTestTraffic`?"),
            ("after_install", "did you mean `AfterInstall`?"),
            ("ValidateService", "deployments on EC2"),
            ("AllowTraffic", "CodeDeploy does it itself"),
            ("POST_SCALE_UP", "Amazon ECS's own"),
            ("Lunch", "there are BeforeInstall, AfterInstall"),
        ] {
            let message = unknown_event_message(name).to_string();
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn a_name_that_nearly_ends_in_a_program_is_known() {
        assert_eq!(suggest_function_name("shop-before-instal").as_deref(), Some("shop-before-install"));
        let name = "CodeDeployHook_after-allow-test-trafic";
        assert_eq!(suggest_function_name(name).as_deref(), Some("CodeDeployHook_after-allow-test-traffic"));
        assert_eq!(suggest_function_name("CodeDeployHook_shop-smoke-test"), None);
    }
}
