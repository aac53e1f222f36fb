//! A request as a gate file writes it, and the same with the values of its facts, ready to be sent.

use std::{path::Path, time::Duration};

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    Route, Routing, Scene, Wanted,
    body::Body,
    known,
    probe::Request,
    tls::Trust,
    way::{Detour, Redirects, Speaks, Way},
};
use crate::{
    code::Code,
    file,
    finding::Observation,
    gate::{Data, Fact, Fields, Retry, Template, Unknown},
    redact::Redactor,
};

/// A URL of a gate file: a path at an address of the deployment, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    On(Route, Template),
    Whole(Template),
}

/// Which certificates to trust, and which name they have to be for.
#[derive(Clone, Debug, Default)]
struct Tls {
    unverified: bool,
    ca_file: Option<String>,
    ca: Option<Template>,
    server_name: Option<String>,
}

/// A request of a gate file.
#[derive(Clone, Debug)]
pub(super) struct Question {
    method: Method,
    place: Place,
    /// As it stands in the file, without what may be secret.
    text: String,
    host: Option<Template>,
    headers: Vec<(HeaderName, Template)>,
    body: Body,
    redirects: u32,
    tls: Tls,
    timeout: Duration,
    connect_timeout: Duration,
    retry: Retry,
    /// The method and the path that its kind of check sends in place of these.
    endpoint: Option<(&'static str, &'static str)>,
}

/// As many as a browser follows, roughly.
const REDIRECTS: u32 = 10;

impl Question {
    /// Reads `key`, which is `[METHOD] URL`, and the keys that a request has.
    pub fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let body = Body::read(fields);
        let redirects = redirects(fields);
        Some(Self { body, redirects, ..Self::bare(fields, key)? })
    }

    /// The same for a request whose body is not the file's to say.
    pub fn bare(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let at = fields.place_of(key);
        let template = fields.template(key);
        let defaults = fields.scope().defaults.http;
        let host = fields.template("host");
        let headers = headers(fields);
        let (body, redirects, endpoint) = (Body::None, 0, None);
        let tls = tls(fields);
        let timeout = fields.duration_or("timeout", defaults.timeout);
        let connect_timeout = fields.duration_or("connect_timeout", defaults.connect_timeout);
        let retry = Retry::read(fields, defaults.retry);
        let template = template?;
        let text = template.to_string().split(['?', '#']).next().unwrap_or_default().trim().to_owned();
        match parse(template) {
            Ok((method, place)) => Some(Self {
                method,
                place,
                text,
                host,
                headers,
                body,
                redirects,
                tls,
                timeout,
                connect_timeout,
                retry,
                endpoint,
            }),
            Err(why) => {
                fields.fault(at, why);
                None
            }
        }
    }

    /// The same for a kind of check that always sends this method to this path of the address.
    pub fn sent_to(self, method: &'static str, path: &'static str) -> Self {
        Self { endpoint: Some((method, path)), ..self }
    }

    /// Whether it is an address alone, without a path of its own or a method.
    pub fn is_an_address(&self) -> bool {
        let bare = match &self.place {
            Place::On(_, path) => path.to_string().is_empty(),
            Place::Whole(url) => {
                let text = url.to_string();
                text.split_once("://").is_none_or(|(_, rest)| !rest.trim_end_matches('/').contains(['/', '?']))
            }
        };
        bare && self.method == Method::GET
    }

    /// For a check that has no better name.
    pub fn title(&self) -> &str {
        &self.text
    }

    /// The address that it goes to.
    pub const fn route(&self) -> Option<Route> {
        match self.place {
            Place::On(route, _) => Some(route),
            Place::Whole(_) => None,
        }
    }

    /// Whether it takes any certificate.
    pub const fn is_unverified(&self) -> bool {
        self.tls.unverified
    }

    /// What will be wrong with it, as far as it has no facts that are known only later.
    pub fn foreseen(&self, routing: &Routing<'_>) -> Option<Observation> {
        let Place::On(route, path) = &self.place else { return None };
        let nothing = known::Facts::new();
        let text = |template: &Template| Some(template.render(&nothing).ok()?.reveal().to_owned());
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
        let (method, asked) = self.endpoint.unwrap_or((self.method.as_str(), &path));
        let title = format!("{method} {}", asked.split(['?', '#']).next().unwrap_or_default());
        routing.foreseen(*route, &title, &Wanted { host, ..Wanted::new(method, asked, &headers) })
    }

    /// With the values of its facts.
    pub fn prepare(&self, scene: &Scene, known: &known::Facts) -> Result<Request, Observation> {
        let resource = || format!("request {}", self.text);
        let of = |unknown: Unknown| unknown.observed(resource());
        let broken = |why: String| Observation::errored(Code::RequestFailed, resource(), why);
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = template.render(known).map_err(of)?;
            let mut value = HeaderValue::try_from(value.reveal())
                .map_err(|_| broken(format!("the value of header {name} cannot be sent")))?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        let host = self.host.as_ref().map(|host| host.render(known)).transpose().map_err(of)?;
        let host = host.map(|host| host.reveal().to_owned());
        let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned));
        let (text, shown, mut detour) = match &self.place {
            Place::On(route, path) => {
                let name = host.as_deref().map(|host| host.split(':').next().unwrap_or_default());
                let path = path.render(known).map_err(of)?;
                let (method, asked) = self.endpoint.unwrap_or((self.method.as_str(), path.reveal()));
                let address = scene.address(*route, &Wanted { host: name, ..Wanted::new(method, asked, &headers) })?;
                (format!("{}{}", address.base, path.reveal()), format!("{}{path}", address.base), address.detour)
            }
            Place::Whole(template) => {
                let url = template.render(known).map_err(of)?;
                (url.reveal().to_owned(), url.to_string(), None)
            }
        };
        let mut url = Url::parse(&text).map_err(|error| broken(format!("not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(broken("not a URL of http or https without a user".to_owned()));
        }
        if let (Place::Whole(_), Some(host)) = (&self.place, &host) {
            let (own, to) = (host.split(':').next().unwrap_or_default().to_owned(), url.host_str().unwrap_or_default());
            detour = Some(Detour { to: to.to_owned(), host: own.clone() });
            url.set_host(Some(&own)).map_err(|error| broken(format!("`host` is no name of a host: {error}")))?;
        }
        let mut speaks = Speaks::Any;
        if let (Some(name), "https") = (&self.tls.server_name, url.scheme()) {
            // The name of the certificate is the URL's; the host that is asked for goes into the header.
            let asked = url.host_str().unwrap_or_default().to_owned();
            let to = detour.map_or_else(|| asked.clone(), |detour| detour.to);
            detour = Some(Detour { host: name.clone(), to });
            if !headers.contains_key(HOST) {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let value = HeaderValue::try_from(format!("{asked}{port}"));
                headers.insert(HOST, value.map_err(|_| broken(format!("host {asked:?} cannot be sent")))?);
            }
            url.set_host(Some(name)).map_err(|error| broken(format!("server_name {name:?}: {error}")))?;
            speaks = Speaks::One;
        } else if url.scheme() == "https" {
            // Here the host is part of the URL, which is the name that the certificate is for.
            headers.remove(HOST);
        }
        let (body, kind) = self.body.render(known).map_err(of)?;
        if let Some(kind) = kind.filter(|_| !headers.contains_key(CONTENT_TYPE)) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let trust =
            self.tls.trust(known).map_err(of)?.map_err(|why| Observation::errored(Code::TlsFailed, resource(), why))?;
        let redirects = match self.place {
            Place::On(..) => Redirects::Here(self.redirects),
            // What is secret, and what the team's own headers and body say, is for the host that the gate file names, and
            // not for whoever that host names.
            Place::Whole(_) if !self.headers.is_empty() || body.is_some() || known.keys().any(Fact::is_secret) => {
                Redirects::Here(self.redirects)
            }
            Place::Whole(_) => Redirects::Anywhere(self.redirects),
        };
        Ok(Request {
            title: format!("{} {}", self.method, without_query(&shown)),
            method: self.method.clone(),
            url,
            way: Way { detour, trust, connect_timeout: self.connect_timeout, redirects, speaks },
            headers,
            body,
            timeout: self.timeout,
            retry: self.retry,
            redactor: redactor(scene, known),
            rules: None,
        })
    }
}

/// What must not be shown of the reply: secrets, and what the function's variables said in the request, which a server may
/// send back. They are the team's, so their values are shown nowhere.
fn redactor(scene: &Scene, known: &known::Facts) -> Redactor {
    let mut redactor = scene.secrets.redactor();
    for (fact, value) in known {
        if let (Fact::Env(name), Ok(value)) = (fact, value) {
            redactor.hide_as(format!("[env {name}]"), value);
        }
    }
    redactor
}

/// A query may hold what must not be in a log.
pub(super) fn without_query(url: &str) -> String {
    match url.split_once(['?', '#']) {
        Some((before, _)) => format!("{before}?…"),
        None => url.to_owned(),
    }
}

impl Tls {
    fn trust(&self, known: &known::Facts) -> Result<Result<Trust, String>, Unknown> {
        if self.unverified {
            return Ok(Ok(Trust::Any));
        }
        if let Some(path) = &self.ca_file {
            let pem = file::read_text(Path::new(path), file::MAX_BUNDLE);
            return Ok(pem.map(Trust::With).map_err(|why| format!("ca_file {path} {why}")));
        }
        match &self.ca {
            Some(pem) => Ok(Ok(Trust::With(pem.render(known)?.reveal().to_owned()))),
            None => Ok(Ok(Trust::Known)),
        }
    }
}

/// `[METHOD] URL`.
fn parse(template: Template) -> Result<(Method, Place), String> {
    let (method, url) = match template.first_word() {
        Some((method, url)) => (method.to_owned(), url),
        None => ("GET".to_owned(), template),
    };
    let known = method.bytes().all(|byte| byte.is_ascii_uppercase()) && !method.is_empty();
    let method = Method::from_bytes(method.as_bytes())
        .ok()
        .filter(|_| known)
        .ok_or_else(|| format!("{method:?} is not an HTTP method such as GET"))?;
    if let Some((route, path)) = url.on() {
        let text = path.to_string();
        if !text.is_empty() && !text.starts_with(['/', '?']) {
            let fact = url.facts().next().map(ToString::to_string).unwrap_or_default();
            return Err(format!("after {{{{{fact}}}}} comes a path that begins with /, not {text:?}"));
        }
        return Ok((method, Place::On(route, path)));
    }
    let text = url.to_string();
    // Where a fact makes up its beginning, what it is shows when the check runs.
    if text.starts_with("{{") {
        return Ok((method, Place::Whole(url)));
    }
    // A fact stands for some text.
    let example = text.replace("{{", "").replace("}}", "");
    match Url::parse(&example) {
        // A password would be read out with the check's name.
        Ok(example) if !example.username().is_empty() || example.password().is_some() => {
            Err("a URL may not have a user and a password; use `headers`".to_owned())
        }
        Ok(example) if matches!(example.scheme(), "http" | "https") && example.has_host() => {
            Ok((method, Place::Whole(url)))
        }
        _ => {
            let shown = text.split(['?', '#', '@']).next().unwrap_or_default();
            Err(format!("{shown:?} is not a URL; begin it with {{{{test_url}}}}, {{{{production_url}}}} or http://"))
        }
    }
}

fn headers(fields: &mut Fields<'_>) -> Vec<(HeaderName, Template)> {
    let mut headers = Vec::new();
    for (key, template) in fields.templates("headers") {
        // A value without facts is seen whole already.
        let plain = template.facts().next().is_none();
        match (HeaderName::try_from(&key.name), plain && HeaderValue::try_from(template.to_string()).is_err()) {
            (Err(_), _) => fields.fault(key.at, format!("{:?} is not a header's name", key.name)),
            (_, true) => fields.fault(key.at, format!("the value of {:?} cannot stand in a header", key.name)),
            (Ok(name), false) => headers.push((name, template)),
        }
    }
    headers
}

/// `redirects: no`, `follow`, or how many at most.
fn redirects(fields: &mut Fields<'_>) -> u32 {
    let at = fields.place_of("redirects");
    match fields.node("redirects").map(|node| &node.data) {
        None | Some(Data::Bool(false)) => 0,
        Some(Data::Text(word)) if word == "no" => 0,
        Some(Data::Text(word)) if word == "follow" => REDIRECTS,
        Some(Data::Integer(most)) if (0..=i64::from(REDIRECTS)).contains(most) => u32::try_from(*most).unwrap_or(0),
        Some(other) => {
            fields.fault(at, format!("`redirects` is no, follow, or how many at most ({REDIRECTS}), not {other}"));
            0
        }
    }
}

/// `tls: unverified`, or `{ ca_file: …, ca: …, server_name: … }`.
fn tls(fields: &mut Fields<'_>) -> Tls {
    let at = fields.place_of("tls");
    match fields.node("tls").map(|node| &node.data) {
        None => Tls::default(),
        Some(Data::Text(word)) if word == "unverified" => Tls { unverified: true, ..Tls::default() },
        Some(Data::Map(_)) => {
            let read = |fields: &mut Fields<'_>| Tls {
                unverified: false,
                ca_file: fields.text("ca_file"),
                ca: fields.template("ca"),
                server_name: fields.text("server_name"),
            };
            let tls = fields.map_or("tls", "`tls`", read);
            if tls.ca_file.is_some() && tls.ca.is_some() {
                fields.fault(at, "`tls` has one authority: `ca_file` or `ca`");
            }
            tls
        }
        Some(other) => {
            fields.fault(at, format!("`tls` is unverified, or {{ ca_file, ca, server_name }}, not {other}"));
            Tls::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Scope;

    fn parsed(text: &str) -> Result<(Method, Place), String> {
        parse(Template::parse(text, &Scope::default())?)
    }

    #[test]
    fn a_url_is_a_fact_and_a_path_or_whole() {
        let shown = |text| match parsed(text).unwrap() {
            (method, Place::On(route, path)) => format!("{method} {} {path}", route.word()),
            (method, Place::Whole(url)) => format!("{method} {url}"),
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
