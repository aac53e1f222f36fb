//! One check of the file: what every kind of check has, around what its kind reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Condition, Fact, MapKey, MapReader, Position, ReadContext, YamlNode, YamlValue,
    header::read_policies,
    reader::{KeySpec, to_map},
    renamed, suggest, timing, when,
};
use crate::{
    checks::{self, Check, TrafficRoute, unbound, unsupported},
    finding::Policies,
    permissions::Requirement,
};

/// A check with what its outcomes mean.
#[derive(Debug, Clone)]
pub struct CheckSpec {
    /// Unique in its hook.
    pub name: String,
    /// The key that named its kind.
    pub kind: &'static str,
    /// `on_fail`, `on_error`, `no_data`.
    pub policies: Policies,
    /// `when`: what has to be so for it to be made.
    pub when: Vec<Condition>,
    /// The facts that its templates need.
    pub facts: BTreeSet<Fact>,
    /// The check itself.
    pub check: Arc<dyn Check>,
    /// Whether the binary brought it along.
    pub(super) built_in: bool,
    /// Where it stands.
    pub(super) at: Position,
    /// The keys that the team's file gives, and where their values stand.
    pub(super) given_keys: BTreeMap<String, Position>,
    /// All its keys with the values that count, as the file would write them.
    pub(super) effective: YamlValue,
}

impl CheckSpec {
    /// A check that the file does not have, and that is needed all the same.
    pub fn implicit(kind: &'static str, check: Arc<dyn Check>, policies: Policies) -> Self {
        Self {
            name: check.default_name(),
            kind,
            policies,
            when: Vec::new(),
            facts: BTreeSet::new(),
            check,
            built_in: false,
            at: Position::START,
            given_keys: BTreeMap::new(),
            effective: YamlValue::Null,
        }
    }

    /// The addresses that it has to wait for: its kind's, and those that its templates name. A barrier does not wait for
    /// what it opens itself.
    pub fn required_routes(&self) -> BTreeSet<TrafficRoute> {
        let named = self.facts.iter().filter_map(|fact| match fact {
            Fact::Url(route) => Some(*route),
            _ => None,
        });
        let own = self.check.unblocks();
        named.chain(self.check.required_route()).filter(|route| Some(*route) != own).collect()
    }

    /// What it asks AWS for: its kind, and the facts that its templates name.
    pub(crate) fn requirements(&self) -> Vec<Requirement> {
        self.check.requirements().into_iter().chain(self.facts.iter().flat_map(checks::requirements_for_fact)).collect()
    }

    /// The secrets that it names.
    pub(crate) fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.facts.iter().filter_map(|fact| match fact {
            Fact::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether the binary brought it along, changed by the file or not.
    pub const fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// The value that counts for a key.
    pub(super) fn field(&self, key: &str) -> Option<&YamlValue> {
        match &self.effective {
            YamlValue::Map(entries) => entries.iter().find(|(own, _)| own.name == key).map(|(_, node)| &node.data),
            _ => None,
        }
    }

    /// A length of time among its keys.
    pub(super) fn duration_of(&self, key: &str) -> Duration {
        match self.field(key) {
            Some(YamlValue::Text(text)) => humantime::parse_duration(text).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The least time that it takes when all is well.
    pub(super) fn min_duration(&self) -> Duration {
        let row = match self.field("consecutive") {
            Some(YamlValue::Integer(row)) => u32::try_from(*row).unwrap_or(1),
            _ => 1,
        };
        let windows = ["for", "stable_for", "settle"].map(|key| self.duration_of(key));
        let in_a_row = self.duration_of("every").saturating_mul(row.saturating_sub(1));
        windows.into_iter().fold(in_a_row, Duration::max)
    }
}

/// Reads one.
pub(super) fn read(node: &YamlNode, context: &mut ReadContext) -> Option<CheckSpec> {
    let mut fields = MapReader::new(node, "a check", context)?;
    let Some(kind) = find_kind(node, &mut fields) else {
        // What every check has is looked at all the same, so that its faults show at once.
        let _ = (fields.string("name"), when::read(&mut fields), read_policies(&mut fields, Policies::default()));
        return None;
    };
    let keys = read_keys(kind, &mut fields);
    let facts = fields.facts().clone();
    let key_specs = fields.finish();
    let CheckKeys { name, when, policies, check } = keys;
    let check = check?;
    let name = name.unwrap_or_else(|| check.default_name());
    let written = in_display_order(kind.key, &name, &key_specs);
    let own = node.entries().iter().map(|(key, value)| (key.name.clone(), value.at)).collect();
    let (kind, at) = (kind.key, node.at);
    let spec = CheckSpec {
        name,
        kind,
        policies,
        when,
        facts,
        check,
        built_in: false,
        at,
        given_keys: own,
        effective: written,
    };
    if let Some(why) = context.scope.hook.and_then(|hook| timing::why_check_too_early(&spec, hook)) {
        let at = node.get(kind).map_or(at, |value| value.at);
        context.error(at, why);
    }
    Some(spec)
}

/// What was read of a check.
pub(super) struct CheckKeys {
    name: Option<String>,
    when: Vec<Condition>,
    policies: Policies,
    check: Option<Arc<dyn Check>>,
}

/// All keys of a check: those that every check has, and those of its kind.
pub(super) fn read_keys(kind: &checks::CheckKind, fields: &mut MapReader<'_>) -> CheckKeys {
    let default = fields.scope().defaults.policies;
    let name = fields.string("name");
    let when = when::read(fields);
    let policies = read_policies(fields, default);
    unsupported::read(kind.key, fields);
    let check = (kind.read)(fields);
    let check = if REQUEST_KINDS.contains(&kind.key) { warn_if_unbound(kind.key, check, fields) } else { check };
    CheckKeys { name, when, policies, check }
}

/// Kinds that send a request to an address of the author's choice, and tell what answered.
const REQUEST_KINDS: [&str; 2] = ["http", "grpc"];

/// A request that is not bound to a listener may be answered by the original: it warns, here and when it has passed.
fn warn_if_unbound(
    key: &'static str,
    check: Option<Arc<dyn Check>>,
    fields: &mut MapReader<'_>,
) -> Option<Arc<dyn Check>> {
    let is_any_version = fields.bool("any_version").unwrap_or(false);
    let check = check?;
    let hook = fields.scope().hook.filter(|hook| timing::original_may_answer(*hook));
    let Some(hook) = hook.filter(|_| check.required_route().is_none() && !is_any_version) else { return Some(check) };
    let url = fields.string(key).unwrap_or_default();
    timing::warn_unbound(&url, hook, key, fields);
    Some(unbound::wrap(check))
}

/// The keys as a person would write them: name and kind first, policies last.
fn in_display_order(kind: &str, name: &str, key_specs: &[KeySpec]) -> YamlValue {
    let mut entries = match to_map(key_specs) {
        YamlValue::Map(entries) => entries,
        _ => Vec::new(),
    };
    entries.retain(|(key, _)| key.name != "name");
    let name = YamlNode::new(Position::START, YamlValue::Text(name.to_owned()));
    entries.push((MapKey { at: Position::START, name: "name".to_owned() }, name));
    entries.sort_by_key(|(key, _)| match key.name.as_str() {
        "name" => 0,
        own if own == kind => 1,
        "expect" => 3,
        "when" => 4,
        "on_fail" | "on_error" | "no_data" => 5,
        _ => 2,
    });
    YamlValue::Map(entries)
}

fn find_kind(node: &YamlNode, fields: &mut MapReader<'_>) -> Option<&'static checks::CheckKind> {
    let has = |kind: &&checks::CheckKind| node.get(kind.key).is_some();
    let kinds: Vec<_> = checks::kinds().chain(checks::UNSUPPORTED_KINDS).filter(has).collect();
    match kinds[..] {
        [kind] => Some(kind),
        // The barrier asks for the identity of what answers.
        [a, b] if a.key == "http" && b.key == "forwards_to" => Some(b),
        [] => {
            let known: Vec<_> = checks::KINDS.iter().map(|kind| kind.key).collect();
            let near = node.keys().find_map(|key| suggest(key, known.iter().copied()));
            let old = node.keys().find_map(|key| Some((key, renamed(key, known.iter().copied())?)));
            let message = match (old, near) {
                (Some((old, new)), _) => format!("`{old}` is now `{new}`"),
                (None, Some(near)) => format!("this check has no kind; did you mean `{near}`?"),
                (None, None) => format!("this check has no kind; it needs one of {}", known.join(", ")),
            };
            fields.error(node.at, message);
            None
        }
        _ => {
            fields.error(node.at, "this check has more than one kind; make it one check for each");
            None
        }
    }
}
