//! One check of the file: what every kind of check has, around what its kind reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Condition, Data, Fact, Fields, Key, Node, Place, Reading,
    fields::{Asked, written_map},
    suggest, timing,
    top::policies,
    when,
};
use crate::{
    check::{self, Check, Route, later, unbound},
    finding::Policies,
    permissions::Need,
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
    pub(super) at: Place,
    /// The keys that the team's file gives, and where their values stand.
    pub(super) own: BTreeMap<String, Place>,
    /// All its keys with the values that count, as the file would write them.
    pub(super) written: Data,
}

impl CheckSpec {
    /// A check that the file does not have, and that is needed all the same.
    pub fn implied(kind: &'static str, check: Arc<dyn Check>, policies: Policies) -> Self {
        Self {
            name: check.title(),
            kind,
            policies,
            when: Vec::new(),
            facts: BTreeSet::new(),
            check,
            built_in: false,
            at: Place::START,
            own: BTreeMap::new(),
            written: Data::Null,
        }
    }

    /// The addresses that it has to wait for: its kind's, and those that its templates name. A barrier does not wait for
    /// what it opens itself.
    pub fn uses(&self) -> BTreeSet<Route> {
        let named = self.facts.iter().filter_map(|fact| match fact {
            Fact::Url(route) => Some(*route),
            _ => None,
        });
        let own = self.check.opens();
        named.chain(self.check.uses()).filter(|route| Some(*route) != own).collect()
    }

    /// What it asks AWS for: its kind, and the facts that its templates name.
    pub(crate) fn needs(&self) -> Vec<Need> {
        self.check.needs().into_iter().chain(self.facts.iter().flat_map(check::needs_of_fact)).collect()
    }

    /// The secrets that it names.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
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
    pub(super) fn value(&self, key: &str) -> Option<&Data> {
        match &self.written {
            Data::Map(entries) => entries.iter().find(|(own, _)| own.name == key).map(|(_, node)| &node.data),
            _ => None,
        }
    }

    /// A length of time among its keys.
    pub(super) fn span(&self, key: &str) -> Duration {
        match self.value(key) {
            Some(Data::Text(text)) => humantime::parse_duration(text).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The least time that it takes when all is well.
    pub(super) fn least(&self) -> Duration {
        let row = match self.value("consecutive") {
            Some(Data::Integer(row)) => u32::try_from(*row).unwrap_or(1),
            _ => 1,
        };
        let windows = ["for", "stable_for", "settle"].map(|key| self.span(key));
        let in_a_row = self.span("every").saturating_mul(row.saturating_sub(1));
        windows.into_iter().fold(in_a_row, Duration::max)
    }
}

/// Reads one.
pub(super) fn read(node: &Node, reading: &mut Reading) -> Option<CheckSpec> {
    let mut fields = Fields::of(node, "a check", reading)?;
    let Some(kind) = kind(node, &mut fields) else {
        // What every check has is looked at all the same, so that its faults show at once.
        let _ = (fields.text("name"), when::read(&mut fields), policies(&mut fields, Policies::default()));
        return None;
    };
    let keys = keys(kind, &mut fields);
    let facts = fields.facts().clone();
    let asked = fields.finish();
    let Keys { name, when, policies, check } = keys;
    let check = check?;
    let name = name.unwrap_or_else(|| check.title());
    let written = ordered(kind.key, &name, &asked);
    let own = node.entries().iter().map(|(key, value)| (key.name.clone(), value.at)).collect();
    let (kind, at) = (kind.key, node.at);
    let spec = CheckSpec { name, kind, policies, when, facts, check, built_in: false, at, own, written };
    if let Some(why) = reading.scope.hook.and_then(|hook| timing::check_is_early(&spec, hook)) {
        let at = node.get(kind).map_or(at, |value| value.at);
        reading.fault(at, why);
    }
    Some(spec)
}

/// What was read of a check.
pub(super) struct Keys {
    name: Option<String>,
    when: Vec<Condition>,
    policies: Policies,
    check: Option<Arc<dyn Check>>,
}

/// All keys of a check: those that every check has, and those of its kind.
pub(super) fn keys(kind: &check::Kind, fields: &mut Fields<'_>) -> Keys {
    let default = fields.scope().defaults.policies;
    let name = fields.text("name");
    let when = when::read(fields);
    let policies = policies(fields, default);
    later::read(kind.key, fields);
    let check = (kind.read)(fields);
    let check = if REQUESTS.contains(&kind.key) { bound(kind.key, check, fields) } else { check };
    Keys { name, when, policies, check }
}

/// Kinds that send a request to an address of the author's choice, and tell what answered.
const REQUESTS: [&str; 2] = ["http", "grpc"];

/// A request that is not bound to a listener may be answered by the original: it warns, here and when it has passed.
fn bound(key: &'static str, check: Option<Arc<dyn Check>>, fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let is_any_version = fields.flag("any_version").unwrap_or(false);
    let check = check?;
    let hook = fields.scope().hook.filter(|hook| timing::may_meet_the_original(*hook));
    let Some(hook) = hook.filter(|_| check.uses().is_none() && !is_any_version) else { return Some(check) };
    let url = fields.text(key).unwrap_or_default();
    timing::warn_unbound(&url, hook, key, fields);
    Some(unbound::wrap(check))
}

/// The keys as a person would write them: name and kind first, policies last.
fn ordered(kind: &str, name: &str, asked: &[Asked]) -> Data {
    let mut entries = match written_map(asked) {
        Data::Map(entries) => entries,
        _ => Vec::new(),
    };
    entries.retain(|(key, _)| key.name != "name");
    let name = Node::new(Place::START, Data::Text(name.to_owned()));
    entries.push((Key { at: Place::START, name: "name".to_owned() }, name));
    entries.sort_by_key(|(key, _)| match key.name.as_str() {
        "name" => 0,
        own if own == kind => 1,
        "expect" => 3,
        "when" => 4,
        "on_fail" | "on_error" | "no_data" => 5,
        _ => 2,
    });
    Data::Map(entries)
}

fn kind(node: &Node, fields: &mut Fields<'_>) -> Option<&'static check::Kind> {
    let has = |kind: &&check::Kind| node.get(kind.key).is_some();
    let kinds: Vec<_> = check::kinds().chain(check::LATER).filter(has).collect();
    match kinds[..] {
        [kind] => Some(kind),
        // The barrier asks for the identity of what answers.
        [a, b] if a.key == "http" && b.key == "reach" => Some(b),
        [] => {
            let known: Vec<_> = check::KINDS.iter().map(|kind| kind.key).collect();
            let near = node.keys().find_map(|key| suggest(key, known.iter().copied()));
            let message = match near {
                Some(near) => format!("this check has no kind; did you mean `{near}`?"),
                None => format!("this check has no kind; it needs one of {}", known.join(", ")),
            };
            fields.fault(node.at, message);
            None
        }
        _ => {
            fields.fault(node.at, "this check has more than one kind; make it one check for each");
            None
        }
    }
}
