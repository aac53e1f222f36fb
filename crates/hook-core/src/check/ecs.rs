//! `ecs: green|blue`: the task set and its tasks, as ECS sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Check, Kind, Looking, Scene,
    judge::judge,
    poll::{Look, Pace},
};
use crate::{
    aws::{Ask, Fault, Listed},
    code::Code,
    finding::{Observation, Outcome},
    gate::{Condition, Fields, Subject, Value},
    permissions::Need,
    target::{Deployment, Service, Task, TaskSet},
};

pub const KIND: Kind = Kind { key: "ecs", read };

const SUBJECTS: &[Subject] = &[
    Subject::name("task_set", Code::ReplacementMissing),
    Subject::flag("steady", Code::NotSteady),
    Subject::count("running", Code::NotRunning),
    Subject::count("desired", Code::NotRunning),
    Subject::count("pending", Code::TasksPending),
    Subject::count("unhealthy_containers", Code::ContainersUnhealthy).optional(),
    Subject::count("unknown_containers", Code::ContainersUnhealthy),
    Subject::count("crashed_since_start", Code::TasksStopped),
];

/// The subjects that there are only where a container has a health check.
const OF_HEALTH: [&str; 2] = ["unhealthy_containers", "unknown_containers"];

/// The subjects that are as they should be also while a task set is scaled out or a task is replaced.
const NOT_SETTLING: [&str; 3] = ["task_set", "unhealthy_containers", "crashed_since_start"];

/// So many stopped tasks are told one by one; a crash loop makes hundreds that say the same.
const OBITUARIES: usize = 3;

/// A task that came so long after its task set was probably started for another one, or the service was scaled out.
const MUCH_YOUNGER: Duration = Duration::from_secs(5 * 60);
/// What has to be stable may take so long to become so, where nothing else is said: what the built-in checks allow.
const TO_SETTLE: Duration = Duration::from_secs(5 * 60);

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

    /// The fault that there is none.
    pub(super) const fn missing(self) -> Code {
        match self {
            Self::Green => Code::ReplacementMissing,
            Self::Blue => Code::OriginalNotSteady,
        }
    }

    pub(super) fn of<'a>(self, service: &'a Service, deployment: &Deployment) -> Option<&'a TaskSet> {
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
    let pace = pace(fields);
    let expect = fields.expect_some(SUBJECTS);
    Some(Arc::new(Ecs { colour: colour?, pace, expect }))
}

/// With `stable_for` it has to be so for that long without a break, and may take its time to become so.
fn pace(fields: &mut Fields<'_>) -> Pace {
    let once = Pace { every: Duration::from_secs(5), ..Pace::ONCE };
    let Some(stable) = fields.duration("stable_for") else { return Pace::read(fields, &once) };
    if fields.has("for") {
        fields.fault(fields.place_of("for"), "`for` and `stable_for` say two things of one window; give one of them");
    }
    let stable = Pace { within: TO_SETTLE, stay: stable, anew: true, ..once };
    let pace = Pace { stay: stable.stay, ..Pace::read(fields, &stable) };
    fields.said_elsewhere("for");
    pace
}

/// The tasks of a window in which nothing may be replaced.
struct Roll {
    desired: i32,
    tasks: BTreeSet<String>,
}

impl Roll {
    /// Compares with the tasks that run now. What went because fewer are wanted, or came because more are, is no
    /// replacement; gives the one that went and the one that came in its place.
    fn replaced(&mut self, desired: i32, now: &BTreeSet<String>) -> Option<(String, String)> {
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

impl Check for Ecs {
    fn title(&self) -> String {
        format!("ecs {}", self.colour.word())
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![Need::new(Ask::Service, "to see how many tasks run, and whether the task set is steady")];
        if self.wants_stopped() {
            needs.push(Need::new(Ask::Tasks, "to see which tasks of a task set stopped, and why"));
        }
        if OF_HEALTH.iter().any(|subject| self.mentions(subject)) {
            needs.push(Need::new(Ask::Definition, "to know which containers have a health check"));
            needs.push(Need::new(Ask::Tasks, "to see the health of containers"));
        }
        if self.pace.anew {
            needs.push(Need::new(Ask::Tasks, "to see whether a task is replaced while all has to be stable"));
        }
        needs
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let expect = match scene.rendered(&self.expect).await {
                Ok(expect) => expect,
                Err(observation) => return observation,
            };
            let roll = Mutex::new(None);
            let look = || async {
                let look = self.once(scene, &expect, &roll).await.unwrap_or_else(|fault| Look::Now(fault.observed()));
                if !matches!(&look, Look::Now(observation) if observation.holds()) {
                    // The window is broken, and whoever runs when it begins anew belongs to it.
                    *roll.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
                look
            };
            self.pace.watch(scene, look).await
        })
    }
}

impl Ecs {
    fn mentions(&self, subject: &str) -> bool {
        self.expect.iter().any(|condition| condition.mentions(subject))
    }

    /// Whether tasks that stopped explain what it looks at.
    fn wants_stopped(&self) -> bool {
        ["crashed_since_start", "steady", "running"].iter().any(|subject| self.mentions(subject))
    }

    async fn once(&self, scene: &Scene, expect: &[Condition], roll: &Mutex<Option<Roll>>) -> Result<Look, Fault> {
        let (cluster, deployment) = (&scene.target.cluster, &scene.target.deployment);
        let service = scene.aws.service(cluster, &scene.target.service.name).await?;
        let resource = format!("service {}", service.name);
        if !service.is_active() {
            return Ok(Look::Now(not_active(&service)));
        }
        let Some(set) = self.colour.of(&service, deployment) else {
            let whose = match self.colour {
                Colour::Green => format!("a task set of deployment {}", deployment.id),
                Colour::Blue => "an original task set".to_owned(),
            };
            let missing = self.colour.missing();
            let event = service.events.first().map(|event| event.message.clone());
            return Ok(Look::Now(Observation::failed(missing, resource, whose, "none").with(event)));
        };
        let resource = format!("task set {} of {}", set.id.trim_start_matches("ecs-svc/"), service.name);
        let counts = ["running", "steady", "unhealthy_containers", "unknown_containers", "crashed_since_start"];
        if set.desired == 0 && set.running == 0 && counts.iter().any(|subject| self.mentions(subject)) {
            // Nobody waits for tasks that nobody wants.
            return Ok(Look::Final(nothing_desired(resource)));
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
        let mut hint = None;
        if self.wants_stopped() {
            let stopped = scene.aws.tasks(cluster, &service, set, Listed::Stopped).await?;
            let (crashed, spared): (Vec<&Task>, Vec<&Task>) = stopped.iter().partition(|task| task.crashed());
            facts.insert("crashed_since_start", Value::Number(crashed.len() as f64));
            dead = crashed.len();
            hint = crashed.iter().find_map(|task| task.advice());
            details.extend(crashed.iter().take(OBITUARIES).map(|task| task.obituary()));
            if crashed.len() > OBITUARIES {
                details.push(format!("and {} more", crashed.len() - OBITUARIES));
            }
            if let Some(first) = spared.first() {
                let others = match spared.len() {
                    1 => String::new(),
                    all => format!(" (and {} more)", all - 1),
                };
                details.push(format!("not counted as crashed: {}{others}", first.obituary()));
            }
            // ECS forgets stopped tasks after an hour; what runs in their place is younger than the rest.
            if dead == 0 && self.mentions("crashed_since_start") && is_old(set) {
                let running = scene.aws.tasks(cluster, &service, set, Listed::Running).await?;
                details.extend(much_younger(set, &running));
            }
        }
        let of_health = |condition: &Condition| OF_HEALTH.iter().any(|subject| condition.mentions(subject));
        let mut expect = expect.to_vec();
        if expect.iter().any(of_health)
            && let Some(unchecked) = self.health(scene, &service, set, &mut facts, &mut details).await?
        {
            let left_out: Vec<_> = expect.iter().filter(|condition| of_health(condition)).cloned().collect();
            let others: Vec<_> = expect.iter().filter_map(|condition| condition.without(&OF_HEALTH)).collect();
            if others.is_empty() {
                return Ok(Look::Now(Observation::not_applicable(resource, unchecked)));
            }
            let left_out: Vec<_> = left_out.iter().map(Condition::to_string).collect();
            details.push(format!("{} does not apply: {unchecked}", left_out.join(", ")));
            expect = others;
        }
        // What ECS counts it tells, so what has no value is the health of tasks that are not there.
        let absent = |condition: &Condition, _: &str| {
            Observation::no_data(Code::NotRunning, &resource, condition.to_string(), "no tasks to judge")
        };
        let mut observation = judge(&resource, &expect, &facts, absent).led_by(details);
        if self.colour == Colour::Blue && observation.outcome == Outcome::Failed {
            observation.code = Some(Code::OriginalNotSteady);
        }
        if self.pace.anew && observation.outcome == Outcome::Passed {
            let tasks = scene.aws.tasks(cluster, &service, set, Listed::Running).await?;
            let now: BTreeSet<_> = tasks.into_iter().map(|task| task.id).collect();
            let mut roll = roll.lock().unwrap_or_else(PoisonError::into_inner);
            let roll = roll.get_or_insert_with(|| Roll { desired: set.desired, tasks: now.clone() });
            if let Some((gone, new)) = roll.replaced(set.desired, &now) {
                let seen = format!("task {gone:.8} went and task {new:.8} came");
                observation = Observation::failed(Code::TasksReplaced, &resource, "the same tasks all the time", seen)
                    .with(observation.details);
            }
        }
        // A task that ended stays ended: waiting cannot make this true again.
        let settled = dead > 0 && observation.code == Some(Code::TasksStopped);
        if !observation.holds() {
            let event = service.trouble_of(set).map(str::to_owned);
            let (hint, is_cause) = match observation.code {
                Some(Code::TasksStopped) => (hint, false),
                Some(Code::NotRunning | Code::TasksPending | Code::NotSteady) if event.is_some() => {
                    (Some("fix what the service's event says"), true)
                }
                _ => (None, false),
            };
            observation = observation.with_hint(hint);
            observation = if is_cause { observation.led_by(event) } else { observation.with(event) };
        }
        let is_strict = |condition: &&Condition| NOT_SETTLING.iter().any(|subject| condition.mentions(subject));
        let strict: Vec<_> = expect.iter().filter(is_strict).cloned().collect();
        let counts = matches!(observation.code, Some(Code::NotRunning | Code::TasksPending | Code::NotSteady))
            && observation.outcome == Outcome::Failed
            && dead == 0
            && (strict.is_empty() || judge(&resource, &strict, &facts, absent).holds());
        Ok(match observation {
            observation if settled => Look::Final(observation),
            observation if counts => Look::Settling(observation),
            observation => Look::Now(observation),
        })
    }

    /// Fills in the health of containers. Some words when none of them has a health check, so that there is none to tell.
    async fn health(
        &self,
        scene: &Scene,
        service: &Service,
        set: &TaskSet,
        facts: &mut BTreeMap<&'static str, Value>,
        details: &mut Vec<String>,
    ) -> Result<Option<String>, Fault> {
        let (definition, tasks) = tokio::join!(
            scene.aws.definition(&set.task_definition),
            scene.aws.tasks(&scene.target.cluster, service, set, Listed::Running),
        );
        let (definition, tasks) = (definition?, tasks?);
        let (checked, unchecked): (Vec<_>, Vec<_>) =
            definition.containers.iter().partition(|container| container.has_health_check && container.essential);
        if checked.is_empty() {
            let names: Vec<_> = unchecked.iter().map(|container| container.name.as_str()).collect();
            return Ok(Some(format!("no essential container has a health check ({})", names.join(", "))));
        }
        let (mut unhealthy, mut unknown) = (0_u32, 0_u32);
        let mut told = Vec::new();
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
                told.push(format!("container {} of task {:.8} is {health}", container.name, task.id));
            }
        }
        let more = told.len().saturating_sub(OBITUARIES);
        if more > 0 {
            told.truncate(OBITUARIES);
            told.push(format!("and {more} more"));
        }
        details.extend(told);
        // Tasks that ECS counts but did not list have not been looked at, and so are not healthy.
        let unseen = set.counted().saturating_sub(tasks.len());
        if unseen > 0 {
            details.push(format!("{unseen} tasks are not there yet, or were not listed"));
        }
        // Of no task nothing can be unhealthy, which says nothing.
        if !tasks.is_empty() {
            facts.insert("unhealthy_containers", Value::Number(unhealthy.into()));
        }
        facts.insert("unknown_containers", Value::Number(f64::from(unknown) + unseen as f64));
        Ok(None)
    }
}

/// The service is being deleted, or is gone.
fn not_active(service: &Service) -> Observation {
    Observation::failed(Code::ServiceNotActive, format!("service {}", service.name), "status ACTIVE", &service.status)
}

/// There is no task because none is wanted.
pub(super) fn nothing_desired(resource: String) -> Observation {
    Observation::no_data(Code::NotRunning, resource, "tasks to judge", "a desired count of 0").with_hint(Some(
        "set a desired count before you deploy, or `no_data: warn` where the service is meant to be at 0",
    ))
}

/// Whether the set is old enough for a task of it to be much younger.
fn is_old(set: &TaskSet) -> bool {
    let age = set.created.and_then(|created| std::time::SystemTime::now().duration_since(created).ok());
    age.is_some_and(|age| age > MUCH_YOUNGER)
}

/// A hint and no more: the same is seen when a service was scaled out.
fn much_younger(set: &TaskSet, running: &[Task]) -> Option<String> {
    let created = set.created?;
    let since = |task: &Task| task.created?.duration_since(created).ok();
    let late: Vec<_> = running.iter().filter_map(since).filter(|after| *after > MUCH_YOUNGER).collect();
    let last = late.iter().max()?;
    Some(format!(
        "{} of {} running tasks came up to {} after the task set: restarted, unless the service was scaled out",
        late.len(),
        running.len(),
        crate::gate::in_words(*last)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_replaces_nothing_and_a_new_task_for_an_old_one_does() {
        let tasks = |ids: &str| ids.chars().map(String::from).collect::<BTreeSet<_>>();
        let story = |looks: &[(i32, &str)]| {
            let mut roll = Roll { desired: looks[0].0, tasks: tasks(looks[0].1) };
            looks.iter().filter_map(|(desired, ids)| roll.replaced(*desired, &tasks(ids))).count()
        };
        assert_eq!(story(&[(2, "ab"), (2, "ab"), (2, "ab")]), 0);
        assert_eq!(story(&[(2, "ab"), (3, "abc"), (3, "abc")]), 0);
        assert_eq!(story(&[(2, "ab"), (1, "a"), (2, "ac")]), 0);
        assert_eq!(story(&[(2, "ab"), (2, "ac")]), 1);
        assert_eq!(story(&[(2, "ab"), (2, "a"), (2, "ac")]), 1);
        assert_eq!(story(&[(2, "ab"), (3, "ab"), (3, "abc"), (3, "abd")]), 1);
    }
}
