//! `ecs: green|blue`: the task set and its tasks, as ECS sees them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Check, Kind, Looking, Scene,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    aws::{Fault, Listed},
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fields, Subject, Value},
    target::{Service, Task, TaskSet},
};

pub const KIND: Kind = Kind { key: "ecs", read };

const SUBJECTS: &[Subject] = &[
    Subject::new("task_set", Code::ReplacementMissing),
    Subject::new("steady", Code::NotSteady),
    Subject::new("running", Code::NotRunning),
    Subject::new("desired", Code::NotRunning),
    Subject::new("pending", Code::TasksPending),
    Subject::new("unhealthy_containers", Code::ContainersUnhealthy),
    Subject::new("unknown_containers", Code::ContainersUnhealthy),
    Subject::new("crashed_since_start", Code::TasksStopped),
];

/// So many stopped tasks are told one by one; a crash loop makes hundreds that say the same.
const OBITUARIES: usize = 3;

/// Which task set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colour {
    /// The replacement.
    Green,
    /// The original.
    Blue,
}

impl Colour {
    /// The words of a gate file.
    pub const WORDS: [(&'static str, Self); 2] = [("green", Self::Green), ("blue", Self::Blue)];

    /// The word in messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Blue => "blue",
        }
    }

    fn of<'a>(self, service: &'a Service, deployment: &str) -> Option<&'a TaskSet> {
        match self {
            Self::Green => service.green(deployment),
            Self::Blue => service.blue(deployment),
        }
    }
}

#[derive(Debug)]
struct Ecs {
    colour: Colour,
    pace: Pace,
    expect: Vec<Condition>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let colour = fields.choice("ecs", &Colour::WORDS);
    let pace = Pace::read(fields, &Pace { every: Duration::from_secs(5), ..Pace::ONCE });
    let expect = fields.expect_some(SUBJECTS);
    Some(Arc::new(Ecs { colour: colour?, pace, expect }))
}

impl Check for Ecs {
    fn title(&self) -> String {
        format!("ecs {}", self.colour.word())
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(
            self.pace
                .watch(scene, || async { self.once(scene).await.unwrap_or_else(|fault| Look::Now(fault.observed())) }),
        )
    }
}

impl Ecs {
    fn mentions(&self, subject: &str) -> bool {
        self.expect.iter().any(|condition| condition.mentions(subject))
    }

    async fn once(&self, scene: &Scene) -> Result<Look, Fault> {
        let (cluster, deployment) = (&scene.target.cluster, &scene.target.deployment.id);
        let service = scene.aws.service(cluster, &scene.target.service.name).await?;
        let resource = format!("service {}", service.name);
        let Some(set) = self.colour.of(&service, deployment) else {
            let (code, whose) = match self.colour {
                Colour::Green => (Code::ReplacementMissing, format!("a task set of deployment {deployment}")),
                Colour::Blue => (Code::OriginalNotSteady, "an original task set".to_owned()),
            };
            return Ok(Look::Now(Observation::failed(code, resource, whose, "none").with(service.events)));
        };
        let resource = format!("task set {} of {}", set.id.trim_start_matches("ecs-svc/"), service.name);
        let counts = ["running", "steady", "unhealthy_containers", "unknown_containers", "crashed_since_start"];
        if set.desired == 0 && set.running == 0 && counts.iter().any(|subject| self.mentions(subject)) {
            return Ok(Look::Now(Observation::no_data(
                Code::NotRunning,
                resource,
                "tasks to judge",
                "a desired count of 0",
            )));
        }
        let mut facts = BTreeMap::from([
            ("task_set", Value::Text(set.id.clone())),
            ("steady", Value::Flag(set.steady)),
            ("running", Value::Number(set.running.into())),
            ("desired", Value::Number(set.desired.into())),
            ("pending", Value::Number(set.pending.into())),
        ]);
        let mut details = Vec::new();
        let mut dead = 0;
        if self.mentions("crashed_since_start") || self.mentions("steady") || self.mentions("running") {
            let stopped = scene.aws.tasks(cluster, &service, set, Listed::Stopped).await?;
            let (crashed, spared): (Vec<&Task>, Vec<&Task>) = stopped.iter().partition(|task| task.crashed());
            facts.insert("crashed_since_start", Value::Number(crashed.len() as f64));
            dead = crashed.len();
            details.extend(crashed.iter().take(OBITUARIES).map(|task| task.obituary()));
            if crashed.len() > OBITUARIES {
                details.push(format!("and {} more", crashed.len() - OBITUARIES));
            }
            if !spared.is_empty() {
                details.push(format!(
                    "{} more ended by scaling, Spot, maintenance or by hand, which is no fault",
                    spared.len()
                ));
            }
        }
        if (self.mentions("unhealthy_containers") || self.mentions("unknown_containers"))
            && let Some(does_not_apply) = self.health(scene, &service, set, &mut facts, &mut details).await?
        {
            return Ok(Look::Final(Observation::not_applicable(resource, does_not_apply)));
        }
        let absent = |condition: &Condition, subject: &str| {
            Observation::no_data(Code::CheckFailed, &resource, condition.to_string(), format!("no {subject}"))
        };
        let mut observation = judge(&resource, &self.expect, &facts, absent).led_by(details);
        if self.colour == Colour::Blue && observation.outcome == Outcome::Failed {
            observation.code = Some(Code::OriginalNotSteady);
        }
        if !observation.holds() {
            observation.details.extend(service.events);
        }
        // A task that ended stays ended: waiting cannot make this true again.
        let settled = dead > 0 && observation.code == Some(Code::TasksStopped);
        Ok(if settled { Look::Final(observation) } else { Look::Now(observation) })
    }

    /// Fills in the health of containers. Some words when none of them has a health check, so that there is none.
    async fn health(
        &self,
        scene: &Scene,
        service: &Service,
        set: &TaskSet,
        facts: &mut BTreeMap<&'static str, Value>,
        details: &mut Vec<String>,
    ) -> Result<Option<String>, Fault> {
        let (definition, tasks) = tokio::join!(
            scene.aws.containers(&set.task_definition),
            scene.aws.tasks(&scene.target.cluster, service, set, Listed::Running),
        );
        let (definition, tasks) = (definition?, tasks?);
        let (checked, unchecked): (Vec<_>, Vec<_>) =
            definition.iter().partition(|container| container.has_health_check && container.essential);
        if checked.is_empty() {
            let names: Vec<_> = unchecked.iter().map(|container| container.name.as_str()).collect();
            return Ok(Some(format!("no essential container has a health check ({})", names.join(", "))));
        }
        let (mut unhealthy, mut unknown) = (0_u32, 0_u32);
        for task in &tasks {
            for container in &checked {
                let health = task
                    .containers
                    .iter()
                    .find(|it| it.name == container.name)
                    .map_or("UNKNOWN", |it| it.health.as_str());
                match health {
                    "HEALTHY" => continue,
                    "UNHEALTHY" => unhealthy += 1,
                    _ => unknown += 1,
                }
                details.push(format!("container {} of task {:.8} is {health}", container.name, task.id));
            }
        }
        let more = details.len().saturating_sub(OBITUARIES);
        if more > 0 {
            details.truncate(OBITUARIES);
            details.push(format!("and {more} more"));
        }
        // Tasks that ECS counts but did not list have not been looked at, and so are not healthy.
        let counted = usize::try_from(set.running.max(set.desired)).unwrap_or_default();
        let unseen = counted.saturating_sub(tasks.len());
        if unseen > 0 {
            details.push(format!("{unseen} tasks are not there yet, or were not listed"));
        }
        facts.insert("unhealthy_containers", Value::Number(unhealthy.into()));
        facts.insert("unknown_containers", Value::Number(f64::from(unknown) + unseen as f64));
        Ok(None)
    }
}
