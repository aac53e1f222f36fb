//! Reading whole gate files.

use super::*;

const BUILT_IN: &str = "
version: 1
hooks:
  after_install:
    checks:
      - name: steady
        tasks: green
        expect: [steady == true]
        within: 5m
      - name: targets
        targets: green
        expect: [healthy == registered]
";

fn check_names(file: &str) -> Vec<String> {
    let gate = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap();
    gate.checks.into_iter().map(|check| check.name).collect()
}

fn diagnostics(file: &str) -> String {
    let diagnostics = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap_err();
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_files_checks_are_added_to_the_built_in_ones() {
    let own = "{ tasks: green, name: mine, expect: [running >= 2] }";
    assert_eq!(
        check_names(&format!("version: 1\nhooks: {{ after_install: {{ checks: [{own}] }} }}")),
        ["steady", "targets", "mine"]
    );
    let none = format!("version: 1\nhooks: {{ after_install: {{ built_in: none, checks: [{own}] }} }}");
    assert_eq!(check_names(&none), ["mine"]);
    assert_eq!(check_names("version: 1"), ["steady", "targets"]);
}

#[test]
fn a_built_in_check_can_be_changed_by_name() {
    let file = "version: 1\nhooks: { after_install: { built_in: { steady: { within: 7s, on_fail: warn } } } }";
    let gate = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap();
    assert_eq!(gate.checks[0].policies.on_fail, Policy::Warn);
    assert!(format!("{:?}", gate.checks[0].check).contains("within: 7s"), "{:?}", gate.checks[0].check);
}

#[test]
fn a_fault_in_another_hooks_part_shows_as_well() {
    let file = "version: 1\nhooks: { after_allow_traffic: { built_in: { alarm: { for: 8m } } } }";
    let faults = load(Hook::BeforeInstall, Some(file)).unwrap_err();
    insta::assert_snapshot!(faults.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn no_checks_at_all_needs_words() {
    let gate = |file| load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap();
    for silent in ["built_in: none", "checks: []", "built_in: none, checks: []"] {
        let faults = load_with(
            |_| BUILT_IN,
            Hook::AfterInstall,
            Some(&format!("version: 1\nhooks: {{ after_install: {{ {silent} }} }}")),
        );
        let codes: Vec<_> = faults.unwrap_err().iter().map(|fault| fault.code).collect();
        assert_eq!(codes, [ReasonCode::GateEmpty], "{silent}");
    }
    let said = gate("version: 1\nhooks: { after_install: { built_in: none, checks: none } }");
    assert!(said.checks.is_empty() && said.explicitly_empty);
}

#[test]
fn every_fault_is_reported_with_its_place() {
    insta::assert_snapshot!(diagnostics(
        "version: 2
hook: {}
hooks:
  after_instal: {}
  before_install:
    deadline: soon
    checks: [ { tasks: green, expect: [runing == desired] } ]
  after_install:
    built_in: { stedy: {}, targets: 3 }
    checks:
      - { http: '{{test_ulr}}/x', expect: [status = 200] }
      - { tasks: purple, within: 5, on_fail: stop, expect: [running >] }
      - { name: nothing }
      - { htp: '/' }
      - { tasks: green, targets: green }
      - { tasks: green }
"
    ));
}

#[test]
fn a_file_that_is_not_yaml_is_a_fault_and_no_panic() {
    insta::assert_snapshot!(diagnostics("version: 1\nhooks: [\n"));
    insta::assert_snapshot!(diagnostics("just words"));
    insta::assert_snapshot!(diagnostics("version: 1\nversion: 1\n"));
    insta::assert_snapshot!(diagnostics(&"x".repeat(MAX_BYTES + 1)));
}

const MANUAL: &str = include_str!("../../../docs/GATE-FILE.md");

#[test]
fn the_example_in_the_manual_is_a_gate_file_for_every_hook() {
    let (_, rest) = MANUAL.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    for hook in Hook::ALL {
        let gate = load(hook, Some(example)).unwrap_or_else(|faults| panic!("{hook}: {faults:?}"));
        assert_eq!(gate.checks.is_empty(), hook == Hook::BeforeInstall, "{hook}");
    }
}

#[test]
fn the_manual_lists_the_built_in_checks_in_their_order() {
    for hook in Hook::ALL {
        let gate = load(hook, None).unwrap();
        let warns = |check: &CheckSpec| if check.policies.on_fail == Policy::Warn { " (warns)" } else { "" };
        let names: Vec<_> = gate.checks.iter().map(|check| format!("`{}`{}", check.name, warns(check))).collect();
        let row = format!("| `{}` | {} |", hook.key(), names.join(", "));
        assert!(MANUAL.contains(&row), "docs/GATE-FILE.md does not have the row {row}");
    }
}
