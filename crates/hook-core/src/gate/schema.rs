//! A JSON Schema of the gate file, for editors. It is no table of its own: the readers are run over nothing, and what they
//! ask for is written down.

use serde_json::{Map, Value, json};

use super::{
    Data, Fact, Fields, Node, Place, Reading, built_in,
    fields::{Asked, Shape},
    read_hooks, spec,
    top::read_top,
};
use crate::check;

/// The schema.
pub fn schema() -> Value {
    let nothing = Node::new(Place::START, Data::Null);
    let sketched = |read: &mut dyn FnMut(&mut Fields<'_>)| {
        let mut reading = Reading { sketch: true, ..Reading::default() };
        let mut fields = Fields::of(&nothing, "", &mut reading)?;
        read(&mut fields);
        Some(fields.finish())
    };
    let top = sketched(&mut |fields| {
        let top = read_top(fields);
        read_hooks(built_in::of, &top, fields);
    });
    let mut schema = object(&top.unwrap_or_default(), &["version"]);
    let checks = check::KINDS.iter().map(|kind| {
        let keys = sketched(&mut |fields| {
            spec::keys(kind, fields);
        });
        object(&keys.unwrap_or_default(), &[kind.key])
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

fn object(keys: &[Asked], required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|asked| (asked.key.to_owned(), shape(&asked.shape))).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn one_or_several(item: &Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Text => json!({ "type": ["string", "integer"] }),
        Shape::Template => json!({
            "type": ["string", "integer"],
            "description": format!("may have facts in it: {{{{{}}}}}", Fact::words().join("}}, {{")),
        }),
        Shape::Texts => one_or_several(&json!({ "type": "string" })),
        Shape::Duration => json!({ "$ref": "#/$defs/duration" }),
        Shape::Span => json!({ "type": "string", "description": "two lengths of time such as 200ms..2s" }),
        Shape::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Conditions(subjects) => {
            let described = |subject: &super::Subject| format!("{subject} ({})", subject.of);
            let subjects = subjects.iter().map(described).collect::<Vec<_>>().join(", ");
            let condition = json!({ "type": "string" });
            let any = json!({
                "type": "object",
                "properties": { "any": { "type": "array", "items": condition, "minItems": 2 } },
                "required": ["any"],
                "additionalProperties": false,
                "description": "one of these has to be true",
            });
            let mut shape = one_or_several(&json!({ "anyOf": [condition, any] }));
            shape["description"] = format!("`subject operator value` on {subjects}").into();
            shape
        }
        Shape::Names => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        Shape::List => json!({ "type": "array" }),
        Shape::Map(keys) => object(keys, &[]),
        Shape::Items(keys) => json!({ "type": "array", "items": object(keys, &[]) }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(self::shape).collect::<Vec<_>>() }),
        Shape::Checks => json!({
            "anyOf": [{ "const": "none" }, { "type": "array", "items": { "$ref": "#/$defs/check" } }],
        }),
        Shape::BuiltIn => json!({
            "anyOf": [
                { "const": "none" },
                { "type": "object", "additionalProperties": { "type": "object" } },
            ],
        }),
    }
}
