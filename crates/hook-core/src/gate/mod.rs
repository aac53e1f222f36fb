//! The gate file: what may pass, in a file that reads like the rules it states. docs/GATE-FILE.md is its manual.
//!
//! `yaml` makes text a tree that knows its lines, `fields` reads a tree and collects every fault, `condition` is the
//! language of the `expect` lines, and this file is the model: hooks, their checks, and the built-in checks that a
//! binary brings along in the same language.

mod built_in;
mod condition;
mod fields;
mod operand;
mod scope;
mod template;
mod value;
mod yaml;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

pub(crate) use self::yaml::parse as parse_yaml;
pub use self::{
    condition::{Condition, Held, Subject},
    fields::{Fields, Reading},
    scope::{Defaults, HttpDefaults, Retry, Scope},
    template::{Fact, Known, Rendered, Template, Unknown, Version},
    value::{Facts, Value, in_words},
    yaml::{Data, Key, Node, Place},
};
use crate::{
    check::{self, Check},
    finding::{Policies, Policy},
    hook::Hook,
};

/// Larger than any gate file that a person wrote; SSM's advanced parameters end at 8 KiB.
const MAX_BYTES: usize = 256 * 1024;

/// What one hook is to do: its built-in checks as the gate file changed them, and the file's own.
#[derive(Debug)]
pub struct HookGate {
    /// The checks, in order.
    pub checks: Vec<CheckSpec>,
    /// `checks: none`: the file says in words that this hook checks nothing.
    pub none_in_words: bool,
    /// `deadline`: the checks have to be over by then.
    pub deadline: Option<Duration>,
}

/// A check with what its outcomes mean.
#[derive(Debug, Clone)]
pub struct CheckSpec {
    /// Unique in its hook.
    pub name: String,
    /// The key that named its kind.
    pub kind: &'static str,
    /// `on_fail`, `on_error`, `no_data`.
    pub policies: Policies,
    /// The check itself.
    pub check: Arc<dyn Check>,
}

/// One fault of a gate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: Place,
    /// What, in words.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.at.line, self.at.column, self.message)
    }
}

/// Reads the gate of one hook: its built-in checks and the team's file, if any. The whole file is read, so a fault in
/// another hook's part shows at the first hook and not at the last.
///
/// # Errors
/// Every fault of the file, in its order.
pub fn load(hook: Hook, file: Option<&str>) -> Result<HookGate, Vec<Fault>> {
    load_with(built_in::of, hook, file)
}

pub(crate) fn load_with(
    built_in: fn(Hook) -> &'static str,
    hook: Hook,
    file: Option<&str>,
) -> Result<HookGate, Vec<Fault>> {
    let mut reading = Reading::default();
    let mut gate = None;
    if let Some(file) = file.and_then(|text| parse(text, &mut reading)) {
        for_each_hook(&file, &mut reading, |at, fields| {
            let built_in = built_in_checks(at, built_in(at), fields.reading());
            let read = read_hook(built_in, fields);
            if at == hook {
                gate = Some(read);
            }
        });
    }
    let gate = gate.unwrap_or_else(|| {
        let built_in = built_in_checks(hook, built_in(hook), &mut reading);
        let checks = built_in.iter().filter_map(|node| read_check(node, &mut reading)).collect();
        HookGate { checks, none_in_words: false, deadline: None }
    });
    if reading.faults.is_empty() { Ok(gate) } else { Err(sorted(reading.faults)) }
}

/// The checks of a hook's default file, not read yet: a team's file may change their keys.
fn built_in_checks(hook: Hook, text: &str, reading: &mut Reading) -> Vec<Node> {
    let mut checks = Vec::new();
    if let Some(defaults) = parse(text, reading) {
        for_each_hook(&defaults, reading, |at, fields| {
            let own: Vec<Node> = fields.list("checks").unwrap_or_default().into_iter().cloned().collect();
            if at == hook {
                checks = own;
            }
        });
    }
    checks
}

/// What the team's file says about one hook.
fn read_hook(built_in: Vec<Node>, fields: &mut Fields<'_>) -> HookGate {
    let deadline = fields.duration("deadline");
    let changes = fields.node("built_in").cloned();
    let checks = fields.node("checks").cloned();
    let own = read_checks(checks.as_ref(), fields);
    let built_in = change(built_in, changes.as_ref(), fields);
    let none_in_words = own.is_none();
    let mut checks: Vec<_> = built_in.iter().filter_map(|node| read_check(node, fields.reading())).collect();
    checks.extend(own.unwrap_or_default());
    unique_names(&checks, fields);
    HookGate { checks, none_in_words, deadline }
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| (fault.at.line, fault.at.column));
    faults.dedup();
    faults
}

fn parse(text: &str, reading: &mut Reading) -> Option<Node> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that a gate file can have", text.len());
        reading.fault(Place::START, message);
        return None;
    }
    yaml::parse(text).map_err(|fault| reading.faults.push(fault)).ok()
}

/// Reads the top of a gate file and calls `part` for each hook that it names.
fn for_each_hook(file: &Node, reading: &mut Reading, mut part: impl FnMut(Hook, &mut Fields<'_>)) {
    let Some(mut top) = Fields::of(file, "a gate file", reading) else { return };
    match top.node("version").map(|node| (node.at, &node.data)) {
        None => top.fault(Place::START, "`version: 1` is missing"),
        Some((_, Data::Integer(1))) => {}
        Some((at, other)) => top.fault(at, format!("version {other} is not known; this is version 1")),
    }
    if let Some(hooks) = top.node("hooks")
        && let Some(mut hooks) = Fields::of(hooks, "hooks", top.reading())
    {
        for hook in Hook::ALL {
            if let Some(node) = hooks.node(hook.key())
                && let Some(mut fields) = Fields::of(node, hook.key(), hooks.reading())
            {
                part(hook, &mut fields);
                fields.finish();
            }
        }
        hooks.finish();
    }
    top.finish();
}

/// The checks of a hook in the team's file. None when it says `checks: none`.
fn read_checks(node: Option<&Node>, fields: &mut Fields<'_>) -> Option<Vec<CheckSpec>> {
    match node.map(|node| (&node.data, node)) {
        None => Some(Vec::new()),
        Some((Data::Text(word), _)) if word == "none" => None,
        Some((Data::List(items), _)) => {
            Some(items.iter().filter_map(|item| read_check(item, fields.reading())).collect())
        }
        Some((_, node)) => {
            fields.fault(node.at, "`checks` is a list of checks, or `none`");
            Some(Vec::new())
        }
    }
}

/// The built-in checks as `built_in` changes them: `none`, or single keys of named checks.
fn change(built_in: Vec<Node>, changes: Option<&Node>, fields: &mut Fields<'_>) -> Vec<Node> {
    let Some(changes) = changes else { return built_in };
    match &changes.data {
        Data::Text(word) if word == "none" => Vec::new(),
        Data::Map(entries) => {
            let mut built_in = built_in;
            let name_of =
                |node: &Node| node.get("name").and_then(|name| name.as_text().map(str::to_owned)).unwrap_or_default();
            let known: Vec<String> = built_in.iter().map(name_of).collect();
            for (key, change) in entries {
                let Some(index) = known.iter().position(|name| *name == key.name) else {
                    let message =
                        format!("{:?} is no built-in check of this hook; there are {}", key.name, known.join(", "));
                    fields.fault(key.at, message);
                    continue;
                };
                if let Data::Map(keys) = &change.data {
                    built_in[index].set_all(keys);
                } else {
                    fields.fault(change.at, "give the keys to change, such as { within: 2m }");
                }
            }
            built_in
        }
        _ => {
            fields.fault(changes.at, "`built_in` is `none`, or the keys to change of named built-in checks");
            built_in
        }
    }
}

fn read_check(node: &Node, reading: &mut Reading) -> Option<CheckSpec> {
    let mut fields = Fields::of(node, "a check", reading)?;
    let name = fields.text("name");
    let policies = Policies {
        on_fail: policy(&mut fields, "on_fail"),
        on_error: policy(&mut fields, "on_error"),
        no_data: policy(&mut fields, "no_data"),
    };
    let mut kinds: Vec<_> = check::KINDS.iter().filter(|kind| node.get(kind.key).is_some()).collect();
    let taken: Vec<_> = kinds.iter().flat_map(|kind| kind.takes).collect();
    kinds.retain(|kind| !taken.contains(&&kind.key));
    let [kind] = kinds[..] else {
        let known: Vec<_> = check::KINDS.iter().map(|kind| kind.key).collect();
        let message = match kinds[..] {
            [] => match node.keys().find_map(|key| suggest(key, known.iter().copied())) {
                Some(near) => format!("this check has no kind; did you mean `{near}`?"),
                None => format!("this check has no kind; it needs one of {}", known.join(", ")),
            },
            _ => "this check has more than one kind; make it one check for each".to_owned(),
        };
        fields.fault(node.at, message);
        return None;
    };
    let check = (kind.read)(&mut fields);
    fields.finish();
    let check = check?;
    let name = name.unwrap_or_else(|| check.title());
    Some(CheckSpec { name, kind: kind.key, policies, check })
}

fn policy(fields: &mut Fields<'_>, key: &'static str) -> Policy {
    let words = [("fail", Policy::Fail), ("warn", Policy::Warn), ("ignore", Policy::Ignore)];
    fields.choice(key, &words).unwrap_or_default()
}

fn unique_names(checks: &[CheckSpec], fields: &mut Fields<'_>) {
    let mut seen = BTreeSet::new();
    for check in checks {
        if !seen.insert(&check.name) {
            let message = format!("two checks of this hook are called {:?}; give one another `name`", check.name);
            fields.fault(fields.at(), message);
        }
    }
}

/// The known word that `word` was probably meant to be.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|near| (strsim::jaro_winkler(word, near), near))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUILT_IN: &str = "
version: 1
hooks:
  after_install:
    checks:
      - name: steady
        ecs: green
        expect: [steady == true]
        within: 5m
      - name: targets
        targets: green
        expect: [healthy == registered]
";

    fn names(file: &str) -> Vec<String> {
        let gate = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap();
        gate.checks.into_iter().map(|check| check.name).collect()
    }

    fn faults(file: &str) -> String {
        let faults = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap_err();
        faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_files_checks_are_added_to_the_built_in_ones() {
        let own = "{ ecs: green, name: mine, expect: [running >= 2] }";
        assert_eq!(
            names(&format!("version: 1\nhooks: {{ after_install: {{ checks: [{own}] }} }}")),
            ["steady", "targets", "mine"]
        );
        let none = format!("version: 1\nhooks: {{ after_install: {{ built_in: none, checks: [{own}] }} }}");
        assert_eq!(names(&none), ["mine"]);
        assert_eq!(names("version: 1"), ["steady", "targets"]);
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
        insta::assert_snapshot!(faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn no_checks_at_all_needs_words() {
        let gate = |file| load_with(|_| BUILT_IN, Hook::AfterInstall, Some(file)).unwrap();
        let silent = gate("version: 1\nhooks: { after_install: { built_in: none } }");
        assert!(silent.checks.is_empty() && !silent.none_in_words);
        let said = gate("version: 1\nhooks: { after_install: { built_in: none, checks: none } }");
        assert!(said.checks.is_empty() && said.none_in_words);
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        insta::assert_snapshot!(faults(
            "version: 2
hook: {}
hooks:
  after_instal: {}
  before_install:
    deadline: soon
    checks: [ { ecs: green, expect: [runing == desired] } ]
  after_install:
    built_in: { stedy: {}, targets: 3 }
    checks:
      - { http: '{{test_ulr}}/x', expect: [status = 200] }
      - { ecs: purple, within: 5, on_fail: stop, expect: [running >] }
      - { name: nothing }
      - { htp: '/' }
      - { ecs: green, targets: green }
      - { ecs: green }
"
        ));
    }

    #[test]
    fn a_file_that_is_not_yaml_is_a_fault_and_no_panic() {
        insta::assert_snapshot!(faults("version: 1\nhooks: [\n"));
        insta::assert_snapshot!(faults("just words"));
        insta::assert_snapshot!(faults("version: 1\nversion: 1\n"));
        insta::assert_snapshot!(faults(&"x".repeat(MAX_BYTES + 1)));
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
            assert!(MANUAL.contains(&row), "docs/GATE-FILE.md lacks {row}");
        }
    }

    proptest! {
        #[test]
        fn an_arbitrary_file_never_panics(text in ".{0,400}") {
            let _ = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(&text));
        }

        #[test]
        fn an_arbitrary_condition_never_panics(text in "[a-z.0-9 =<>!'\\[\\],%]{0,40}") {
            let file = format!("version: 1\nhooks:\n  after_install:\n    checks:\n      - ecs: green\n        expect: [\"{text}\"]\n");
            let _ = load_with(|_| BUILT_IN, Hook::AfterInstall, Some(&file));
        }
    }
}
