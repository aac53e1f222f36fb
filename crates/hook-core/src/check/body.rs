//! The body of a request: a text, a form or JSON, with facts in it.

use reqwest::Url;

use super::known;
use crate::gate::{Data, Fields, Known, Node, Template, Unknown};

/// What is sent.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// Plain text.
    Text(Template),
    /// Names and values.
    Form(Vec<(String, Template)>),
    /// JSON.
    Json(Json),
}

/// JSON whose texts may have facts in them.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Plain(serde_json::Value),
    Text(Template),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Body {
    /// Reads the keys `json`, `form` and `text`, of which there may be one.
    pub fn read(fields: &mut Fields<'_>) -> Self {
        let given: Vec<_> = ["json", "form", "text"].into_iter().filter(|key| fields.has(key)).collect();
        if let [_, second, ..] = given[..] {
            fields.fault(fields.place_of(second), "a request has one body: `json`, `form` or `text`");
        }
        let json = fields.node("json").and_then(|node| Json::read(node, fields));
        let form = fields.templates("form");
        let text = fields.template("text");
        match (given.first().copied(), json, text) {
            (Some("json"), Some(json), _) => Self::Json(json),
            (Some("form"), ..) => Self::Form(form.into_iter().map(|(key, template)| (key.name, template)).collect()),
            (Some("text"), _, Some(text)) => Self::Text(text),
            _ => Self::None,
        }
    }

    /// The bytes, and what they are.
    pub fn render(&self, known: &known::Facts) -> Result<(Option<Vec<u8>>, Option<&'static str>), Unknown> {
        Ok(match self {
            Self::None => (None, None),
            Self::Text(text) => {
                (Some(text.render(known)?.reveal().as_bytes().to_vec()), Some("text/plain; charset=utf-8"))
            }
            Self::Form(fields) => {
                let mut form = Url::parse("http://form/").ok();
                for (name, template) in fields {
                    let value = template.render(known)?;
                    if let Some(form) = &mut form {
                        form.query_pairs_mut().append_pair(name, value.reveal());
                    }
                }
                let text = form.as_ref().and_then(Url::query).unwrap_or_default();
                (Some(text.as_bytes().to_vec()), Some("application/x-www-form-urlencoded"))
            }
            Self::Json(json) => (Some(json.render(known)?.to_string().into_bytes()), Some("application/json")),
        })
    }
}

impl Json {
    fn read(node: &Node, fields: &mut Fields<'_>) -> Option<Self> {
        Some(match &node.data {
            Data::Null => Self::Plain(serde_json::Value::Null),
            Data::Bool(flag) => Self::Plain((*flag).into()),
            Data::Integer(number) => Self::Plain((*number).into()),
            Data::Float(number) => Self::Plain((*number).into()),
            Data::Text(text) => Self::Text(fields.template_of(node.at, text)?),
            Data::List(items) => {
                Self::List(items.iter().map(|item| Self::read(item, fields)).collect::<Option<Vec<_>>>()?)
            }
            Data::Map(entries) => {
                let entry = |(key, node): &(crate::gate::Key, Node), fields: &mut Fields<'_>| {
                    Some((key.name.clone(), Self::read(node, fields)?))
                };
                Self::Map(entries.iter().map(|it| entry(it, fields)).collect::<Option<Vec<_>>>()?)
            }
        })
    }

    fn render(&self, known: &dyn Known) -> Result<serde_json::Value, Unknown> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => template.render(known)?.reveal().into(),
            Self::List(items) => items.iter().map(|item| item.render(known)).collect::<Result<Vec<_>, _>>()?.into(),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((key.clone(), value.render(known)?)));
                serde_json::Value::Object(entries.collect::<Result<_, Unknown>>()?)
            }
        })
    }
}
