//! A reply to a request, as facts for conditions, and how much of it a log may show.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::probe::Trouble;
use crate::{
    gate::{Facts, Value},
    redact::{Redactor, Shown},
};

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// What was read of its body.
    pub(super) body: Vec<u8>,
    /// Its headers after the body.
    pub(super) trailers: HeaderMap,
    /// Until the last byte that was read.
    pub(super) latency: Duration,
    /// The attempts before it that failed and were retried.
    pub(super) failed: Vec<Trouble>,
    /// What must not be shown of it: whatever was in the request may come back.
    pub(super) redactor: Redactor,
}

/// So much of a value is shown.
const MAX_VALUE: usize = 60;
/// So much of an address is shown.
const MAX_LOCATION: usize = 120;

impl Reply {
    /// How long it took, until the last byte that was read.
    pub const fn latency(&self) -> Duration {
        self.latency
    }

    /// Where it redirects to, without what may be secret: a query, and a user with a password.
    pub fn location(&self) -> Option<Shown> {
        let location = String::from_utf8_lossy(self.headers.get("location")?.as_bytes());
        Some(self.redactor.show(&location).without_user_and_query().shorten(MAX_LOCATION))
    }
}

impl Facts for Reply {
    fn fact(&self, subject: &str) -> Option<Value> {
        match subject.split_once('.') {
            None => match subject {
                "status" => Some(Value::Number(self.status.into())),
                "latency" => Some(Value::Span(self.latency)),
                "body" => Some(Value::Text(String::from_utf8_lossy(&self.body).into_owned())),
                _ => None,
            },
            Some(("header", name)) => {
                let value = self.headers.get(name)?;
                Some(Value::Text(String::from_utf8_lossy(value.as_bytes()).into_owned()))
            }
            Some(("json", path)) => {
                let json: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
                match json.pointer(&pointer(path))? {
                    serde_json::Value::Null => None,
                    serde_json::Value::Bool(flag) => Some(Value::Flag(*flag)),
                    serde_json::Value::Number(number) => match number.as_i128() {
                        Some(whole) => Some(Value::whole(whole)),
                        None => number.as_f64().map(Value::Number),
                    },
                    serde_json::Value::String(text) => Some(Value::Text(text.clone())),
                    whole => Some(Value::Text(whole.to_string())),
                }
            }
            Some(_) => None,
        }
    }

    /// Bodies and headers may hold what must not be in a log; a single value of a JSON body that the gate file asks for
    /// by name is what its author wants to read.
    fn shown(&self, subject: &str, value: &Value) -> String {
        match value {
            Value::Text(text) if !subject.starts_with("json.") || text.starts_with(['{', '[']) => {
                format!("a text of {} characters", text.chars().count())
            }
            Value::Text(text) => format!("'{}'", self.redactor.show(text).shorten(MAX_VALUE + 1)),
            _ => value.to_string(),
        }
    }
}

/// `items[0].id` as a JSON pointer: `/items/0/id`.
fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[']) {
        pointer.push('/');
        pointer.push_str(&part.trim_end_matches(']').replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert("x-version", "1.2".parse().unwrap());
        let latency = Duration::from_millis(12);
        let trailers = HeaderMap::new();
        Reply {
            status: 200,
            headers,
            body: body.as_bytes().to_vec(),
            trailers,
            latency,
            failed: Vec::new(),
            redactor: Redactor::default(),
        }
    }

    #[test]
    fn a_reply_tells_its_facts() {
        let reply = reply(r#"{"items": [{"id": 7, "ok": true, "none": null}], "version": "1.2"}"#);
        assert_eq!(reply.fact("status"), Some(Value::Number(200.0)));
        assert_eq!(reply.fact("latency"), Some(Value::Span(Duration::from_millis(12))));
        assert_eq!(reply.fact("header.X-Version"), Some(Value::Text("1.2".into())));
        assert_eq!(reply.fact("json.items[0].id"), Some(Value::Number(7.0)));
        assert_eq!(reply.fact("json.items[0].ok"), Some(Value::Flag(true)));
        assert_eq!(reply.fact("json.items[0].none"), None);
        assert_eq!(reply.fact("json.items[1].id"), None);
        assert_eq!(reply.fact("json.version"), Some(Value::Text("1.2".into())));
    }

    #[test]
    fn a_redirect_is_told_without_its_query_and_without_a_user() {
        let to = |location: &str| {
            let mut reply = reply("");
            reply.headers.insert("location", location.parse().unwrap());
            reply.location().unwrap().to_string()
        };
        assert_eq!(to("https://me:sesame@shop.example.com/a@b?token=sesame"), "https://shop.example.com/a@b");
        assert_eq!(to("//me:se@same@shop.example.com#sesame"), "//shop.example.com");
        assert_eq!(to("/login/@me//x"), "/login/@me//x");
    }

    #[test]
    fn a_body_that_is_not_json_has_no_json_facts() {
        assert_eq!(reply("<html>").fact("json.version"), None);
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let reply = reply(r#"{"version":"1.2","whole":{"token":"sesame"}}"#);
        let shown = |subject: &str| reply.shown(subject, &reply.fact(subject).unwrap());
        assert_eq!(shown("body"), "a text of 44 characters");
        assert_eq!(shown("header.x-version"), "a text of 3 characters");
        assert_eq!(shown("json.version"), "'1.2'");
        assert_eq!(shown("json.whole"), "a text of 18 characters");
    }
}
