//! The gate file: a YAML file that says what each hook checks. docs/GATE-FILE.md is its manual.
//!
//! `yaml` parses text into a tree with positions. `reader` reads a map of the tree, collects its errors and records the
//! keys that it accepts. `condition` is the language of the `expect` lines; `template` is the language of facts in
//! texts. `header` reads what applies to all hooks, `hook_section` one hook's part with its built-in checks, and
//! `check_spec` one check. `yaml_writer` writes a gate file with all effective values; `schema` and `explain` describe
//! it.

mod built_in;
mod check_spec;
mod condition;
mod diagnostic;
mod duration;
pub(crate) mod explain;
mod fact;
mod header;
mod hook_section;
mod json_path;
mod key_spec;
mod reader;
mod requirements;
pub(crate) mod schema;
mod scope;
mod secret_mask;
mod secret_ref;
mod skip;
mod template;
mod timing;
mod unit;
mod value;
mod version;
mod when;
mod window;
mod yaml;
pub(crate) mod yaml_writer;

use std::{cell::LazyCell, collections::BTreeMap};

pub use lifecycle::{format_duration, suggest};

pub(crate) use self::header::is_name;
pub(crate) use self::yaml::parse as parse_yaml;
pub use self::{
    check_spec::CheckSpec,
    condition::{Condition, ConditionResult, Failure, Subject},
    diagnostic::{Diagnostic, render},
    fact::{Fact, VersionFact},
    hook_section::{HookSection, RunMode},
    json_path::{JsonPath, PathMatch},
    reader::{MapReader, ReadContext},
    requirements::{Referenced, Requirements, requirements},
    scope::{Defaults, HttpDefaults, Retry, Scope},
    secret_ref::{SecretRef, SecretStore},
    skip::{Skip, SkipDecision},
    template::{FactResolver, Template, UnresolvedFact},
    value::{SubjectValues, Value},
    version::VersionNumber,
    when::{WhenContext, why_not_applicable},
    yaml::{MapKey, Position, YamlNode, YamlValue},
};
use self::{
    header::{GateHeader, read_header},
    secret_mask::SecretMask,
};
use crate::hook::Hook;

/// Larger than any gate file that a person writes. Advanced parameters of Systems Manager end at 8 KiB.
pub const MAX_BYTES: usize = 256 * 1024;

/// Reads the gate of one hook: its built-in checks and the team's file, if any. It reads the whole file, so that an
/// error in the part of a later hook is reported by the first hook.
///
/// # Errors
/// All errors of the file, in its order.
pub fn load(hook: Hook, file: Option<&str>) -> Result<HookSection, Vec<Diagnostic>> {
    load_with(built_in::yaml_for, hook, file)
}

pub(crate) fn load_with(
    built_in: fn(Hook) -> &'static str,
    hook: Hook,
    file: Option<&str>,
) -> Result<HookSection, Vec<Diagnostic>> {
    let (mut gates, Diagnostics { errors, .. }) = read(built_in, file.unwrap_or("version: 1"));
    match gates.remove(&hook) {
        Some(gate) if errors.is_empty() => Ok(gate),
        _ => Err(errors),
    }
}

/// The errors and warnings of a file, each list in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Why the file cannot be used.
    pub errors: Vec<Diagnostic>,
    /// Mistakes that do not prevent the use of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a file and returns its errors and warnings.
pub fn diagnose(text: &str) -> Diagnostics {
    read(built_in::yaml_for, text).1
}

/// The gates of all five hooks, and the diagnostics of the file. The gates are valid only if there are no errors.
fn read(built_in: fn(Hook) -> &'static str, text: &str) -> (BTreeMap<Hook, HookSection>, Diagnostics) {
    let mut context = ReadContext::default();
    let mut gates = BTreeMap::new();
    if text.len() > MAX_BYTES {
        let message = format!("the file is larger than {MAX_BYTES} bytes, the maximum for a gate file");
        context.error(Position::START, message);
        // This message does not quote the file, so nothing needs masking, and a search for secrets in a huge file is
        // slow.
        return (gates, Diagnostics { errors: context.errors, warnings: Vec::new() });
    }
    if let Some(file) = parse(text, &mut context)
        && let Some(mut fields) = MapReader::new(&file, "a gate file", &mut context)
    {
        let header = read_header(&mut fields);
        gates = read_hooks(built_in, &header, &mut fields);
        fields.finish();
    }
    let mask = LazyCell::new(|| SecretMask::from_text(text));
    let masked_and_sorted = |mut faults: Vec<Diagnostic>| {
        for diagnostic in &mut faults {
            diagnostic.message = mask.mask_message(&diagnostic.message);
        }
        faults.sort_by_key(|fault| fault.at);
        faults.dedup();
        faults
    };
    (gates, Diagnostics { errors: masked_and_sorted(context.errors), warnings: masked_and_sorted(context.warnings) })
}

fn read_hooks(
    built_in: fn(Hook) -> &'static str,
    header: &GateHeader,
    fields: &mut MapReader<'_>,
) -> BTreeMap<Hook, HookSection> {
    fields.map_or("hooks", "`hooks`", |hooks| {
        let read = |at: Hook| {
            hooks.context().scope.hook = Some(at);
            let own = built_in_checks(at, built_in(at), hooks.context());
            (at, hooks.map_or(at.key(), at.key(), |fields| hook_section::read(at, own, header, fields)))
        };
        Hook::ALL.map(read).into_iter().collect()
    })
}

/// The checks of a hook's built-in gate file as nodes: a team's file can still change their keys.
fn built_in_checks(hook: Hook, text: &str, context: &mut ReadContext) -> Vec<YamlNode> {
    let file = parse(text, context);
    let checks = file.as_ref().and_then(|file| file.get("hooks")?.get(hook.key())?.get("checks"));
    match checks.map(|checks| &checks.data) {
        Some(YamlValue::List(checks)) => checks.clone(),
        _ => Vec::new(),
    }
}

fn parse(text: &str, context: &mut ReadContext) -> Option<YamlNode> {
    match yaml::parse(text) {
        Ok(node) => Some(node),
        Err(mut fault) => {
            let line = fault.at.line;
            let around = text.lines().skip(line.saturating_sub(2)).take(2);
            if around
                .into_iter()
                .any(|text| [": {{", "- {{", "[{{", ", {{", "== {{"].iter().any(|open| text.contains(open)))
            {
                fault.message += "; text needs quotation marks if it starts with {{ or is inside [ ]";
            }
            context.errors.push(fault);
            None
        }
    }
}

/// Old names of keys, with their new names.
const RENAMED: [(&str, &str); 5] =
    [("ecs", "tasks"), ("reach", "forwards_to"), ("answers", "health_check"), ("until", "within"), ("words", "marker")];

/// The new name of an old one, if it is among the known keys.
pub(crate) fn renamed<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let (_, new) = RENAMED.into_iter().find(|(old, _)| *old == word)?;
    known.into_iter().any(|it| it == new).then_some(new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::Policy;

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
            assert_eq!(codes, [crate::code::ReasonCode::GateEmpty], "{silent}");
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
      - { ecs: purple, within: 5, on_fail: stop, expect: [running >] }
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

    const MANUAL: &str = include_str!("../../../../docs/GATE-FILE.md");

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
            let told: Vec<_> = gate.checks.iter().map(|check| format!("`{}`{}", check.name, warns(check))).collect();
            let row = format!("| `{}` | {} |", hook.key(), told.join(", "));
            assert!(MANUAL.contains(&row), "docs/GATE-FILE.md does not have the row {row}");
        }
    }

    proptest! {
        #[test]
        fn an_arbitrary_file_never_panics(text in ".{0,400}") {
            let _ = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(&text));
        }

        #[test]
        fn an_arbitrary_condition_never_panics(text in "[a-z.0-9 =<>!'\\[\\],%]{0,40}") {
            let file = format!("version: 1\nhooks:\n  after_install:\n    checks:\n      - tasks: green\n        expect: [\"{text}\"]\n");
            let _ = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(&file));
        }
    }
}
