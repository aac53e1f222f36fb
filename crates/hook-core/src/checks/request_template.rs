//! A request of a gate file with the values of its facts, ready to be sent.

use std::path::Path;

use aws_client::file;
use gate::{
    Fact, ReasonCode, Template, UnresolvedFact,
    kinds::{RequestTemplate, TlsOptions, UrlTemplate},
};
use reqwest::{
    Url,
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue},
};

use super::{
    CheckContext, KnownFacts, RoutedRequest, Routing, body_template,
    connection::{ConnectTo, ConnectionOptions, HttpVersion, RedirectPolicy},
    http_client::{HttpRequest, without_query},
    tls::{INVALID_ROOTS_HINT, TrustedRoots},
};
use crate::{finding::Observation, redact::Redactor};

/// Predicts what will be wrong with the request, unless it has facts that are known only later.
pub fn predict_failure(template: &RequestTemplate, routing: &Routing<'_>) -> Option<Observation> {
    let UrlTemplate::Listener(route, path) = &template.url else { return None };
    let nothing = KnownFacts::new();
    let text = |text: &Template| Some(text.render(&nothing).ok()?.expose_secret().to_owned());
    let mut headers = HeaderMap::new();
    for (name, value) in &template.headers {
        headers.insert(name.clone(), HeaderValue::try_from(text(value)?).ok()?);
    }
    let host = match &template.host {
        Some(host) => Some(text(host)?),
        None => headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
    };
    let host = host.as_deref().map(|host| host.split(':').next().unwrap_or_default());
    let path = text(path)?;
    let (method, target) = template.fixed_endpoint.unwrap_or((template.method.as_str(), &path));
    let title = format!("{method} {}", target.split(['?', '#']).next().unwrap_or_default());
    routing.predict_failure(*route, &title, &RoutedRequest { host, ..RoutedRequest::new(method, target, &headers) })
}

/// Renders the request with the values of its facts.
pub(super) fn render(
    template: &RequestTemplate,
    cx: &CheckContext,
    known: &KnownFacts,
) -> Result<HttpRequest, Observation> {
    let resource = || format!("request {}", template.display_text);
    let of = |unknown: UnresolvedFact| Observation::unresolved(unknown, resource());
    let broken = |why: String| Observation::errored(ReasonCode::RequestFailed, resource(), why);
    let mut headers = HeaderMap::new();
    for (name, value) in &template.headers {
        let value = value.render(known).map_err(of)?;
        let mut value = HeaderValue::try_from(value.expose_secret())
            .map_err(|_| broken(format!("the value of header {name} cannot be sent")))?;
        value.set_sensitive(true);
        headers.insert(name.clone(), value);
    }
    let host = template.host.as_ref().map(|host| host.render(known)).transpose().map_err(of)?;
    let host = host.map(|host| host.expose_secret().to_owned());
    let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned));
    let (text, shown, mut connect_to) = match &template.url {
        UrlTemplate::Listener(route, path) => {
            let name = host.as_deref().map(|host| host.split(':').next().unwrap_or_default());
            let path = path.render(known).map_err(of)?;
            let (method, target) = template.fixed_endpoint.unwrap_or((template.method.as_str(), path.expose_secret()));
            let address =
                cx.address(*route, &RoutedRequest { host: name, ..RoutedRequest::new(method, target, &headers) })?;
            (format!("{}{}", address.base, path.expose_secret()), format!("{}{path}", address.base), address.connect_to)
        }
        UrlTemplate::Absolute(url) => {
            let url = url.render(known).map_err(of)?;
            (url.expose_secret().to_owned(), url.to_string(), None)
        }
    };
    let mut url = Url::parse(&text).map_err(|error| broken(format!("not a URL: {}", describe_url_error(error))))?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(broken("not a URL of http or https without a user".to_owned()));
    }
    if let (UrlTemplate::Absolute(_), Some(host)) = (&template.url, &host) {
        let (own, to) = (host.split(':').next().unwrap_or_default().to_owned(), url.host_str().unwrap_or_default());
        connect_to = Some(ConnectTo { connect_host: to.to_owned(), host: own.clone() });
        url.set_host(Some(&own)).map_err(|error| broken(format!("`host` is not a host name: {error}")))?;
    }
    let mut http_version = HttpVersion::Any;
    if let (Some(name), "https") = (&template.tls_options.server_name, url.scheme()) {
        // The URL has the certificate's name, and the header has the host of the request.
        let requested_host = url.host_str().unwrap_or_default().to_owned();
        let to = connect_to.map_or_else(|| requested_host.clone(), |detour| detour.connect_host);
        connect_to = Some(ConnectTo { host: name.clone(), connect_host: to });
        if !headers.contains_key(HOST) {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let value = HeaderValue::try_from(format!("{requested_host}{port}"));
            headers.insert(HOST, value.map_err(|_| broken(format!("host {requested_host:?} cannot be sent")))?);
        }
        url.set_host(Some(name)).map_err(|error| broken(format!("server_name {name:?}: {error}")))?;
        http_version = HttpVersion::Http1;
    } else if url.scheme() == "https" {
        // Here the host is part of the URL, and the certificate is for that name.
        headers.remove(HOST);
    }
    // The resolver gets the name as the URL has it: in lower case, decoded, in ASCII.
    if let Some(detour) = &mut connect_to {
        detour.host = url.host_str().unwrap_or_default().to_owned();
        if url.domain().is_none() && detour.host != detour.connect_host {
            return Err(broken(format!(
                "{} is an address, and a host that stands for another one is a name",
                detour.host
            )));
        }
    }
    let (body, kind) = body_template::render(&template.body, known).map_err(of)?;
    if let Some(kind) = kind.filter(|_| !headers.contains_key(CONTENT_TYPE)) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let trust = trusted_roots(&template.tls_options, known).map_err(of)?.map_err(|why| {
        Observation::errored(ReasonCode::TlsFailed, resource(), why).with_hint(Some(INVALID_ROOTS_HINT))
    })?;
    let redirects = match template.url {
        UrlTemplate::Listener(..) => RedirectPolicy::SameOrigin(template.redirects),
        // Secrets, and the team's own headers and body, are meant for the host in the gate file, and not for
        // whatever host a redirect names.
        UrlTemplate::Absolute(_)
            if !template.headers.is_empty() || body.is_some() || known.keys().any(Fact::is_secret) =>
        {
            RedirectPolicy::SameOrigin(template.redirects)
        }
        UrlTemplate::Absolute(_) => RedirectPolicy::Any(template.redirects),
    };
    Ok(HttpRequest {
        title: format!("{} {}", template.method, without_query(&shown)),
        method: template.method.clone(),
        url,
        connection: ConnectionOptions {
            connect_to,
            trusted_roots: trust,
            connect_timeout: template.connect_timeout,
            redirect_policy: redirects,
            http_version,
            is_listener: matches!(template.url, UrlTemplate::Listener(..)),
        },
        headers,
        body,
        timeout: template.timeout,
        retry: template.retry,
        redactor: redactor_for(cx, known),
        green_rules: None,
    })
}

/// Redacts what the response may send back: secrets, and the function's variables in the request. The variables belong
/// to the team, so their values are never shown.
fn redactor_for(cx: &CheckContext, known: &KnownFacts) -> Redactor {
    let mut redactor = cx.secrets.redactor();
    for (fact, value) in known {
        if let (Fact::Env(name), Ok(value)) = (fact, value) {
            redactor.add_labelled(format!("[env {name}]"), value);
        }
    }
    redactor
}

/// What is wrong with the text of a URL. The library's words for the most frequent error say nothing to a reader.
pub(super) fn describe_url_error(error: impl std::fmt::Display) -> String {
    match error.to_string().as_str() {
        "relative URL without a base" => "it does not begin with http:// or https://".to_owned(),
        other => other.to_owned(),
    }
}

fn trusted_roots(tls: &TlsOptions, known: &KnownFacts) -> Result<Result<TrustedRoots, String>, UnresolvedFact> {
    if tls.unverified {
        return Ok(Ok(TrustedRoots::Any));
    }
    if let Some(path) = &tls.ca_file {
        let pem = file::read_text(Path::new(path), file::MAX_CA_BUNDLE_BYTES);
        return Ok(pem.map(TrustedRoots::Additional).map_err(|why| format!("ca_file {path} {why}")));
    }
    match &tls.ca {
        Some(pem) => Ok(Ok(TrustedRoots::Additional(pem.render(known)?.expose_secret().to_owned()))),
        None => Ok(Ok(TrustedRoots::Default)),
    }
}
