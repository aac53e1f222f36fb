//! What a rehearsal reports: events while it runs, and a report when it is over.

use std::time::Duration;

use lifecycle::{Hook, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check_line::CheckLine,
    hook_text::{self, HookKey},
    lambda::FunctionName,
};

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentOutcome {
    /// Every hook put *Succeeded*; the replacement serves customers.
    Succeeded,
    /// It failed before anything had changed, or without automatic rollback: everything stays as it was at that moment.
    Failed,
    /// It failed, and CodeDeploy moved the traffic back to the original task set.
    RolledBack,
    /// An operator stopped it.
    Stopped,
}

/// What a scenario expects. A part that is left out is not compared.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How the deployment ends.
    pub outcome: DeploymentOutcome,
    /// The hook that stops it.
    #[serde(default, deserialize_with = "hook_text::deserialize_option")]
    #[schemars(with = "Option<HookKey>")]
    pub stopped_by: Option<Hook>,
    /// The reason code of that hook, for example `TargetsUnhealthy`.
    #[serde(default)]
    pub code: Option<String>,
    /// Codes that a check must warn of, whatever the outcome.
    #[serde(default)]
    pub warns: Vec<String>,
    /// Codes for which hooks in observe mode would have stopped the deployment, in the order of the hooks. There must
    /// be no others.
    #[serde(default)]
    pub observed: Option<Vec<String>>,
}

/// An event, `at` after the creation of the deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RehearsalEvent {
    /// The time since the creation of the deployment.
    #[serde(rename = "at_ms", serialize_with = "millis")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What can happen in a rehearsal, in the order of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A deployment was created.
    DeploymentCreated {
        /// The deployment's id.
        deployment: String,
        /// Its number in the scenario, counted from 1.
        number: usize,
        /// The number of deployments in the scenario.
        total: usize,
    },
    /// A lifecycle event without a hook ended (Install, AllowTestTraffic, AllowTraffic).
    EventCompleted {
        /// The lifecycle event's name.
        #[serde(rename = "lifecycle_event")]
        event: String,
        /// What it did and what is true now, in words.
        text: String,
    },
    /// A hook function was invoked.
    HookInvoked {
        #[serde(serialize_with = "hook_text::serialize")]
        hook: Hook,
        /// The name in the AppSpec file of the user, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        function: Option<String>,
    },
    /// A hook logged the line of a check.
    CheckFinished {
        #[serde(serialize_with = "hook_text::serialize")]
        hook: Hook,
        /// The line.
        check: CheckLine,
    },
    /// A hook's invocation failed and Lambda sent its record to the on-failure handler, or the handler did something.
    OnFailure {
        /// The hook whose invocation failed.
        #[serde(serialize_with = "hook_text::serialize")]
        hook: Hook,
        /// What happened, in words.
        text: String,
    },
    /// A hook's lifecycle event ended: a status was put, or nobody put one in time.
    HookFinished(HookRun),
    /// The scenario made something happen in the world (an alarm fires, a task stops).
    WorldChanged {
        /// What happened, in words.
        text: String,
    },
    /// CodeDeploy moves the traffic back.
    RolledBack {
        /// What serves customers now, in words.
        text: String,
    },
    DeploymentEnded {
        outcome: DeploymentOutcome,
        /// What serves customers now, in words.
        text: String,
    },
}

/// The report of one hook.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HookRun {
    #[serde(serialize_with = "hook_text::serialize")]
    pub hook: Hook,
    /// The status that was put; `None` if nobody put one.
    #[serde(serialize_with = "hook_text::serialize_status")]
    pub status: Option<Status>,
    /// Who put it.
    pub answered_by: AnsweredBy,
    /// The reason code in the verdict line of the function that put the status; empty if it succeeded.
    pub code: String,
    /// The verdict line, or why there is none.
    pub verdict: String,
    /// Why there is no *Succeeded*, or would be none without observe mode: the verdict without the name of the hook, its
    /// status and the hint. Empty otherwise.
    #[serde(skip)]
    pub reason: String,
    /// What to do next; empty if the hook succeeded.
    pub hint: String,
    /// Its checks as it logged them.
    pub checks: Vec<CheckLine>,
    /// The time from the invocation to the status, or to the end of the wait for it.
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
}

/// Who put the status of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// The hook's function itself.
    Hook,
    /// The on-failure handler, `on-failure`.
    #[serde(rename = "on-failure")]
    OnFailureHandler,
    /// Nobody. What is left is the alarm on the handler's errors, CodeDeploy's timeout of an hour, or an operator who
    /// stops the deployment.
    Nobody,
}

/// One deployment, from its creation to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentReport {
    /// Its id.
    pub deployment: String,
    /// How it ended.
    pub outcome: DeploymentOutcome,
    /// The hook that stopped it, if there is one.
    #[serde(serialize_with = "hook_text::serialize_option")]
    pub stopped_by: Option<Hook>,
    /// The hooks that were invoked, in order.
    pub hooks: Vec<HookRun>,
    /// What serves customers at the end, in words.
    pub final_state: String,
    /// How it differs from the scenario's expectation, in words. Empty if the expectation was met.
    pub differences: Vec<String>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
}

/// The report of a whole rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's subject, in one sentence.
    pub about: String,
    /// Whether a user's own gate file decided, of which the scenario expects nothing.
    #[serde(skip)]
    pub is_trial: bool,
    /// The seed of its ids. The same seed gives the same ids.
    pub seed: u64,
    /// Its deployments, in order.
    pub deployments: Vec<DeploymentReport>,
    /// The number of AWS calls for each operation, by `service:Operation`, in alphabetical order.
    pub calls: std::collections::BTreeMap<String, u64>,
    /// Operations that the hooks called and the simulated AWS does not support, as `service:Operation`.
    pub unknown_operations: Vec<String>,
    /// Every line that a function wrote, in order: the function and the line.
    pub logs: Vec<(FunctionName, String)>,
}

impl Report {
    /// Whether every deployment ended as the scenario expects, and every operation that the hooks called is supported.
    pub fn met_expectations(&self) -> bool {
        self.unknown_operations.is_empty()
            && self.deployments.iter().all(|deployment| deployment.differences.is_empty())
    }
}

pub(crate) fn millis<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(span.as_millis().try_into().unwrap_or(u64::MAX))
}
