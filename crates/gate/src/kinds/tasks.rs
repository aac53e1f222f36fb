//! `tasks: green|blue`: the task set and its tasks, as ECS reports them.

use std::time::Duration;

use lifecycle::{Colour, TrafficRoute};

use super::{KindSpec, PollPolicy, WindowKey};
use crate::{AwsOperation, Condition, MapReader, Subject, permissions::Requirement, reason_code::ReasonCode};

pub(super) const KEY: &str = "tasks";

const SUBJECTS: &[Subject] = &[
    Subject::name("task_set", ReasonCode::ReplacementMissing),
    Subject::bool("steady", ReasonCode::NotSteady),
    Subject::count("running", ReasonCode::NotRunning),
    Subject::count("desired", ReasonCode::NotRunning),
    Subject::count("pending", ReasonCode::TasksPending),
    Subject::count("unhealthy_containers", ReasonCode::ContainersUnhealthy).optional(),
    Subject::count("unknown_containers", ReasonCode::ContainersUnhealthy),
    Subject::count("crashed_since_start", ReasonCode::TasksStopped),
];

/// The subjects that exist only if a container has a health check.
pub const HEALTH_SUBJECTS: [&str; 2] = ["unhealthy_containers", "unknown_containers"];

/// The default of `within` with `stable_for`: what the built-in checks allow.
const STABLE_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Conditions on a task set.
#[derive(Clone, Debug)]
pub struct TasksSpec {
    pub colour: Colour,
    pub poll_policy: PollPolicy,
    pub expect: Vec<Condition>,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<TasksSpec> {
    let colour = fields.variant("tasks", &Colour::VARIANTS);
    let poll_policy = read_poll_policy(fields);
    let expect = fields.expect_required(SUBJECTS, "[running == desired]");
    Some(TasksSpec { colour: colour?, poll_policy, expect })
}

/// With `stable_for` the conditions must hold for that long without a break, and may take some time to become true.
fn read_poll_policy(fields: &mut MapReader<'_>) -> PollPolicy {
    let single_attempt = PollPolicy { every: Duration::from_secs(5), ..PollPolicy::SINGLE_ATTEMPT };
    let Some(stable) = fields.duration("stable_for") else { return PollPolicy::read(fields, &single_attempt) };
    if fields.has("for") {
        fields.error(fields.position_of("for"), "`for` and `stable_for` both set the window; give only one of them");
    }
    let stable = PollPolicy { within: STABLE_WITHIN, hold_for: stable, restart_on_failure: true, ..single_attempt };
    let poll_policy = PollPolicy { hold_for: stable.hold_for, ..PollPolicy::read(fields, &stable) };
    fields.mark_overridden("for");
    poll_policy
}

impl TasksSpec {
    pub fn uses_subject(&self, subject: &str) -> bool {
        self.expect.iter().any(|condition| condition.uses_subject(subject))
    }

    /// Whether stopped tasks explain what the check observes.
    pub fn needs_stopped_tasks(&self) -> bool {
        ["crashed_since_start", "steady", "running"].iter().any(|subject| self.uses_subject(subject))
    }
}

impl KindSpec for TasksSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("tasks {}", self.colour.as_str())
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn colour(&self) -> Option<Colour> {
        Some(self.colour)
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn window_key(&self) -> WindowKey {
        if self.poll_policy.restart_on_failure { WindowKey::StableFor } else { WindowKey::For }
    }

    fn expect(&self) -> &[Condition] {
        &self.expect
    }

    fn requirements(&self) -> Vec<Requirement> {
        let mut needs = vec![Requirement::new(
            AwsOperation::Service,
            "to see how many tasks run, and whether the task set is steady",
        )];
        if self.needs_stopped_tasks() {
            needs.push(Requirement::new(AwsOperation::Tasks, "to see which tasks of a task set stopped, and why"));
        }
        if HEALTH_SUBJECTS.iter().any(|subject| self.uses_subject(subject)) {
            needs.push(Requirement::new(AwsOperation::TaskDefinition, "to know which containers have a health check"));
            needs.push(Requirement::new(AwsOperation::Tasks, "to see the health of containers"));
        }
        if self.poll_policy.restart_on_failure {
            needs.push(Requirement::new(AwsOperation::Tasks, "to see whether a task is replaced during `stable_for`"));
        }
        needs
    }
}
