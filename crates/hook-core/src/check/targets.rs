//! `targets: green` and `targets: blue`: the targets of one version's target group, as the load balancer sees them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Check, Colour, Kind, Looking, Scene,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    aws::{Ask, Fault},
    code::Code,
    finding::Observation,
    gate::{Condition, Fields, Subject, Value},
    permissions::Need,
    target::{TargetHealth, group_name},
};

pub const KIND: Kind = Kind { key: "targets", read };

const SUBJECTS: &[Subject] = &[
    Subject::count("healthy", Code::TargetsUnhealthy),
    Subject::count("registered", Code::TargetsUnhealthy),
    Subject::count("unhealthy", Code::TargetsUnhealthy),
    Subject::count("desired", Code::TargetsUnhealthy).optional(),
];

/// So many targets are told one by one.
const TOLD: usize = 4;

#[derive(Debug)]
struct Targets {
    colour: Colour,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let colour = fields.choice("targets", &Colour::WORDS);
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(5), ..Pace::ONCE });
    let expect = fields.expect_some(SUBJECTS);
    Some(Arc::new(Targets { colour: colour?, pace, expect }))
}

impl Check for Targets {
    fn title(&self) -> String {
        format!("targets {}", self.colour.word())
    }

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::new(Ask::TargetHealth, "to see the health of targets"),
            Need::new(Ask::Service, "to know how many tasks there should be for targets"),
        ]
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let expect = match scene.rendered(&self.expect).await {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let look = || async { Look::Now(self.once(scene, &expect).await.unwrap_or_else(Fault::observed)) };
            self.pace.watch(scene, look).await
        })
    }
}

impl Targets {
    async fn once(&self, scene: &Scene, expect: &[Condition]) -> Result<Observation, Fault> {
        let deployment = &scene.target.deployment.id;
        // Found once for the deployment: which group a version has does not change while it lives.
        let target = &scene.target;
        let (group, whose) = match self.colour {
            Colour::Green => (target.green_group.as_ref().map(|group| &group.arn), "replacement"),
            Colour::Blue => (target.service.blue(deployment).and_then(|set| set.target_group.as_ref()), "original"),
        };
        let Some(group) = group else {
            let resource = format!("service {}", target.service.name);
            let expected = format!("a target group of the {whose}");
            return Ok(Observation::no_data(Code::NoTargets, resource, expected, "none"));
        };
        let (health, service) = tokio::join!(
            scene.aws.target_health(group),
            scene.aws.service(&scene.target.cluster, &scene.target.service.name),
        );
        let (health, service) = (health?, service?);
        let resource = format!("target group {}", group_name(group));
        // A target on its way out says nothing about those that stay.
        let registered: Vec<_> = health.iter().filter(|target| !target.state.contains("draining")).collect();
        if !registered.is_empty() && registered.iter().all(|target| is_unused(target)) {
            let why = format!(
                "all {} targets are unused: no listener forwards to this group yet, so nobody asks for their health",
                registered.len()
            );
            return Ok(Observation::not_applicable(resource, why));
        }
        if registered.is_empty() {
            return Ok(Observation::no_data(Code::NoTargets, resource, "registered targets", "none"));
        }
        let count = |state: &str| registered.iter().filter(|target| target.state == state).count();
        let mut facts = BTreeMap::from([
            ("healthy", Value::Number(count("healthy") as f64)),
            ("unhealthy", Value::Number(count("unhealthy") as f64)),
            ("registered", Value::Number(registered.len() as f64)),
        ]);
        if let Some(set) = self.colour.of(&service, deployment) {
            facts.insert("desired", Value::Number(set.desired.into()));
        }
        let absent = |condition: &Condition, subject: &str| {
            Observation::no_data(
                self.colour.missing(),
                &resource,
                condition.to_string(),
                format!("no task set, so no {subject}"),
            )
        };
        let ill: Vec<_> = registered.iter().filter(|target| target.state != "healthy").collect();
        let more = ill.len().saturating_sub(TOLD);
        let told = ill.iter().take(TOLD).map(|target| describe(target));
        let told = told.chain((more > 0).then(|| format!("and {more} more"))).collect::<Vec<_>>();
        Ok(judge(&resource, expect, &facts, absent).led_by(told))
    }
}

/// Unused because nobody asks. A target in an Availability Zone that the load balancer does not serve is called unused
/// as well, and that is a fault.
fn is_unused(target: &TargetHealth) -> bool {
    let told = target.description.as_deref().unwrap_or_default();
    target.state == "unused"
        && target.reason.as_deref().is_none_or(|reason| reason == "Target.NotInUse")
        && !told.contains("Availability Zone")
}

fn describe(target: &TargetHealth) -> String {
    let TargetHealth { target, state, reason, description } = target;
    let words: Vec<_> = [reason.as_deref(), description.as_deref()].into_iter().flatten().collect();
    if words.is_empty() { format!("{target} {state}") } else { format!("{target} {state}: {}", words.join(", ")) }
}
