//! The body of a request with the values of its facts.

use gate::{
    FactResolver, UnresolvedFact,
    kinds::{BodyTemplate, JsonTemplate},
};
use reqwest::Url;

use super::KnownFacts;

/// Renders the body and its content type.
pub(super) fn render(
    body: &BodyTemplate,
    known: &KnownFacts,
) -> Result<(Option<Vec<u8>>, Option<&'static str>), UnresolvedFact> {
    Ok(match body {
        BodyTemplate::None => (None, None),
        BodyTemplate::Text(text) => {
            (Some(text.render(known)?.expose_secret().as_bytes().to_vec()), Some("text/plain; charset=utf-8"))
        }
        BodyTemplate::Form(fields) => {
            let mut form = Url::parse("http://form/").ok();
            for (name, template) in fields {
                let value = template.render(known)?;
                if let Some(form) = &mut form {
                    form.query_pairs_mut().append_pair(name, value.expose_secret());
                }
            }
            let text = form.as_ref().and_then(Url::query).unwrap_or_default();
            (Some(text.as_bytes().to_vec()), Some("application/x-www-form-urlencoded"))
        }
        BodyTemplate::Json(json) => {
            (Some(render_json(json, known)?.to_string().into_bytes()), Some("application/json"))
        }
    })
}

fn render_json(json: &JsonTemplate, known: &dyn FactResolver) -> Result<serde_json::Value, UnresolvedFact> {
    Ok(match json {
        JsonTemplate::Literal(value) => value.clone(),
        JsonTemplate::Text(template) => template.render(known)?.expose_secret().into(),
        JsonTemplate::List(items) => {
            items.iter().map(|item| render_json(item, known)).collect::<Result<Vec<_>, _>>()?.into()
        }
        JsonTemplate::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), render_json(value, known)?)));
            serde_json::Value::Object(entries.collect::<Result<_, UnresolvedFact>>()?)
        }
    })
}
