//! `forwards_to: green`: a barrier. Until the listener forwards to the replacement, the original would respond to its
//! address, and a test of the wrong version is worse than none.
//!
//! The listener's weights do not show that every node of the load balancer follows them already. If the gate file has a
//! request whose response proves the version (`proof`), several responses in a row must prove it. Otherwise the weights
//! must stay the same for a while, and `ALB_URL` must point to the listener with those weights.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Check, CheckContext, CheckFuture, CheckKind, Routing, TrafficRoute,
    attempt_counter::AttemptCounter,
    http::{SUBJECTS, bind_facts, mark_unverified, send_and_evaluate},
    poll::{Attempt, MIN_INTERVAL, PollPolicy},
    proof::{compares_versions, why_unproven},
    request_template::RequestTemplate,
    tcp_connect::resolve_addresses,
    with_scheme,
};
use crate::{
    aws::{AwsError, AwsOperation},
    code::ReasonCode,
    finding::{Observation, Outcome},
    gate::{Condition, Fact, MapReader},
    model::{Listener, Rule},
    permissions::Requirement,
};

pub const KIND: CheckKind = CheckKind { key: "forwards_to", read };

#[derive(Debug)]
pub(super) struct ForwardsTo {
    route: TrafficRoute,
    /// How long to wait for the right weights, and how long they must stay the same.
    poll_policy: PollPolicy,
    version_probe: Option<VersionProbe>,
    /// `settle`, if the gate file has it.
    settle: Option<Duration>,
}

/// The request whose response distinguishes the replacement from the original.
#[derive(Debug)]
struct VersionProbe {
    request_template: RequestTemplate,
    facts: BTreeSet<Fact>,
    expect: Vec<Condition>,
    /// The number of matching responses in a row.
    consecutive: u32,
}

/// CodeDeploy switches a listener within seconds. If it takes a minute, it will not happen.
const DEFAULT_POLL: PollPolicy = PollPolicy {
    within: Duration::from_secs(60),
    every: Duration::from_secs(2),
    restart_on_failure: true,
    ..PollPolicy::SINGLE_ATTEMPT
};
/// The nodes of a load balancer adopt its rules one after the other, within a second or two.
const DEFAULT_SETTLE: Duration = Duration::from_secs(2);
/// How many responses in a row prove a version: enough to reach several nodes.
const REQUIRED_MATCHES: u32 = 3;

fn read(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>> {
    let green = fields.variant("forwards_to", &[("green", ())]);
    let route = fields.variant("listener", &TrafficRoute::VARIANTS).unwrap_or(TrafficRoute::Test);
    let version_probe = fields.has("http");
    if !version_probe {
        for key in ["expect", "consecutive"].into_iter().filter(|key| fields.has(key)).collect::<Vec<_>>() {
            let why =
                format!("`{key}` of `forwards_to` needs an `http` request, whose responses it checks; add `http`");
            fields.error(fields.position_of(key), why);
        }
    }
    let request_template = version_probe.then(|| RequestTemplate::read(fields, "http"));
    // Without a request there is nothing to count, so no default is reported.
    let row = 1..=1000;
    let consecutive = if version_probe {
        fields.number_or("consecutive", row, REQUIRED_MATCHES)
    } else {
        fields.number("consecutive", row).unwrap_or(REQUIRED_MATCHES)
    };
    let expect = if version_probe { fields.expect_required(SUBJECTS) } else { fields.expect(SUBJECTS) };
    let facts = fields.facts().clone();
    let other_listener = request_template.iter().flatten().find_map(RequestTemplate::route).filter(|to| *to != route);
    if let Some(other) = other_listener {
        let why = format!(
            "this `forwards_to` is the barrier of the {} listener, but its request goes to the {} one",
            route.as_str(),
            other.as_str()
        );
        fields.error(fields.position_of("http"), why);
    }
    let goes_there = request_template.iter().flatten().any(|question| question.route() == Some(route));
    let may_prove = goes_there && expect.iter().any(compares_versions);
    if version_probe && !may_prove {
        fields.warn(
            fields.position_of("http"),
            "the response to this request does not prove which version sent it, so the barrier waits for its `settle` time and \
             warns; compare a value with a fact by `==`, such as json.version == {{green.image_tag}}",
        );
    }
    let has_settle = fields.has("settle");
    let poll_policy = PollPolicy {
        within: fields.duration_or("within", DEFAULT_POLL.within),
        every: fields.duration_or("every", DEFAULT_POLL.every).max(MIN_INTERVAL),
        hold_for: fields.duration_or("settle", if may_prove { Duration::ZERO } else { DEFAULT_SETTLE }),
        ..DEFAULT_POLL
    };
    let settle = has_settle.then_some(poll_policy.hold_for);
    let identity = match request_template {
        None => None,
        Some(question) => Some(VersionProbe { request_template: question?, facts, expect, consecutive }),
    };
    green.map(|()| Arc::new(ForwardsTo { route, poll_policy, version_probe: identity, settle }) as Arc<dyn Check>)
}

/// The pause between two responses. It can be shorter than the pause between two AWS reads.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(500);

impl ForwardsTo {
    pub(super) const fn implicit(route: TrafficRoute) -> Self {
        Self {
            route,
            poll_policy: PollPolicy { hold_for: DEFAULT_SETTLE, ..DEFAULT_POLL },
            version_probe: None,
            settle: None,
        }
    }
}

impl Check for ForwardsTo {
    fn default_name(&self) -> String {
        format!("forwards_to green through {}", self.route.as_str())
    }

    fn unblocks(&self) -> Option<TrafficRoute> {
        Some(self.route)
    }

    fn requirements(&self) -> Vec<Requirement> {
        vec![Requirement::new(AwsOperation::ListenerRefresh, "to see when a listener forwards to the replacement")]
    }

    fn predict_failure(&self, routing: &Routing<'_>) -> Option<Observation> {
        self.version_probe.as_ref()?.request_template.predict_failure(routing)
    }

    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a> {
        Box::pin(async {
            let began = Instant::now();
            let proof = self.version_proof(cx).await;
            let settled = if proof == VersionProof::Given { Duration::ZERO } else { DEFAULT_SETTLE };
            let poll_policy = PollPolicy { hold_for: self.settle.unwrap_or(settled), ..self.poll_policy.clone() };
            let look = || async {
                self.evaluate_once(cx, &proof)
                    .await
                    .unwrap_or_else(|aws_error| Attempt::Retryable(aws_error.into_observation()))
            };
            let forwards = poll_policy.poll(cx, look).await;
            let Some(version_probe) = self.version_probe.as_ref().filter(|_| forwards.is_ok()) else { return forwards };
            let left = poll_policy.within.saturating_sub(began.elapsed());
            let answers = version_probe.poll_version(cx, left, poll_policy.every, &proof).await;
            let answers = answers.prepend_details([forwards.actual]);
            match (proof, answers.outcome) {
                (VersionProof::Missing(why), Outcome::Passed) => {
                    let why = format!("its response does not prove the version: {why}");
                    answers.prepend_details([why]).with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified)
                }
                _ => answers,
            }
        })
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

impl ForwardsTo {
    async fn version_proof(&self, cx: &CheckContext) -> VersionProof {
        let Some(version_probe) = &self.version_probe else { return VersionProof::NotRequested };
        if version_probe.request_template.route() != Some(self.route) {
            return VersionProof::Missing("the request does not go to the listener".to_owned());
        }
        why_unproven(cx, &version_probe.expect).await.map_or(VersionProof::Given, VersionProof::Missing)
    }

    async fn evaluate_once(&self, cx: &CheckContext, proof: &VersionProof) -> Result<Attempt, AwsError> {
        let known = match cx.listener(self.route) {
            Ok(listener) => listener,
            Err(observation) => return Ok(Attempt::Final(observation)),
        };
        // This listener's weights say nothing about another listener, and a response that proves its version needs no
        // weights.
        if *proof != VersionProof::Given
            && let Some(wrong_address) = self.points_elsewhere(cx, known).await
        {
            return Ok(wrong_address);
        }
        let Some(green) = &cx.target.green_group else {
            let resource = format!("service {}", cx.target.service.name);
            let seen = "none: the task set of this deployment has no target group of its pair";
            return Ok(Attempt::Final(Observation::failed(
                ReasonCode::ReplacementMissing,
                resource,
                "a target group of the replacement",
                seen,
            )));
        };
        let listener = cx.aws.refresh_listener(known).await?;
        let resource = format!("{} {}", self.route.as_str(), listener.display_name());
        let expected = format!("100 % to {}", green.name);
        let groups = cx.target_group_pair();
        let shares: Vec<f64> =
            listener.rules_forwarding_to(&groups).map(|rule| rule.weight_percent(&green.arn)).collect();
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
    async fn points_elsewhere(&self, cx: &CheckContext, listener: &Listener) -> Option<Attempt> {
        let own = cx.test_address.as_ref().filter(|_| self.route == TrafficRoute::Test)?;
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
                "ALB_URL points to {host}, which has no address of load balancer {} ({}): use that name in ALB_URL",
                listener.load_balancer, listener.dns_name
            )),
            // The names may resolve later.
            (Err(why), _) | (_, Err(why)) => {
                let expected = format!("a name that resolves to load balancer {}", listener.load_balancer);
                Some(Attempt::Retryable(Observation::failed(
                    ReasonCode::NameNotResolved,
                    format!("ALB_URL {host}"),
                    expected,
                    why,
                )))
            }
        }
    }
}

impl VersionProbe {
    /// Polls whether the replacement responds.
    async fn poll_version(
        &self,
        cx: &CheckContext,
        within: Duration,
        every: Duration,
        proof: &VersionProof,
    ) -> Observation {
        let known = cx.resolve_facts(&self.facts).await;
        let request = self.request_template.render(cx, &known);
        let (mut request, expect) = match request.and_then(|request| Ok((request, bind_facts(&self.expect, &known)?))) {
            Ok(asked) => asked,
            Err(observation) => return observation,
        };
        let rule_outcome = match cx.check_leads_to_green(self.request_template.route(), &mut request).await {
            Ok(leads) => leads,
            Err(observation) => return observation,
        };
        let poll_policy = PollPolicy {
            within,
            consecutive: self.consecutive,
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
            &self.request_template,
            attempts.with_attempt_counts(poll_policy.poll(cx, look).await),
        ))
    }
}

/// Describes where a listener forwards: `default: 100 % to tg-blue`.
fn describe_forwarding(listener: &Listener, groups: &[String]) -> String {
    let mut rules: Vec<&Rule> = listener.rules_forwarding_to(groups).collect();
    if rules.is_empty() {
        rules = listener.rules.iter().filter(|rule| !rule.weights().is_empty()).collect();
    }
    let describe_rule = |rule: &Rule| {
        let shares = rule.describe_weights();
        let to = if shares.is_empty() { "nowhere".to_owned() } else { shares };
        if rule.priority == "default" { to } else { format!("rule {}: {to}", rule.priority) }
    };
    if rules.is_empty() {
        "forwards nowhere".to_owned()
    } else {
        rules.iter().take(3).map(|rule| describe_rule(rule)).collect::<Vec<_>>().join("; ")
    }
}
