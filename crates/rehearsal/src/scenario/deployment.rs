//! One deployment of a scenario, and what CodeDeploy's users, operators and Lambda do during it.

use std::{borrow::Cow, time::Duration};

use lifecycle::Hook;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::{
    duration_text,
    hook_text::{self, HookKey},
    lambda::FunctionName,
    report::Expect,
    scenario::InvokeError,
    world::{ComputePlatform, DEFAULT_SERVICE, DeploymentBehaviour},
};

/// One deployment of a scenario.
#[derive(Clone, Debug, PartialEq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioDeployment {
    /// The service that is deployed. All services are in the same cluster and account.
    #[serde(default = "default_service")]
    pub service: String,
    /// Its creator, in CodeDeploy's words: `user`, `codeDeployRollback`, ….
    #[serde(default = "default_creator")]
    pub creator: String,
    /// The description that its creator wrote.
    #[serde(default)]
    pub description: Option<String>,
    /// Its compute platform.
    #[serde(default)]
    pub platform: ComputePlatform,
    /// How the world reacts to it.
    #[serde(default)]
    pub behaviour: DeploymentBehaviour,
    /// When an operator stops it.
    #[serde(default)]
    pub stop: Option<OperatorStop>,
    /// When Lambda delivers the event of a hook a second time.
    #[serde(default)]
    pub redelivery: Option<Redelivery>,
    /// What the scenario expects of it.
    pub expect: Expect,
    /// Whether a user's own gate file decides, of which the scenario expects nothing.
    #[serde(skip)]
    pub is_trial: bool,
}

/// An operator stops the deployment.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorStop {
    /// The operator stops it during this lifecycle event. An event without a hook is stopped at its end.
    pub during: String,
    /// The time after the start of that lifecycle event.
    #[serde(default, with = "duration_text")]
    #[schemars(with = "String")]
    pub after: Duration,
}

/// A second delivery of the event of a hook that has put its status: Lambda's asynchronous invocations come at least
/// once.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redelivery {
    /// The hook whose event is delivered again.
    #[serde(deserialize_with = "hook_text::deserialize")]
    #[schemars(with = "HookKey")]
    pub hook: Hook,
    /// The lifecycle event after which it is delivered. After the last one, the deployment is over as well.
    pub after: String,
    /// The code of the verdict of the second run. The status of the second run must not count in any case.
    #[serde(default)]
    pub verdict_code: Option<String>,
}

/// A function that Lambda kills because it needs more memory than it has. It cannot put a status any more.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KilledFunction {
    /// The function: a hook's, or `on_failure`.
    pub function: FunctionName,
    /// The time after its invocation.
    #[serde(with = "duration_text")]
    #[schemars(with = "String")]
    pub after: Duration,
}

/// The function that the AppSpec file names for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookTarget {
    /// This function. It is another hook's if the names are mixed up.
    To(FunctionName),
    /// No function: the event has no hook.
    None,
    /// A function that CodeDeploy cannot invoke. Scenario files cannot set this.
    Refused(InvokeError),
}

impl JsonSchema for HookTarget {
    fn schema_name() -> Cow<'static, str> {
        "HookTarget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Hook::ALL.map(Hook::key).into_iter().chain(["none"]).collect::<Vec<_>>();
        json_schema!({ "enum": names })
    }
}

impl<'de> Deserialize<'de> for HookTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self::None);
        }
        hook_text::from_key(&text).map(|hook| Self::To(hook.into()))
    }
}

fn default_service() -> String {
    DEFAULT_SERVICE.to_owned()
}

fn default_creator() -> String {
    "user".to_owned()
}
