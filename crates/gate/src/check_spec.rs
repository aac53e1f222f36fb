//! One check of the file: the keys that every kind has, and the check that its kind reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lifecycle::TrafficRoute;

use super::{
    Condition, Fact, Kind, MapKey, MapReader, Message, Policies, Position, ReadContext, YamlNode, YamlValue,
    check_timing::why_check_too_early,
    foreign_words::{KeyUse, meant_key},
    header::read_policies,
    kinds::{self, KINDS, KindReader, PollPolicy, unsupported},
    permissions::Requirement,
    reader::{KeySpec, Reading, to_map},
    suggest, when,
};

/// Where a check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOrigin {
    /// A built-in check, changed by the file or not.
    BuiltIn,
    /// The team's file.
    File,
    /// It is not in the file and is required anyway.
    Implied,
}

impl CheckOrigin {
    /// The word for a check that is not in the file.
    pub const fn label(self) -> Option<&'static str> {
        match self {
            Self::BuiltIn => Some("built-in"),
            Self::Implied => Some("implied"),
            Self::File => None,
        }
    }
}

/// A check with the policies for its outcomes.
#[derive(Debug, Clone)]
pub struct CheckSpec {
    /// Unique in its hook.
    pub name: String,
    pub policies: Policies,
    /// `when`: the conditions under which the check runs.
    pub when: Vec<Condition>,
    pub facts: BTreeSet<Fact>,
    pub check: Kind,
    pub(super) origin: CheckOrigin,
    pub(super) at: Position,
    /// The keys that the team's file sets, and the positions of their values.
    pub(super) given_keys: BTreeMap<String, Position>,
    /// All its keys with their effective values, as a gate file would write them, or [`YamlValue::Null`] if the file is
    /// not read to be printed.
    pub(super) effective: YamlValue,
}

impl CheckSpec {
    /// A check that is not in the file and is required anyway.
    pub fn implicit(check: Kind, policies: Policies) -> Self {
        Self {
            name: check.spec().default_name(),
            policies,
            when: Vec::new(),
            facts: BTreeSet::new(),
            check,
            origin: CheckOrigin::Implied,
            at: Position::START,
            given_keys: BTreeMap::new(),
            effective: YamlValue::Null,
        }
    }

    /// Whether a rehearsal can answer it.
    pub fn is_simulated(&self) -> bool {
        self.check.spec().is_simulated()
    }

    /// The listeners whose barriers this check waits for: the one that its kind needs, and those whose URLs its
    /// templates contain. A barrier does not wait for the listener that it unblocks itself.
    pub fn required_routes(&self) -> BTreeSet<TrafficRoute> {
        let named = self.facts.iter().filter_map(|fact| match fact {
            Fact::Url(route) => Some(*route),
            _ => None,
        });
        let own = self.check.unblocks();
        named.chain(self.check.spec().required_route()).filter(|route| Some(*route) != own).collect()
    }

    /// The AWS operations that it needs, for its kind and for the facts in its templates.
    pub fn requirements(&self) -> Vec<Requirement> {
        self.check.spec().requirements().into_iter().chain(self.facts.iter().flat_map(Fact::requirements)).collect()
    }

    /// The names of the secrets in its templates.
    pub(crate) fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.facts.iter().filter_map(|fact| match fact {
            Fact::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it is a built-in check, changed by the file or not.
    pub const fn is_built_in(&self) -> bool {
        matches!(self.origin, CheckOrigin::BuiltIn)
    }

    /// The position of a key's value if the team's file has the key, or that of the check.
    pub(super) fn given_at(&self, key: &str) -> Position {
        self.given_keys.get(key).copied().unwrap_or(self.at)
    }

    /// `within`, or zero for a kind without it.
    pub(super) fn within(&self) -> Duration {
        self.check.spec().poll_policy().map_or(Duration::ZERO, |policy| policy.within)
    }

    /// The shortest time that the check takes when every attempt passes.
    pub(super) fn min_duration(&self) -> Duration {
        let kind = self.check.spec();
        let policy = kind.poll_policy().map(|policy| PollPolicy { consecutive: kind.consecutive(), ..policy.clone() });
        policy.map_or(Duration::ZERO, |policy| policy.min_duration())
    }
}

pub(super) fn read(node: &YamlNode, context: &mut ReadContext) -> Option<CheckSpec> {
    let mut fields = MapReader::new(node, "a check", context)?;
    unsupported::reject(&mut fields);
    let Some(kind) = find_kind(node, &mut fields) else {
        // The common keys are read even without a kind, so that their errors are reported in the same run.
        let _ = (fields.string("name"), when::read(&mut fields), read_policies(&mut fields, Policies::default()));
        return None;
    };
    let keys = read_keys(kind, &mut fields);
    let facts = fields.facts().clone();
    let key_specs = fields.finish();
    let CheckKeys { name, when, policies, check } = keys;
    let check = check?;
    let name = name.unwrap_or_else(|| check.spec().default_name());
    let written = match context.reading {
        Reading::Print => in_display_order(kind.key, &name, &key_specs),
        Reading::Evaluate | Reading::Schema => YamlValue::Null,
    };
    let own = node.entries().iter().map(|(key, value)| (key.name.clone(), value.at)).collect();
    let at = node.at;
    let spec = CheckSpec {
        name,
        policies,
        when,
        facts,
        check,
        origin: CheckOrigin::File,
        at,
        given_keys: own,
        effective: written,
    };
    if let Some(why) = context.scope.hook.and_then(|hook| why_check_too_early(spec.check.spec(), hook)) {
        // In `forwards_to`, the listener is the reason.
        let listener = node.get("listener").filter(|_| spec.check.unblocks().is_some());
        let at = listener.or_else(|| node.get(kind.key)).map_or(at, |value| value.at);
        context.error(at, why);
    }
    Some(spec)
}

pub(super) struct CheckKeys {
    name: Option<String>,
    when: Vec<Condition>,
    policies: Policies,
    check: Option<Kind>,
}

/// Reads all keys of a check: the common ones and those of its kind.
pub(super) fn read_keys(kind: &KindReader, fields: &mut MapReader<'_>) -> CheckKeys {
    let default = fields.scope().defaults.policies;
    let name = fields.string("name");
    let when = when::read(fields);
    let policies = read_policies(fields, default);
    let check = (kind.read)(fields);
    CheckKeys { name, when, policies, check }
}

/// Sorts the keys as a person would write them: name and kind first, policies last.
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

fn find_kind(node: &YamlNode, fields: &mut MapReader<'_>) -> Option<&'static KindReader> {
    let has = |kind: &&KindReader| node.get(kind.key).is_some();
    let kinds: Vec<_> = kinds::kinds().filter(has).collect();
    match kinds[..] {
        [kind] => Some(kind),
        // `http` is also a key of `forwards_to`: the request whose response identifies the version.
        [a, b] if a.key == "http" && b.key == "forwards_to" => Some(b),
        [] if unsupported::has_kind(node) => None,
        [] => {
            let known: Vec<_> = KINDS.iter().map(|kind| kind.key).collect();
            let entries = node.entries();
            let foreign =
                |(key, node): &(MapKey, YamlNode)| meant_key(KeyUse { name: &key.name, node, entries }, &known);
            if let Some(meant) = entries.iter().find_map(foreign) {
                // The reader of that kind reports the other word, and all other errors of the check.
                return KINDS.iter().find(|kind| kind.key == meant);
            }
            let near = node.keys().find_map(|key| suggest(key, known.iter().copied()));
            let message = match near {
                Some(near) => Message::did_you_mean("this check has no kind", near),
                None => format!("this check has no kind; it needs one of {}", known.join(", ")).into(),
            };
            fields.error(node.at, message);
            None
        }
        _ => {
            fields.error(node.at, "this check has more than one kind; split it into one check for each");
            None
        }
    }
}
