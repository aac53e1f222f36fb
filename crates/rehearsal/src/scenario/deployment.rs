//! One deployment of a scenario, and who does what in it besides CodeDeploy.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::IntoDeserializer};

use crate::{
    appspec::InvokeError,
    function_name::FunctionName,
    hook_name::HookName,
    report::Expect,
    world::{DEFAULT_SERVICE, DeploymentBehaviour, span},
};

/// One deployment of a scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioDeployment {
    /// The service that is deployed, one of those in the same cluster and account.
    #[serde(default = "default_service")]
    pub service: String,
    /// Who creates it, in CodeDeploy's words: `user`, `codeDeployRollback`, ….
    #[serde(default = "default_creator")]
    pub creator: String,
    /// What its creator wrote about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Its compute platform.
    #[serde(default)]
    pub platform: Platform,
    /// How the world takes it.
    #[serde(default)]
    pub behaviour: DeploymentBehaviour,
    /// An operator stops it.
    #[serde(default)]
    pub stop: Option<OperatorStop>,
    /// Lambda delivers the event of a hook once more.
    #[serde(default)]
    pub redelivery: Option<Redelivery>,
    /// What it promises.
    pub expect: Expect,
}

/// An operator stops the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorStop {
    /// While this lifecycle event is in progress; one without a hook is stopped at its end.
    pub during: String,
    /// So long after it began.
    #[serde(default, with = "span")]
    pub after: Duration,
}

/// Lambda's asynchronous invocations come at least once: the event of a hook that has answered is delivered again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redelivery {
    /// Which hook's.
    pub hook: HookName,
    /// When this lifecycle event is over; after the last one, the deployment is over as well.
    pub after: String,
    /// The code that its verdict has to have then. What it answers must not count in any case.
    #[serde(default)]
    pub verdict_code: Option<String>,
}

/// Lambda kills a function that takes more memory than it was given. Nothing of it is left to answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KilledFunction {
    /// Which function: a hook's, or `on_failure`.
    pub function: FunctionName,
    /// So long after its invocation.
    #[serde(with = "span")]
    pub after: Duration,
}

/// What the AppSpec names for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookTarget {
    /// This function, which is another hook's if the names are mixed up.
    To(FunctionName),
    /// None: the event has no hook.
    None,
    /// One that CodeDeploy cannot invoke. Not in a scenario's file.
    Refused(InvokeError),
}

impl<'de> Deserialize<'de> for HookTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self::None);
        }
        HookName::deserialize(text.into_deserializer()).map(|hook| Self::To(hook.into()))
    }
}

/// CodeDeploy's compute platforms, as far as they have hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Platform {
    /// Amazon ECS.
    #[default]
    Ecs,
    /// AWS Lambda.
    #[serde(rename = "Lambda")]
    Lambda,
}

fn default_service() -> String {
    DEFAULT_SERVICE.to_owned()
}

fn default_creator() -> String {
    "user".to_owned()
}
