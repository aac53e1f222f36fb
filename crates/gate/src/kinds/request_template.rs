//! A request as a gate file defines it.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use lifecycle::TrafficRoute;
use url::Url;

use super::BodyTemplate;
use crate::{HttpDefaults, MapReader, Message, Retry, Template, YamlValue};

/// A URL in a gate file: a path at a listener of the deployment, or a complete URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlTemplate {
    Listener(TrafficRoute, Template),
    Absolute(Template),
}

/// Which certificates to trust, and which name they must be for.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    pub unverified: bool,
    pub ca_file: Option<String>,
    pub ca: Option<Template>,
    pub server_name: Option<String>,
}

/// A request in a gate file.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    pub method: Method,
    pub url: UrlTemplate,
    /// The text in the gate file, without what can be secret.
    pub display_text: String,
    pub host: Option<Template>,
    pub headers: Vec<(HeaderName, Template)>,
    pub body: BodyTemplate,
    pub redirects: u32,
    pub tls_options: TlsOptions,
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub retry: Retry,
    /// A method and a path that replace those of the gate file. The kind of check sets them.
    pub fixed_endpoint: Option<(&'static str, &'static str)>,
}

/// Roughly as many as a browser follows.
const MAX_REDIRECTS: u32 = 10;

impl RequestTemplate {
    /// A `HEAD` request to a path of a listener, without anything that a gate file can add.
    pub fn head(route: TrafficRoute, path: &str, timeout: Duration) -> Self {
        Self {
            method: Method::HEAD,
            url: UrlTemplate::Listener(route, Template::literal(path)),
            display_text: path.to_owned(),
            host: None,
            headers: Vec::new(),
            body: BodyTemplate::None,
            redirects: 0,
            tls_options: TlsOptions::default(),
            timeout,
            connect_timeout: HttpDefaults::default().connect_timeout,
            retry: Retry::default(),
            fixed_endpoint: None,
        }
    }

    /// Reads `key`, which is `[METHOD] URL`, and the other keys of a request.
    pub fn read(fields: &mut MapReader<'_>, key: &'static str) -> Option<Self> {
        let body = BodyTemplate::read(fields);
        let redirects = read_redirects(fields);
        Some(Self { body, redirects, ..Self::read_without_body(fields, key)? })
    }

    /// Reads a request whose body the gate file does not determine.
    pub fn read_without_body(fields: &mut MapReader<'_>, key: &'static str) -> Option<Self> {
        let at = fields.position_of(key);
        let template = fields.template(key);
        let defaults = fields.scope().defaults.http;
        let host = fields.template("host");
        let headers = read_headers(fields);
        let (body, redirects, endpoint) = (BodyTemplate::None, 0, None);
        let tls = read_tls(fields);
        let timeout = fields.duration_or("timeout", defaults.timeout);
        let connect_timeout = fields.duration_or("connect_timeout", defaults.connect_timeout);
        let retry = Retry::read(fields, defaults.retry);
        let template = template?;
        let text = template.to_string().split(['?', '#']).next().unwrap_or_default().trim().to_owned();
        match parse_url(template) {
            Ok((method, place)) => Some(Self {
                method,
                url: place,
                display_text: text,
                host,
                headers,
                body,
                redirects,
                tls_options: tls,
                timeout,
                connect_timeout,
                retry,
                fixed_endpoint: endpoint,
            }),
            Err(why) => {
                fields.error(at, why);
                None
            }
        }
    }

    /// Makes the request always send this method to this path of the address.
    pub fn with_endpoint(self, method: &'static str, path: &'static str) -> Self {
        Self { fixed_endpoint: Some((method, path)), ..self }
    }

    /// Whether it is only an address, without a path or a method.
    pub fn is_bare_origin(&self) -> bool {
        let bare = match &self.url {
            UrlTemplate::Listener(_, path) => path.to_string().is_empty(),
            UrlTemplate::Absolute(url) => {
                let text = url.to_string();
                text.split_once("://").is_none_or(|(_, rest)| !rest.trim_end_matches('/').contains(['/', '?']))
            }
        };
        bare && self.method == Method::GET
    }

    /// A name for a check that has no better one.
    pub fn title(&self) -> &str {
        &self.display_text
    }

    /// The listener that it goes to.
    pub const fn route(&self) -> Option<TrafficRoute> {
        match self.url {
            UrlTemplate::Listener(route, _) => Some(route),
            UrlTemplate::Absolute(_) => None,
        }
    }

    /// Whether it accepts any certificate.
    pub const fn is_unverified(&self) -> bool {
        self.tls_options.unverified
    }
}

/// `[METHOD] URL`.
fn parse_url(template: Template) -> Result<(Method, UrlTemplate), String> {
    let (method, url) = match template.split_first_word() {
        Some((method, url)) => (method.to_owned(), url),
        None => ("GET".to_owned(), template),
    };
    let known = method.bytes().all(|byte| byte.is_ascii_uppercase()) && !method.is_empty();
    let method = Method::from_bytes(method.as_bytes())
        .ok()
        .filter(|_| known)
        .ok_or_else(|| format!("{method:?} is not an HTTP method such as GET"))?;
    if let Some((route, path)) = url.split_listener_url() {
        let text = path.to_string();
        if !text.is_empty() && !text.starts_with(['/', '?']) {
            let fact = url.facts().next().map(ToString::to_string).unwrap_or_default();
            return Err(format!("after {{{{{fact}}}}} comes a path that begins with /, not {text:?}"));
        }
        return Ok((method, UrlTemplate::Listener(route, path)));
    }
    let text = url.to_string();
    // If the URL begins with a fact, it can be parsed only when the check runs.
    if text.starts_with("{{") {
        return Ok((method, UrlTemplate::Absolute(url)));
    }
    // A fact can stand for any text.
    let example = text.replace("{{", "").replace("}}", "");
    match Url::parse(&example) {
        // A password would be shown with the check's name.
        Ok(example) if !example.username().is_empty() || example.password().is_some() => {
            Err("a URL cannot have a user and a password; use `headers`".to_owned())
        }
        Ok(example) if matches!(example.scheme(), "http" | "https") && example.has_host() => {
            Ok((method, UrlTemplate::Absolute(url)))
        }
        _ => {
            let shown = text.split(['?', '#', '@']).next().unwrap_or_default();
            Err(format!("{shown:?} is not a URL; begin it with {{{{test_url}}}}, {{{{production_url}}}} or http://"))
        }
    }
}

fn read_headers(fields: &mut MapReader<'_>) -> Vec<(HeaderName, Template)> {
    let mut headers = Vec::new();
    for (key, template) in fields.template_map("headers") {
        // A value without facts is already complete.
        let plain = template.facts().next().is_none();
        match (HeaderName::try_from(&key.name), plain && HeaderValue::try_from(template.to_string()).is_err()) {
            (Err(_), _) => fields.error(key.at, format!("{:?} is not a header's name", key.name)),
            (_, true) => fields.error(key.at, format!("the value of {:?} cannot be sent in a header", key.name)),
            (Ok(name), false) => headers.push((name, template)),
        }
    }
    headers
}

/// `redirects: no`, `follow`, or the maximum number.
fn read_redirects(fields: &mut MapReader<'_>) -> u32 {
    let at = fields.position_of("redirects");
    match fields.node("redirects").map(|node| &node.data) {
        None | Some(YamlValue::Bool(false)) => 0,
        Some(YamlValue::Text(word)) if word == "no" => 0,
        Some(YamlValue::Text(word)) if word == "follow" => MAX_REDIRECTS,
        Some(YamlValue::Integer(most)) if (0..=i64::from(MAX_REDIRECTS)).contains(most) => {
            u32::try_from(*most).unwrap_or(0)
        }
        Some(other) => {
            let expected = format!("no, follow, or a number up to {MAX_REDIRECTS}");
            fields.error(at, Message::wrong_value("`redirects`", expected, other));
            0
        }
    }
}

/// `tls: unverified`, or `{ ca_file: …, ca: …, server_name: … }`.
fn read_tls(fields: &mut MapReader<'_>) -> TlsOptions {
    let at = fields.position_of("tls");
    match fields.node("tls").map(|node| &node.data) {
        None => TlsOptions::default(),
        Some(YamlValue::Text(word)) if word == "unverified" => TlsOptions { unverified: true, ..TlsOptions::default() },
        Some(YamlValue::Map(_)) => {
            let read = |fields: &mut MapReader<'_>| TlsOptions {
                unverified: false,
                ca_file: fields.string("ca_file"),
                ca: fields.template("ca"),
                server_name: fields.string("server_name"),
            };
            let tls = fields.map_or("tls", "`tls`", read);
            if tls.ca_file.is_some() && tls.ca.is_some() {
                fields.error(at, "`tls` can have only one of `ca_file` and `ca`");
            }
            tls
        }
        Some(other) => {
            fields.error(at, Message::wrong_value("`tls`", "unverified, or { ca_file, ca, server_name }", other));
            TlsOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn parsed(text: &str) -> Result<(Method, UrlTemplate), String> {
        parse_url(Template::parse(text, &Scope::default()).map_err(|why| why.to_string())?)
    }

    #[test]
    fn a_url_is_a_fact_and_a_path_or_whole() {
        let shown = |text| match parsed(text).unwrap() {
            (method, UrlTemplate::Listener(route, path)) => format!("{method} {} {path}", route.as_str()),
            (method, UrlTemplate::Absolute(url)) => format!("{method} {url}"),
        };
        assert_eq!(shown("{{test_url}}/x"), "GET test /x");
        assert_eq!(shown("POST {{ production_url }}/x?y=1"), "POST production /x?y=1");
        assert_eq!(shown("HEAD https://example.com/{{green.revision}}"), "HEAD https://example.com/{{green.revision}}");
        assert_eq!(shown("{{env.SMOKE_URL}}/x"), "GET {{env.SMOKE_URL}}/x");
        let faults = [
            "{{tset_url}}/x",
            "{{purple}}",
            "{{test_url/x",
            "{{test_url}}x",
            "/x",
            "ftp://x/",
            "get {{test_url}}",
            "http://user:word@example.com/",
            "GET ",
        ];
        insta::assert_snapshot!(faults.map(|text| format!("{text:<20} → {}", parsed(text).unwrap_err())).join("\n"));
    }
}
