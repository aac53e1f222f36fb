//! A JSON Schema of the gate file, for editors. It has no table of keys: it runs the readers without a file, and
//! describes the keys that they accept.

use serde_json::{Map, Value, json};

use super::{
    Fact, MapReader, Position, ReadContext, YamlNode, YamlValue, built_in, check_spec,
    header::read_header,
    read_hooks,
    reader::{KeySpec, Reading, ValueType},
};
use crate::kinds::KINDS;

pub fn schema() -> Value {
    let nothing = YamlNode::new(Position::START, YamlValue::Null);
    let read_keys = |read: &mut dyn FnMut(&mut MapReader<'_>)| {
        let mut context = ReadContext { reading: Reading::Schema, ..ReadContext::default() };
        let mut fields = MapReader::new(&nothing, "", &mut context)?;
        read(&mut fields);
        Some(fields.finish())
    };
    let header = read_keys(&mut |fields| {
        let top = read_header(fields);
        read_hooks(&built_in::FILES, None, &top, fields);
    });
    let mut schema = object_schema(&header.unwrap_or_default(), &["version"]);
    let checks = KINDS.iter().map(|kind| {
        let keys = read_keys(&mut |fields| {
            check_spec::read_keys(kind, fields);
        });
        object_schema(&keys.unwrap_or_default(), &[kind.key])
    });
    let checks: Vec<Value> = checks.collect();
    let duration = json!({
        "anyOf": [{ "type": "string", "pattern": "^[0-9]+ *[a-z]+( *[0-9]+ *[a-z]+)*$" }, { "const": 0 }],
        "description": "a length of time such as 500ms, 30s or 5m",
    });
    if let Value::Object(schema) = &mut schema {
        let keys = [
            ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
            ("title", json!("Greenlight gate file")),
            ("$defs", json!({ "check": { "anyOf": checks }, "duration": duration })),
        ];
        schema.extend(keys.map(|(key, value)| (key.to_owned(), value)));
        if let Some(version) = schema.get_mut("properties").and_then(|keys| keys.get_mut("version")) {
            *version = json!({ "const": 1 });
        }
    }
    schema
}

fn object_schema(keys: &[KeySpec], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|spec| (spec.key.to_owned(), value_schema(&spec.value_type))).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn single_or_list(item: &Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

fn value_schema(shape: &ValueType) -> Value {
    match shape {
        ValueType::Any => json!({}),
        ValueType::String => json!({ "type": ["string", "integer"] }),
        ValueType::Template => json!({
            "type": ["string", "integer"],
            "description": format!("may contain facts: {{{{{}}}}}", Fact::names().join("}}, {{")),
        }),
        ValueType::Strings => single_or_list(&json!({ "type": "string" })),
        ValueType::Duration => json!({ "$ref": "#/$defs/duration" }),
        ValueType::DurationRange => json!({ "type": "string", "description": "two lengths of time such as 200ms..2s" }),
        ValueType::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        ValueType::Bool => json!({ "type": "boolean" }),
        ValueType::OneOf(words) => json!({ "enum": words }),
        ValueType::Conditions(subjects) => {
            let described = |subject: &super::Subject| format!("{subject} ({})", subject.subject_type);
            let subjects = subjects.iter().map(described).collect::<Vec<_>>().join(", ");
            let condition = json!({ "type": "string" });
            let any = json!({
                "type": "object",
                "properties": { "any": { "type": "array", "items": condition, "minItems": 2 } },
                "required": ["any"],
                "additionalProperties": false,
                "description": "one of these must be true",
            });
            let mut shape = single_or_list(&json!({ "anyOf": [condition, any] }));
            shape["description"] = format!("`subject operator value` on {subjects}").into();
            shape
        }
        ValueType::StringMap => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        ValueType::List => json!({ "type": "array" }),
        ValueType::Map(keys) => object_schema(keys, &[]),
        ValueType::Maps(keys) => json!({ "type": "array", "items": object_schema(keys, &[]) }),
        ValueType::AnyOf(shapes) => json!({ "anyOf": shapes.iter().map(self::value_schema).collect::<Vec<_>>() }),
        ValueType::Checks => json!({
            "anyOf": [{ "const": "none" }, { "type": "array", "items": { "$ref": "#/$defs/check" } }],
        }),
        ValueType::BuiltIn => json!({
            "anyOf": [
                { "const": "none" },
                { "type": "object", "additionalProperties": { "type": "object" } },
            ],
        }),
    }
}
