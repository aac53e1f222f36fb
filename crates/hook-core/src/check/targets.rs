//! `targets: green` and `targets: blue`: the targets of one version's target group, as the load balancer sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Check, Colour, Kind, Looking, Scene,
    ecs::nothing_desired,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    aws::{Ask, Fault, Listed},
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fields, Subject, Value},
    permissions::Need,
    target::{Service, TargetHealth, TaskSet, group_name},
};

pub const KIND: Kind = Kind { key: "targets", read };

const SUBJECTS: &[Subject] = &[
    Subject::count("healthy", Code::TargetsUnhealthy),
    Subject::count("registered", Code::TargetsUnhealthy),
    Subject::count("unhealthy", Code::TargetsUnhealthy),
    Subject::count("desired", Code::TargetsUnhealthy).optional(),
];

/// The subjects that nobody knows of targets that no listener leads to.
const OF_HEALTH: [&str; 2] = ["healthy", "unhealthy"];

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
            Need::new(Ask::Tasks, "to know which targets are tasks of the task set"),
            Need::new(Ask::ListenerNow, "to know whether a listener leads to targets that are unused"),
        ]
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let expect = match scene.rendered(&self.expect).await {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let known = Own::default();
            let look = || async {
                self.once(scene, &expect, &known).await.unwrap_or_else(|fault| Look::Now(fault.observed()))
            };
            self.pace.watch(scene, look).await
        })
    }
}

/// Ids and ports of targets that are known to be tasks of the task set.
type Own = Mutex<BTreeSet<(String, Option<i32>)>>;

impl Targets {
    async fn once(&self, scene: &Scene, expect: &[Condition], known: &Own) -> Result<Look, Fault> {
        let target = &scene.target;
        let deployment = &target.deployment;
        // Found once for the deployment: which group a version has does not change while it lives.
        let (group, whose) = match self.colour {
            Colour::Green => (target.green_group.as_ref().map(|group| &group.arn), "replacement"),
            Colour::Blue => (target.service.blue(deployment).and_then(|set| set.target_group()), "original"),
        };
        let Some(group) = group else {
            let resource = format!("service {}", target.service.name);
            let expected = format!("a target group of the {whose}");
            return Ok(Look::Now(Observation::no_data(Code::NoTargets, resource, expected, "none")));
        };
        // Targets before tasks: what is registered by now belongs to a task that ECS lists by then.
        let health = scene.aws.target_health(group).await?;
        let service = scene.aws.service(&target.cluster, &target.service.name).await?;
        let resource = format!("target group {}", group_name(group));
        // A target on its way out says nothing about those that stay.
        let registered: Vec<_> = health.iter().filter(|target| !target.state.contains("draining")).collect();
        let Some(set) = self.colour.of(&service, deployment) else {
            let expected = format!("targets of the {whose} task set");
            let missing = Observation::no_data(self.colour.missing(), resource, expected, "no task set");
            return Ok(Look::Now(missing));
        };
        if registered.is_empty() {
            return Ok(match set.desired {
                0 => Look::Final(nothing_desired(resource)),
                _ => Look::Now(Observation::no_data(Code::NoTargets, resource, "registered targets", "none")),
            });
        }
        let strange = self.strange(scene, &service, set, &registered, known).await?;
        let own: Vec<_> = registered.into_iter().filter(|target| !strange.contains(target)).collect();
        let count = |state: &str| own.iter().filter(|target| target.state == state).count();
        let mut facts = BTreeMap::from([
            ("healthy", Value::Number(count("healthy") as f64)),
            ("unhealthy", Value::Number(count("unhealthy") as f64)),
            ("registered", Value::Number(own.len() as f64)),
            ("desired", Value::Number(set.desired.into())),
        ]);
        let absent = |condition: &Condition, subject: &str| {
            let expected = condition.to_string();
            Observation::no_data(Code::NoTargets, &resource, expected, format!("no {subject}: nobody asks for it"))
        };
        let unasked = !own.is_empty() && own.iter().all(|target| is_unused(target));
        let observation = if unasked && !is_named(scene, group).await? {
            facts.remove("healthy");
            facts.remove("unhealthy");
            self.without_health(&resource, expect, &facts, set, own.len())
        } else {
            judge(&resource, expect, &facts, absent)
        };
        // Of targets that nobody asks it has been said why already.
        let is_told = |target: &&&TargetHealth| target.state != "healthy" && !(unasked && observation.holds());
        let ill = some_of(own.iter().filter(is_told).map(|target| describe(target)));
        let told = observation.led_by(ill);
        if let Some(first) = strange.first() {
            let all = own.len() + strange.len();
            let seen = format!("{} of {all} that are not, such as {}", strange.len(), first.title());
            let expected = format!("every target to be a task of {}", set.id);
            let failed = Observation::failed(Code::UnknownTargets, &resource, expected, seen);
            return Ok(Look::Now(if told.holds() { failed } else { failed.counting(&told).with(told.details) }));
        }
        // A service that scales out has fewer targets than tasks for a while, or some that have not been asked yet.
        let settles = told.outcome == Outcome::Failed
            && own.iter().all(|target| matches!(target.state.as_str(), "healthy" | "initial"));
        Ok(if settles { Look::Settling(told) } else { Look::Now(told) })
    }

    /// Nobody asks for the health of the targets; how many there are can be judged all the same.
    fn without_health(
        &self,
        resource: &str,
        expect: &[Condition],
        facts: &BTreeMap<&'static str, Value>,
        set: &TaskSet,
        registered: usize,
    ) -> Observation {
        let why = format!(
            "all {registered} targets are unused: no listener forwards to this group yet, so nobody asks for their health"
        );
        if registered < usize::try_from(set.desired).unwrap_or_default() {
            let expected = format!("{} registered targets", set.desired);
            return Observation::failed(Code::NoTargets, resource, expected, registered.to_string())
                .with_hint(Some("read the service's events: ECS has not registered every task with the target group"));
        }
        let is_about_health = |condition: &&Condition| OF_HEALTH.iter().any(|subject| condition.mentions(subject));
        let (left_out, others): (Vec<_>, Vec<_>) = expect.iter().partition(is_about_health);
        if others.is_empty() {
            return Observation::not_applicable(resource, why);
        }
        let others: Vec<_> = others.into_iter().cloned().collect();
        let left_out: Vec<_> = left_out.into_iter().map(Condition::to_string).collect();
        let absent = |condition: &Condition, _: &str| {
            Observation::no_data(Code::NoTargets, resource, condition.to_string(), "none")
        };
        let judged = judge(resource, &others, facts, absent);
        if left_out.is_empty() {
            judged
        } else {
            judged.with([format!("{} does not apply: {why}", left_out.join(", "))])
        }
    }

    /// The targets that are no tasks of the set: a target that somebody registered by hand, or another service's.
    async fn strange<'a>(
        &self,
        scene: &Scene,
        service: &Service,
        set: &TaskSet,
        registered: &[&'a TargetHealth],
        known: &Own,
    ) -> Result<Vec<&'a TargetHealth>, Fault> {
        let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |target: &&TargetHealth| lock().contains(&(target.id.clone(), target.port));
        if registered.iter().all(is_known) {
            return Ok(Vec::new());
        }
        let cluster = &scene.target.cluster;
        // A task that has just stopped may still be registered.
        let (running, stopped) = tokio::join!(
            scene.aws.tasks(cluster, service, set, Listed::Running),
            scene.aws.tasks(cluster, service, set, Listed::Stopped),
        );
        let tasks: Vec<_> = running?.into_iter().chain(stopped?).collect();
        let is_own = |target: &&&TargetHealth| tasks.iter().any(|task| task.is_target(target));
        let (own, strange): (Vec<&TargetHealth>, Vec<_>) =
            registered.iter().copied().partition(|target| is_own(&target));
        lock().extend(own.into_iter().map(|target| (target.id.clone(), target.port)));
        Ok(strange)
    }
}

/// Whether a listener of the deployment names the group, be it with weight 0: then the load balancer asks for the health
/// of its targets, now or in a moment.
async fn is_named(scene: &Scene, group: &str) -> Result<bool, Fault> {
    for known in [&scene.target.production, &scene.target.test].into_iter().flatten() {
        let listener = scene.aws.listener_now(known).await?;
        if listener.rules.iter().flat_map(|rule| rule.weights()).any(|(arn, _)| arn == group) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first of many, and how many more there are.
fn some_of(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<_> = all.collect();
    let more = all.len().saturating_sub(TOLD);
    if more > 0 {
        all.truncate(TOLD);
        all.push(format!("and {more} more"));
    }
    all
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
    let TargetHealth { state, reason, description, .. } = target;
    let words: Vec<_> = [reason.as_deref(), description.as_deref()].into_iter().flatten().collect();
    let title = target.title();
    if words.is_empty() { format!("{title} {state}") } else { format!("{title} {state}: {}", words.join(", ")) }
}
