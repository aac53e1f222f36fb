//! `http:`: a request of the team's own. And the job of the article that this project grew from.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{
    Address, Check, Kind, Looking, Probe, Route, Scene,
    judge::judge,
    poll::{Look, Pace},
    probe::{Detour, Request},
    reply::Reply,
    with_scheme,
};
use crate::{
    code::Code,
    finding::Observation,
    gate::{Condition, Data, Fields, Subject},
};

pub const KIND: Kind = Kind { key: "http", read };

pub(super) const SUBJECTS: &[Subject] = &[
    Subject::new("status", Code::UnexpectedStatus),
    Subject::new("latency", Code::TooSlow),
    Subject::new("body", Code::UnexpectedBody),
    Subject::family("header", Code::UnexpectedHeader),
    Subject::family("json", Code::UnexpectedBody),
];

/// A customer would have gone by then.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// What the article's Lambda allows.
const ARTICLE_TIMEOUT: Duration = Duration::from_secs(2);

/// A URL of a gate file: a fact and the rest, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Template {
    On(Route, String),
    Whole(Url),
}

#[derive(Debug)]
struct Http {
    method: Method,
    template: Template,
    text: String,
    headers: HeaderMap,
    timeout: Duration,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let text = fields.text("http");
    let at = fields.node("http").map_or(fields.at(), |node| node.at);
    let parsed = text.as_deref().map(parse);
    let headers = headers(fields);
    let timeout = fields.duration("timeout").unwrap_or(TIMEOUT);
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(1), ..Pace::ONCE });
    let expect = fields.expect_some(SUBJECTS);
    match parsed? {
        Ok((method, template)) => {
            Some(Arc::new(Http { method, template, text: text?, headers, timeout, pace, expect }))
        }
        Err(why) => {
            fields.fault(at, why);
            None
        }
    }
}

/// `[METHOD] URL`.
fn parse(text: &str) -> Result<(Method, Template), String> {
    let (method, url) = match text.trim().split_once(' ') {
        Some((method, url)) => (method, url.trim()),
        None => ("GET", text.trim()),
    };
    let known = method.bytes().all(|byte| byte.is_ascii_uppercase()) && !method.is_empty();
    let method = Method::from_bytes(method.as_bytes())
        .ok()
        .filter(|_| known)
        .ok_or_else(|| format!("{method:?} is not an HTTP method such as GET"))?;
    let Some(rest) = url.strip_prefix("{{") else {
        return match Url::parse(url) {
            // A password would be read out with the check's name.
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err("a URL may not have a user and a password; use `headers`".to_owned())
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok((method, Template::Whole(url))),
            _ => {
                let shown = url.split(['?', '#', '@']).next().unwrap_or_default();
                Err(format!(
                    "{shown:?} is not a URL; begin it with {{{{test_url}}}}, {{{{production_url}}}} or http://"
                ))
            }
        };
    };
    let (fact, path) =
        rest.split_once("}}").ok_or_else(|| format!("{url:?} has an opening {{{{ and no closing }}}}"))?;
    let facts = [("test_url", Route::Test), ("production_url", Route::Production)];
    let fact = fact.trim();
    match facts.iter().find(|(known, _)| *known == fact) {
        Some((_, route)) if path.is_empty() || path.starts_with(['/', '?']) => {
            Ok((method, Template::On(*route, path.to_owned())))
        }
        Some(_) => Err(format!("after {{{{{fact}}}}} comes a path that begins with /, not {path:?}")),
        None => Err(match crate::gate::suggest(fact, facts.map(|(word, _)| word)) {
            Some(near) => format!("{{{{{fact}}}}} is not a fact; did you mean {{{{{near}}}}}?"),
            None => format!("{{{{{fact}}}}} is not a fact; there are {{{{test_url}}}} and {{{{production_url}}}}"),
        }),
    }
}

fn headers(fields: &mut Fields<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(node) = fields.node("headers") else { return headers };
    let Data::Map(entries) = &node.data else {
        fields.fault(node.at, format!("`headers` is a map of names to values, not {}", node.data));
        return headers;
    };
    for (key, value) in entries {
        let text = match &value.data {
            Data::Text(text) => text.clone(),
            other => other.to_string(),
        };
        match (HeaderName::try_from(&key.name), HeaderValue::try_from(text)) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            (Err(_), _) => fields.fault(key.at, format!("{:?} is not a header's name", key.name)),
            (_, Err(_)) => fields.fault(value.at, format!("the value of {:?} cannot stand in a header", key.name)),
        }
    }
    headers
}

impl Check for Http {
    fn title(&self) -> String {
        // A query may hold what must not be in a log.
        format!("http {}", self.text.split(['?', '#']).next().unwrap_or_default())
    }

    fn uses(&self) -> Option<Route> {
        match &self.template {
            Template::On(route, _) => Some(*route),
            Template::Whole(_) => None,
        }
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let (url, detour) = match &self.template {
                Template::Whole(url) => (url.clone(), None),
                Template::On(route, path) => match scene.address(*route).and_then(|address| resolve(address, path)) {
                    Ok(resolved) => resolved,
                    Err(observation) => return observation,
                },
            };
            let request = Request {
                method: self.method.clone(),
                url,
                detour,
                headers: self.headers.clone(),
                timeout: self.timeout,
                wants_body: wants_body(&self.expect),
            };
            self.pace.watch(scene, || async { Look::Now(ask(&scene.probe, &request, &self.expect).await) }).await
        })
    }
}

/// The URL of a path at an address, and whom to connect to for it.
pub(super) fn resolve(address: Address, path: &str) -> Result<(Url, Option<Detour>), Observation> {
    let text = format!("{}{path}", address.base);
    match Url::parse(&text) {
        Ok(url) => Ok((url, address.detour)),
        Err(error) => Err(Observation::errored(Code::RequestFailed, address.base, format!("not a URL: {error}"))),
    }
}

pub(super) fn wants_body(expect: &[Condition]) -> bool {
    expect.iter().any(|condition| condition.mentions("body") || condition.mentions("json"))
}

/// Asks once and judges the reply.
pub(super) async fn ask(probe: &Probe, request: &Request, expect: &[Condition]) -> Observation {
    let resource = request.title();
    let expected = || expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
    match probe.send(request).await {
        Err(trouble) => Observation::failed(trouble.code, resource, expected(), trouble.words()),
        Ok(reply) => {
            let absent = |condition: &Condition, subject: &str| {
                let code = if subject.starts_with("header") { Code::UnexpectedHeader } else { Code::UnexpectedBody };
                Observation::failed(
                    code,
                    &resource,
                    condition.to_string(),
                    format!("no {subject} in a reply of status {}", reply.status),
                )
            };
            let mut observation = judge(&resource, expect, &reply, absent);
            if observation.holds() {
                observation.seen = answered(&reply);
            } else if let (Code::UnexpectedStatus, Some(to)) =
                (observation.code.unwrap_or(Code::CheckFailed), reply.location())
            {
                observation.details.push(format!("it redirects to {to}"));
            }
            observation
        }
    }
}

fn answered(reply: &Reply) -> String {
    format!("answered {} in {}", reply.status, crate::gate::in_words(reply.latency()))
}

/// The article's job: `HEAD http://$ALB_URL/<route>`, two seconds, 2xx. Nothing is discovered and nothing is retried.
pub async fn article(probe: Probe, alb_url: String, route: String) -> Observation {
    let text = format!("{}{route}", with_scheme(&alb_url));
    let url = match Url::parse(&text) {
        Ok(url) => url,
        Err(error) => return Observation::errored(Code::SettingsInvalid, text, format!("not a URL: {error}")),
    };
    let request = Request {
        method: Method::HEAD,
        url,
        detour: None,
        headers: HeaderMap::new(),
        timeout: ARTICLE_TIMEOUT,
        wants_body: false,
    };
    let condition = Condition::parse("status == 2xx", SUBJECTS);
    match condition {
        Ok(condition) => ask(&probe, &request, &[condition]).await,
        Err(why) => Observation::errored(Code::CheckFailed, text, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_fact_and_a_path_or_whole() {
        assert_eq!(parse("{{test_url}}/x").unwrap(), (Method::GET, Template::On(Route::Test, "/x".into())));
        assert_eq!(
            parse("POST {{ production_url }}/x?y=1").unwrap(),
            (Method::POST, Template::On(Route::Production, "/x?y=1".into()))
        );
        assert!(matches!(parse("HEAD https://example.com/x").unwrap(), (Method::HEAD, Template::Whole(_))));
        let faults = [
            "{{tset_url}}/x",
            "{{purple}}",
            "{{test_url/x",
            "{{test_url}}x",
            "/x",
            "ftp://x/",
            "get {{test_url}}",
            "GET ",
        ];
        insta::assert_snapshot!(faults.map(|text| format!("{text:<20} → {}", parse(text).unwrap_err())).join("\n"));
    }
}
