//! The facts of a deployment, found out when a check needs them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Colour, Scene, Wanted, http::with_facts};
use crate::{
    aws::{Ask, Listed},
    definition::{Image, TaskDefinition},
    finding::Observation,
    gate::{Condition, Fact, Unknown, Version},
    permissions::Need,
    target::TaskSet,
};

/// What is known, and why not where it is not.
pub type Facts = BTreeMap<Fact, Result<String, Unknown>>;

/// What finding a fact out takes of AWS. Secrets are fetched elsewhere.
pub fn needs_of_fact(fact: &Fact) -> Vec<Need> {
    let definition = || Need::new(Ask::Definition, format!("to know {{{{{fact}}}}}, which the task definition has"));
    match fact {
        Fact::Of(_, Version::ImageTag) => vec![definition()],
        // A tag there may stand for any digest; then the tasks are asked.
        Fact::Of(_, Version::ImageDigest) => {
            let why =
                format!("to know {{{{{fact}}}}}, which the running tasks have where the task definition has a tag");
            vec![definition(), Need::new(Ask::Service, why.clone()), Need::new(Ask::Tasks, why)]
        }
        _ => Vec::new(),
    }
}

impl Scene {
    /// The values of these facts. What needs AWS is asked once for each call.
    pub async fn known(&self, facts: &BTreeSet<Fact>) -> Facts {
        let mut known = Facts::new();
        let mut definitions = BTreeMap::new();
        for fact in facts {
            let value = match fact {
                Fact::Of(colour, version) => self.version(fact, *colour, *version, &mut definitions).await,
                Fact::Secret(_) => self.secrets.value(fact).await,
                plain => self.plain(plain),
            };
            known.insert(fact.clone(), value);
        }
        known
    }

    /// Conditions with the values of their facts, or why there are none.
    pub async fn rendered(&self, expect: &[Condition]) -> Result<Vec<Condition>, Observation> {
        let facts = expect.iter().flat_map(Condition::facts).cloned().collect();
        with_facts(expect, &self.known(&facts).await)
    }

    fn plain(&self, fact: &Fact) -> Result<String, Unknown> {
        if let Some(given) = self.given.get(fact) {
            return given.clone();
        }
        let deployment = &self.target.deployment;
        let text = |text: &str| match text {
            "" => Err(Unknown::of(fact, "AWS does not say")),
            text => Ok(text.to_owned()),
        };
        match fact {
            Fact::Url(route) => {
                self.address(*route, &Wanted::get("/")).map(|address| address.base).map_err(|observation| {
                    let code = observation.code.unwrap_or(crate::code::Code::FactUnknown);
                    Unknown { code, ..Unknown::of(fact, format!("{}: {}", observation.resource, observation.seen)) }
                })
            }
            Fact::DeploymentId => text(&deployment.id),
            Fact::Application => text(&deployment.application),
            Fact::DeploymentGroup => text(&deployment.group),
            Fact::Region => text(self.aws.region()),
            Fact::Service => text(&self.target.service.name),
            // A cluster may be named by its ARN.
            Fact::Cluster => text(self.target.cluster.rsplit('/').next().unwrap_or_default()),
            Fact::Env(_) => Err(Unknown::of(fact, "the function has no such variable")),
            Fact::Captured(_) => Err(Unknown::of(fact, "no step before captured it")),
            Fact::Of(..) | Fact::Secret(_) => Err(Unknown::of(fact, "nobody looked it up")),
        }
    }

    async fn version(
        &self,
        fact: &Fact,
        colour: Colour,
        version: Version,
        definitions: &mut BTreeMap<String, TaskDefinition>,
    ) -> Result<String, Unknown> {
        let unknown = |why: String| Unknown::of(fact, why);
        let (service, deployment) = (&self.target.service, &self.target.deployment);
        let set = colour.of(service, deployment).ok_or_else(|| {
            unknown(format!("service {} has no {} task set at this moment", service.name, colour.word()))
        })?;
        // `arn:…:task-definition/shop:42`
        let name = set.task_definition.rsplit('/').next().unwrap_or_default();
        match version {
            Version::TaskSet => return Ok(set.id.clone()),
            Version::TaskDefinition => return Ok(name.to_owned()),
            Version::Revision => {
                let revision = name.rsplit_once(':').map(|(_, revision)| revision.to_owned());
                return revision.ok_or_else(|| unknown(format!("{name:?} names no revision")));
            }
            Version::ImageTag | Version::ImageDigest => {}
        }
        if !definitions.contains_key(&set.task_definition) {
            let definition = self.aws.definition(&set.task_definition).await;
            let definition =
                definition.map_err(|fault| Unknown { code: fault.code, why: unknown(fault.to_string()).why })?;
            definitions.insert(set.task_definition.clone(), definition);
        }
        let containers = definitions.get(&set.task_definition).map(|it| it.containers.as_slice()).unwrap_or_default();
        // The one that the load balancer talks to; behind none, the one that the task cannot be without.
        let registered = set.registration().and_then(|registration| registration.container.as_ref());
        let balanced = containers.iter().find(|container| Some(&container.name) == registered);
        let container = balanced.or_else(|| containers.iter().find(|container| container.essential));
        let container = container.ok_or_else(|| unknown(format!("{name} has no container to tell it by")))?;
        let image = Image::parse(&container.image);
        if version == Version::ImageTag {
            return image.tag.ok_or_else(|| unknown(format!("the image of {} is pinned by digest", container.name)));
        }
        match image.digest {
            Some(digest) => Ok(digest),
            None => self.running_digest(set, &container.name).await.map_err(unknown),
        }
    }

    /// The one digest that all tasks of a set run.
    async fn running_digest(&self, set: &TaskSet, container: &str) -> Result<String, String> {
        let (cluster, name) = (&self.target.cluster, &self.target.service.name);
        // How many tasks there are may have changed since discovery.
        let service = self.aws.service(cluster, name).await.map_err(|fault| fault.to_string())?;
        let set = service.task_sets.iter().find(|now| now.id == set.id).unwrap_or(set);
        let tasks = self.aws.tasks(cluster, &service, set, Listed::Running).await;
        let tasks = tasks.map_err(|fault| fault.to_string())?;
        let of = |task: &crate::target::Task| {
            task.containers.iter().find(|it| it.name == container).and_then(|it| it.digest.clone())
        };
        let digests: BTreeSet<_> = tasks.iter().map(of).collect();
        match digests.into_iter().collect::<Vec<_>>().as_slice() {
            [] => Err("no task runs".to_owned()),
            [Some(_)] if tasks.len() < set.counted() => {
                Err(format!("only {} of its {} tasks were seen", tasks.len(), set.counted()))
            }
            [Some(one)] => Ok(one.clone()),
            [_] => Err(format!("ECS does not tell the digest of {container} yet")),
            several => Err(format!("its tasks run {} different images of {container}", several.len())),
        }
    }
}
