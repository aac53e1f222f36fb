//! `image: green|blue`: every task runs the image in the task definition. With a digest: exactly that one. With a tag:
//! the same digest on all tasks, because somebody can move a tag while tasks start.

use std::collections::{BTreeMap, BTreeSet};

use aws_client::{
    AwsError, TaskFilter,
    model::Task,
    model::{ContainerDefinition, Image, short_digest},
};
use gate::{ReasonCode, kinds::ImageSpec};

use super::{
    CheckContext,
    poll::{Attempt, poll},
    task_set::{find_task_set, missing_code, role},
};
use crate::finding::Observation;

const UNKNOWN_CONTAINER_HINT: &str = "correct the name in `containers`: it is the name in the task definition";
const MISSING_TASKS_HINT: &str = "give the check a `within`, so that it waits until ECS lists every task";
const NO_CONTAINER_HINT: &str = "deploy a task definition that has containers";

pub async fn run(spec: &ImageSpec, cx: &CheckContext) -> Observation {
    let look = || async { Attempt::Retryable(evaluate_once(spec, cx).await.unwrap_or_else(AwsError::into)) };
    poll(&spec.poll_policy, cx, look).await
}

async fn evaluate_once(spec: &ImageSpec, cx: &CheckContext) -> Result<Observation, AwsError> {
    let cluster = &cx.target.cluster;
    let service = cx.aws.service(cluster, &cx.target.service.name).await?;
    let Some(set) = find_task_set(spec.colour, &service, &cx.target.deployment) else {
        let resource = format!("service {}", service.name);
        let seen = format!("there is no {} task set", role(spec.colour));
        return Ok(Observation::no_data(missing_code(spec.colour), resource, "", seen));
    };
    let (definition, tasks) = tokio::join!(
        cx.aws.task_definition(&set.task_definition),
        cx.aws.tasks(cluster, &service, set, TaskFilter::Running),
    );
    let (definition, tasks) = (definition?, tasks?);
    let resource = format!("{} task set of {}", role(spec.colour), service.name);
    if tasks.is_empty() {
        return Ok(Observation::no_data(ReasonCode::NotRunning, resource, "", "no tasks are running"));
    }
    let named = |name: &String| !definition.containers.iter().any(|container| container.name == *name);
    if let Some(unknown) = spec.containers.iter().find(|name| named(name)) {
        let expected = format!("a container {unknown} in {}", definition.arn);
        let names: Vec<_> = definition.containers.iter().map(|container| container.name.as_str()).collect();
        return Ok(Observation::no_data(ReasonCode::ImageUnknown, resource, expected, names.join(", "))
            .with_hint(Some(UNKNOWN_CONTAINER_HINT)));
    }
    let is_selected = |it: &&ContainerDefinition| spec.containers.is_empty() || spec.containers.contains(&it.name);
    let each: Vec<_> = definition
        .containers
        .iter()
        .filter(is_selected)
        .map(|container| evaluate_container(&resource, container, &tasks))
        .collect();
    let actual: Vec<_> = each.iter().map(|one| one.actual.clone()).collect();
    let mut wrong: Vec<_> = each.into_iter().filter(|one| !one.is_ok()).collect();
    let no_data = |seen: String| Observation::no_data(ReasonCode::ImageUnknown, &resource, "", seen);
    if tasks.len() < set.expected_tasks() {
        let seen = format!("only {} of {} tasks are running", tasks.len(), set.expected_tasks());
        wrong.push(no_data(seen).with_hint(Some(MISSING_TASKS_HINT)));
    }
    if actual.is_empty() {
        let seen = format!("task definition {} has no such container", definition.name());
        wrong.push(no_data(seen).with_hint(Some(NO_CONTAINER_HINT)));
    }
    // A wrong digest weighs more than one that is not known yet.
    wrong.sort_by_key(|one| one.outcome);
    if let Some((worst, others)) = wrong.split_first() {
        let details = others.iter().map(Observation::difference);
        return Ok(others.iter().fold(worst.clone(), Observation::merge_outcomes).with_details(details));
    }
    Ok(Observation::passed(resource, actual.join(", ")))
}

/// What one container runs on all tasks.
fn evaluate_container(resource: &str, container: &ContainerDefinition, tasks: &[Task]) -> Observation {
    let name = &container.name;
    let mut by_digest: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut unknown = 0;
    for task in tasks {
        let running = task.containers.iter().find(|it| it.name == *name);
        match running.and_then(|it| it.digest.as_deref()) {
            Some(digest) => {
                by_digest.entry(digest).or_default().insert(&task.id);
            }
            None => unknown += 1,
        }
    }
    let describe = |digest: &str, tasks: &BTreeSet<&str>| {
        let first = tasks.first().copied().unwrap_or_default();
        let more = if tasks.len() > 1 { format!(" and {} more", tasks.len() - 1) } else { String::new() };
        format!("{} on task {first:.8}{more}", short_digest(digest))
    };
    let image = Image::parse(&container.image);
    let pinned = image.digest.as_deref();
    let wrong: Vec<_> =
        by_digest.iter().filter(|(digest, _)| pinned.is_some_and(|pinned| pinned != **digest)).collect();
    if let (Some(pinned), Some((digest, tasks))) = (pinned, wrong.first()) {
        let expected = format!("{name} from {}", short_digest(pinned));
        return Observation::failed(ReasonCode::WrongImage, resource, expected, describe(digest, tasks));
    }
    if by_digest.len() > 1 {
        let expected = format!("one digest of {name} ({}) on all tasks", render_tag(&image));
        let seen: Vec<_> = by_digest.iter().map(|(digest, tasks)| describe(digest, tasks)).collect();
        return Observation::failed(ReasonCode::ImagesDiffer, resource, expected, seen.join(", "));
    }
    match by_digest.keys().next() {
        Some(digest) if unknown == 0 => {
            let seen = match pinned {
                Some(_) => format!("{name} is {} as pinned", short_digest(digest)),
                None => {
                    format!("{name} ({}) is {} on all {} tasks", render_tag(&image), short_digest(digest), tasks.len())
                }
            };
            Observation::passed(resource, seen)
        }
        _ => {
            let expected = format!("the digest of {name}");
            let seen = format!("not reported by ECS on {unknown} of {} tasks", tasks.len());
            // For such an image the check may wait forever.
            let outside = image.ecr_location().is_none().then(|| {
                "ECS may never report it for an image outside Amazon ECR; list the containers to check in `containers`".to_owned()
            });
            Observation::no_data(ReasonCode::ImageUnknown, resource, expected, seen).with_details(outside)
        }
    }
}

fn render_tag(image: &Image) -> String {
    format!("tag {}", image.tag.as_deref().unwrap_or("latest"))
}
