//! What the task definition names: whether it is there before a task needs it.

use crate::{
    aws::{AppSpec, Fault, Found},
    check::Scene,
    code::Code,
    definition::{Image, TaskDefinition, task_definition_of},
    finding::{Observation, Outcome},
};

/// The task definition of the replacement: of its task set, where there is one already, else of the AppSpec file.
pub async fn definition(scene: &Scene) -> Result<TaskDefinition, Observation> {
    let deployment = &scene.target.deployment;
    let resource = || format!("deployment {}", deployment.id);
    let name = match scene.target.service.green(deployment) {
        Some(set) => set.task_definition.clone(),
        None => match scene.aws.app_spec(&deployment.id, &deployment.application).await {
            Ok(AppSpec::Text(text)) => task_definition_of(&text).ok_or_else(|| {
                let expected = "TargetService.Properties.TaskDefinition in its AppSpec file";
                Observation::failed(Code::TaskDefinitionNotActive, resource(), expected, "none")
            })?,
            Ok(AppSpec::Elsewhere(place)) => {
                let why = format!("its AppSpec file is in {place}, which is not read");
                return Err(Observation::passed(resource(), why).but(Outcome::Doubtful, Code::NotLookedAt));
            }
            Err(fault) => return Err(not_seen(fault)),
        },
    };
    let looked = scene.aws.definition(&name).await;
    looked.map_err(|fault| {
        let short = name.rsplit('/').next().unwrap_or_default();
        // What AWS says of one that there is not.
        if fault.is("ClientException") {
            let resource = format!("task definition {short}");
            return Observation::failed(Code::TaskDefinitionNotActive, resource, "status ACTIVE", "none");
        }
        not_seen(fault)
    })
}

pub fn active(definition: &TaskDefinition) -> Observation {
    let resource = title(definition);
    if definition.status == "ACTIVE" {
        return Observation::passed(resource, "ACTIVE");
    }
    Observation::failed(Code::TaskDefinitionNotActive, resource, "status ACTIVE", &definition.status)
}

fn title(definition: &TaskDefinition) -> String {
    format!("task definition {}", definition.arn.rsplit('/').next().unwrap_or_default())
}

pub async fn log_groups(scene: &Scene, definition: &TaskDefinition) -> Observation {
    let mut seen = Sight::new(definition, "log group", Code::LogGroupMissing);
    for container in &definition.containers {
        let Some(group) = &container.log_group else { continue };
        if group.made_on_demand {
            seen.told(format!("{} is made on demand", group.name));
            continue;
        }
        if seen.is_new(&group.name) {
            seen.add(&group.name, scene.aws.log_group(&group.name, group.region.as_deref()).await);
        }
    }
    seen.observed()
}

pub async fn roles(scene: &Scene, definition: &TaskDefinition) -> Observation {
    let mut seen = Sight::new(definition, "role", Code::RoleMissing);
    for role in &definition.roles {
        if seen.is_new(role) {
            seen.add(role.rsplit('/').next().unwrap_or_default(), scene.aws.role(role).await);
        }
    }
    seen.observed()
}

pub async fn secrets(scene: &Scene, definition: &TaskDefinition) -> Observation {
    let mut seen = Sight::new(definition, "secret", Code::SecretMissing);
    let mut parameters = Vec::new();
    let secrets = definition.containers.iter().flat_map(|container| &container.secrets);
    let secrets = secrets.map(|name| (name, name.split(':').nth(2) == Some("secretsmanager")));
    let registries = definition.containers.iter().filter_map(|container| container.registry.as_ref());
    for (name, is_secret) in secrets.chain(registries.map(|name| (name, true))) {
        // What follows the secret's own name is a key of its JSON, a stage and a version.
        let name = if is_secret { name.splitn(8, ':').take(7).collect::<Vec<_>>().join(":") } else { name.clone() };
        if !seen.is_new(&name) {
            continue;
        }
        if is_secret {
            let looked = scene.aws.secret(&name).await;
            seen.add(name.rsplit(':').next().unwrap_or_default(), looked);
        } else {
            parameters.push(name);
        }
    }
    if !parameters.is_empty() {
        match scene.aws.parameters_missing(&parameters).await {
            Ok(missing) => {
                for name in parameters {
                    let found = if missing.contains(&name) { Found::No("none") } else { Found::Yes };
                    seen.add(&name, Ok(found));
                }
            }
            Err(fault) => seen.add("parameters", Err(fault)),
        }
    }
    seen.observed()
}

pub async fn images(scene: &Scene, definition: &TaskDefinition) -> Observation {
    let mut seen = Sight::new(definition, "image", Code::ImageMissing);
    for container in &definition.containers {
        if !seen.is_new(&container.image) {
            continue;
        }
        let short = container.image.rsplit('/').next().unwrap_or_default().to_owned();
        let image = Image::parse(&container.image);
        match scene.aws.image(&image).await {
            Ok(Some(Found::No(_))) if image.is_cached_at_first_pull() => seen.unsure(&short),
            Ok(Some(found)) => seen.add(&short, Ok(found)),
            Ok(None) => seen.told(format!("{short} is in no registry of Amazon ECR, and was not looked for")),
            Err(fault) => seen.add(&short, Err(fault)),
        }
    }
    seen.observed()
}

/// What was seen of several things of one kind.
struct Sight {
    definition: String,
    /// What one of them is called.
    what: &'static str,
    code: Code,
    names: Vec<String>,
    there: usize,
    /// What is missing, and what is there in its place.
    missing: Vec<(String, &'static str)>,
    /// What is not there, and may be had all the same.
    unsure: Vec<String>,
    words: Vec<String>,
    fault: Option<Fault>,
}

impl Sight {
    fn new(definition: &TaskDefinition, what: &'static str, code: Code) -> Self {
        let definition = title(definition);
        let (names, missing, words) = (Vec::new(), Vec::new(), Vec::new());
        Self { definition, what, code, names, there: 0, missing, unsure: Vec::new(), words, fault: None }
    }

    /// Whether this is seen for the first time; several containers may name the same.
    fn is_new(&mut self, name: &str) -> bool {
        let new = !self.names.iter().any(|known| known == name);
        if new {
            self.names.push(name.to_owned());
        }
        new
    }

    fn add(&mut self, name: &str, looked: Result<Found, Fault>) {
        match looked {
            Ok(Found::Yes) => self.there += 1,
            Ok(Found::No(why)) => self.missing.push((format!("{} {name}", self.what), why)),
            // The worst one is kept: what may be otherwise another time is not as sure as a permission that is missing.
            Err(fault) => {
                if self.fault.as_ref().is_none_or(Fault::is_refusal) {
                    self.fault = Some(fault);
                }
            }
        }
    }

    fn unsure(&mut self, name: &str) {
        self.unsure.push(format!("{} {name}", self.what));
    }

    fn told(&mut self, words: String) {
        self.words.push(words);
    }

    fn observed(self) -> Observation {
        let Self { definition, what, code, there, missing, unsure, words, fault, .. } = self;
        let unverified = (!unsure.is_empty()).then(|| {
            let seen = format!("{} not verified: in a pull-through cache, and not pulled yet", unsure.join(", "));
            let hint = "pull it once, or take `images` out of `preflight`; ECR fetches it when a task first pulls it";
            Observation::passed(&definition, seen).but(Outcome::Doubtful, Code::NotLookedAt).with_hint(Some(hint))
        });
        let observation = match (missing.split_first(), fault, unverified) {
            (None, None, Some(unverified)) => unverified,
            (Some(((name, seen), more)), fault, _) => {
                let more = more.iter().map(|(name, seen)| format!("{name}: {seen}"));
                let failed = Observation::failed(code, &definition, name, *seen).with(more);
                match fault {
                    Some(fault) => failed.with([fault.to_string()]).counting(&not_seen(fault)),
                    None => failed,
                }
            }
            (None, Some(fault), _) => {
                let seen = not_seen(fault);
                if seen.outcome == Outcome::Doubtful {
                    let told = format!("{}: {}", seen.resource, seen.seen);
                    let why = format!("its {what}s were not looked at");
                    Observation { resource: definition, seen: why, ..seen }.with([told])
                } else {
                    seen
                }
            }
            (None, None, None) if there == 0 => {
                Observation::not_applicable(&definition, format!("it names no {what} to look for"))
            }
            (None, None, None) => Observation::passed(
                &definition,
                if there == 1 { format!("its {what} is there") } else { format!("its {there} {what}s are there") },
            ),
        };
        observation.with(words)
    }
}

/// A permission to look that is missing says nothing about what is there: it is told, and stops nothing. Credentials that
/// are no good are another matter.
fn not_seen(fault: Fault) -> Observation {
    if fault.is_refusal() {
        return Observation::passed(fault.operation, fault.detail).but(Outcome::Doubtful, Code::NotLookedAt);
    }
    fault.observed()
}
