//! `forwards_to: green`: a barrier. Until the listener forwards to the replacement, the original would respond to its
//! address, and a test of the wrong version is worse than none.
//!
//! The listener's weights do not show that every node of the load balancer follows them already. If the gate file has a
//! request whose response proves the version (`proof`), several responses in a row must prove it. Otherwise the weights
//! must stay the same for a while, and `ALB_URL` must point to the listener with those weights.

use std::time::Duration;

use aws_client::{
    AwsError,
    model::{Listener, Rule},
};
use gate::{
    ReasonCode,
    kinds::{DEFAULT_SETTLE, ForwardsToSpec, PollPolicy, VersionProbe},
};
use tokio::time::Instant;

use super::{
    CheckContext, Routing, TrafficRoute,
    attempt_counter::AttemptCounter,
    facts::bind_facts,
    http::{mark_unverified, send_and_evaluate},
    poll::{Attempt, poll},
    proof::why_unproven,
    request_template,
    tcp_connect::resolve_addresses,
    with_scheme,
};
use crate::finding::{Observation, Outcome};

/// The pause between two responses. It can be shorter than the pause between two AWS reads.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(500);

pub fn predict_failure(spec: &ForwardsToSpec, routing: &Routing<'_>) -> Option<Observation> {
    request_template::predict_failure(&spec.version_probe.as_ref()?.request_template, routing)
}

pub async fn run(spec: &ForwardsToSpec, cx: &CheckContext) -> Observation {
    let began = Instant::now();
    let proof = version_proof(spec, cx).await;
    let settled = if proof == VersionProof::Given { Duration::ZERO } else { DEFAULT_SETTLE };
    let poll_policy = PollPolicy { hold_for: spec.settle.unwrap_or(settled), ..spec.poll_policy.clone() };
    let look = || async {
        evaluate_once(spec, cx, &proof).await.unwrap_or_else(|aws_error| Attempt::Retryable(aws_error.into()))
    };
    let forwards = poll(&poll_policy, cx, look).await;
    let Some(version_probe) = spec.version_probe.as_ref().filter(|_| forwards.is_ok()) else { return forwards };
    let left = poll_policy.within.saturating_sub(began.elapsed());
    let answers = poll_version(version_probe, cx, left, poll_policy.every, &proof).await;
    let answers = answers.prepend_details([forwards.actual]);
    match (proof, answers.outcome) {
        (VersionProof::Missing(why), Outcome::Passed) => {
            let why = format!("its response does not prove the version: {why}");
            answers.prepend_details([why]).with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified)
        }
        _ => answers,
    }
}

/// Whether the response to the check's request proves that the new version sent it.
#[derive(Debug, PartialEq, Eq)]
enum VersionProof {
    /// It does.
    Given,
    /// It does not, and why.
    Missing(String),
    /// There is no request.
    NotRequested,
}

async fn version_proof(spec: &ForwardsToSpec, cx: &CheckContext) -> VersionProof {
    let Some(version_probe) = &spec.version_probe else { return VersionProof::NotRequested };
    if version_probe.request_template.route() != Some(spec.route) {
        return VersionProof::Missing("the request does not go to the listener".to_owned());
    }
    why_unproven(cx, &version_probe.expect).await.map_or(VersionProof::Given, VersionProof::Missing)
}

async fn evaluate_once(spec: &ForwardsToSpec, cx: &CheckContext, proof: &VersionProof) -> Result<Attempt, AwsError> {
    let known = match cx.listener(spec.route) {
        Ok(listener) => listener,
        Err(observation) => return Ok(Attempt::Final(observation)),
    };
    // This listener's weights say nothing about another listener, and a response that proves its version needs no
    // weights.
    if *proof != VersionProof::Given
        && let Some(wrong_address) = points_elsewhere(spec, cx, known).await
    {
        return Ok(wrong_address);
    }
    let Some(green) = &cx.target.green_group else {
        let resource = format!("service {}", cx.target.service.name);
        let seen = "none: the task set of this deployment uses no target group of the deployment group";
        return Ok(Attempt::Final(Observation::failed(
            ReasonCode::ReplacementMissing,
            resource,
            "a target group of the replacement",
            seen,
        )));
    };
    let listener = cx.aws.refresh_listener(known).await?;
    let resource = format!("{} {}", spec.route.as_str(), listener.display_name());
    let expected = format!("100 % to {}", green.name);
    let groups = cx.target_group_pair();
    let shares: Vec<f64> = listener.rules_forwarding_to(&groups).map(|rule| rule.weight_percent(&green.arn)).collect();
    Ok(Attempt::Retryable(if !shares.is_empty() && shares.iter().all(|share| *share >= 100.0) {
        Observation::passed(resource, format!("forwards {expected}"))
    } else {
        Observation::failed(
            ReasonCode::ListenerNotForwarding,
            resource,
            expected,
            describe_forwarding(&listener, &groups),
        )
    }))
}

/// Requests go to `ALB_URL`, so it must point to this listener: to its port, and to its load balancer by name or by
/// address. Another port of the load balancer is another listener, for example production's.
async fn points_elsewhere(spec: &ForwardsToSpec, cx: &CheckContext, listener: &Listener) -> Option<Attempt> {
    let own = cx.test_address.as_ref().filter(|_| spec.route == TrafficRoute::Test)?;
    let url = reqwest::Url::parse(&with_scheme(own)).ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let wrong = |why: String| {
        let advice = "or give `forwards_to` an `http` request that shows which version responds";
        Some(Attempt::Final(Observation::errored(
            ReasonCode::SettingsInvalid,
            listener.display_name(),
            format!("{why}, {advice}"),
        )))
    };
    if port != listener.port {
        return wrong(format!(
            "ALB_URL points to port {port}, but this listener has port {}: add its port to ALB_URL",
            listener.port
        ));
    }
    if host.eq_ignore_ascii_case(&listener.dns_name) {
        return None;
    }
    let (own, balancer) = tokio::join!(resolve_addresses(host), resolve_addresses(&listener.dns_name));
    match (own, balancer) {
        (Ok(own), Ok(balancer)) if !own.is_disjoint(&balancer) => None,
        (Ok(_), Ok(_)) => wrong(format!(
            "ALB_URL points to {host}, which resolves to none of the addresses of load balancer {}: set ALB_URL to {}",
            listener.load_balancer, listener.dns_name
        )),
        // The names may resolve later.
        (Err(name), _) | (_, Err(name)) => {
            let seen =
                format!("{name} does not resolve; expected an address of load balancer {}", listener.load_balancer);
            Some(Attempt::Retryable(Observation::failed(ReasonCode::NameNotResolved, "ALB_URL", "", seen)))
        }
    }
}

/// Polls whether the replacement responds.
async fn poll_version(
    probe: &VersionProbe,
    cx: &CheckContext,
    within: Duration,
    every: Duration,
    proof: &VersionProof,
) -> Observation {
    let known = cx.resolve_facts(&probe.facts).await;
    let request = request_template::render(&probe.request_template, cx, &known);
    let (mut request, expect) = match request.and_then(|request| Ok((request, bind_facts(&probe.expect, &known)?))) {
        Ok(bound) => bound,
        Err(observation) => return observation,
    };
    let rule_outcome = match cx.check_leads_to_green(probe.request_template.route(), &mut request).await {
        Ok(leads) => leads,
        Err(observation) => return observation,
    };
    let poll_policy = PollPolicy {
        within,
        consecutive: probe.consecutive,
        every: every.min(ATTEMPT_INTERVAL),
        ..PollPolicy::SINGLE_ATTEMPT
    };
    let attempts = AttemptCounter::default();
    let look = || async {
        let seen = send_and_evaluate(&cx.http_client, &request, &expect, &attempts).await;
        // If the response proves the version, a mismatch means that another version responded, whatever the
        // condition is about. A response that cannot be read stays an error.
        let other = *proof == VersionProof::Given
            && seen.outcome != Outcome::Errored
            && matches!(seen.code, Some(ReasonCode::UnexpectedBody | ReasonCode::UnexpectedHeader));
        Attempt::Retryable(if other {
            seen.with_outcome(Outcome::Failed, ReasonCode::WrongVersionServed)
        } else {
            seen
        })
    };
    rule_outcome.add_to(mark_unverified(
        &probe.request_template,
        attempts.with_attempt_counts(poll(&poll_policy, cx, look).await),
    ))
}

/// Describes where a listener forwards: `100 % to tg-blue`, or `100 % to tg-blue in rule 10; 100 % to tg-green in the
/// default rule`.
fn describe_forwarding(listener: &Listener, groups: &[String]) -> String {
    let mut rules: Vec<&Rule> = listener.rules_forwarding_to(groups).collect();
    if rules.is_empty() {
        rules = listener.rules.iter().filter(|rule| !rule.weights().is_empty()).collect();
    }
    let describe_rule = |rule: &Rule| {
        let shares = rule.describe_weights();
        let to = if shares.is_empty() { "no target group".to_owned() } else { shares };
        match rule.priority.as_str() {
            "default" if rules.len() == 1 => to,
            "default" => format!("{to} in the default rule"),
            priority => format!("{to} in rule {priority}"),
        }
    };
    if rules.is_empty() {
        "no target group".to_owned()
    } else {
        rules.iter().take(3).map(|rule| describe_rule(rule)).collect::<Vec<_>>().join("; ")
    }
}
