//! `image: green|blue`: what runs is what the task definition names. By digest: that one, on every task. By tag: one
//! digest on all of them, since a tag may have been moved while tasks were started.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Check, Kind, Looking, Scene,
    ecs::Colour,
    poll::{Look, Pace},
};
use crate::{
    aws::{Ask, Fault, Listed},
    code::Code,
    definition::{ContainerDefinition, Image, short_digest},
    finding::Observation,
    gate::{Fields, Named},
    permissions::Need,
    target::Task,
};

pub const KIND: Kind = Kind { key: "image", read };

#[derive(Debug)]
struct Pinned {
    colour: Colour,
    /// The containers to look at; none for all of them.
    containers: Vec<String>,
    pace: Pace,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let colour = fields.choice("image", &Colour::WORDS);
    let containers = fields.texts("containers").into_iter().map(|(_, name)| name).collect();
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(5), ..Pace::ONCE });
    Some(Arc::new(Pinned { colour: colour?, containers, pace }))
}

impl Check for Pinned {
    fn title(&self) -> String {
        format!("image {}", self.colour.word())
    }

    fn names(&self) -> Vec<Named> {
        self.containers.iter().cloned().map(Named::Container).collect()
    }

    fn needs(&self) -> Vec<Need> {
        let why = "to compare the images that tasks run with those of the task definition";
        [Ask::Service, Ask::Definition, Ask::Tasks].map(|ask| Need::new(ask, why)).into()
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(self.pace.watch(scene, || async { Look::Now(self.once(scene).await.unwrap_or_else(Fault::observed)) }))
    }
}

impl Pinned {
    async fn once(&self, scene: &Scene) -> Result<Observation, Fault> {
        let cluster = &scene.target.cluster;
        let service = scene.aws.service(cluster, &scene.target.service.name).await?;
        let Some(set) = self.colour.of(&service, &scene.target.deployment) else {
            let resource = format!("service {}", service.name);
            let expected = format!("a {} task set", self.colour.word());
            return Ok(Observation::no_data(self.colour.missing(), resource, expected, "none"));
        };
        let (definition, tasks) = tokio::join!(
            scene.aws.definition(&set.task_definition),
            scene.aws.tasks(cluster, &service, set, Listed::Running),
        );
        let (definition, tasks) = (definition?, tasks?);
        let resource = format!("task set {} of {}", set.id.trim_start_matches("ecs-svc/"), service.name);
        if tasks.is_empty() {
            return Ok(Observation::no_data(Code::NotRunning, resource, "running tasks", "none"));
        }
        let named = |name: &String| !definition.containers.iter().any(|container| container.name == *name);
        if let Some(unknown) = self.containers.iter().find(|name| named(name)) {
            let expected = format!("a container {unknown} in {}", definition.arn);
            let names: Vec<_> = definition.containers.iter().map(|container| container.name.as_str()).collect();
            return Ok(Observation::no_data(Code::ImageUnknown, resource, expected, names.join(", ")));
        }
        let wanted = |it: &&ContainerDefinition| self.containers.is_empty() || self.containers.contains(&it.name);
        let each: Vec<_> =
            definition.containers.iter().filter(wanted).map(|container| one(&resource, container, &tasks)).collect();
        let told: Vec<_> = each.iter().map(|one| one.seen.clone()).collect();
        let mut wrong: Vec<_> = each.into_iter().filter(|one| !one.holds()).collect();
        let no_data = |expected, seen: String| Observation::no_data(Code::ImageUnknown, &resource, expected, seen);
        if tasks.len() < set.counted() {
            wrong.push(no_data(format!("the images of {} tasks", set.counted()), format!("those of {}", tasks.len())));
        }
        if told.is_empty() {
            wrong.push(no_data(format!("containers in {}", definition.arn), "none".to_owned()));
        }
        // A digest that is wrong weighs more than one that is not known yet.
        wrong.sort_by_key(|one| one.outcome);
        if let Some((worst, others)) = wrong.split_first() {
            let told = others.iter().map(|other| format!("expected {}, was {}", other.expected, other.seen));
            return Ok(others.iter().fold(worst.clone(), Observation::counting).with(told));
        }
        Ok(Observation::passed(resource, told.join(", ")))
    }
}

/// What one container runs on all tasks.
fn one(resource: &str, container: &ContainerDefinition, tasks: &[Task]) -> Observation {
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
    let told = |digest: &str, tasks: &BTreeSet<&str>| {
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
        return Observation::failed(Code::WrongImage, resource, expected, told(digest, tasks));
    }
    if by_digest.len() > 1 {
        let expected = format!("one digest of {name} ({}) on all tasks", tag(&image));
        let seen: Vec<_> = by_digest.iter().map(|(digest, tasks)| told(digest, tasks)).collect();
        return Observation::failed(Code::ImagesDiffer, resource, expected, seen.join(", "));
    }
    match by_digest.keys().next() {
        Some(digest) if unknown == 0 => {
            let seen = match pinned {
                Some(_) => format!("{name} is {} as pinned", short_digest(digest)),
                None => format!("{name} ({}) is {} on all {} tasks", tag(&image), short_digest(digest), tasks.len()),
            };
            Observation::passed(resource, seen)
        }
        _ => {
            let expected = format!("the digest of {name}");
            let seen = format!("not told by ECS on {unknown} of {} tasks", tasks.len());
            // There waiting may be for ever.
            let outside = image.in_ecr().is_none().then(|| {
                "ECS may never tell it of an image outside Amazon ECR; `containers` names those to look at".to_owned()
            });
            Observation::no_data(Code::ImageUnknown, resource, expected, seen).with(outside)
        }
    }
}

fn tag(image: &Image) -> String {
    format!("tag {}", image.tag.as_deref().unwrap_or("latest"))
}
