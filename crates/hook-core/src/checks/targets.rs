//! `targets: green` and `targets: blue`: the targets of one version's target group, as the load balancer sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use aws_client::{
    AwsError, TaskFilter,
    model::{Service, TargetHealth, TaskSet, target_group_name},
};
use gate::{Condition, ReasonCode, Value, kinds::TargetsSpec};

use super::{
    CheckContext, Colour,
    conditions::evaluate_conditions,
    poll::{Attempt, poll},
    task_set::{find_task_set, missing_code},
    tasks::no_desired_tasks,
};
use crate::finding::{Observation, Outcome};

/// The subjects without a value for targets that no listener forwards to.
const HEALTH_SUBJECTS: [&str; 2] = ["healthy", "unhealthy"];

/// How many targets are listed one by one.
const MAX_TARGETS_SHOWN: usize = 4;

pub async fn run(spec: &TargetsSpec, cx: &CheckContext) -> Observation {
    let expect = match cx.bind_conditions(&spec.expect).await {
        Ok(expect) => expect,
        Err(observation) => return observation,
    };
    let known = KnownTargets::default();
    let look = || async {
        evaluate_once(spec, cx, &expect, &known).await.unwrap_or_else(|aws_error| Attempt::Retryable(aws_error.into()))
    };
    poll(&spec.poll_policy, cx, look).await
}

/// The ids and ports of targets that are known to be tasks of the task set.
type KnownTargets = Mutex<BTreeSet<(String, Option<i32>)>>;

async fn evaluate_once(
    spec: &TargetsSpec,
    cx: &CheckContext,
    expect: &[Condition],
    known: &KnownTargets,
) -> Result<Attempt, AwsError> {
    let target = &cx.target;
    let deployment = &target.deployment;
    // The target group comes from discovery, because a version's target group does not change during its life.
    let (group, whose) = match spec.colour {
        Colour::Green => (target.green_group.as_ref().map(|group| &group.arn), "replacement"),
        Colour::Blue => (target.service.blue(deployment).and_then(|set| set.target_group()), "original"),
    };
    let Some(group) = group else {
        let resource = format!("service {}", target.service.name);
        let seen = format!("its {whose} task set has no target group");
        return Ok(Attempt::Retryable(Observation::no_data(ReasonCode::NoTargets, resource, "", seen)));
    };
    // Read targets before tasks: a target that is registered now belongs to a task that ECS lists afterwards.
    let health = cx.aws.target_health(group).await?;
    let service = cx.aws.service(&target.cluster, &target.service.name).await?;
    let resource = format!("target group {}", target_group_name(group));
    // A draining target says nothing about those that stay.
    let registered: Vec<_> = health.iter().filter(|target| !target.state.contains("draining")).collect();
    let Some(set) = find_task_set(spec.colour, &service, deployment) else {
        let missing =
            Observation::no_data(missing_code(spec.colour), resource, "", format!("there is no {whose} task set"));
        return Ok(Attempt::Retryable(missing));
    };
    if registered.is_empty() {
        return Ok(match set.desired {
            0 => Attempt::Final(no_desired_tasks(resource)),
            _ => Attempt::Retryable(Observation::no_data(ReasonCode::NoTargets, resource, "", "no registered targets")),
        });
    }
    let foreign = foreign_targets(cx, &service, set, &registered, known).await?;
    let own: Vec<_> = registered.into_iter().filter(|target| !foreign.contains(target)).collect();
    let count = |state: &str| own.iter().filter(|target| target.state == state).count();
    let mut facts = BTreeMap::from([
        ("healthy", Value::Number(count("healthy") as f64)),
        ("unhealthy", Value::Number(count("unhealthy") as f64)),
        ("registered", Value::Number(own.len() as f64)),
        ("desired", Value::Number(set.desired.into())),
    ]);
    let absent = |condition: &Condition, subject: &str| {
        let seen = format!("the load balancer does not check {subject}, so `{condition}` cannot be judged");
        Observation::no_data(ReasonCode::NoTargets, &resource, "", seen)
    };
    let is_health_unchecked = !own.is_empty() && own.iter().all(|target| is_unused(target));
    let observation = if is_health_unchecked && !is_in_listener_rules(cx, group).await? {
        facts.remove("healthy");
        facts.remove("unhealthy");
        evaluate_without_health(&resource, expect, &facts, set, own.len())
    } else {
        evaluate_conditions(&resource, expect, &facts, absent)
    };
    // For targets without health checks the reason is reported already.
    let is_shown = |target: &&&TargetHealth| target.state != "healthy" && !(is_health_unchecked && observation.is_ok());
    let shown: Vec<_> = own.iter().copied().filter(|target| is_shown(&target)).collect();
    let mut unhealthy = describe_targets(&shown, own.len()).into_iter();
    let cause = (observation.code == Some(ReasonCode::TargetsUnhealthy)).then(|| unhealthy.next()).flatten();
    let unhealthy = limit_shown(unhealthy);
    let observation_with_targets = observation.with_cause(cause).prepend_details(unhealthy);
    if let Some(first) = foreign.first() {
        let all = own.len() + foreign.len();
        let are = if foreign.len() == 1 { "is not a task" } else { "are not tasks" };
        let seen = format!(
            "{} of {all} targets {are} of the {whose} task set, such as {}",
            foreign.len(),
            first.display_name()
        );
        let failed = Observation::failed(ReasonCode::UnknownTargets, &resource, "", seen).with_task_set(&set.id);
        return Ok(Attempt::Retryable(if observation_with_targets.is_ok() {
            failed
        } else {
            failed.merge_outcomes(&observation_with_targets).with_details(observation_with_targets.details)
        }));
    }
    // A service that scales out has fewer targets than tasks for a while, or some without a first health check.
    let settles = observation_with_targets.outcome == Outcome::Failed
        && own.iter().all(|target| matches!(target.state.as_str(), "healthy" | "initial"));
    Ok(if settles { Attempt::Settling(observation_with_targets) } else { Attempt::Retryable(observation_with_targets) })
}

/// The load balancer does not check the health of these targets, but their number can still be evaluated.
fn evaluate_without_health(
    resource: &str,
    expect: &[Condition],
    facts: &BTreeMap<&'static str, Value>,
    set: &TaskSet,
    registered: usize,
) -> Observation {
    let why = format!(
        "all {registered} targets are unused: no listener forwards to this group yet, so their health is not checked"
    );
    if registered < usize::try_from(set.desired).unwrap_or_default() {
        let expected = format!("{} registered targets", set.desired);
        return Observation::failed(ReasonCode::NoTargets, resource, expected, registered.to_string())
            .with_hint(Some("read the service's events: ECS has not registered every task with the target group"));
    }
    let is_about_health =
        |condition: &&Condition| HEALTH_SUBJECTS.iter().any(|subject| condition.uses_subject(subject));
    let (left_out, others): (Vec<_>, Vec<_>) = expect.iter().partition(is_about_health);
    if others.is_empty() {
        return Observation::not_applicable(resource, why);
    }
    let others: Vec<_> = others.into_iter().cloned().collect();
    let left_out: Vec<_> = left_out.into_iter().map(Condition::to_string).collect();
    let absent = |condition: &Condition, _: &str| {
        Observation::no_data(ReasonCode::NoTargets, resource, condition.to_string(), "none")
    };
    let judged = evaluate_conditions(resource, &others, facts, absent);
    if left_out.is_empty() {
        judged
    } else {
        judged.with_details([format!("{} does not apply: {why}", left_out.join(", "))])
    }
}

/// The targets that are not tasks of the task set: a target that somebody registered manually, or another
/// service's.
async fn foreign_targets<'a>(
    cx: &CheckContext,
    service: &Service,
    set: &TaskSet,
    registered: &[&'a TargetHealth],
    known: &KnownTargets,
) -> Result<Vec<&'a TargetHealth>, AwsError> {
    let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = |target: &&TargetHealth| lock().contains(&(target.id.clone(), target.port));
    if registered.iter().all(is_known) {
        return Ok(Vec::new());
    }
    let cluster = &cx.target.cluster;
    // A task that has just stopped may still be registered.
    let (running, stopped) = tokio::join!(
        cx.aws.tasks(cluster, service, set, TaskFilter::Running),
        cx.aws.tasks(cluster, service, set, TaskFilter::Stopped),
    );
    let tasks: Vec<_> = running?.into_iter().chain(stopped?).collect();
    let is_own = |target: &&&TargetHealth| tasks.iter().any(|task| task.is_target(target));
    let (own, strange): (Vec<&TargetHealth>, Vec<_>) = registered.iter().copied().partition(|target| is_own(&target));
    lock().extend(own.into_iter().map(|target| (target.id.clone(), target.port)));
    Ok(strange)
}

/// Whether a listener of the deployment forwards to the target group, even with weight 0. Then the load balancer checks
/// the health of its targets, now or soon.
async fn is_in_listener_rules(cx: &CheckContext, group: &str) -> Result<bool, AwsError> {
    for known in [&cx.target.production, &cx.target.test].into_iter().flatten() {
        let listener = cx.aws.refresh_listener(known).await?;
        if listener.rules.iter().flat_map(|rule| rule.weights()).any(|(arn, _)| arn == group) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first of many, and how many more there are.
fn limit_shown(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<_> = all.collect();
    let more = all.len().saturating_sub(MAX_TARGETS_SHOWN);
    if more > 0 {
        all.truncate(MAX_TARGETS_SHOWN);
        all.push(format!("and {more} more"));
    }
    all
}

/// Whether a target is unused because nothing checks it. A target in an Availability Zone that the load balancer does
/// not serve is called unused too, but that is a failure.
fn is_unused(target: &TargetHealth) -> bool {
    let target_description = target.description.as_deref().unwrap_or_default();
    target.state == "unused"
        && target.reason.as_deref().is_none_or(|reason| reason == "Target.NotInUse")
        && !target_description.contains("Availability Zone")
}

/// One text for all targets in the same state for the same reason: `2 of 3 targets unhealthy: Target.Timeout, Request
/// timed out (10.0.1.23:8080, 10.0.1.24:8080)`.
fn describe_targets(shown: &[&TargetHealth], all: usize) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for target in shown {
        let words: Vec<_> = [&target.reason, &target.description].into_iter().flatten().map(String::as_str).collect();
        let reason = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
        let state = format!("{}{reason}", target.state);
        match groups.iter_mut().find(|(known, _)| *known == state) {
            Some((_, names)) => names.push(target.display_name()),
            None => groups.push((state, vec![target.display_name()])),
        }
    }
    let targets = if all == 1 { "target" } else { "targets" };
    let describe = |(state, names): (String, Vec<String>)| {
        let (number, names) = (names.len(), limit_shown(names.into_iter()).join(", "));
        format!("{number} of {all} {targets} {state} ({names})")
    };
    groups.into_iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_in_the_same_state_share_a_text() {
        let target = |id: &str, state: &str, reason: &str| TargetHealth {
            id: id.to_owned(),
            port: Some(8080),
            state: state.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            description: None,
        };
        let (a, b) =
            (target("10.0.1.1", "unhealthy", "Target.Timeout"), target("10.0.1.2", "unhealthy", "Target.Timeout"));
        let c = target("10.0.1.3", "initial", "");
        let texts = describe_targets(&[&a, &c, &b], 4);
        let expected = [
            "2 of 4 targets unhealthy: Target.Timeout (10.0.1.1:8080, 10.0.1.2:8080)",
            "1 of 4 targets initial (10.0.1.3:8080)",
        ];
        assert_eq!(texts, expected);
        assert_eq!(describe_targets(&[&a], 1), ["1 of 1 target unhealthy: Target.Timeout (10.0.1.1:8080)"]);
    }
}
