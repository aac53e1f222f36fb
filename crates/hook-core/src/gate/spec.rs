//! One check of the file: what every kind of check has, around what its kind reads.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Condition, Data, Fact, Fields, Key, Node, Place, Reading, fields::written_map, suggest, top::policies, when,
};
use crate::{
    check::{self, Check, later},
    finding::Policies,
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
    /// Where it stands.
    pub(super) at: Place,
    /// All its keys with the values that count, as the file would write them.
    pub(super) written: Data,
}

impl CheckSpec {
    /// A check that the file does not have, and that is needed all the same.
    pub fn implied(kind: &'static str, check: Arc<dyn Check>) -> Self {
        Self {
            name: check.title(),
            kind,
            policies: Policies::default(),
            when: Vec::new(),
            facts: BTreeSet::new(),
            check,
            at: Place::START,
            written: Data::Null,
        }
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
        self.span("for").max(self.span("every").saturating_mul(row.saturating_sub(1)))
    }
}

/// Reads one.
pub(super) fn read(node: &Node, reading: &mut Reading) -> Option<CheckSpec> {
    let default = reading.scope.defaults.policies;
    let mut fields = Fields::of(node, "a check", reading)?;
    let given = fields.text("name");
    let when = when::read(&mut fields);
    let policies = policies(&mut fields, default);
    let kind = kind(node, &mut fields)?;
    let wants = later::read(kind.key, &mut fields);
    let check = (kind.read)(&mut fields);
    let facts = fields.facts().clone();
    let asked = fields.finish();
    let mut check = check?;
    if let Some(key) = wants {
        check = later::wrap(key, check);
    }
    let name = given.unwrap_or_else(|| check.title());
    let mut written = written_map(&asked);
    if let Data::Map(entries) = &mut written
        && !entries.iter().any(|(key, _)| key.name == "name")
    {
        let (key, name) = (Key { at: node.at, name: "name".to_owned() }, Data::Text(name.clone()));
        entries.insert(0, (key, Node { at: node.at, data: name }));
    }
    Some(CheckSpec { name, kind: kind.key, policies, when, facts, check, at: node.at, written })
}

fn kind(node: &Node, fields: &mut Fields<'_>) -> Option<&'static check::Kind> {
    let has = |kind: &&check::Kind| node.get(kind.key).is_some();
    let kinds: Vec<_> = check::KINDS.iter().filter(has).collect();
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
