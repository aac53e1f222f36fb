//! A response as the subjects of conditions, and how much of it a log can show.

use std::time::Duration;

use gate::{JsonPath, PathMatch, SubjectValues, Value};
use reqwest::header::{HeaderMap, HeaderValue};

use super::transport_error::TransportError;
use crate::redact::{RedactedText, Redactor};

#[derive(Clone, Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub(super) headers: HeaderMap,
    /// The part of the body that was read.
    pub(super) body: Vec<u8>,
    /// The headers after the body.
    pub(super) trailers: HeaderMap,
    /// The time until the last byte that was read.
    pub(super) latency: Duration,
    /// The failed attempts before this response.
    pub(super) failed_attempts: Vec<TransportError>,
    /// Redacts what must not be shown: anything in the request may come back.
    pub(super) redactor: Redactor,
}

/// How much of a value is shown.
const MAX_TEXT_CHARS: usize = 60;
/// How much of a list of values is shown.
const MAX_VALUE_CHARS: usize = 200;
/// How much of a redirect's URL is shown.
const MAX_LOCATION_CHARS: usize = 120;

impl HttpResponse {
    /// The time until the last byte that was read.
    pub const fn latency(&self) -> Duration {
        self.latency
    }

    /// The target of a redirect, without what can be secret: a query, and a user with a password.
    pub fn location(&self) -> Option<RedactedText> {
        let location = String::from_utf8_lossy(self.headers.get("location")?.as_bytes());
        Some(self.redactor.redact(&location).without_userinfo_and_query().shorten(MAX_LOCATION_CHARS))
    }
}

impl SubjectValues for HttpResponse {
    fn value_of(&self, subject: &str) -> Option<Value> {
        match subject {
            "status" => Some(Value::Number(self.status.into())),
            "latency" => Some(Value::Duration(self.latency)),
            "body" => Some(Value::Text(String::from_utf8_lossy(&self.body).into_owned())),
            other => {
                let mut lines: Vec<_> =
                    self.headers.get_all(other.strip_prefix("header.")?).iter().map(header_text).collect();
                match lines.len() {
                    0 | 1 => lines.pop(),
                    _ => Some(Value::Multiple(lines.into_iter().map(Some).collect())),
                }
            }
        }
    }

    fn json_at(&self, path: &JsonPath) -> Option<Value> {
        let document = self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body);
        let document: serde_json::Value = match serde_json::from_slice(document) {
            Ok(document) => document,
            // The parser's message may contain a part of the body.
            Err(_) => {
                let status = self.status;
                return Some(Value::Unreadable(format!("cannot be read: the response ({status}) is not JSON")));
            }
        };
        match path.lookup(&document) {
            PathMatch::Single(value) => value.map(json_to_value),
            PathMatch::Multiple(values) => {
                Some(Value::Multiple(values.into_iter().map(|it| it.map(json_to_value)).collect()))
            }
            PathMatch::NotAList(what) => {
                Some(Value::Unreadable(format!("cannot be read: where it has [*] is {what}, not a list")))
            }
        }
    }

    /// Bodies and headers can contain values that must not be in a log. A single value of a JSON body that the gate
    /// file names is shown, because its author wants to read it.
    fn loggable(&self, subject: &str, value: &Value) -> String {
        match value {
            Value::Text(text) if !(subject.starts_with("json.") || subject.starts_with("json[")) => {
                format!("a text of {} characters", text.chars().count())
            }
            Value::Text(text) => format!("'{}'", self.redactor.redact(text).shorten(MAX_TEXT_CHARS + 1)),
            _ => self.redactor.redact(&value.to_string()).shorten(MAX_VALUE_CHARS).to_string(),
        }
    }
}

/// Windows and .NET write this before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn header_text(value: &HeaderValue) -> Value {
    Value::Text(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn json_to_value(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match number.as_i128() {
            Some(whole) => Value::from_integer(whole),
            // serde's numbers are integers or floats.
            None => number.as_f64().map_or(Value::Null, Value::Number),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(json_to_value).collect()),
        serde_json::Value::Object(keys) => Value::Map(keys.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &str) -> HttpResponse {
        let mut headers = HeaderMap::new();
        headers.insert("x-version", "1.2".parse().unwrap());
        let latency = Duration::from_millis(12);
        let trailers = HeaderMap::new();
        HttpResponse {
            status: 200,
            headers,
            body: body.as_bytes().to_vec(),
            trailers,
            latency,
            failed_attempts: Vec::new(),
            redactor: Redactor::default(),
        }
    }

    fn json(response: &HttpResponse, path: &str) -> Option<Value> {
        response.json_at(&JsonPath::parse(path).unwrap())
    }

    #[test]
    fn a_reply_has_its_facts() {
        let reply = response(r#"{"items": [{"id": 7, "ok": true, "none": null}], "version": "1.2"}"#);
        assert_eq!(reply.value_of("status"), Some(Value::Number(200.0)));
        assert_eq!(reply.value_of("latency"), Some(Value::Duration(Duration::from_millis(12))));
        assert_eq!(reply.value_of("header.X-Version"), Some(Value::Text("1.2".into())));
        assert_eq!(reply.value_of("header.X-Other"), None);
        assert_eq!(json(&reply, ".items[0].id"), Some(Value::Number(7.0)));
        assert_eq!(json(&reply, ".items[0].ok"), Some(Value::Bool(true)));
        assert_eq!(json(&reply, ".items[0].none"), Some(Value::Null));
        assert_eq!(json(&reply, ".items[1].id"), None);
        assert_eq!(json(&reply, ".items[*].id"), Some(Value::Multiple(vec![Some(Value::Number(7.0))])));
        assert_eq!(json(&reply, ".version"), Some(Value::Text("1.2".into())));
        assert_eq!(json(&reply, ""), Some(Value::Map(2)));
    }

    #[test]
    fn json_may_begin_with_a_byte_order_mark() {
        assert_eq!(json(&response("\u{feff}{\"version\":\"1.2\"}"), ".version"), Some(Value::Text("1.2".into())));
    }

    #[test]
    fn a_header_that_comes_several_times_has_every_line() {
        let mut reply = response("");
        reply.headers.append("x-version", "1.3".parse().unwrap());
        let lines = ["1.2", "1.3"].map(|line| Some(Value::Text(line.into())));
        assert_eq!(reply.value_of("header.x-version"), Some(Value::Multiple(lines.to_vec())));
    }

    #[test]
    fn a_redirect_is_told_without_its_query_and_without_a_user() {
        let to = |location: &str| {
            let mut reply = response("");
            reply.headers.insert("location", location.parse().unwrap());
            reply.location().unwrap().to_string()
        };
        assert_eq!(to("https://me:sesame@shop.example.com/a@b?token=sesame"), "https://shop.example.com/a@b");
        assert_eq!(to("//me:se@same@shop.example.com#sesame"), "//shop.example.com");
        assert_eq!(to("/login/@me//x"), "/login/@me//x");
    }

    #[test]
    fn a_body_that_is_not_json_cannot_be_read() {
        for body in ["<html>", "", "{\"version\":", "nul"] {
            assert!(matches!(json(&response(body), ".version"), Some(Value::Unreadable(_))), "{body}");
        }
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let reply = response(r#"{"version":"1.2","whole":{"token":"sesame"},"list":["sesame"]}"#);
        let shown = |subject: &str, value: Option<Value>| reply.loggable(subject, &value.unwrap());
        assert_eq!(shown("body", reply.value_of("body")), "a text of 62 characters");
        assert_eq!(shown("header.x-version", reply.value_of("header.x-version")), "a text of 3 characters");
        assert_eq!(shown("json.version", json(&reply, ".version")), "'1.2'");
        assert_eq!(shown("json.whole", json(&reply, ".whole")), "a map of 1");
        assert_eq!(shown("json.list", json(&reply, ".list")), "a list of 1");
    }
}
