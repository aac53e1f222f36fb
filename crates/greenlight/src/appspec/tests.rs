//! Tests of writing hooks, with files as people write them.

use hook_core::Hook;
use proptest::prelude::*;

use super::{
    block_style, hook_functions, model,
    rewrite::rewrite_hooks,
    tree,
    validate::{ValidationContext, validate},
};

fn five_hooks() -> Vec<(Hook, String)> {
    hook_functions::with_prefix("CodeDeployHook_shop-").unwrap()
}

pub(super) fn written(text: &str) -> String {
    written_as(text, false, &five_hooks())
}

/// Returns the text with the hooks in it, after asserting that writing them again changes nothing.
fn written_as(text: &str, is_json: bool, wanted: &[(Hook, String)]) -> String {
    let once = rewrite_hooks(text, is_json, wanted, false).unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"));
    let twice = rewrite_hooks(&once.text, is_json, wanted, false).unwrap();
    assert_eq!(twice.text, once.text, "{text:?}");
    once.text
}

pub(super) const HEAD: &str = "version: 0.0 # the only one
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: \"arn:aws:ecs:eu-west-1:111122223333:task-definition/shop:42\"
        LoadBalancerInfo: { ContainerName: 'web', ContainerPort: 8080 }
";

pub(super) const SECTION: &str = "Hooks:
  - BeforeInstall: CodeDeployHook_shop-before-install
  - AfterInstall: CodeDeployHook_shop-after-install
  - AfterAllowTestTraffic: CodeDeployHook_shop-after-allow-test-traffic
  - BeforeAllowTraffic: CodeDeployHook_shop-before-allow-traffic
  - AfterAllowTraffic: CodeDeployHook_shop-after-allow-traffic
";

#[test]
fn a_section_is_added_where_there_is_none_and_filled_where_it_is_empty() {
    assert_eq!(written(HEAD), format!("{HEAD}{SECTION}"));
    assert_eq!(written(""), SECTION);
    assert_eq!(written("# mine\n"), format!("# mine\n{SECTION}"));
    for empty in ["Hooks:\n", "Hooks: null\n", "Hooks: ~\n", "Hooks: []\n", "Hooks: {}\n", "Hooks:   [ ]\n"] {
        assert_eq!(written(&format!("{HEAD}{empty}")), format!("{HEAD}{SECTION}"), "{empty:?}");
    }
    let noted = SECTION.replace("Hooks:\n", "Hooks: # none yet\n");
    assert_eq!(written(&format!("{HEAD}Hooks: # none yet\n")), format!("{HEAD}{noted}"));
    assert_eq!(written(&format!("{HEAD}Hooks: null # none yet\n")), format!("{HEAD}{noted}"));
    // The section is in the middle of the file, or the file has no line ending at its end.
    assert_eq!(written(&format!("Hooks:\n\n{HEAD}")), format!("{SECTION}\n{HEAD}"));
    assert_eq!(written(HEAD.trim_end()), format!("{HEAD}{SECTION}").trim_end());
    assert_eq!(written(&format!("{HEAD}Hooks:")), format!("{HEAD}{SECTION}").trim_end());
    assert_eq!(written(&format!("---\n{HEAD}...\n")), format!("---\n{HEAD}{SECTION}...\n"));
    let small = HEAD.replace("Resources", "resources");
    assert_eq!(written(&small), format!("{small}{}", SECTION.replace("Hooks", "hooks")));
}

#[test]
fn the_margin_is_that_of_the_file() {
    let flat = HEAD.replace("  - Target", "- Target").replace("\n      ", "\n    ").replace("\n        ", "\n      ");
    assert_eq!(written(&flat), format!("{flat}{}", SECTION.replace("  - ", "- ")));
    let wide = HEAD
        .replace("  - Target", "    - Target")
        .replace("\n      T", "\n        T")
        .replace("\n      P", "\n        P");
    let wide = wide.replace("\n        TaskD", "\n            TaskD").replace("\n        Load", "\n            Load");
    assert_eq!(written(&wide), format!("{wide}{}", SECTION.replace("  - ", "    - ")));
    let windows = HEAD.replace('\n', "\r\n");
    assert_eq!(written(&windows), format!("{windows}{}", SECTION.replace('\n', "\r\n")));
    let marked = format!("\u{feff}{HEAD}");
    assert_eq!(written(&marked), format!("{marked}{SECTION}"));
}

#[test]
fn what_stands_in_a_section_keeps_its_comments_its_quotes_and_its_neighbours() {
    let text = format!(
        "{HEAD}
# Who may say no.
Hooks: # in order

  # the smoke test
  - AfterAllowTestTraffic: 'CodeDeployHook_old-after-allow-test-traffic'   # slow

  # first of all
  - BeforeInstall: \"CodeDeployHook_shop-before-install\" # quick
  - Lunch: mine # somebody's

# the end
"
    );
    insta::assert_snapshot!(written(&text));
}

#[test]
fn a_map_becomes_the_list_that_codedeploy_wants() {
    let map = format!(
        "Hooks:\n  # a\n  BeforeInstall: CodeDeployHook_x-before-install # b\n  AfterInstall: CodeDeployHook_x-after-install\n{HEAD}"
    );
    let said = written(&map);
    assert!(
        said.starts_with("Hooks:\n  # a\n  - BeforeInstall: CodeDeployHook_shop-before-install # b\n  - AfterInstall"),
        "{said}"
    );
    let one = format!(
        "{HEAD}Hooks:\n  - BeforeInstall: CodeDeployHook_x-before-install\n    AfterInstall: CodeDeployHook_x-after-install # b\n"
    );
    assert!(written(&one).contains("  - AfterInstall: CodeDeployHook_shop-after-install # b\n"), "{}", written(&one));
    let odd = format!("{HEAD}Hooks:\n  -\n    BeforeInstall: CodeDeployHook_x-before-install\n");
    assert_eq!(written(&odd), format!("{HEAD}{SECTION}"));
}

#[test]
fn json_stays_json() {
    let pretty =
        "{\n\t\"version\": 0.0,\n\t\"Resources\": [ { \"TargetService\": { \"Type\": \"AWS::ECS::Service\" } } ]\n}\n";
    insta::assert_snapshot!("json_with_tabs", written_as(pretty, true, &five_hooks()).replace('\t', "→   "));
    let wide = pretty.replace('\t', "    ").replace("\n}", ",\n    \"Hooks\": []\n}");
    insta::assert_snapshot!("json_with_an_empty_list", written_as(&wide, true, &five_hooks()));
    let two = [(Hook::BeforeInstall, "a".to_owned()), (Hook::AfterInstall, "b".to_owned())];
    assert_eq!(
        written_as(r#"{"version":0.0,"Resources":[]}"#, true, &two),
        r#"{"version":0.0,"Resources":[],"Hooks":[{"BeforeInstall":"a"},{"AfterInstall":"b"}]}"#
    );
    assert_eq!(
        written_as(r#"{ "version": 0.0, "Hooks": null }"#, true, &two),
        r#"{ "version": 0.0, "Hooks": [{ "BeforeInstall": "a" }, { "AfterInstall": "b" }] }"#
    );
    let own = r#"{ "Hooks": [ { "AfterInstall" : "CodeDeployHook_x-after-install" } ], "version": 0.0 }"#;
    assert_eq!(
        written_as(own, true, &two),
        r#"{ "Hooks": [ { "BeforeInstall" : "a" }, { "AfterInstall" : "b" } ], "version": 0.0 }"#
    );
    let empty = written_as("", true, &two);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&empty).unwrap()["Hooks"][1]["AfterInstall"], "b");
    assert!(serde_json::from_str::<serde_json::Value>(&written_as("{}\n", true, &two)).is_ok());
}

#[test]
fn yaml_in_brackets_stays_so() {
    let two = [(Hook::BeforeInstall, "a".to_owned()), (Hook::AfterInstall, "b".to_owned())];
    let text = "version: 0.0\nHooks: [{AfterInstall: CodeDeployHook_x-after-install}] # c\nResources: []\n";
    assert_eq!(
        written_as(text, false, &two),
        "version: 0.0\nHooks: [{BeforeInstall: a}, {AfterInstall: b}] # c\nResources: []\n"
    );
    assert_eq!(written_as("{version: 0.0, Hooks: {}}", false, &two).matches("Install").count(), 2);
    let anchored = "a: &x CodeDeployHook_x-after-install\nHooks:\n  - AfterInstall: *x # c\n";
    assert_eq!(
        written_as(anchored, false, &two),
        "a: &x CodeDeployHook_x-after-install\nHooks:\n  - BeforeInstall: a\n  - AfterInstall: b # c\n"
    );
}

#[test]
fn what_stands_elsewhere_never_changes() {
    // The anchor in the section is used after it, so replacing its value would change the other value.
    let text = "Hooks:\n  - AfterInstall: &x CodeDeployHook_x-after-install\nother: *x\n";
    let said = rewrite_hooks(text, false, &five_hooks(), false).unwrap_err();
    assert!(said[0].message.contains("without changing other parts of the file"), "{said:?}");
}

#[test]
fn somebody_elses_function_is_replaced_only_on_demand() {
    let text = format!(
        "{HEAD}Hooks:\n  - BeforeInstall: CodeDeployHook_old-before-install\n  - AfterInstall: my-smoke-test # mine\n  - AfterAllowTraffic: <HOOK>\n"
    );
    let taken = rewrite_hooks(&text, false, &five_hooks(), false).unwrap_err();
    let [fault] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((fault.at.line, fault.at.column), (10, 19));
    assert!(fault.message.contains("--replace puts CodeDeployHook_shop-after-install"), "{fault}");
    let replaced = rewrite_hooks(&text, false, &five_hooks(), true).unwrap().text;
    assert!(replaced.contains("  - AfterInstall: CodeDeployHook_shop-after-install # mine\n"), "{replaced}");
    let others: Vec<_> = five_hooks().into_iter().filter(|(hook, _)| *hook != Hook::AfterInstall).collect();
    let replaced_others = written_as(&text, false, &others);
    assert!(
        replaced_others.contains("  - AfterInstall: my-smoke-test # mine\n") && !replaced_others.contains("<HOOK>"),
        "{replaced_others}"
    );
}

#[test]
fn what_is_no_appspec_file_is_left_alone() {
    for (text, says) in [
        ("Hooks: [", "not YAML"),
        ("- a\n", "is a map"),
        ("Hooks: soon\n", "expected a list"),
        ("Hooks:\n  - AfterInstall: [a, b]\n", "the name or the ARN of one function"),
        ("Hooks:\n  - AfterInstall\n", "such as `AfterInstall: NAME`"),
        ("Hooks: []\nhooks: []\n", "a second Hooks section"),
    ] {
        let said = rewrite_hooks(text, false, &five_hooks(), true).unwrap_err();
        assert!(said[0].message.contains(says), "{text:?}: {said:?}");
    }
}

/// Generates texts of files with comments, blank lines, quotes, and hooks of every form.
fn any_file() -> impl Strategy<Value = String> {
    let before = prop_oneof![
        Just(HEAD.to_owned()),
        Just(format!("# first\n\n{HEAD}\n# between\n")),
        Just(HEAD.replace("  - ", "- ").replace("\n      ", "\n    ")),
        Just("version: 0.0\n".to_owned()),
        Just(String::new()),
    ];
    let after = prop_oneof![
        Just(String::new()),
        Just("\n# last\n".to_owned()),
        Just("more: { a: 'b', c: [1, 2] } # d\n".to_owned())
    ];
    let event = prop::sample::select(vec![
        "BeforeInstall",
        "AfterInstall",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
        "Lunch",
    ]);
    let function = prop::sample::select(vec![
        "CodeDeployHook_x-after-install",
        "'CodeDeployHook_x-on-failure'",
        "\"<FUNCTION>\"",
        "mine",
        "",
        "CodeDeployHook_shop-before-install",
    ]);
    let behind = prop::sample::select(vec!["", " # why", "   "]);
    let above = prop::sample::select(vec!["", "  # above\n", "\n"]);
    let entry = (event, function, behind, above);
    let entries = prop::collection::vec(entry, 0..7);
    let section =
        (entries, 0..5_u8, prop::sample::select(vec!["", " # section"])).prop_map(|(entries, form, noted)| {
            if entries.is_empty() {
                return [
                    String::new(),
                    format!("Hooks:{noted}\n"),
                    format!("Hooks: null{noted}\n"),
                    "Hooks: []\n".to_owned(),
                    String::new(),
                ][usize::from(form)]
                .clone();
            }
            let block = |dash: &str| {
                let lines = entries
                    .iter()
                    .map(|(event, function, behind, above)| format!("{above}  {dash}{event}: {function}{behind}\n"));
                format!("Hooks:{noted}\n{}", lines.collect::<String>())
            };
            let flow = |between: &str| {
                let items: Vec<_> =
                    entries.iter().map(|(event, function, ..)| format!("{{ {event}: {function} }}")).collect();
                format!("Hooks: [{}]{noted}\n", items.join(between))
            };
            match form {
                0 | 1 => block("- "),
                2 => block(""),
                3 => flow(", "),
                _ => flow(",\n    "),
            }
        });
    (before, section, after, any::<bool>(), any::<bool>()).prop_map(|(before, section, after, windows, ended)| {
        let text = format!("{before}{section}{after}");
        let text = if windows { text.replace('\n', "\r\n") } else { text };
        if ended { text } else { text.trim_end().to_owned() }
    })
}

/// Returns the text without its Hooks section, from the line of its key to the last line of its value.
fn without_hooks(text: &str) -> String {
    let tree = tree::parse(text).unwrap();
    let [(key, hooks)] = model::sections(&tree.root, "Hooks")[..] else { return text.to_owned() };
    let start = text[..key.span.start].rfind('\n').map_or(0, |at| at + 1);
    let last = key.span.end.max(hooks.span.end);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at + 1);
    format!("{}{}", &text[..start], &text[end..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn only_the_hooks_change_and_only_once(text in any_file(), some in prop::sample::subsequence(Hook::ALL.to_vec(), 1..=5), replace: bool) {
        let wanted: Vec<_> = five_hooks().into_iter().filter(|(hook, _)| some.contains(hook)).collect();
        let Ok(once) = rewrite_hooks(&text, false, &wanted, replace) else { return Ok(()) };
        // Each requested hook is listed once with its function; the others are unchanged.
        let tree = tree::parse(&once.text).unwrap();
        let sections = model::sections(&tree.root, "Hooks");
        prop_assert!(model::is_regular(sections[0].1), "{}", once.text);
        let entries = model::entries(sections[0].1);
        for (hook, function) in &wanted {
            let own: Vec<_> = entries.iter().filter(|it| it.hook() == Some(*hook)).map(|it| it.function_name()).collect();
            prop_assert_eq!(own, [function.as_str()], "{}", once.text);
        }
        let others = |text: &str| {
            let tree = tree::parse(text).unwrap();
            let sections = model::sections(&tree.root, "Hooks");
            let entries = sections.first().map(|(_, hooks)| model::entries(hooks)).unwrap_or_default();
            let mut others: Vec<_> = entries.iter().filter(|it| it.hook().is_none_or(|hook| !some.contains(&hook)))
                .map(|it| (it.event_name().to_owned(), it.function_name().to_owned())).collect();
            others.sort();
            others
        };
        prop_assert_eq!(others(&text), others(&once.text));
        // Everything else is the same to the byte, except for a line ending after what was the last line.
        let (rest, rest_before) = (without_hooks(&once.text), without_hooks(&text));
        prop_assert_eq!(rest.trim_end(), rest_before.trim_end(), "{}", once.text);
        prop_assert_eq!(block_style::count_comments(&once.text) + once.comments_lost, block_style::count_comments(&text), "{}", once.text);
        let twice = rewrite_hooks(&once.text, false, &wanted, replace).unwrap();
        prop_assert_eq!(twice.text, once.text);
    }

    #[test]
    fn any_text_is_checked_and_written_without_a_panic(text in "[A-Za-z:#\\-\\[\\]{}'\" \t\r\n&*|>,ä]{0,80}", head in prop::sample::select(vec!["", HEAD, "Hooks:\n", "{", "\u{feff}"])) {
        let text = format!("{head}{text}");
        let _ = validate(&text, false, &ValidationContext::default());
        let _ = rewrite_hooks(&text, false, &five_hooks(), true);
    }
}
