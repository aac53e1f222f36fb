//! Looks up the facts of a deployment when a check needs them.

use std::collections::{BTreeMap, BTreeSet};

use aws_client::{
    TaskFilter,
    model::TaskSet,
    model::{Image, TaskDefinition},
};
use gate::{Condition, Fact, UnresolvedFact, VersionFact};

use super::{
    CheckContext, Colour, KnownFacts, RoutedRequest,
    task_set::{find_task_set, role},
};
use crate::finding::Observation;

/// Binds the facts of conditions to their values.
pub(super) fn bind_facts(expect: &[Condition], known: &KnownFacts) -> Result<Vec<Condition>, Observation> {
    let rendered = expect.iter().map(|condition| condition.bind(known));
    rendered.collect::<Result<_, _>>().map_err(|unknown| Observation::unresolved(unknown, "`expect`"))
}

impl CheckContext {
    /// Resolves these facts. Each AWS resource is read once per call.
    pub async fn resolve_facts(&self, facts: &BTreeSet<Fact>) -> KnownFacts {
        let mut known = KnownFacts::new();
        let mut definitions = BTreeMap::new();
        for fact in facts {
            let value = match fact {
                Fact::OfVersion(colour, version) => {
                    self.resolve_version_fact(fact, *colour, *version, &mut definitions).await
                }
                Fact::Secret(_) => self.secrets.value(fact).await,
                plain => self.resolve_local(plain),
            };
            known.insert(fact.clone(), value);
        }
        known
    }

    /// Binds the facts of conditions to their values, or explains why that fails.
    pub async fn bind_conditions(&self, expect: &[Condition]) -> Result<Vec<Condition>, Observation> {
        let facts = expect.iter().flat_map(Condition::facts).cloned().collect();
        bind_facts(expect, &self.resolve_facts(&facts).await)
    }

    fn resolve_local(&self, fact: &Fact) -> Result<String, UnresolvedFact> {
        if let Some(given) = self.env_facts.get(fact) {
            return given.clone();
        }
        let deployment = &self.target.deployment;
        let text = |text: &str| match text {
            "" => Err(UnresolvedFact::new(fact, "AWS did not report it")),
            text => Ok(text.to_owned()),
        };
        match fact {
            Fact::Url(route) => {
                self.address(*route, &RoutedRequest::get("/")).map(|address| address.base).map_err(|observation| {
                    let code = observation.code.unwrap_or(gate::ReasonCode::FactUnknown);
                    UnresolvedFact {
                        code,
                        ..UnresolvedFact::new(fact, format!("{}: {}", observation.resource, observation.actual))
                    }
                })
            }
            Fact::DeploymentId => text(&deployment.id),
            Fact::Application => text(&deployment.application),
            Fact::DeploymentGroup => text(&deployment.group),
            Fact::Region => text(self.aws.region()),
            Fact::Service => text(&self.target.service.name),
            // CodeDeploy can report a cluster by its ARN.
            Fact::Cluster => text(self.target.cluster.rsplit('/').next().unwrap_or_default()),
            Fact::Env(_) => Err(UnresolvedFact {
                hint: Some("set the variable in the function's environment, or correct its name in the gate file"),
                ..UnresolvedFact::new(fact, "the function has no such environment variable")
            }),
            Fact::OfVersion(..) | Fact::Secret(_) => Err(UnresolvedFact::new(fact, "it was not looked up")),
        }
    }

    async fn resolve_version_fact(
        &self,
        fact: &Fact,
        colour: Colour,
        version: VersionFact,
        definitions: &mut BTreeMap<String, TaskDefinition>,
    ) -> Result<String, UnresolvedFact> {
        let unknown = |why: String| UnresolvedFact::new(fact, why);
        let (service, deployment) = (&self.target.service, &self.target.deployment);
        let set = find_task_set(colour, service, deployment).ok_or_else(|| {
            unknown(format!("service {} has no {} task set at this moment", service.name, role(colour)))
        })?;
        // `arn:…:task-definition/shop:42`
        let name = set.task_definition.rsplit('/').next().unwrap_or_default();
        match version {
            VersionFact::TaskSet => return Ok(set.id.clone()),
            VersionFact::TaskDefinition => return Ok(name.to_owned()),
            VersionFact::Revision => {
                let revision = name.rsplit_once(':').map(|(_, revision)| revision.to_owned());
                return revision.ok_or_else(|| unknown(format!("{name:?} names no revision")));
            }
            VersionFact::ImageTag | VersionFact::ImageDigest => {}
        }
        if !definitions.contains_key(&set.task_definition) {
            let definition = self.aws.task_definition(&set.task_definition).await;
            let definition = definition
                .map_err(|aws_error| UnresolvedFact { code: aws_error.code, ..unknown(aws_error.to_string()) })?;
            definitions.insert(set.task_definition.clone(), definition);
        }
        let containers = definitions.get(&set.task_definition).map(|it| it.containers.as_slice()).unwrap_or_default();
        // The container that the load balancer sends requests to. Without a load balancer, the essential one.
        let registered = set.registration().and_then(|registration| registration.container.as_ref());
        let balanced = containers.iter().find(|container| Some(&container.name) == registered);
        let container = balanced.or_else(|| containers.iter().find(|container| container.is_essential));
        let container =
            container.ok_or_else(|| unknown(format!("{name} has no essential container to read it from")))?;
        let image = Image::parse(&container.image);
        if version == VersionFact::ImageTag {
            return image.tag.ok_or_else(|| UnresolvedFact {
                hint: Some("use image_digest in place of image_tag"),
                ..unknown(format!("the image of {} is pinned by digest", container.name))
            });
        }
        match image.digest {
            Some(digest) => Ok(digest),
            None => self.running_digest(set, &container.name).await.map_err(|why| UnresolvedFact {
                hint: Some("use the fact in a later hook, when every task runs, or use image_tag"),
                ..unknown(why)
            }),
        }
    }

    /// The one digest that all tasks of a task set run.
    async fn running_digest(&self, set: &TaskSet, container: &str) -> Result<String, String> {
        let (cluster, name) = (&self.target.cluster, &self.target.service.name);
        // The number of tasks may have changed since discovery.
        let service = self.aws.service(cluster, name).await.map_err(|aws_error| aws_error.to_string())?;
        let set = service.task_sets.iter().find(|now| now.id == set.id).unwrap_or(set);
        let tasks = self.aws.tasks(cluster, &service, set, TaskFilter::Running).await;
        let tasks = tasks.map_err(|fault| fault.to_string())?;
        let of = |task: &aws_client::model::Task| {
            task.containers.iter().find(|it| it.name == container).and_then(|it| it.digest.clone())
        };
        let digests: BTreeSet<_> = tasks.iter().map(of).collect();
        match digests.into_iter().collect::<Vec<_>>().as_slice() {
            [] => Err("no task runs".to_owned()),
            [Some(_)] if tasks.len() < set.expected_tasks() => {
                Err(format!("ECS lists only {} of its {} tasks yet", tasks.len(), set.expected_tasks()))
            }
            [Some(one)] => Ok(one.clone()),
            [_] => Err(format!("ECS does not report the digest of {container} yet")),
            several => Err(format!("its tasks run {} different images of {container}", several.len())),
        }
    }
}
