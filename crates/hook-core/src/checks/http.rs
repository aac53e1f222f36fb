//! `http:`: a request that the team defines.

use gate::{
    Condition, ReasonCode,
    kinds::{HttpSpec, RequestTemplate},
};
use reqwest::Url;

use super::{
    CheckContext, HttpClient, ListenerAddress, Routing,
    attempt_counter::AttemptCounter,
    conditions::evaluate_conditions,
    connection::ConnectTo,
    facts::bind_facts,
    http_client::HttpRequest,
    poll::{Attempt, poll},
    request_template::{self, describe_url_error},
    response::HttpResponse,
};
use crate::finding::{Observation, Outcome};

pub fn predict_failure(spec: &HttpSpec, routing: &Routing<'_>) -> Option<Observation> {
    request_template::predict_failure(&spec.request_template, routing)
}

pub async fn run(spec: &HttpSpec, cx: &CheckContext) -> Observation {
    let known = cx.resolve_facts(&spec.facts).await;
    let request = request_template::render(&spec.request_template, cx, &known);
    let (mut request, expect) = match request.and_then(|request| Ok((request, bind_facts(&spec.expect, &known)?))) {
        Ok(bound) => bound,
        Err(observation) => return observation,
    };
    let rule_outcome = match cx.check_leads_to_green(spec.request_template.route(), &mut request).await {
        Ok(leads) => leads,
        Err(observation) => return observation,
    };
    for _ in 0..spec.warmup {
        // The result does not matter, because the requests that count follow.
        let _ = cx.http_client.send(&request).await;
    }
    let attempts = AttemptCounter::default();
    let attempt =
        || async { Attempt::Retryable(send_and_evaluate(&cx.http_client, &request, &expect, &attempts).await) };
    let seen = poll(&spec.poll_policy, cx, attempt).await;
    rule_outcome.add_to(mark_unverified(&spec.request_template, attempts.with_attempt_counts(seen)))
}

/// Marks a pass as unverified if the certificate was not verified, because anybody could have responded.
pub(super) fn mark_unverified(request_template: &RequestTemplate, seen: Observation) -> Observation {
    if !request_template.is_unverified() {
        return seen;
    }
    let detail = "the certificate was not verified".to_owned();
    match seen.outcome {
        Outcome::Passed => seen.with_details([detail]).with_outcome(Outcome::Unverified, ReasonCode::TlsUnverified),
        _ => seen.with_details([detail]),
    }
}

/// The URL of a path at an address, and what to connect to for it.
pub(super) fn url_at(address: ListenerAddress, path: &str) -> Result<(Url, Option<ConnectTo>), Observation> {
    let text = format!("{}{path}", address.base);
    match Url::parse(&text) {
        Ok(url) => Ok((url, address.connect_to)),
        Err(error) => Err(Observation::errored(
            ReasonCode::RequestFailed,
            address.base,
            format!("not a URL: {}", describe_url_error(error)),
        )),
    }
}

/// Sends one request, evaluates the response and counts the attempt.
pub(super) async fn send_and_evaluate(
    http_client: &HttpClient,
    request: &HttpRequest,
    expect: &[Condition],
    attempts: &AttemptCounter,
) -> Observation {
    let resource = request.title.clone();
    let expected = || expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
    let sent = http_client.send(request).await;
    attempts.record_retries(&sent);
    attempts.record(match sent {
        Err(transport_error) => transport_error.observe(resource, expected()),
        Ok(response) => {
            let absent = |condition: &Condition, subject: &str| {
                let code = if subject.starts_with("header") {
                    ReasonCode::UnexpectedHeader
                } else {
                    ReasonCode::UnexpectedBody
                };
                Observation::failed(
                    code,
                    &resource,
                    condition.to_string(),
                    format!("no {subject} in a response with status {}", response.status),
                )
            };
            let mut observation = evaluate_conditions(&resource, expect, &response, absent);
            if observation.is_ok() {
                observation.actual = describe_response(&response);
            } else if let (ReasonCode::UnexpectedStatus, Some(to)) =
                (observation.code.unwrap_or(ReasonCode::CheckFailed), response.location())
            {
                observation.details.push(format!("it redirects to {to}"));
                // A login page, another host name, HTTPS: the service's log has nothing about any of them.
                observation.hint = Some("check a path that needs no login, follow the redirect, or expect it");
            } else if observation.code == Some(ReasonCode::UnexpectedStatus) && (502..=504).contains(&response.status) {
                observation.hint = Some(GATEWAY_HINT);
            }
            observation
        }
    })
}

/// For a status that a load balancer sends if the service does not respond.
const GATEWAY_HINT: &str = "read the service's log, and look at its targets: a load balancer sends this too";

fn describe_response(response: &HttpResponse) -> String {
    format!("returned {} in {}", response.status, gate::format_duration(response.latency()))
}
