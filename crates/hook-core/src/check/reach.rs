//! `reach: green`: a barrier. Until the listener forwards to the replacement, whoever asks its address would be
//! answered by the original, and a test of the wrong colour is worse than none.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Check, Kind, Looking, Route, Scene,
    poll::{Look, Pace},
};
use crate::{
    aws::Fault,
    code::Code,
    finding::Observation,
    gate::Fields,
    target::{Listener, Rule, group_name},
};

pub const KIND: Kind = Kind { key: "reach", read };

#[derive(Debug)]
pub(super) struct Reach {
    route: Route,
    pace: Pace,
}

/// CodeDeploy switches a listener within seconds; what takes a minute will not come.
const PACE: Pace = Pace { within: Duration::from_secs(60), every: Duration::from_secs(2), ..Pace::ONCE };

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    fields.choice("reach", &[("green", ())])?;
    let route = fields.choice("listener", &Route::WORDS).unwrap_or(Route::Test);
    Some(Arc::new(Reach { route, pace: Pace::read(fields, &PACE) }))
}

impl Reach {
    pub(super) const fn implied(route: Route) -> Self {
        Self { route, pace: PACE }
    }
}

impl Check for Reach {
    fn title(&self) -> String {
        format!("reach green through {}", self.route.word())
    }

    fn opens(&self) -> Option<Route> {
        Some(self.route)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(
            self.pace
                .watch(scene, || async { self.once(scene).await.unwrap_or_else(|fault| Look::Now(fault.observed())) }),
        )
    }
}

impl Reach {
    async fn once(&self, scene: &Scene) -> Result<Look, Fault> {
        let known = match scene.listener(self.route) {
            Ok(listener) => listener,
            Err(observation) => return Ok(Look::Final(observation)),
        };
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
}

/// Where a listener forwards, in words: `default: 100 % to tg-blue`.
fn forwards(listener: &Listener, groups: &[String]) -> String {
    let mut rules: Vec<&Rule> = listener.rules_about(groups).collect();
    if rules.is_empty() {
        rules = listener.rules.iter().collect();
    }
    let told = |rule: &Rule| {
        let mut shares = BTreeMap::new();
        for (arn, _) in &rule.weights {
            shares.insert(group_name(arn), rule.share_of(arn));
        }
        let weighted =
            shares.iter().filter(|(_, share)| **share > 0.0).map(|(name, share)| format!("{share:.0} % to {name}"));
        let weighted = weighted.collect::<Vec<_>>().join(", ");
        let to = if weighted.is_empty() { "nowhere".to_owned() } else { weighted };
        if rule.priority == "default" { to } else { format!("rule {}: {to}", rule.priority) }
    };
    if rules.is_empty() {
        "forwards nowhere".to_owned()
    } else {
        rules.iter().take(3).map(|rule| told(rule)).collect::<Vec<_>>().join("; ")
    }
}
