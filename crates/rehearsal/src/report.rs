//! What a rehearsal says: moments while it goes on, a report when it is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{function_name::FunctionName, hook_name::HookName};

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentOutcome {
    /// Every hook said yes; customers are on the replacement.
    Succeeded,
    /// It failed before anything had changed, or with no auto-rollback: everything stays where it was at that moment.
    Failed,
    /// It failed and CodeDeploy took the traffic back to the original task set.
    RolledBack,
    /// Somebody stopped it.
    Stopped,
}

/// What a scenario promises. A part that is left out is not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How the deployment ends.
    pub outcome: DeploymentOutcome,
    /// The hook that stops it.
    #[serde(default)]
    pub stopped_by: Option<HookName>,
    /// The code of the reason that this hook gives, for example `TargetsUnhealthy`.
    #[serde(default)]
    pub code: Option<String>,
    /// Codes of which some check has to warn, whatever the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warns: Vec<String>,
    /// Codes for which a hook that only observes would have stopped it, in the order of the hooks, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Vec<String>>,
}

/// One thing that happened, `at` after the deployment was created.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RehearsalEvent {
    /// Time since the deployment was created.
    #[serde(rename = "at_ms", serialize_with = "millis")]
    pub at: Duration,
    /// What it was.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What can happen in a rehearsal, in the order in which a person wants to read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A deployment was created. Which number, in a scenario of several, begins with 1.
    DeploymentCreated {
        /// The deployment's id.
        deployment: String,
        /// Its number in the scenario.
        number: usize,
        /// How many there will be.
        total: usize,
    },
    /// A lifecycle event without a hook passed (Install, AllowTestTraffic, AllowTraffic); `text` says what it did.
    EventCompleted {
        /// The lifecycle event's name.
        #[serde(rename = "lifecycle_event")]
        event: String,
        /// What is true now, in words.
        text: String,
    },
    /// A hook function was invoked.
    HookInvoked {
        /// Which.
        hook: HookName,
        /// What the AppSpec file calls it, where that is somebody's own.
        #[serde(skip_serializing_if = "Option::is_none")]
        function: Option<String>,
    },
    /// A hook logged the line of one check.
    CheckFinished {
        /// Whose check.
        hook: HookName,
        /// The line.
        check: CheckLine,
    },
    /// A hook's invocation failed, and Lambda handed the record of it to the net; or what the net then did.
    OnFailure {
        /// Whose invocation.
        hook: HookName,
        /// In words.
        text: String,
    },
    /// A hook's lifecycle event is over: it answered, or nobody answered in time.
    HookFinished(HookRun),
    /// The world moved by a scenario's will (an alarm fires, a task stops).
    WorldChanged {
        /// In words.
        text: String,
    },
    /// CodeDeploy takes traffic back.
    RolledBack {
        /// In words: what serves customers now.
        text: String,
    },
    /// One deployment is over.
    DeploymentEnded {
        /// How.
        outcome: DeploymentOutcome,
        /// What serves customers now, in words.
        text: String,
    },
}

/// One check as a hook logged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckLine {
    /// The check's name.
    pub name: String,
    /// Its kind: ecs, targets, reach, answers, http, alarms, preflight, …
    pub kind: String,
    /// passed, failed, errored, no_data, timed_out, not_run, not_applicable.
    pub outcome: String,
    /// pass, warn, ignore, fail.
    pub decision: String,
    /// The fault's code; empty when the check held.
    pub code: String,
    /// What to do about it; empty when the check held.
    pub hint: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The whole line for a person: name, evidence, hint.
    pub message: String,
}

/// One hook's part in a deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HookRun {
    /// Which hook.
    pub hook: HookName,
    /// The status that was put; `None` when nobody answered.
    pub status: Option<HookStatus>,
    /// Who put it.
    pub answered_by: AnsweredBy,
    /// The code of the reason, from the verdict line of whoever answered; empty when it succeeded.
    pub code: String,
    /// The verdict line, or in words why there is none.
    pub verdict: String,
    /// When nobody answered: what is left to do. Empty otherwise.
    pub hint: String,
    /// Its checks as it logged them.
    pub checks: Vec<CheckLine>,
    /// From the invocation to the answer (or to the end of waiting).
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
}

/// What a hook may put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookStatus {
    /// The deployment may go on.
    Succeeded,
    /// It may not.
    Failed,
}

/// Who answered for a hook. Everything that can become of an execution is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// The hook's function itself.
    Hook,
    /// The net beneath it, `on-failure`.
    #[serde(rename = "on-failure")]
    OnFailureHandler,
    /// Neither. What is left is the alarm on the net's errors, CodeDeploy's hour, or an operator who stops the deployment.
    Nobody,
}

/// One deployment, from its creation to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentReport {
    /// Its id.
    pub deployment: String,
    /// How it ended.
    pub outcome: DeploymentOutcome,
    /// Which hook stopped it, if one did.
    pub stopped_by: Option<HookName>,
    /// The hooks that were invoked, in order.
    pub hooks: Vec<HookRun>,
    /// What serves customers afterwards, in words.
    pub final_state: String,
    /// What it had promised and did not do, in words. Empty when the expectation held.
    pub differences: Vec<String>,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
}

/// A whole rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// What its ids were made from. The same seed gives the same ids.
    pub seed: u64,
    /// Its deployments, in order.
    pub deployments: Vec<DeploymentReport>,
    /// How many AWS calls each operation got, by `service:Operation`, in alphabetical order.
    pub calls: std::collections::BTreeMap<String, u64>,
    /// Operations that the hooks called and the rehearsal does not know, as `service:Operation`.
    pub unknown_operations: Vec<String>,
    /// Every line that a function wrote, in order: (function, line).
    pub logs: Vec<(FunctionName, String)>,
}

impl Report {
    /// Whether every deployment ended as the scenario promised, and no hook called what the rehearsal does not know.
    pub fn met_expectations(&self) -> bool {
        self.unknown_operations.is_empty()
            && self.deployments.iter().all(|deployment| deployment.differences.is_empty())
    }
}

fn millis<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(span.as_millis().try_into().unwrap_or(u64::MAX))
}
