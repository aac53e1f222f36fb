//! `http:`: a request of the team's own. And the job of the article that this project grew from.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use reqwest::{Method, Url};

use super::{
    Address, Check, Kind, Looking, Probe, Route, Routing, Scene,
    attempts::Attempts,
    judge::judge,
    known,
    poll::{Look, Pace},
    probe::Request,
    question::Question,
    reply::Reply,
    way::Detour,
    with_scheme,
};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fact, Fields, Subject},
    redact::Redactor,
};

pub const KIND: Kind = Kind { key: "http", read };

pub(super) const SUBJECTS: &[Subject] = &[
    Subject::status("status", Code::UnexpectedStatus),
    Subject::duration("latency", Code::TooSlow),
    Subject::text("body", Code::UnexpectedBody),
    Subject::headers("header", Code::UnexpectedHeader),
    Subject::json("json", Code::UnexpectedBody),
];

/// What the article's Lambda allows.
const ARTICLE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Http {
    question: Question,
    facts: BTreeSet<Fact>,
    /// Requests that are sent before any that counts.
    warmup: u32,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let question = Question::read(fields, "http");
    let warmup = fields.number_or("warmup", 0..=1000, 0);
    let pace = pace(fields);
    let expect = fields.expect_some(SUBJECTS);
    let facts = fields.facts().clone();
    Some(Arc::new(Http { question: question?, facts, warmup, pace, expect }))
}

/// `until` is what `within` is called elsewhere: asks again until the conditions hold.
fn pace(fields: &mut Fields<'_>) -> Pace {
    let once = Pace { every: Duration::from_secs(1), ..Pace::ONCE };
    let both = fields.has("until") && fields.has("within");
    if both {
        fields.fault(fields.place_of("until"), "`until` and `within` say the same; give one of them");
    }
    let until = fields.duration("until");
    let pace = Pace::read(fields, &once);
    if until.is_some() && !both {
        fields.said_elsewhere("within");
    }
    Pace { within: until.unwrap_or(pace.within), ..pace }
}

impl Check for Http {
    fn title(&self) -> String {
        format!("http {}", self.question.title())
    }

    fn uses(&self) -> Option<Route> {
        self.question.route()
    }

    fn foreseen(&self, routing: &Routing<'_>) -> Option<Observation> {
        self.question.foreseen(routing)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let known = scene.known(&self.facts).await;
            let asked = self.question.prepare(scene, &known);
            let (mut request, expect) = match asked.and_then(|request| Ok((request, with_facts(&self.expect, &known)?)))
            {
                Ok(asked) => asked,
                Err(observation) => return observation,
            };
            let leads = match scene.leads_to_green(self.question.route(), &mut request).await {
                Ok(leads) => leads,
                Err(observation) => return observation,
            };
            for _ in 0..self.warmup {
                // Whatever comes of it: those that count follow.
                let _ = scene.probe.send(&request).await;
            }
            let attempts = Attempts::default();
            let attempt = || async { Look::Now(ask(&scene.probe, &request, &expect, &attempts).await) };
            let seen = self.pace.watch(scene, attempt).await;
            leads.told(told(&self.question, attempts.reported(seen)))
        })
    }
}

/// The conditions with the values of their facts.
pub(super) fn with_facts(expect: &[Condition], known: &known::Facts) -> Result<Vec<Condition>, Observation> {
    let rendered = expect.iter().map(|condition| condition.rendered(known));
    rendered.collect::<Result<_, _>>().map_err(|unknown| unknown.observed("`expect`"))
}

/// An answer of whoever, since the certificate was not looked at, is told as what it is.
pub(super) fn told(question: &Question, seen: Observation) -> Observation {
    if !question.is_unverified() {
        return seen;
    }
    let words = "the certificate was not verified".to_owned();
    match seen.outcome {
        Outcome::Passed => seen.with([words]).but(Outcome::Doubtful, Code::TlsUnverified),
        _ => seen.with([words]),
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

/// Asks once, judges the reply and counts the attempt.
pub(super) async fn ask(probe: &Probe, request: &Request, expect: &[Condition], attempts: &Attempts) -> Observation {
    let resource = request.title.clone();
    let expected = || expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
    let sent = probe.send(request).await;
    attempts.count_retries(&sent);
    attempts.count(match sent {
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
                // A login page, another host name, HTTPS: the service's log has nothing about any of them.
                observation.hint = Some("check a path that needs no login, follow the redirect, or expect it");
            }
            observation
        }
    })
}

fn answered(reply: &Reply) -> String {
    format!("answered {} in {}", reply.status, crate::gate::in_words(reply.latency()))
}

/// The article's job: `HEAD http://$ALB_URL/<route>`, two seconds, 2xx. Nothing is discovered and nothing is retried.
pub async fn article(probe: Probe, alb_url: String, route: String, redactor: Redactor) -> Observation {
    let text = format!("{}{route}", with_scheme(&alb_url));
    let url = match Url::parse(&text) {
        Ok(url) => url,
        Err(error) => return Observation::errored(Code::SettingsInvalid, text, format!("not a URL: {error}")),
    };
    let request = Request { timeout: ARTICLE_TIMEOUT, redactor, ..Request::plain(Method::HEAD, url) };
    let condition = Condition::parse("status == 2xx", SUBJECTS);
    match condition {
        Ok(condition) => ask(&probe, &request, &[condition], &Attempts::default()).await,
        Err(why) => Observation::errored(Code::CheckFailed, text, why),
    }
}
