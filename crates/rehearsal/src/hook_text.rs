//! How a hook is written in files: `after_install` in a scenario, `AfterInstall` in a report. The type is the crate
//! `lifecycle`'s, which does not know serde.

use std::{borrow::Cow, collections::BTreeMap};

use lifecycle::{Hook, Status};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The hook with this key.
pub(crate) fn from_key<E: Error>(key: &str) -> Result<Hook, E> {
    let unknown =
        || E::custom(format_args!("{key:?} is not a hook; the hooks are {}", Hook::ALL.map(Hook::key).join(", ")));
    // A timeline has the other spelling, and people copy from it.
    Hook::ALL.into_iter().find(|hook| hook.key() == key).or_else(|| Hook::from_event_name(key)).ok_or_else(unknown)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hook, D::Error> {
    HookKey::deserialize(deserializer).map(|HookKey(hook)| hook)
}

pub(crate) fn deserialize_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hook>, D::Error> {
    Ok(Option::<HookKey>::deserialize(deserializer)?.map(|HookKey(hook)| hook))
}

/// A map with a hook as its key.
pub(crate) fn deserialize_map<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Hook, V>, D::Error> {
    let by_key = BTreeMap::<HookKey, V>::deserialize(deserializer)?;
    Ok(by_key.into_iter().map(|(HookKey(hook), value)| (hook, value)).collect())
}

pub(crate) fn serialize<S: Serializer>(hook: &Hook, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(hook.event_name())
}

pub(crate) fn serialize_option<S: Serializer>(hook: &Option<Hook>, serializer: S) -> Result<S::Ok, S::Error> {
    hook.map(Hook::event_name).serialize(serializer)
}

/// The status of a hook, in CodeDeploy's word.
pub(crate) fn serialize_status<S: Serializer>(status: &Option<Status>, serializer: S) -> Result<S::Ok, S::Error> {
    status.map(Status::as_str).serialize(serializer)
}

/// The key of a hook, as a type for maps and for the JSON Schema.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HookKey(Hook);

impl JsonSchema for HookKey {
    fn schema_name() -> Cow<'static, str> {
        "Hook".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": Hook::ALL.map(Hook::key) })
    }
}

impl<'de> Deserialize<'de> for HookKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_key(&String::deserialize(deserializer)?).map(Self)
    }
}
