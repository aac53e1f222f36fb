//! A request as a gate file defines it, and the request with the values of its facts, ready to be sent.

use std::{path::Path, time::Duration};

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    CheckContext, RoutedRequest, Routing, TrafficRoute,
    body_template::BodyTemplate,
    connection::{ConnectTo, ConnectionOptions, HttpVersion, RedirectPolicy},
    facts,
    http_client::HttpRequest,
    tls::TrustedRoots,
};
use crate::{
    code::ReasonCode,
    file,
    finding::Observation,
    gate::{Fact, MapReader, Retry, Template, UnresolvedFact, YamlValue},
    redact::Redactor,
};

/// A URL in a gate file: a path at a listener of the deployment, or a complete URL.
#[derive(Clone, Debug, PartialEq, Eq)]
enum UrlTemplate {
    Listener(TrafficRoute, Template),
    Absolute(Template),
}

/// Which certificates to trust, and which name they must be for.
#[derive(Clone, Debug, Default)]
struct TlsOptions {
    unverified: bool,
    ca_file: Option<String>,
    ca: Option<Template>,
    server_name: Option<String>,
}

/// A request in a gate file.
#[derive(Clone, Debug)]
pub(super) struct RequestTemplate {
    method: Method,
    url: UrlTemplate,
    /// The text in the gate file, without what can be secret.
    display_text: String,
    host: Option<Template>,
    headers: Vec<(HeaderName, Template)>,
    body: BodyTemplate,
    redirects: u32,
    tls_options: TlsOptions,
    timeout: Duration,
    connect_timeout: Duration,
    retry: Retry,
    /// A method and a path that replace those of the gate file. The kind of check sets them.
    fixed_endpoint: Option<(&'static str, &'static str)>,
}

/// Roughly as many as a browser follows.
const MAX_REDIRECTS: u32 = 10;

impl RequestTemplate {
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

    /// Predicts what will be wrong with the request, unless it has facts that are known only later.
    pub fn predict_failure(&self, routing: &Routing<'_>) -> Option<Observation> {
        let UrlTemplate::Listener(route, path) = &self.url else { return None };
        let nothing = facts::ResolvedFacts::new();
        let text = |template: &Template| Some(template.render(&nothing).ok()?.expose_secret().to_owned());
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            headers.insert(name.clone(), HeaderValue::try_from(text(template)?).ok()?);
        }
        let host = match &self.host {
            Some(host) => Some(text(host)?),
            None => headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
        };
        let host = host.as_deref().map(|host| host.split(':').next().unwrap_or_default());
        let path = text(path)?;
        let (method, asked) = self.fixed_endpoint.unwrap_or((self.method.as_str(), &path));
        let title = format!("{method} {}", asked.split(['?', '#']).next().unwrap_or_default());
        routing.predict_failure(*route, &title, &RoutedRequest { host, ..RoutedRequest::new(method, asked, &headers) })
    }

    /// Renders the request with the values of its facts.
    pub fn render(&self, cx: &CheckContext, known: &facts::ResolvedFacts) -> Result<HttpRequest, Observation> {
        let resource = || format!("request {}", self.display_text);
        let of = |unknown: UnresolvedFact| unknown.into_observation(resource());
        let broken = |why: String| Observation::errored(ReasonCode::RequestFailed, resource(), why);
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = template.render(known).map_err(of)?;
            let mut value = HeaderValue::try_from(value.expose_secret())
                .map_err(|_| broken(format!("the value of header {name} cannot be sent")))?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        let host = self.host.as_ref().map(|host| host.render(known)).transpose().map_err(of)?;
        let host = host.map(|host| host.expose_secret().to_owned());
        let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned));
        let (text, shown, mut connect_to) = match &self.url {
            UrlTemplate::Listener(route, path) => {
                let name = host.as_deref().map(|host| host.split(':').next().unwrap_or_default());
                let path = path.render(known).map_err(of)?;
                let (method, asked) = self.fixed_endpoint.unwrap_or((self.method.as_str(), path.expose_secret()));
                let address =
                    cx.address(*route, &RoutedRequest { host: name, ..RoutedRequest::new(method, asked, &headers) })?;
                (
                    format!("{}{}", address.base, path.expose_secret()),
                    format!("{}{path}", address.base),
                    address.connect_to,
                )
            }
            UrlTemplate::Absolute(template) => {
                let url = template.render(known).map_err(of)?;
                (url.expose_secret().to_owned(), url.to_string(), None)
            }
        };
        let mut url = Url::parse(&text).map_err(|error| broken(format!("not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(broken("not a URL of http or https without a user".to_owned()));
        }
        if let (UrlTemplate::Absolute(_), Some(host)) = (&self.url, &host) {
            let (own, to) = (host.split(':').next().unwrap_or_default().to_owned(), url.host_str().unwrap_or_default());
            connect_to = Some(ConnectTo { connect_host: to.to_owned(), host: own.clone() });
            url.set_host(Some(&own)).map_err(|error| broken(format!("`host` is not a host name: {error}")))?;
        }
        let mut http_version = HttpVersion::Any;
        if let (Some(name), "https") = (&self.tls_options.server_name, url.scheme()) {
            // The URL has the certificate's name, and the header has the host of the request.
            let asked = url.host_str().unwrap_or_default().to_owned();
            let to = connect_to.map_or_else(|| asked.clone(), |detour| detour.connect_host);
            connect_to = Some(ConnectTo { host: name.clone(), connect_host: to });
            if !headers.contains_key(HOST) {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let value = HeaderValue::try_from(format!("{asked}{port}"));
                headers.insert(HOST, value.map_err(|_| broken(format!("host {asked:?} cannot be sent")))?);
            }
            url.set_host(Some(name)).map_err(|error| broken(format!("server_name {name:?}: {error}")))?;
            http_version = HttpVersion::Http1;
        } else if url.scheme() == "https" {
            // Here the host is part of the URL, and the certificate is for that name.
            headers.remove(HOST);
        }
        let (body, kind) = self.body.render(known).map_err(of)?;
        if let Some(kind) = kind.filter(|_| !headers.contains_key(CONTENT_TYPE)) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let trust = self
            .tls_options
            .trusted_roots(known)
            .map_err(of)?
            .map_err(|why| Observation::errored(ReasonCode::TlsFailed, resource(), why))?;
        let redirects = match self.url {
            UrlTemplate::Listener(..) => RedirectPolicy::SameOrigin(self.redirects),
            // Secrets, and the team's own headers and body, are meant for the host in the gate file, and not for
            // whatever host a redirect names.
            UrlTemplate::Absolute(_)
                if !self.headers.is_empty() || body.is_some() || known.keys().any(Fact::is_secret) =>
            {
                RedirectPolicy::SameOrigin(self.redirects)
            }
            UrlTemplate::Absolute(_) => RedirectPolicy::Any(self.redirects),
        };
        Ok(HttpRequest {
            title: format!("{} {}", self.method, without_query(&shown)),
            method: self.method.clone(),
            url,
            connection: ConnectionOptions {
                connect_to,
                trusted_roots: trust,
                connect_timeout: self.connect_timeout,
                redirect_policy: redirects,
                http_version,
            },
            headers,
            body,
            timeout: self.timeout,
            retry: self.retry,
            redactor: redactor_for(cx, known),
            green_rules: None,
        })
    }
}

/// Redacts what the response may send back: secrets, and the function's variables in the request. The variables belong
/// to the team, so their values are never shown.
fn redactor_for(cx: &CheckContext, known: &facts::ResolvedFacts) -> Redactor {
    let mut redactor = cx.secrets.redactor();
    for (fact, value) in known {
        if let (Fact::Env(name), Ok(value)) = (fact, value) {
            redactor.add_labelled(format!("[env {name}]"), value);
        }
    }
    redactor
}

/// Removes the query, because it can contain values that must not be in a log.
pub(super) fn without_query(url: &str) -> String {
    match url.split_once(['?', '#']) {
        Some((before, _)) => format!("{before}?…"),
        None => url.to_owned(),
    }
}

impl TlsOptions {
    fn trusted_roots(&self, known: &facts::ResolvedFacts) -> Result<Result<TrustedRoots, String>, UnresolvedFact> {
        if self.unverified {
            return Ok(Ok(TrustedRoots::Any));
        }
        if let Some(path) = &self.ca_file {
            let pem = file::read_text(Path::new(path), file::MAX_CA_BUNDLE_BYTES);
            return Ok(pem.map(TrustedRoots::Additional).map_err(|why| format!("ca_file {path} {why}")));
        }
        match &self.ca {
            Some(pem) => Ok(Ok(TrustedRoots::Additional(pem.render(known)?.expose_secret().to_owned()))),
            None => Ok(Ok(TrustedRoots::Default)),
        }
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
            fields.error(at, format!("`redirects` is no, follow, or a number up to {MAX_REDIRECTS}, not {other}"));
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
            fields.error(at, format!("`tls` is unverified, or {{ ca_file, ca, server_name }}, not {other}"));
            TlsOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Scope;

    fn parsed(text: &str) -> Result<(Method, UrlTemplate), String> {
        parse_url(Template::parse(text, &Scope::default())?)
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
