//! What the top of a gate file says about all hooks.

use std::collections::BTreeMap;

use super::{Data, Defaults, Fields, HttpDefaults, Place, Retry, SecretRef, Skip};
use crate::{
    finding::{Policies, Policy},
    verdict::Mode,
};

/// The keys beside `hooks`.
#[derive(Clone, Debug)]
pub struct Top {
    /// `mode`.
    pub mode: Mode,
    /// `secrets`: where each is kept, by the name that templates use.
    pub secrets: BTreeMap<String, SecretRef>,
    /// `skip`.
    pub skip: Option<Skip>,
    /// `notify`: to whom, in words.
    pub notify: Vec<String>,
    /// All of it, as the file would write it.
    pub written: Data,
}

/// Reads them. Secrets and defaults go along with the reading of what follows.
pub(super) fn read_top(fields: &mut Fields<'_>) -> Top {
    version(fields);
    let mode = fields.choice_or("mode", &Mode::WORDS, Mode::Enforce);
    let secrets = secrets(fields);
    fields.reading().scope.secrets = secrets.keys().cloned().collect();
    fields.reading().scope.defaults = fields.map_or("defaults", "`defaults`", defaults);
    let skip = fields.map("skip", "`skip`", Skip::read).flatten();
    let notify: Vec<String> = fields.items("notify", "an entry of `notify`", notify).into_iter().flatten().collect();
    if !notify.is_empty() {
        let message = format!("`notify` is not supported yet: nobody tells {}", notify.join(", "));
        fields.warn(fields.place_of("notify"), message);
    }
    Top { mode, secrets, skip, notify, written: fields.written() }
}

fn version(fields: &mut Fields<'_>) {
    let given = fields.has("version");
    let node = fields.node("version").map(|node| (node.at, &node.data));
    match node {
        _ if !given => fields.fault(Place::START, "`version: 1` is missing"),
        Some((_, Data::Integer(1))) | None => {}
        Some((at, other)) => fields.fault(at, format!("version {other} is not known; this is version 1")),
    }
}

fn defaults(fields: &mut Fields<'_>) -> Defaults {
    let usual = HttpDefaults::default();
    let http = fields.map_or("http", "`http` of `defaults`", |fields| HttpDefaults {
        connect_timeout: fields.duration_or("connect_timeout", usual.connect_timeout),
        timeout: fields.duration_or("timeout", usual.timeout),
        retry: Retry::read(fields, usual.retry),
    });
    Defaults { http, policies: policies(fields, Policies::default()) }
}

/// `on_fail`, `on_error` and `no_data`.
pub(super) fn policies(fields: &mut Fields<'_>, default: Policies) -> Policies {
    Policies {
        on_fail: fields.choice_or("on_fail", &Policy::WORDS, default.on_fail),
        on_error: fields.choice_or("on_error", &Policy::WORDS, default.on_error),
        no_data: fields.choice_or("no_data", &Policy::WORDS, default.no_data),
    }
}

fn secrets(fields: &mut Fields<'_>) -> BTreeMap<String, SecretRef> {
    let mut secrets = BTreeMap::new();
    for (name, text) in fields.names("secrets") {
        if !is_name(&name.name) {
            fields.fault(name.at, format!("{:?} cannot be a secret's name: letters, digits, _ and -", name.name));
            continue;
        }
        match SecretRef::parse(&text.1) {
            Ok(reference) => {
                secrets.insert(name.name, reference);
            }
            Err(why) => fields.fault(text.0, why),
        }
    }
    secrets
}

/// Whether a word can be named between braces.
pub(crate) fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// One entry of `notify`, in words.
fn notify(fields: &mut Fields<'_>) -> Option<String> {
    let bus = fields.text("eventbridge").filter(|_| fields.has("eventbridge"));
    let webhook = fields.text("webhook").filter(|_| fields.has("webhook"));
    let moments = [("failed", ()), ("warned", ()), ("succeeded", ())];
    let _ = fields.choices("when", &moments);
    match (bus, webhook) {
        (Some(bus), None) => Some(format!("EventBridge bus {bus}")),
        (None, Some(webhook)) => match SecretRef::parse(&webhook) {
            Ok(reference) => Some(format!("webhook {reference}")),
            Err(why) => {
                // An address of a webhook is a secret itself.
                let at = fields.place_of("webhook");
                fields.fault(at, why);
                None
            }
        },
        (Some(_), Some(_)) => {
            fields.fault(fields.at(), "an entry of `notify` is `eventbridge` or `webhook`, not both; make it two");
            None
        }
        (None, None) => {
            if !fields.has("eventbridge") && !fields.has("webhook") {
                fields.fault(fields.at(), "an entry of `notify` needs `eventbridge` or `webhook`");
            }
            None
        }
    }
}
