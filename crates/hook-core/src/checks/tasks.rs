//! `tasks: green|blue`: the task set and its tasks, as ECS reports them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_client::{
    AwsError, TaskFilter,
    model::{Service, Task, TaskSet},
};
use gate::{
    Condition, ReasonCode, Value,
    kinds::{HEALTH_SUBJECTS, TasksSpec},
};

use super::{
    CheckContext, Colour,
    conditions::evaluate_conditions,
    poll::{Attempt, poll},
    task_set::{find_task_set, missing_code, role},
};
use crate::finding::{Observation, Outcome};

/// The subjects that must be as expected even while a task set scales out or ECS replaces a task.
const NON_SETTLING_SUBJECTS: [&str; 3] = ["task_set", "unhealthy_containers", "crashed_since_start"];

/// How many stopped tasks are listed. A crash loop creates hundreds with the same reason.
const MAX_STOPPED_SHOWN: usize = 3;

/// A task that started this long after its task set was probably a replacement, or the service was scaled out.
const MIN_AGE_GAP: Duration = Duration::from_secs(5 * 60);

/// The tasks in a window in which no task is allowed to be replaced.
struct RunningTasks {
    desired: i32,
    tasks: BTreeSet<String>,
}

impl RunningTasks {
    /// Compares with the tasks that run now. A task that stopped because the desired count fell, or started because it
    /// rose, is not a replacement. Returns the task that stopped and the one that replaced it.
    fn find_replacement(&mut self, desired: i32, now: &BTreeSet<String>) -> Option<(String, String)> {
        if desired < self.desired {
            self.tasks.retain(|task| now.contains(task));
        }
        self.desired = desired;
        let gone = self.tasks.difference(now).next().cloned();
        let new = now.difference(&self.tasks).next().cloned();
        if gone.is_none() {
            self.tasks.clone_from(now);
        }
        gone.zip(new)
    }
}

pub async fn run(spec: &TasksSpec, cx: &CheckContext) -> Observation {
    let expect = match cx.bind_conditions(&spec.expect).await {
        Ok(expect) => expect,
        Err(observation) => return observation,
    };
    let running_tasks = Mutex::new(None);
    let look = || async {
        let look = evaluate_once(spec, cx, &expect, &running_tasks)
            .await
            .unwrap_or_else(|aws_error| Attempt::Retryable(aws_error.into()));
        if !matches!(&look, Attempt::Retryable(observation) if observation.is_ok()) {
            // The window is broken. Tasks that run when it begins again belong to the new window.
            *running_tasks.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        look
    };
    poll(&spec.poll_policy, cx, look).await
}

const NO_ORIGINAL_HINT: &str = "look at the service's task sets: none of them serves customers";

async fn evaluate_once(
    spec: &TasksSpec,
    cx: &CheckContext,
    expect: &[Condition],
    running_tasks: &Mutex<Option<RunningTasks>>,
) -> Result<Attempt, AwsError> {
    let (cluster, deployment) = (&cx.target.cluster, &cx.target.deployment);
    let service = cx.aws.service(cluster, &cx.target.service.name).await?;
    let resource = format!("service {}", service.name);
    if !service.is_active() {
        return Ok(Attempt::Retryable(service_not_active(&service)));
    }
    let Some(set) = find_task_set(spec.colour, &service, deployment) else {
        let whose = match spec.colour {
            Colour::Green => format!("a replacement task set of deployment {}", deployment.id),
            Colour::Blue => "an original task set".to_owned(),
        };
        let missing = missing_code(spec.colour);
        let hint = (spec.colour == Colour::Blue).then_some(NO_ORIGINAL_HINT);
        let event = service.events.first().map(|event| event.message.clone());
        return Ok(Attempt::Retryable(
            Observation::failed(missing, resource, whose, "none").with_hint(hint).with_details(event),
        ));
    };
    let resource = format!("{} task set of {}", role(spec.colour), service.name);
    let counts = ["running", "steady", "unhealthy_containers", "unknown_containers", "crashed_since_start"];
    if set.desired == 0 && set.running == 0 && counts.iter().any(|subject| spec.uses_subject(subject)) {
        // If no tasks are desired, waiting for them is pointless.
        return Ok(Attempt::Final(no_desired_tasks(resource)));
    }
    let mut facts = BTreeMap::from([
        ("task_set", Value::Text(set.id.clone())),
        ("steady", Value::Bool(set.is_steady)),
        ("running", Value::Number(set.running.into())),
        ("desired", Value::Number(set.desired.into())),
        ("pending", Value::Number(set.pending.into())),
    ]);
    let mut details = Vec::new();
    let mut crashed_count = 0;
    let (mut hint, mut crash) = (None, None);
    if spec.needs_stopped_tasks() {
        let stopped = cx.aws.tasks(cluster, &service, set, TaskFilter::Stopped).await?;
        let (crashed, spared): (Vec<&Task>, Vec<&Task>) = stopped.iter().partition(|task| task.is_crash());
        facts.insert("crashed_since_start", Value::Number(crashed.len() as f64));
        crashed_count = crashed.len();
        hint = crashed.iter().find_map(|task| task.advice());
        crash = describe_crashes(&crashed, set.desired);
        details.extend(list_crashes(&crashed));
        if let Some(first) = spared.first() {
            let others = match spared.len() {
                1 => String::new(),
                all => format!(" (and {} more)", all - 1),
            };
            details.push(format!("not counted as crashed: {}{others}", first.stop_summary()));
        }
        // ECS forgets stopped tasks after an hour. A task that replaced one is younger than the others.
        if crashed_count == 0 && spec.uses_subject("crashed_since_start") && is_long_running(set) {
            let running = cx.aws.tasks(cluster, &service, set, TaskFilter::Running).await?;
            details.extend(younger_task_hint(set, &running));
        }
    }
    let of_health = |condition: &Condition| HEALTH_SUBJECTS.iter().any(|subject| condition.uses_subject(subject));
    let mut expect = expect.to_vec();
    if expect.iter().any(of_health)
        && let Some(unchecked) = collect_health(cx, &service, set, &mut facts, &mut details).await?
    {
        let left_out: Vec<_> = expect.iter().filter(|condition| of_health(condition)).cloned().collect();
        let others: Vec<_> =
            expect.iter().filter_map(|condition| condition.without_subjects(&HEALTH_SUBJECTS)).collect();
        if others.is_empty() {
            return Ok(Attempt::Retryable(Observation::not_applicable(resource, unchecked)));
        }
        let left_out: Vec<_> = left_out.iter().map(Condition::to_string).collect();
        details.push(format!("{} does not apply: {unchecked}", left_out.join(", ")));
        expect = others;
    }
    // ECS reports all counts, so only the health of missing tasks has no value.
    let absent = |condition: &Condition, _: &str| {
        let seen = format!("no tasks to check, so `{condition}` cannot be judged");
        Observation::no_data(ReasonCode::NotRunning, &resource, "", seen)
    };
    let mut observation = evaluate_conditions(&resource, &expect, &facts, absent).prepend_details(details);
    if spec.colour == Colour::Blue && observation.outcome == Outcome::Failed {
        observation.code = Some(ReasonCode::OriginalNotSteady);
    }
    if spec.poll_policy.restart_on_failure && observation.outcome == Outcome::Passed {
        let tasks = cx.aws.tasks(cluster, &service, set, TaskFilter::Running).await?;
        let now: BTreeSet<_> = tasks.into_iter().map(|task| task.id).collect();
        let mut roll = running_tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let roll = roll.get_or_insert_with(|| RunningTasks { desired: set.desired, tasks: now.clone() });
        if let Some((gone, new)) = roll.find_replacement(set.desired, &now) {
            let seen =
                format!("task {gone:.8} stopped, and task {new:.8} replaced it, which `stable_for` does not allow");
            observation =
                Observation::failed(ReasonCode::TasksReplaced, &resource, "", seen).with_details(observation.details);
        }
    }
    // A stopped task stays stopped, so waiting cannot make this true again.
    let settled = crashed_count > 0 && observation.code == Some(ReasonCode::TasksStopped);
    if !observation.is_ok() {
        let event = service.explaining_event(set).map(str::to_owned);
        observation = match observation.code {
            Some(ReasonCode::TasksStopped) => observation.with_hint(hint).with_cause(crash).with_details(event),
            Some(ReasonCode::NotRunning | ReasonCode::TasksPending | ReasonCode::NotSteady) if event.is_some() => {
                observation.with_hint(Some("fix what the service's event says")).with_cause(event)
            }
            _ => observation.prepend_details(crash).with_details(event),
        }
        .with_task_set(&set.id);
    }
    let is_strict =
        |condition: &&Condition| NON_SETTLING_SUBJECTS.iter().any(|subject| condition.uses_subject(subject));
    let strict: Vec<_> = expect.iter().filter(is_strict).cloned().collect();
    let counts =
        matches!(observation.code, Some(ReasonCode::NotRunning | ReasonCode::TasksPending | ReasonCode::NotSteady))
            && observation.outcome == Outcome::Failed
            && crashed_count == 0
            && (strict.is_empty() || evaluate_conditions(&resource, &strict, &facts, absent).is_ok());
    Ok(match observation {
        observation if settled => Attempt::Final(observation),
        observation if counts => Attempt::Settling(observation),
        observation => Attempt::Retryable(observation),
    })
}

/// What happened to the tasks, with the reason of the first: `1 of 2 tasks could not start: …`.
fn describe_crashes(crashed: &[&Task], desired: i32) -> Option<String> {
    let first = crashed.first()?;
    let did = if first.failed_to_start() { "could not start" } else { "stopped" };
    let all = crashed.len();
    let tasks = match usize::try_from(desired) {
        Ok(desired) if desired >= all => format!("{all} of {desired} {}", if desired == 1 { "task" } else { "tasks" }),
        // In a crash loop more tasks stop than are desired.
        _ => format!("{all} tasks"),
    };
    Some(format!("{tasks} {did}: {}", first.stop_cause()))
}

/// The ids of the tasks, with which their logs can be found, and other reasons than that of the first.
fn list_crashes(crashed: &[&Task]) -> Vec<String> {
    let Some(first) = crashed.first() else { return Vec::new() };
    let cause = first.stop_cause();
    let (same, other): (Vec<&Task>, Vec<&Task>) = crashed.iter().partition(|task| task.stop_cause() == cause);
    let ids: Vec<_> = same.iter().take(MAX_STOPPED_SHOWN).map(|task| task.id.as_str()).collect();
    let more = match same.len().saturating_sub(MAX_STOPPED_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let code = first.stop_code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let mut lines = vec![format!("{code}task {}{more}", ids.join(", "))];
    lines.extend(other.iter().take(MAX_STOPPED_SHOWN).map(|task| task.stop_summary()));
    if other.len() > MAX_STOPPED_SHOWN {
        lines.push(format!("and {} more", other.len() - MAX_STOPPED_SHOWN));
    }
    lines
}

/// Collects the health of containers. Returns a text if none of them has a health check.
async fn collect_health(
    cx: &CheckContext,
    service: &Service,
    set: &TaskSet,
    facts: &mut BTreeMap<&'static str, Value>,
    details: &mut Vec<String>,
) -> Result<Option<String>, AwsError> {
    let (definition, tasks) = tokio::join!(
        cx.aws.task_definition(&set.task_definition),
        cx.aws.tasks(&cx.target.cluster, service, set, TaskFilter::Running),
    );
    let (definition, tasks) = (definition?, tasks?);
    let (checked, unchecked): (Vec<_>, Vec<_>) =
        definition.containers.iter().partition(|container| container.has_health_check && container.is_essential);
    if checked.is_empty() {
        let names: Vec<_> = unchecked.iter().map(|container| container.name.as_str()).collect();
        return Ok(Some(format!("no essential container has a health check ({})", names.join(", "))));
    }
    let (mut unhealthy, mut unknown) = (0_u32, 0_u32);
    let mut not_healthy = Vec::new();
    for task in &tasks {
        for container in &checked {
            let health =
                task.containers.iter().find(|it| it.name == container.name).map_or("UNKNOWN", |it| it.health.as_str());
            match health {
                "HEALTHY" => continue,
                "UNHEALTHY" => unhealthy += 1,
                _ => unknown += 1,
            }
            not_healthy.push(format!("container {} of task {:.8} is {health}", container.name, task.id));
        }
    }
    let more = not_healthy.len().saturating_sub(MAX_STOPPED_SHOWN);
    if more > 0 {
        not_healthy.truncate(MAX_STOPPED_SHOWN);
        not_healthy.push(format!("and {more} more"));
    }
    details.extend(not_healthy);
    // Tasks that ECS counts but did not list have not been checked, so they are not healthy.
    let unseen = set.expected_tasks().saturating_sub(tasks.len());
    if unseen > 0 {
        details.push(match unseen {
            1 => "1 task does not exist yet, or is not in ECS's list".to_owned(),
            _ => format!("{unseen} tasks do not exist yet, or are not in ECS's list"),
        });
    }
    // Without tasks nothing can be unhealthy, which proves nothing.
    if !tasks.is_empty() {
        facts.insert("unhealthy_containers", Value::Number(unhealthy.into()));
    }
    facts.insert("unknown_containers", Value::Number(f64::from(unknown) + unseen as f64));
    Ok(None)
}

/// The service is being deleted, or no longer exists.
fn service_not_active(service: &Service) -> Observation {
    Observation::failed(
        ReasonCode::ServiceNotActive,
        format!("service {}", service.name),
        "status ACTIVE",
        &service.status,
    )
}

/// There are no tasks because none are desired.
pub(super) fn no_desired_tasks(resource: String) -> Observation {
    Observation::no_data(ReasonCode::NotRunning, resource, "", "the desired count is 0, so there are no tasks to check")
        .with_hint(Some(
            "set a desired count before you deploy, or `no_data: warn` if the service is meant to have no tasks",
        ))
}

/// Whether the task set is old enough for one of its tasks to be much younger.
fn is_long_running(set: &TaskSet) -> bool {
    let age = set.created.and_then(|created| std::time::SystemTime::now().duration_since(created).ok());
    age.is_some_and(|age| age > MIN_AGE_GAP)
}

/// Only a hint, because it looks the same when a service was scaled out.
fn younger_task_hint(set: &TaskSet, running: &[Task]) -> Option<String> {
    let created = set.created?;
    let since = |task: &Task| task.created?.duration_since(created).ok();
    let late: Vec<_> = running.iter().filter_map(since).filter(|after| *after > MIN_AGE_GAP).collect();
    let last = late.iter().max()?;
    Some(format!(
        "{} of {} running tasks started up to {} after the task set: they were restarted, unless the service was scaled out",
        late.len(),
        running.len(),
        gate::format_duration(*last)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_are_counted_and_their_tasks_are_named() {
        let pull = |id: &str| Task::stopped(id, "TaskFailedToStart", "CannotPullContainerError: not found");
        let (a, b, c) = (pull("a"), pull("b"), Task::stopped("c", "EssentialContainerExited", "out"));
        let why = "not found (CannotPullContainerError)";
        assert_eq!(describe_crashes(&[], 2), None);
        assert_eq!(describe_crashes(&[&a], 2), Some(format!("1 of 2 tasks could not start: {why}")));
        assert_eq!(describe_crashes(&[&a, &b, &c], 2), Some(format!("3 tasks could not start: {why}")));
        assert_eq!(describe_crashes(&[&c], 1), Some("1 of 1 task stopped: out".to_owned()));
        let listed = ["TaskFailedToStart: task a, b", "task stopped: out; EssentialContainerExited (task c)"];
        assert_eq!(list_crashes(&[&a, &b, &c]), listed);
        assert_eq!(list_crashes(&[&a, &a, &a, &a]), ["TaskFailedToStart: task a, a, a and 1 more"]);
    }

    #[test]
    fn scaling_replaces_nothing_and_a_new_task_for_an_old_one_does() {
        let tasks = |ids: &str| ids.chars().map(String::from).collect::<BTreeSet<_>>();
        let story = |looks: &[(i32, &str)]| {
            let mut roll = RunningTasks { desired: looks[0].0, tasks: tasks(looks[0].1) };
            looks.iter().filter_map(|(desired, ids)| roll.find_replacement(*desired, &tasks(ids))).count()
        };
        assert_eq!(story(&[(2, "ab"), (2, "ab"), (2, "ab")]), 0);
        assert_eq!(story(&[(2, "ab"), (3, "abc"), (3, "abc")]), 0);
        assert_eq!(story(&[(2, "ab"), (1, "a"), (2, "ac")]), 0);
        assert_eq!(story(&[(2, "ab"), (2, "ac")]), 1);
        assert_eq!(story(&[(2, "ab"), (2, "a"), (2, "ac")]), 1);
        assert_eq!(story(&[(2, "ab"), (3, "ab"), (3, "abc"), (3, "abd")]), 1);
    }
}
