//! A response that passes the conditions of a check, for a rehearsal: a healthy service answers what the check expects.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{Condition, VersionFact, condition::example::ExampleValue};
use crate::Fact;

/// In the place of a value that is known only when the service responds: the tag of its image.
const VERSION_PLACEHOLDER: &str = "{version}";

/// What a healthy service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleResponse {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// `None` if no condition is about the body.
    pub body: Option<String>,
}

/// A response for these conditions. It is a guess for conditions that no example can be derived from, such as a regular
/// expression.
pub fn example_response(expect: &[Condition]) -> ExampleResponse {
    let mut response = ExampleResponse { status: 200, headers: BTreeMap::new(), body: None };
    let (mut document, mut text) = (Json::Object(Map::new()), String::new());
    for (subject, value) in expect.iter().flat_map(Condition::examples) {
        let as_text = match &value {
            ExampleValue::Number(number) => number.to_string(),
            ExampleValue::Text(text) => text.clone(),
            ExampleValue::Fact(Fact::OfVersion(_, VersionFact::ImageTag)) => VERSION_PLACEHOLDER.to_owned(),
            ExampleValue::Fact(_) => continue,
            ExampleValue::Present => "example".to_owned(),
        };
        match subject.split_once(['.', '[']) {
            None if subject == "status" => response.status = as_text.parse().unwrap_or(200),
            None if subject == "body" => text += &format!("{as_text} "),
            Some(("header", name)) => {
                response.headers.insert(name.to_owned(), as_text);
            }
            Some(("json", _)) => {
                let number = if let ExampleValue::Number(number) = value { Some(json!(number)) } else { None };
                let word = match as_text.as_str() {
                    "true" => json!(true),
                    "false" => json!(false),
                    other => json!(other),
                };
                set(&mut document, subject.trim_start_matches("json"), number.unwrap_or(word));
            }
            _ => {}
        }
    }
    let has_document = document.as_object().is_some_and(|object| !object.is_empty());
    response.body = match (has_document, text.is_empty()) {
        (true, true) => Some(document.to_string()),
        (true, false) => {
            set(&mut document, ".text", json!(text.trim_end()));
            Some(document.to_string())
        }
        (false, false) => Some(text.trim_end().to_owned()),
        (false, true) => None,
    };
    response
}

/// Sets the value at a path such as `.items[0].id`.
fn set(document: &mut Json, path: &str, value: Json) {
    let mut place = document;
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        if let Ok(index) = part.parse::<usize>() {
            if !place.is_array() {
                *place = json!([]);
            }
            let Some(items) = place.as_array_mut() else { return };
            if index > 100 {
                return;
            }
            while items.len() <= index {
                items.push(Json::Null);
            }
            place = &mut items[index];
        } else {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[part];
        }
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::RESPONSE_SUBJECTS;

    fn example(conditions: &[&str]) -> ExampleResponse {
        let parse = |text: &&str| Condition::parse(text, RESPONSE_SUBJECTS).unwrap();
        example_response(&conditions.iter().map(parse).collect::<Vec<_>>())
    }

    #[test]
    fn a_response_has_what_the_conditions_name() {
        let response = example(&[
            "status == 204",
            "header.x-cache == HIT",
            "json.items[0].state == open",
            "json.ok == true",
            "json.count >= 3",
            "json.version == {{green.image_tag}}",
            "latency < 300ms",
        ]);
        assert_eq!(response.status, 204);
        assert_eq!(response.headers["x-cache"], "HIT");
        let body: Json = serde_json::from_str(&response.body.unwrap()).unwrap();
        let expected = json!({"items": [{"state": "open"}], "ok": true, "count": 3.0, "version": "{version}"});
        assert_eq!(body, expected);
    }

    #[test]
    fn classes_ranges_and_lists_have_an_example() {
        assert_eq!(example(&["status == 2xx"]).status, 200);
        assert_eq!(example(&["status == 3xx"]).status, 300);
        assert_eq!(example(&["status in 401, 403"]).status, 401);
        assert_eq!(example(&["status < 500"]).status, 200, "any status below 500 will do");
        assert_eq!(example(&["body contains ready"]).body.as_deref(), Some("ready"));
        assert_eq!(example(&["status == 200"]).body, None);
    }
}
