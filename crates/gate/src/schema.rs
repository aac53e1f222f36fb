//! A JSON Schema of the gate file, for editors. It has no table of keys: it runs the readers without a file, and
//! describes the keys that they accept. Conditions come from the tables of their parser.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    Fact, MapReader, Position, ReadContext, Subject, YamlNode, YamlValue, built_in, check_spec,
    condition::{self, DURATION, SubjectPattern},
    header::read_header,
    read_hooks,
    reader::{KeySpec, Reading, ValueType},
};
use crate::kinds::KINDS;

const DURATION_FORM: &str = "a length of time such as 500ms, 30s or 5m";

pub fn schema() -> Value {
    let nothing = YamlNode::new(Position::START, YamlValue::Null);
    let read_keys = |read: &mut dyn FnMut(&mut MapReader<'_>)| {
        let mut context = ReadContext { reading: Reading::Schema, ..ReadContext::default() };
        let mut fields = MapReader::new(&nothing, "", &mut context)?;
        read(&mut fields);
        Some(fields.finish())
    };
    let mut builder = SchemaBuilder::default();
    let header = read_keys(&mut |fields| {
        let top = read_header(fields);
        read_hooks(&built_in::FILES, None, &top, fields);
    });
    let mut schema = builder.object(&header.unwrap_or_default(), &["version"], "hooks");
    let checks = KINDS.iter().map(|kind| {
        let keys = read_keys(&mut |fields| {
            check_spec::read_keys(kind, fields);
        });
        let mut check = builder.object(&keys.unwrap_or_default(), &[kind.key], kind.key);
        check["title"] = kind.key.into();
        check
    });
    let checks: Vec<Value> = checks.collect();
    let changes = KINDS.iter().zip(&checks).filter(|(kind, _)| builder.changed_kinds.contains(kind.key));
    let changes: Vec<(String, Value)> =
        changes.map(|(kind, check)| (changes_of(kind.key), without_required(check))).collect();
    let duration = json!({
        "type": ["string", "integer"],
        "pattern": format!("^(?:{DURATION})\\s*$"),
        "patternErrorMessage": DURATION_FORM,
        // A number needs a unit, except for zero.
        "if": { "type": "integer" },
        "then": { "enum": [0], "errorMessage": DURATION_FORM },
        "description": DURATION_FORM,
    });
    let mut definitions = builder.conditions;
    definitions.extend(changes);
    definitions.extend([("check".to_owned(), json!({ "anyOf": checks })), ("duration".to_owned(), duration)]);
    if let Value::Object(schema) = &mut schema {
        let keys = [
            ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
            ("title", json!("Greenlight gate file")),
            ("$defs", Value::Object(definitions)),
        ];
        schema.extend(keys.map(|(key, value)| (key.to_owned(), value)));
        if let Some(version) = schema.get_mut("properties").and_then(|keys| keys.get_mut("version")) {
            *version = json!({ "const": 1 });
        }
    }
    schema
}

/// The name of what a file can change of a built-in check.
fn changes_of(kind: &str) -> String {
    format!("changes_of_{kind}")
}

/// The same keys, none of which is required: a built-in check has the others already.
fn without_required(check: &Value) -> Value {
    let mut check = check.clone();
    if let Value::Object(keywords) = &mut check {
        keywords.remove("required");
    }
    check
}

fn single_or_list(item: &Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

/// Describes values, and collects what it describes once for several places.
#[derive(Default)]
struct SchemaBuilder {
    /// What a condition can be, for each kind of check and for `when`.
    conditions: Map<String, Value>,
    /// The kinds of the built-in checks, whose keys a file can change.
    changed_kinds: BTreeSet<&'static str>,
}

impl SchemaBuilder {
    /// A map with these keys. The messages about its conditions name the owner.
    fn object(&mut self, keys: &[KeySpec], required: &[&str], owner: &'static str) -> Value {
        let property = |spec: &KeySpec| {
            let owner = if spec.key == "when" { "when" } else { owner };
            (spec.key.to_owned(), self.value(&spec.value_type, owner))
        };
        let properties: Map<String, Value> = keys.iter().map(property).collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn value(&mut self, shape: &ValueType, owner: &'static str) -> Value {
        match shape {
            ValueType::Any => json!({}),
            ValueType::String => json!({ "type": ["string", "integer"] }),
            ValueType::Template => json!({
                "type": ["string", "integer"],
                "description": format!("may contain facts: {{{{{}}}}}", Fact::names().join("}}, {{")),
            }),
            ValueType::Strings => single_or_list(&json!({ "type": "string" })),
            ValueType::Duration => json!({ "$ref": "#/$defs/duration" }),
            ValueType::DurationRange => {
                json!({ "type": "string", "description": "two lengths of time such as 200ms..2s" })
            }
            ValueType::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            ValueType::Bool => json!({ "type": "boolean" }),
            ValueType::OneOf(words) => json!({ "enum": words }),
            ValueType::Conditions(subjects) => self.condition_list(subjects, owner),
            ValueType::StringMap => json!({
                "type": "object",
                "additionalProperties": { "type": ["string", "number", "boolean"] },
            }),
            ValueType::List => json!({ "type": "array" }),
            ValueType::Map(keys) => self.object(keys, &[], owner),
            ValueType::Maps(keys) => json!({ "type": "array", "items": self.object(keys, &[], owner) }),
            ValueType::AnyOf(shapes) => {
                json!({ "anyOf": shapes.iter().map(|shape| self.value(shape, owner)).collect::<Vec<_>>() })
            }
            // As for conditions, no `anyOf`: an editor would report the other form.
            ValueType::Checks => json!({
                "type": ["string", "array"],
                "pattern": "^none$",
                "patternErrorMessage": "a list of checks, or `none`",
                "items": { "$ref": "#/$defs/check" },
            }),
            ValueType::BuiltIn(checks) => {
                let change = |(name, kind): &(String, &'static str)| {
                    self.changed_kinds.insert(kind);
                    (name.clone(), json!({ "$ref": format!("#/$defs/{}", changes_of(kind)) }))
                };
                let properties: Map<String, Value> = checks.iter().map(change).collect();
                json!({
                    "type": ["string", "object"],
                    "pattern": "^none$",
                    "patternErrorMessage": "`none`, or the keys to change of named built-in checks",
                    "properties": properties,
                    "additionalProperties": false,
                })
            }
        }
    }

    /// A condition, `any: [...]`, or a list of both.
    ///
    /// It needs no `anyOf`, whose messages an editor cannot make precise: each keyword counts only for values of its
    /// type, so that `pattern` is about texts, and `items` about lists.
    fn condition_list(&mut self, subjects: &'static [Subject], owner: &'static str) -> Value {
        let name = format!("condition_of_{owner}");
        let condition = json!({ "$ref": format!("#/$defs/{name}") });
        self.conditions.entry(name).or_insert_with(|| condition_schema(subjects, owner));
        let single = |types: &[&str]| {
            json!({
                "$ref": condition["$ref"],
                "type": types,
                "properties": {
                    "any": {
                        "description": "one of these must be true",
                        "type": "array",
                        "items": { "$ref": condition["$ref"], "type": "string" },
                        "minItems": 2,
                    },
                },
                "required": ["any"],
                "additionalProperties": false,
            })
        };
        let mut list = single(&["string", "array", "object"]);
        list["items"] = single(&["string", "object"]);
        let described = |subject: &Subject| format!("{subject} ({})", subject.subject_type);
        let subjects = subjects.iter().map(described).collect::<Vec<_>>().join(", ");
        list["description"] = format!("`subject operator value` on {subjects}").into();
        list
    }
}

/// What a condition can be. The message for a wrong one is about its subject, if it has a known one.
fn condition_schema(subjects: &'static [Subject], owner: &str) -> Value {
    let patterns = condition::patterns(subjects);
    let known = patterns.iter().map(|pattern| pattern.subject.to_string()).collect::<Vec<_>>().join(", ");
    let on_subject = |SubjectPattern { subject, start, whole, operators }: &SubjectPattern| {
        let operators = operators.join(" ");
        let message = format!("`{subject}` of `{owner}` is {}; its operators are {operators}", subject.subject_type);
        json!({ "if": { "pattern": start }, "then": { "pattern": whole, "patternErrorMessage": message } })
    };
    let starts = condition::either(patterns.iter().map(|pattern| pattern.start.clone()));
    json!({
        "title": format!("a condition of `{owner}`"),
        "pattern": starts,
        "patternErrorMessage":
            format!("not a condition of `{owner}`; write `subject operator value`, with one of the subjects {known}"),
        "allOf": patterns.iter().map(on_subject).collect::<Vec<_>>(),
    })
}
