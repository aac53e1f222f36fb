//! Checks that what the task definition refers to exists before a task needs it.

use aws_client::{
    AppSpecLocation, AwsError, Existence,
    model::{Image, TaskDefinition, task_definition_in_app_spec},
};
use gate::ReasonCode;

use crate::{
    checks::CheckContext,
    finding::{Observation, Outcome},
};

/// The task definition of the replacement: from its task set if there is one, else from the AppSpec file.
pub async fn find_task_definition(cx: &CheckContext) -> Result<TaskDefinition, Observation> {
    let deployment = &cx.target.deployment;
    let resource = || format!("deployment {}", deployment.id);
    let name = match cx.target.service.green(deployment) {
        Some(set) => set.task_definition.clone(),
        None => match cx.aws.app_spec(&deployment.id, &deployment.application).await {
            Ok(AppSpecLocation::Text(text)) => task_definition_in_app_spec(&text).ok_or_else(|| {
                let expected = "TargetService.Properties.TaskDefinition in its AppSpec file";
                Observation::failed(ReasonCode::TaskDefinitionNotActive, resource(), expected, "none")
            })?,
            Ok(AppSpecLocation::Other(place)) => {
                let why = format!("its AppSpec file is in {place}, which is not read");
                return Err(Observation::passed(resource(), why)
                    .with_outcome(Outcome::Unverified, ReasonCode::NotPermittedToCheck));
            }
            Err(aws_error) => return Err(not_permitted(aws_error)),
        },
    };
    let found = cx.aws.task_definition(&name).await;
    found.map_err(|fault| {
        let short = name.rsplit('/').next().unwrap_or_default();
        // The error that AWS returns for a task definition that does not exist.
        if fault.has_code("ClientException") {
            let resource = format!("task definition {short}");
            return Observation::failed(ReasonCode::TaskDefinitionNotActive, resource, "status ACTIVE", "none");
        }
        not_permitted(fault)
    })
}

pub fn check_active(definition: &TaskDefinition) -> Observation {
    let resource = definition_title(definition);
    if definition.status == "ACTIVE" {
        return Observation::passed(resource, "ACTIVE");
    }
    Observation::failed(ReasonCode::TaskDefinitionNotActive, resource, "status ACTIVE", &definition.status)
}

fn definition_title(definition: &TaskDefinition) -> String {
    format!("task definition {}", definition.name())
}

pub async fn check_log_groups(cx: &CheckContext, definition: &TaskDefinition) -> Observation {
    let mut seen = ExistenceResults::new(definition, "log group", ReasonCode::LogGroupMissing);
    for container in &definition.containers {
        let Some(group) = &container.log_group else { continue };
        if group.created_on_demand {
            seen.push_detail(format!("{} is created on demand", group.name));
            continue;
        }
        if seen.insert_name(&group.name) {
            seen.add(&group.name, cx.aws.log_group(&group.name, group.region.as_deref()).await);
        }
    }
    seen.into_observation()
}

pub async fn check_roles(cx: &CheckContext, definition: &TaskDefinition) -> Observation {
    let mut seen = ExistenceResults::new(definition, "role", ReasonCode::RoleMissing);
    for role in &definition.roles {
        if seen.insert_name(role) {
            seen.add(role.rsplit('/').next().unwrap_or_default(), cx.aws.role(role).await);
        }
    }
    seen.into_observation()
}

pub async fn check_secrets(cx: &CheckContext, definition: &TaskDefinition) -> Observation {
    let mut seen = ExistenceResults::new(definition, "secret", ReasonCode::SecretMissing);
    let mut parameters = Vec::new();
    let secrets = definition.containers.iter().flat_map(|container| &container.secrets);
    let secrets = secrets.map(|name| (name, name.split(':').nth(2) == Some("secretsmanager")));
    let registries = definition.containers.iter().filter_map(|container| container.registry.as_ref());
    for (name, is_secret) in secrets.chain(registries.map(|name| (name, true))) {
        // After the secret's own name come a key of its JSON, a version stage and a version id.
        let name = if is_secret { name.splitn(8, ':').take(7).collect::<Vec<_>>().join(":") } else { name.clone() };
        if !seen.insert_name(&name) {
            continue;
        }
        if is_secret {
            let existence = cx.aws.secret(&name).await;
            seen.add(name.rsplit(':').next().unwrap_or_default(), existence);
        } else {
            parameters.push(name);
        }
    }
    if !parameters.is_empty() {
        match cx.aws.missing_parameters(&parameters).await {
            Ok(missing) => {
                for name in parameters {
                    let found = if missing.contains(&name) { Existence::No } else { Existence::Yes };
                    seen.add_other("parameter", &name, Ok(found));
                }
            }
            Err(aws_error) => seen.add_other("parameter", "", Err(aws_error)),
        }
    }
    seen.into_observation()
}

pub async fn check_images(cx: &CheckContext, definition: &TaskDefinition) -> Observation {
    let mut seen = ExistenceResults::new(definition, "image", ReasonCode::ImageMissing);
    for container in &definition.containers {
        if !seen.insert_name(&container.image) {
            continue;
        }
        let short = container.image.rsplit('/').next().unwrap_or_default().to_owned();
        let image = Image::parse(&container.image);
        match cx.aws.image(&image).await {
            Ok(Some(Existence::No)) if image.is_cached_at_first_pull() => seen.push_unverified(&short),
            Ok(Some(found)) => seen.add(&short, Ok(found)),
            Ok(None) => seen.push_detail(format!("{short} is not in Amazon ECR, so it was not checked")),
            Err(aws_error) => seen.add(&short, Err(aws_error)),
        }
    }
    seen.into_observation()
}

/// What was found for several resources of one kind.
struct ExistenceResults {
    definition: String,
    /// The kind in words, such as `log group`.
    resource_kind: &'static str,
    code: ReasonCode,
    names: Vec<String>,
    existing: usize,
    /// The resources that do not exist, and those that will not for long.
    missing: Vec<String>,
    scheduled_for_deletion: Vec<String>,
    /// Resources that do not exist, but that ECS may still get.
    unverified: Vec<String>,
    details: Vec<String>,
    aws_error: Option<AwsError>,
}

impl ExistenceResults {
    fn new(definition: &TaskDefinition, what: &'static str, code: ReasonCode) -> Self {
        let definition = definition_title(definition);
        Self {
            definition,
            resource_kind: what,
            code,
            names: Vec::new(),
            existing: 0,
            missing: Vec::new(),
            scheduled_for_deletion: Vec::new(),
            unverified: Vec::new(),
            details: Vec::new(),
            aws_error: None,
        }
    }

    /// Whether this is the first time that the name is seen. Several containers can refer to the same resource.
    fn insert_name(&mut self, name: &str) -> bool {
        let new = !self.names.iter().any(|known| known == name);
        if new {
            self.names.push(name.to_owned());
        }
        new
    }

    fn add(&mut self, name: &str, looked: Result<Existence, AwsError>) {
        self.add_other(self.resource_kind, name, looked);
    }

    /// Adds a resource of another kind, which serves the same purpose: a parameter next to secrets.
    fn add_other(&mut self, kind: &str, name: &str, looked: Result<Existence, AwsError>) {
        match looked {
            Ok(Existence::Yes) => self.existing += 1,
            Ok(Existence::No) => self.missing.push(format!("{kind} {name}")),
            Ok(Existence::ScheduledForDeletion) => self.scheduled_for_deletion.push(format!("{kind} {name}")),
            // Keep the worst error: one that can go away is less certain than a missing permission.
            Err(aws_error) => {
                if self.aws_error.as_ref().is_none_or(AwsError::is_access_denied) {
                    self.aws_error = Some(aws_error);
                }
            }
        }
    }

    fn push_unverified(&mut self, name: &str) {
        self.unverified.push(format!("{} {name}", self.resource_kind));
    }

    fn push_detail(&mut self, words: String) {
        self.details.push(words);
    }

    fn into_observation(self) -> Observation {
        let Self {
            definition,
            resource_kind: what,
            code,
            existing: there,
            missing,
            scheduled_for_deletion,
            unverified: unsure,
            details: words,
            aws_error,
            ..
        } = self;
        let unverified = (!unsure.is_empty()).then(|| {
            let seen = format!("{} not verified: in a pull-through cache, and not pulled yet", unsure.join(", "));
            let hint = "ECR fetches it when it is first pulled: pull it once, or remove `images` from `preflight`";
            Observation::passed(&definition, seen)
                .with_outcome(Outcome::Unverified, ReasonCode::NotPermittedToCheck)
                .with_hint(Some(hint))
        });
        let absent = describe_absent(&missing, "does not exist", "do not exist")
            .into_iter()
            .chain(describe_absent(&scheduled_for_deletion, "is scheduled for deletion", "are scheduled for deletion"))
            .reduce(|first, second| format!("{first}; {second}"));
        let observation = match (absent, aws_error, unverified) {
            (None, None, Some(unverified)) => unverified,
            (Some(absent), fault, _) => {
                let failed = Observation::failed(code, &definition, "", absent);
                match fault {
                    Some(fault) => failed.with_details([fault.to_string()]).merge_outcomes(&not_permitted(fault)),
                    None => failed,
                }
            }
            (None, Some(fault), _) => {
                let seen = not_permitted(fault);
                if seen.outcome == Outcome::Unverified {
                    let evidence = format!("{}: {}", seen.resource, seen.actual);
                    let why = format!("its {what}s were not checked");
                    Observation { resource: definition, actual: why, ..seen }.with_details([evidence])
                } else {
                    seen
                }
            }
            (None, None, None) if there == 0 => {
                Observation::not_applicable(&definition, format!("it refers to no {what} that can be checked"))
            }
            (None, None, None) => Observation::passed(
                &definition,
                if there == 1 { format!("its {what} exists") } else { format!("its {there} {what}s exist") },
            ),
        };
        observation.with_details(words)
    }
}

/// `log group /ecs/web and log group /ecs/api do not exist`, or nothing.
fn describe_absent(names: &[String], one: &str, many: &str) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("{name} {one}")),
        names => Some(format!("{} {many}", gate::join_and(names))),
    }
}

/// A missing permission says nothing about the resource, so it is a warning and does not stop the deployment. Invalid
/// credentials are another matter.
fn not_permitted(aws_error: AwsError) -> Observation {
    if aws_error.is_access_denied() {
        return Observation::passed(aws_error.operation, aws_error.detail)
            .with_outcome(Outcome::Unverified, ReasonCode::NotPermittedToCheck);
    }
    aws_error.into()
}
