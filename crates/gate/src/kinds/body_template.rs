//! The body of a request: text, a form or JSON, with facts in it.

use crate::{MapKey, MapReader, Template, YamlNode, YamlValue};

/// What to send.
#[derive(Clone, Debug)]
pub enum BodyTemplate {
    None,
    Text(Template),
    /// Names and values.
    Form(Vec<(String, Template)>),
    Json(JsonTemplate),
}

/// JSON whose strings can contain facts.
#[derive(Clone, Debug)]
pub enum JsonTemplate {
    Literal(serde_json::Value),
    Text(Template),
    List(Vec<JsonTemplate>),
    Map(Vec<(String, JsonTemplate)>),
}

impl BodyTemplate {
    /// Reads the keys `json`, `form` and `text`. A request can have one of them.
    pub fn read(fields: &mut MapReader<'_>) -> Self {
        let given: Vec<_> = ["json", "form", "text"].into_iter().filter(|key| fields.has(key)).collect();
        if let [_, second, ..] = given[..] {
            fields.error(fields.position_of(second), "a request has one body: `json`, `form` or `text`");
        }
        let json = fields.node("json").and_then(|node| JsonTemplate::read(node, fields));
        let form = fields.template_map("form");
        let text = fields.template("text");
        match (given.first().copied(), json, text) {
            (Some("json"), Some(json), _) => Self::Json(json),
            (Some("form"), ..) => Self::Form(form.into_iter().map(|(key, template)| (key.name, template)).collect()),
            (Some("text"), _, Some(text)) => Self::Text(text),
            _ => Self::None,
        }
    }
}

impl JsonTemplate {
    fn read(node: &YamlNode, fields: &mut MapReader<'_>) -> Option<Self> {
        Some(match &node.data {
            YamlValue::Null => Self::Literal(serde_json::Value::Null),
            YamlValue::Bool(flag) => Self::Literal((*flag).into()),
            YamlValue::Integer(number) => Self::Literal((*number).into()),
            YamlValue::Float(number) => Self::Literal((*number).into()),
            YamlValue::Text(text) => Self::Text(fields.parse_template(node.at, text)?),
            YamlValue::List(items) => {
                Self::List(items.iter().map(|item| Self::read(item, fields)).collect::<Option<Vec<_>>>()?)
            }
            YamlValue::Map(entries) => {
                let entry = |(key, node): &(MapKey, YamlNode), fields: &mut MapReader<'_>| {
                    Some((key.name.clone(), Self::read(node, fields)?))
                };
                Self::Map(entries.iter().map(|it| entry(it, fields)).collect::<Option<Vec<_>>>()?)
            }
        })
    }
}
