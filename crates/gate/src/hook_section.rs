//! The part of the file for one hook, combined with the hook's built-in checks.

use std::{collections::BTreeMap, time::Duration};

use lifecycle::Hook;

use super::{
    CheckSpec, Condition, GateHeader, MapKey, MapReader, Message, Position, SecretRef, Skip, YamlNode, YamlValue,
    built_in::BuiltInFiles,
    check_conflicts::{reject_barrier_cycle, reject_contradictions, reject_duplicate_names},
    check_spec::{self, CheckOrigin},
    kinds::KINDS,
    reader::{Reading, ValueType},
    suggest, time_limit, when, window, yaml_writer,
};
use crate::{Mode, Policies, RunMode};

/// The settings and checks of one hook: its built-in checks as the gate file changed them, and the file's own.
#[derive(Clone, Debug)]
pub struct HookSection {
    pub checks: Vec<CheckSpec>,
    /// `checks: none`: the file says explicitly that this hook checks nothing.
    pub explicitly_empty: bool,
    /// `deadline`: the time after which the checks end.
    pub deadline: Option<Duration>,
    /// `mode` of the hook, or of the file.
    pub mode: Mode,
    /// `run`, as the file sets it.
    run_mode: RunMode,
    /// `when`: the conditions under which the hook checks anything.
    pub when: Vec<Condition>,
    /// `defaults` of the file: the policies of required checks that are not in the file.
    pub defaults: Policies,
    /// `skip` of the file.
    pub skip: Option<Skip>,
    /// `secrets` of the file.
    pub secrets: BTreeMap<String, SecretRef>,
    /// `notify` of the file, as text.
    pub notify: Vec<String>,
    /// The gate file with all effective values, or [`YamlValue::Null`] if it is not read to be printed.
    effective: YamlValue,
}

impl HookSection {
    /// What to do after a check that stops the deployment. In observe mode all checks run, because the team wants to
    /// see all results.
    pub const fn run_mode(&self) -> RunMode {
        match self.mode {
            Mode::Enforce => self.run_mode,
            Mode::Observe => RunMode::Collect,
        }
    }

    /// The same as a tree.
    pub(super) fn effective(self) -> YamlValue {
        self.effective
    }

    /// The gate file with all effective values, including built-in checks and defaults.
    pub(super) fn to_yaml(&self) -> String {
        yaml_writer::to_yaml(&self.effective)
    }
}

/// Reads the part of the team's file for one hook.
pub(super) fn read(
    hook: Hook,
    built_in: &BuiltInFiles,
    header: &GateHeader,
    fields: &mut MapReader<'_>,
) -> HookSection {
    let deadline = read_deadline(fields);
    let mode = fields.variant_or("mode", &Mode::VARIANTS, header.mode);
    let run = fields.variant_or("run", &RunMode::VARIANTS, RunMode::Collect);
    let when = when::read(fields);
    let names = names_and_kinds(hook, built_in, fields);
    let changes = fields.node_with_type("built_in", ValueType::BuiltIn(names)).cloned();
    let checks = fields.node_with_type("checks", ValueType::Checks).cloned();
    let own = read_checks(checks.as_ref(), fields);
    let built_in = read_built_in(hook, built_in, changes.as_ref(), fields);
    let explicitly_empty = own.is_none();
    let mut checks: Vec<_> = built_in.iter().filter_map(|node| check_spec::read(node, fields.context())).collect();
    let built_in_position = fields.position_of("built_in");
    for check in &mut checks {
        check.origin = CheckOrigin::BuiltIn;
        // Keys that the file does not change have the position of `built_in`.
        check.given_keys.retain(|_, at| *at != built_in_position);
    }
    checks.extend(own.unwrap_or_default());
    reject_duplicate_names(&checks, fields);
    reject_barrier_cycle(&checks, fields);
    reject_contradictions(&when, &checks, fields);
    for check in &checks {
        window::check_windows(check, deadline, fields);
    }
    let GateHeader { skip, secrets, notify, .. } = header.clone();
    let written = match fields.context().reading {
        Reading::Print => effective_document(hook, header, fields.to_map(), &checks, explicitly_empty),
        Reading::Evaluate | Reading::Schema => YamlValue::Null,
    };
    let defaults = fields.scope().defaults.policies;
    HookSection {
        checks,
        explicitly_empty,
        deadline,
        mode,
        run_mode: run,
        when,
        defaults,
        skip,
        secrets,
        notify,
        effective: written,
    }
}

/// Reads `deadline`. It must leave time for the checks, and cannot exceed the timeout of a function.
fn read_deadline(fields: &mut MapReader<'_>) -> Option<Duration> {
    let deadline = fields.duration("deadline").filter(|_| fields.is_in_file("deadline"))?;
    if deadline.is_zero() {
        fields.error(fields.position_of("deadline"), "`deadline` is 0s, which leaves the checks of this hook no time");
    } else if deadline > time_limit::longest_deadline()
        && let Some(node) = fields.node("deadline")
    {
        fields.error(node.at, time_limit::too_long("deadline", &node.data));
    }
    Some(deadline)
}

/// The gate file with all effective values for one hook.
fn effective_document(
    hook: Hook,
    header: &GateHeader,
    own: YamlValue,
    checks: &[CheckSpec],
    explicitly_empty: bool,
) -> YamlValue {
    let entry = |name: &str, data| {
        (MapKey { at: Position::START, name: name.to_owned() }, YamlNode::new(Position::START, data))
    };
    let text = |word: &str| YamlValue::Text(word.to_owned());
    let entries = |data| if let YamlValue::Map(entries) = data { entries } else { Vec::new() };
    let mut part = entries(own);
    part.retain(|(key, _)| !matches!(key.name.as_str(), "built_in" | "checks"));
    part.push(entry("built_in", text("none")));
    if !checks.is_empty() {
        let node = |check: &CheckSpec| YamlNode::new(Position::START, check.effective.clone());
        part.push(entry("checks", YamlValue::List(checks.iter().map(node).collect())));
    } else if explicitly_empty {
        part.push(entry("checks", text("none")));
    }
    let mut file = entries(header.effective.clone());
    file.push(entry("hooks", YamlValue::Map(vec![entry(hook.key(), YamlValue::Map(part))])));
    YamlValue::Map(file)
}

/// The checks of a hook in the team's file. `None` if it says `checks: none`.
fn read_checks(node: Option<&YamlNode>, fields: &mut MapReader<'_>) -> Option<Vec<CheckSpec>> {
    match node.map(|node| (&node.data, node)) {
        None => Some(Vec::new()),
        Some((YamlValue::Text(word), _)) if word == "none" => None,
        Some((YamlValue::List(items), node)) => {
            if items.is_empty() {
                fields.error_gate_empty(node.at, "`checks` is empty: give this hook a check, or write `checks: none`");
            }
            Some(items.iter().filter_map(|item| check_spec::read(item, fields.context())).collect())
        }
        Some((_, node)) => {
            fields.error(node.at, Message::wrong_value("`checks`", "a list of checks, or `none`", &node.data));
            Some(Vec::new())
        }
    }
}

/// The names and kinds of the built-in checks. Only the schema needs them, and a hook must not parse files in vain.
fn names_and_kinds(hook: Hook, files: &BuiltInFiles, fields: &mut MapReader<'_>) -> Vec<(String, &'static str)> {
    if fields.context().reading != Reading::Schema {
        return Vec::new();
    }
    let name_and_kind = |check: &YamlNode| {
        let kind = KINDS.iter().find(|kind| check.get(kind.key).is_some())?;
        Some((check.get("name")?.as_text()?.to_owned(), kind.key))
    };
    files.for_hook(hook).unwrap_or_default().iter().filter_map(name_and_kind).collect()
}

/// The built-in checks with the changes of `built_in`: `none` removes them, and a map changes keys of single checks.
fn read_built_in(
    hook: Hook,
    files: &BuiltInFiles,
    changes: Option<&YamlNode>,
    fields: &mut MapReader<'_>,
) -> Vec<YamlNode> {
    if let Some(changes) = changes.filter(|changes| changes.as_text() == Some("none")) {
        if !fields.is_in_file("checks") {
            let message = "`built_in: none` leaves this hook without a check: give it one, or write `checks: none`";
            fields.error_gate_empty(changes.at, message);
        }
        return Vec::new();
    }
    // An error in a built-in check is caused by the team's file, so it has a position in that file.
    let at = fields.position_of("built_in");
    let built_in = match files.for_hook(hook) {
        Ok(checks) => checks.iter().map(|check| check.at_position(at)).collect(),
        Err(why) => {
            fields.context().errors.push(why.clone());
            Vec::new()
        }
    };
    match changes {
        Some(changes) => apply_overrides(built_in, changes, fields),
        None => built_in,
    }
}

/// Changes keys of built-in checks.
fn apply_overrides(mut built_in: Vec<YamlNode>, changes: &YamlNode, fields: &mut MapReader<'_>) -> Vec<YamlNode> {
    match &changes.data {
        YamlValue::Map(entries) => {
            let name_of = |node: &YamlNode| {
                node.get("name").and_then(|name| name.as_text().map(str::to_owned)).unwrap_or_default()
            };
            let known: Vec<String> = built_in.iter().map(name_of).collect();
            for (key, change) in entries {
                let Some(index) = known.iter().position(|name| *name == key.name) else {
                    let near = suggest(&key.name, known.iter().map(String::as_str));
                    let why = format!("{:?} is not a built-in check of this hook", key.name);
                    let message = match near {
                        Some(near) => Message::did_you_mean(why, near),
                        None => format!("{why}; use one of {}", known.join(", ")).into(),
                    };
                    fields.error(key.at, message);
                    continue;
                };
                if let YamlValue::Map(keys) = &change.data {
                    built_in[index].at = change.at;
                    built_in[index].override_keys(keys);
                } else {
                    fields.error(change.at, "give the keys to change, such as { within: 2m }");
                }
            }
            built_in
        }
        _ => {
            let expected = "`none`, or a map of built-in checks with the keys to change";
            fields.error(changes.at, Message::wrong_value("`built_in`", expected, &changes.data));
            built_in
        }
    }
}
