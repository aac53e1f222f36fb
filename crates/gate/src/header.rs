//! The keys at the top of a gate file, which apply to all hooks.

use std::collections::BTreeMap;

use super::{Defaults, HttpDefaults, MapReader, Message, Position, Retry, SecretRef, Skip, YamlValue};
use crate::{Mode, Policies, Policy};

/// The keys next to `hooks`.
#[derive(Clone, Debug)]
pub struct GateHeader {
    pub mode: Mode,
    /// `secrets`: where each secret is stored, by the name that templates use.
    pub secrets: BTreeMap<String, SecretRef>,
    pub skip: Option<Skip>,
    /// `notify`: the recipients, as text.
    pub notify: Vec<String>,
    /// The header with all effective values, as a gate file would write it.
    pub effective: YamlValue,
}

const VERSION_LINE: &str = "version: 1";

/// Reads the header. Secrets and defaults go into the context, for the parts of the file that follow.
pub(super) fn read_header(fields: &mut MapReader<'_>) -> GateHeader {
    check_version(fields);
    let mode = fields.variant_or("mode", &Mode::VARIANTS, Mode::Enforce);
    let secrets = read_secrets(fields);
    fields.context().scope.secrets = secrets.keys().cloned().collect();
    fields.context().scope.defaults = fields.map_or("defaults", "`defaults`", read_defaults);
    let skip = fields.map("skip", "`skip`", Skip::read).flatten();
    let notify: Vec<String> =
        fields.items("notify", "an entry of `notify`", read_notify).into_iter().flatten().collect();
    if !notify.is_empty() {
        let message = format!("`notify` is not supported yet: nothing is sent to {}", notify.join(", "));
        fields.warn(fields.position_of("notify"), message);
    }
    GateHeader { mode, secrets, skip, notify, effective: fields.to_map() }
}

fn check_version(fields: &mut MapReader<'_>) {
    let given = fields.has("version");
    let node = fields.node("version").filter(|node| node.data != YamlValue::Integer(1));
    if !given {
        fields.error(Position::START, "`version: 1` is missing");
    } else if let Some(node) = node {
        let source = node.source_text().unwrap_or_default();
        let message = match &node.data {
            YamlValue::Text(text) if text == "1" => {
                "`version` is a text; write `version: 1`, without quotation marks".into()
            }
            // An AppSpec file begins with it.
            _ if source == "0.0" => Message::write_instead("version 0.0 is CodeDeploy's", VERSION_LINE),
            other => Message::write_instead(format_args!("version {other} is not supported"), VERSION_LINE),
        };
        fields.error(node.at, message);
    }
}

fn read_defaults(fields: &mut MapReader<'_>) -> Defaults {
    let usual = HttpDefaults::default();
    let http = fields.map_or("http", "`http` of `defaults`", |fields| HttpDefaults {
        connect_timeout: fields.duration_or("connect_timeout", usual.connect_timeout),
        timeout: fields.duration_or("timeout", usual.timeout),
        retry: Retry::read(fields, usual.retry),
    });
    Defaults { http, policies: read_policies(fields, Policies::default()) }
}

impl Retry {
    /// Reads the key `retry`: `{ transport: 3, backoff: 200ms..2s }`.
    pub fn read(fields: &mut MapReader<'_>, default: Self) -> Self {
        let read = |fields: &mut MapReader<'_>| Self {
            transport: fields.number_or("transport", 0..=10, default.transport),
            backoff: fields.duration_range_or("backoff", default.backoff),
        };
        fields.map_or("retry", "`retry`", read)
    }
}

/// Reads `on_fail`, `on_error` and `no_data`.
pub(super) fn read_policies(fields: &mut MapReader<'_>, default: Policies) -> Policies {
    Policies {
        on_fail: fields.variant_or("on_fail", &Policy::VARIANTS, default.on_fail),
        on_error: fields.variant_or("on_error", &Policy::VARIANTS, default.on_error),
        no_data: fields.variant_or("no_data", &Policy::VARIANTS, default.no_data),
    }
}

fn read_secrets(fields: &mut MapReader<'_>) -> BTreeMap<String, SecretRef> {
    let mut secrets = BTreeMap::new();
    for (name, text) in fields.string_map("secrets") {
        if !is_name(&name.name) {
            fields.error(
                name.at,
                format!("{:?} cannot be the name of a secret; use letters, digits, _ and -", name.name),
            );
            continue;
        }
        match SecretRef::parse(&text.1) {
            Ok(reference) => {
                secrets.insert(name.name, reference);
            }
            Err(why) => fields.error(text.0, why),
        }
    }
    secrets
}

/// Whether a word can be a name between braces.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Reads one entry of `notify` and returns its recipient as text.
fn read_notify(fields: &mut MapReader<'_>) -> Option<String> {
    let bus = fields.string("eventbridge").filter(|_| fields.has("eventbridge"));
    let webhook = fields.string("webhook").filter(|_| fields.has("webhook"));
    let moments = [("failed", ()), ("warned", ()), ("succeeded", ())];
    let _ = fields.variants("when", &moments);
    match (bus, webhook) {
        (Some(bus), None) => Some(format!("EventBridge bus {bus}")),
        (None, Some(webhook)) => match SecretRef::parse(&webhook) {
            Ok(reference) => Some(format!("webhook {reference}")),
            Err(why) => {
                // The URL of a webhook is itself a secret, so the message does not quote it.
                let at = fields.position_of("webhook");
                fields.error(at, why);
                None
            }
        },
        (Some(_), Some(_)) => {
            fields.error(fields.at(), "an entry of `notify` is `eventbridge` or `webhook`, not both; make it two");
            None
        }
        (None, None) => {
            if !fields.has("eventbridge") && !fields.has("webhook") {
                fields.error(fields.at(), "an entry of `notify` needs `eventbridge` or `webhook`");
            }
            None
        }
    }
}
