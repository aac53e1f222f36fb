//! Facts: the values that are known about a deployment, by the names that templates use.

use std::fmt;

use super::{Message, Scope, suggest};
use lifecycle::{Colour, TrafficRoute};

use crate::permissions::{AwsOperation, Requirement};

/// A fact, by the name between the braces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// `test_url`, `production_url`: scheme, host and port of a listener.
    Url(TrafficRoute),
    DeploymentId,
    /// `application`: CodeDeploy's.
    Application,
    DeploymentGroup,
    Region,
    /// `service`: the ECS service's name.
    Service,
    /// `cluster`: the ECS cluster's name.
    Cluster,
    /// `green.…` and `blue.…`.
    OfVersion(Colour, VersionFact),
    /// `env.NAME`: a variable of the function.
    Env(String),
    /// `secret.NAME`: a secret that the file declares. Its value is never logged.
    Secret(String),
}

/// A fact about one of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionFact {
    /// `image_tag`: `1.4.2` in `registry/shop:1.4.2`, of the container that the load balancer sends requests to.
    ImageTag,
    /// `image_digest`: `sha256:…`.
    ImageDigest,
    /// `task_definition`: `shop:42`.
    TaskDefinition,
    /// `revision`: the revision of the task definition, 42. Neither ECS nor CodeDeploy has a revision of a service.
    Revision,
    /// `task_set`: the id of its task set, `ecs-svc/…`.
    TaskSet,
}

const DEPLOYMENT_FACTS: [(&str, Fact); 8] = [
    ("test_url", Fact::Url(TrafficRoute::Test)),
    ("production_url", Fact::Url(TrafficRoute::Production)),
    ("deployment_id", Fact::DeploymentId),
    ("application", Fact::Application),
    ("deployment_group", Fact::DeploymentGroup),
    ("region", Fact::Region),
    ("service", Fact::Service),
    ("cluster", Fact::Cluster),
];

const VERSION_FACTS: [(&str, VersionFact); 5] = [
    ("image_tag", VersionFact::ImageTag),
    ("image_digest", VersionFact::ImageDigest),
    ("task_definition", VersionFact::TaskDefinition),
    ("revision", VersionFact::Revision),
    ("task_set", VersionFact::TaskSet),
];

impl Fact {
    /// The AWS requests that a fact needs. Secrets are fetched elsewhere.
    pub(crate) fn requirements(&self) -> Vec<Requirement> {
        let definition = || {
            Requirement::new(AwsOperation::TaskDefinition, format!("to read {{{{{self}}}}} from the task definition"))
        };
        match self {
            Self::OfVersion(_, VersionFact::ImageTag) => vec![definition()],
            // A tag can stand for any digest. Then the digest is read from the running tasks.
            Self::OfVersion(_, VersionFact::ImageDigest) => {
                let why = format!("to read {{{{{self}}}}} from the running tasks, if the task definition has a tag");
                vec![
                    definition(),
                    Requirement::new(AwsOperation::Service, why.clone()),
                    Requirement::new(AwsOperation::Tasks, why),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// The names of all facts, without those after `env.` and `secret.`.
    pub fn names() -> Vec<String> {
        let plain = DEPLOYMENT_FACTS.iter().map(|(word, _)| (*word).to_owned());
        let versions = Colour::VARIANTS
            .iter()
            .flat_map(|(colour, _)| VERSION_FACTS.iter().map(move |(word, _)| format!("{colour}.{word}")));
        plain.chain(versions).collect()
    }

    pub(super) fn parse(word: &str, scope: &Scope) -> Result<Self, Message> {
        if let Some((_, fact)) = DEPLOYMENT_FACTS.iter().find(|(known, _)| *known == word) {
            return Ok(fact.clone());
        }
        match word.split_once('.') {
            Some(("env", name)) => return Ok(Self::parse_env(name)?),
            Some(("secret", name)) => return parse_secret(name, scope),
            Some((colour, of)) => {
                let colour = Colour::VARIANTS.iter().find(|(known, _)| *known == colour);
                let of = VERSION_FACTS.iter().find(|(known, _)| *known == of);
                if let (Some((_, colour)), Some((_, of))) = (colour, of) {
                    return Ok(Self::OfVersion(*colour, *of));
                }
            }
            None => {}
        }
        let mut known = Self::names();
        known.extend(scope.secrets.iter().map(|name| format!("secret.{name}")));
        Err(match suggest(word, known.iter().map(String::as_str)) {
            Some(near) => Message::from(format!("{{{{{word}}}}} is not a fact; did you mean {{{{{near}}}}}?"))
                .with_suggestion(format!("{{{{{near}}}}}")),
            None => format!("{{{{{word}}}}} is not a fact; use one of {}, env.… or secret.…", known.join(", ")).into(),
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfVersion(colour, of) => {
                let word = VERSION_FACTS.iter().find(|(_, known)| known == of).map_or("", |(word, _)| *word);
                write!(f, "{}.{word}", colour.as_str())
            }
            Self::Env(name) => write!(f, "env.{name}"),
            Self::Secret(name) => write!(f, "secret.{name}"),
            plain => {
                f.write_str(DEPLOYMENT_FACTS.iter().find(|(_, known)| known == plain).map_or("", |(word, _)| *word))
            }
        }
    }
}

impl Fact {
    /// A variable of the function. Its name is checked here.
    pub(super) fn parse_env(name: &str) -> Result<Self, String> {
        let sound = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !sound {
            return Err(format!("env.{name} is not the name of a variable, such as env.STAGE"));
        }
        // Lambda sets the credentials of the function's role in these variables.
        if name.starts_with("AWS_") {
            return Err(format!("env.{name} is not available: some variables that start with AWS_ are secrets"));
        }
        Ok(Self::Env(name.to_owned()))
    }
}

fn parse_secret(name: &str, scope: &Scope) -> Result<Fact, Message> {
    if scope.secrets.iter().any(|known| known == name) {
        return Ok(Fact::Secret(name.to_owned()));
    }
    let near = suggest(name, scope.secrets.iter().map(String::as_str));
    Err(match near {
        Some(near) => {
            Message::from(format!("the file declares no secret {name:?}; did you mean {{{{secret.{near}}}}}?"))
                .with_suggestion(format!("{{{{secret.{near}}}}}"))
        }
        None => format!("the file declares no secret {name:?}; add it to `secrets` at the top of the file").into(),
    })
}

impl Fact {
    /// Whether its value is never logged. A variable of the function can be anything, for example a session, so it counts
    /// as a secret.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Env(_))
    }
}
