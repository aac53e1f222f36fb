//! `reach: green`: a barrier. Until the listener forwards to the replacement, whoever asks its address would be
//! answered by the original, and a test of the wrong colour is worse than none.
//!
//! That the listener's weights say so is not yet that every node of the load balancer does so. Where the file names a
//! request whose answer proves the version (`proof`), that has to answer so several times in a row; else the weights have
//! to stay as they are for a while, and `ALB_URL` has to lead to the listener whose weights they are.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Check, Kind, Looking, Route, Routing, Scene,
    attempts::Attempts,
    connection::addresses,
    http::{SUBJECTS, ask, told, with_facts},
    poll::{LEAST_PAUSE, Look, Pace},
    proof::{compares_versions, unproven},
    question::Question,
    with_scheme,
};
use crate::{
    aws::{Ask, Fault},
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fact, Fields},
    permissions::Need,
    target::{Listener, Rule},
};

pub const KIND: Kind = Kind { key: "reach", read };

#[derive(Debug)]
pub(super) struct Reach {
    route: Route,
    /// Until the weights are right, and for how long they have to stay so.
    pace: Pace,
    identity: Option<Identity>,
    /// `settle`, where the file has it.
    settle: Option<Duration>,
}

/// What tells the replacement from the original.
#[derive(Debug)]
struct Identity {
    question: Question,
    facts: BTreeSet<Fact>,
    expect: Vec<Condition>,
    /// So many answers in a row.
    consecutive: u32,
}

/// CodeDeploy switches a listener within seconds; what takes a minute will not come.
const PACE: Pace = Pace { within: Duration::from_secs(60), every: Duration::from_secs(2), anew: true, ..Pace::ONCE };
/// The nodes of a load balancer follow its rules one after the other, within a second or two.
const SETTLE: Duration = Duration::from_secs(2);
/// By how many answers in a row a version is believed: enough to meet several nodes.
const IN_A_ROW: u32 = 3;

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let green = fields.choice("reach", &[("green", ())]);
    let route = fields.choice("listener", &Route::WORDS).unwrap_or(Route::Test);
    let identity = fields.has("http");
    if !identity {
        for key in ["expect", "consecutive"].into_iter().filter(|key| fields.has(key)).collect::<Vec<_>>() {
            let why = format!("`{key}` of `reach` is about the answers to its `http`, and there is none");
            fields.fault(fields.place_of(key), why);
        }
    }
    let question = identity.then(|| Question::read(fields, "http"));
    // Without a request there is nothing to count, and so no default to be told.
    let row = 1..=1000;
    let consecutive = if identity {
        fields.number_or("consecutive", row, IN_A_ROW)
    } else {
        fields.number("consecutive", row).unwrap_or(IN_A_ROW)
    };
    let expect = if identity { fields.expect_some(SUBJECTS) } else { fields.expect(SUBJECTS) };
    let facts = fields.facts().clone();
    let elsewhere = question.iter().flatten().find_map(Question::route).filter(|to| *to != route);
    if let Some(other) = elsewhere {
        let why = format!(
            "this `reach` opens the {} listener, and its request goes to the {} one",
            route.word(),
            other.word()
        );
        fields.fault(fields.place_of("http"), why);
    }
    let goes_there = question.iter().flatten().any(|question| question.route() == Some(route));
    let may_prove = goes_there && expect.iter().any(compares_versions);
    if identity && !may_prove {
        fields.warn(
            fields.place_of("http"),
            "the answer to this request does not prove which version gave it, so the barrier waits for its `settle` time and \
             warns; compare a value with a fact by `==`, such as json.version == {{green.image_tag}}",
        );
    }
    let has_settle = fields.has("settle");
    let pace = Pace {
        within: fields.duration_or("within", PACE.within),
        every: fields.duration_or("every", PACE.every).max(LEAST_PAUSE),
        stay: fields.duration_or("settle", if may_prove { Duration::ZERO } else { SETTLE }),
        ..PACE
    };
    let settle = has_settle.then_some(pace.stay);
    let identity = match question {
        None => None,
        Some(question) => Some(Identity { question: question?, facts, expect, consecutive }),
    };
    green.map(|()| Arc::new(Reach { route, pace, identity, settle }) as Arc<dyn Check>)
}

/// Answers that are to come in a row need not wait for each other as looks at AWS do.
const BETWEEN: Duration = Duration::from_millis(500);

impl Reach {
    pub(super) const fn implied(route: Route) -> Self {
        Self { route, pace: Pace { stay: SETTLE, ..PACE }, identity: None, settle: None }
    }
}

impl Check for Reach {
    fn title(&self) -> String {
        format!("reach green through {}", self.route.word())
    }

    fn opens(&self) -> Option<Route> {
        Some(self.route)
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::new(Ask::ListenerNow, "to see when a listener leads to the replacement")]
    }

    fn foreseen(&self, routing: &Routing<'_>) -> Option<Observation> {
        self.identity.as_ref()?.question.foreseen(routing)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let began = Instant::now();
            let proof = self.proof(scene).await;
            let settled = if proof == Proof::Given { Duration::ZERO } else { SETTLE };
            let pace = Pace { stay: self.settle.unwrap_or(settled), ..self.pace.clone() };
            let look = || async { self.once(scene, &proof).await.unwrap_or_else(|fault| Look::Now(fault.observed())) };
            let forwards = pace.watch(scene, look).await;
            let Some(identity) = self.identity.as_ref().filter(|_| forwards.holds()) else { return forwards };
            let left = pace.within.saturating_sub(began.elapsed());
            let answers = identity.answers(scene, left, pace.every, &proof).await;
            let answers = answers.led_by([forwards.seen]);
            match (proof, answers.outcome) {
                (Proof::Missing(why), Outcome::Passed) => {
                    let why = format!("its answer does not prove the version: {why}");
                    answers.led_by([why]).but(Outcome::Doubtful, Code::VersionUnverified)
                }
                _ => answers,
            }
        })
    }
}

/// Whether the answer to the request of a `reach` proves that the new version gave it.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    /// It does.
    Given,
    /// It does not, and why.
    Missing(String),
    /// There is no request.
    NotAsked,
}

impl Reach {
    async fn proof(&self, scene: &Scene) -> Proof {
        let Some(identity) = &self.identity else { return Proof::NotAsked };
        if identity.question.route() != Some(self.route) {
            return Proof::Missing("the request does not go to the listener".to_owned());
        }
        unproven(scene, &identity.expect).await.map_or(Proof::Given, Proof::Missing)
    }

    async fn once(&self, scene: &Scene, proof: &Proof) -> Result<Look, Fault> {
        let known = match scene.listener(self.route) {
            Ok(listener) => listener,
            Err(observation) => return Ok(Look::Final(observation)),
        };
        // The weights of this listener say nothing about another one, and an answer that proves its version needs no weights.
        if *proof != Proof::Given
            && let Some(elsewhere) = self.elsewhere(scene, known).await
        {
            return Ok(elsewhere);
        }
        let Some(green) = &scene.target.green_group else {
            let resource = format!("service {}", scene.target.service.name);
            let seen = "none: the task set of this deployment names no target group of its pair";
            return Ok(Look::Final(Observation::failed(
                Code::ReplacementMissing,
                resource,
                "a target group of the replacement",
                seen,
            )));
        };
        let listener = scene.aws.listener_now(known).await?;
        let resource = format!("{} {}", self.route.word(), listener.title());
        let expected = format!("100 % to {}", green.name);
        let groups = scene.pair();
        let shares: Vec<f64> = listener.rules_about(&groups).map(|rule| rule.share_of(&green.arn)).collect();
        Ok(Look::Now(if !shares.is_empty() && shares.iter().all(|share| *share >= 100.0) {
            Observation::passed(resource, format!("forwards {expected}"))
        } else {
            Observation::failed(Code::ListenerNotForwarding, resource, expected, forwards(&listener, &groups))
        }))
    }

    /// `ALB_URL` is where requests go. It has to lead to this listener: to its port, and to its load balancer by name or
    /// by address. Another port of the load balancer is another listener, production's for one.
    async fn elsewhere(&self, scene: &Scene, listener: &Listener) -> Option<Look> {
        let own = scene.test_address.as_ref().filter(|_| self.route == Route::Test)?;
        let url = reqwest::Url::parse(&with_scheme(own)).ok()?;
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        let wrong = |why: String| {
            let advice = "or let `reach` ask with `http` which version answers";
            Some(Look::Final(Observation::errored(Code::SettingsInvalid, listener.title(), format!("{why}, {advice}"))))
        };
        if port != listener.port {
            return wrong(format!(
                "ALB_URL leads to port {port}, and this listener is at port {}: add its port to ALB_URL",
                listener.port
            ));
        }
        if host.eq_ignore_ascii_case(&listener.dns_name) {
            return None;
        }
        let (own, balancer) = tokio::join!(addresses(host), addresses(&listener.dns_name));
        match (own, balancer) {
            (Ok(own), Ok(balancer)) if !own.is_disjoint(&balancer) => None,
            (Ok(_), Ok(_)) => wrong(format!(
                "ALB_URL leads to {host}, which has no address of load balancer {} ({}): name that in ALB_URL",
                listener.balancer, listener.dns_name
            )),
            // Names may come to be known.
            (Err(why), _) | (_, Err(why)) => {
                let expected = format!("a name that leads to load balancer {}", listener.balancer);
                Some(Look::Now(Observation::failed(Code::NameNotResolved, format!("ALB_URL {host}"), expected, why)))
            }
        }
    }
}

impl Identity {
    /// Whether it is the replacement that answers.
    async fn answers(&self, scene: &Scene, within: Duration, every: Duration, proof: &Proof) -> Observation {
        let known = scene.known(&self.facts).await;
        let asked = self.question.prepare(scene, &known);
        let (mut request, expect) = match asked.and_then(|request| Ok((request, with_facts(&self.expect, &known)?))) {
            Ok(asked) => asked,
            Err(observation) => return observation,
        };
        let leads = match scene.leads_to_green(self.question.route(), &mut request).await {
            Ok(leads) => leads,
            Err(observation) => return observation,
        };
        let pace = Pace { within, consecutive: self.consecutive, every: every.min(BETWEEN), ..Pace::ONCE };
        let attempts = Attempts::default();
        let look = || async {
            let seen = ask(&scene.probe, &request, &expect, &attempts).await;
            // Where the answer proves the version, another one is about who answers, whatever the condition looks at. One that
            // cannot be read stays an error.
            let other = *proof == Proof::Given
                && seen.outcome != Outcome::Errored
                && matches!(seen.code, Some(Code::UnexpectedBody | Code::UnexpectedHeader));
            Look::Now(if other { seen.but(Outcome::Failed, Code::WrongVersionAnswers) } else { seen })
        };
        leads.told(told(&self.question, attempts.reported(pace.watch(scene, look).await)))
    }
}

/// Where a listener forwards, in words: `default: 100 % to tg-blue`.
fn forwards(listener: &Listener, groups: &[String]) -> String {
    let mut rules: Vec<&Rule> = listener.rules_about(groups).collect();
    if rules.is_empty() {
        rules = listener.rules.iter().filter(|rule| !rule.weights().is_empty()).collect();
    }
    let told = |rule: &Rule| {
        let shares = rule.shares();
        let to = if shares.is_empty() { "nowhere".to_owned() } else { shares };
        if rule.priority == "default" { to } else { format!("rule {}: {to}", rule.priority) }
    };
    if rules.is_empty() {
        "forwards nowhere".to_owned()
    } else {
        rules.iter().take(3).map(|rule| told(rule)).collect::<Vec<_>>().join("; ")
    }
}
