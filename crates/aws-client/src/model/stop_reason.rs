//! Why ECS stopped a task, and whether that counts against the new version. docs/OPERATING.md has the same table, and a
//! test compares the two.
//!
//! Sources: the model of DescribeTasks for the stop codes; "Stopped tasks error codes" and "Task retirement" in the ECS
//! Developer Guide and public logs for the reasons. Rejected: using only the stop code. ECS gives `TerminationNotice`
//! to most tasks of a terminated instance, but other codes or none to the rest.

use super::Task;

/// Matches stopped tasks by stop code and a part of the reason.
struct StopRule {
    /// The stop code. Empty for any code.
    code: &'static str,
    /// A part of the stopped reason, compared without regard to case. Empty for any reason.
    reason: &'static str,
    is_crash: bool,
}

const fn infrastructure(code: &'static str, reason: &'static str) -> StopRule {
    StopRule { code, reason, is_crash: false }
}

const fn crash(code: &'static str, reason: &'static str) -> StopRule {
    StopRule { code, reason, is_crash: true }
}

/// The first rule that matches decides. A task without a matching rule counts as a crash: an unexplained stop must not
/// pass.
const RULES: &[StopRule] = &[
    infrastructure("", "Host EC2 (instance"),
    infrastructure("", "is performing maintenance"),
    infrastructure("", "retirement"),
    infrastructure("", "is in DRAINING state"),
    infrastructure("", "deregistration forced by user"),
    infrastructure("UserInitiated", ""),
    infrastructure("SpotInterruption", ""),
    infrastructure("TerminationNotice", ""),
    infrastructure("InfrastructureHealth", ""),
    infrastructure("ServiceSchedulerInitiated", "Scaling activity initiated by"),
    infrastructure("TaskFailedToStart", "Capacity is unavailable"),
    infrastructure("TaskFailedToStart", "Timeout waiting for network interface provisioning"),
    infrastructure("TaskFailedToStart", "Network interface provision complete error timeout"),
    infrastructure("TaskFailedToStart", "Timeout waiting for EphemeralStorage provisioning"),
    infrastructure("TaskFailedToStart", "Unexpected EC2 error while attempting to"),
    crash("TaskFailedToStart", ""),
    crash("EssentialContainerExited", ""),
    crash("ServiceSchedulerInitiated", "failed ELB health checks"),
    crash("ServiceSchedulerInitiated", "failed container health checks"),
    crash("ServiceSchedulerInitiated", "is unhealthy in"),
    crash("", ""),
];

/// What to do about a crash, by a part of the text from ECS. The first match counts.
const ADVICE: &[(&str, &str)] = &[
    ("OutOfMemory", "give the container or the task more memory in the task definition, or find what uses it up"),
    (
        "CannotPullContainerError",
        "push the image, or let the execution role and the subnets reach the registry; the reason says which",
    ),
    (
        "ResourceInitializationError",
        "let the execution role and the subnets reach the secret, registry or log group that the reason names",
    ),
    ("failed ELB health checks", "check the container port, the health-check path and the health-check grace period"),
    ("failed container health checks", "run the container's health-check command manually and read its log"),
];

impl Task {
    /// Whether its end counts against the new version.
    pub fn is_crash(&self) -> bool {
        let code = self.stop_code.as_deref().unwrap_or_default();
        let reason = self.stopped_reason.as_deref().unwrap_or_default();
        RULES.iter().find(|rule| rule.matches(code, reason)).is_none_or(|rule| rule.is_crash)
    }

    /// What to do about its end, if ECS reports enough to know.
    pub fn advice(&self) -> Option<&'static str> {
        let reasons = || self.stopped_reason.iter().chain(self.containers.iter().filter_map(|it| it.reason.as_ref()));
        ADVICE.iter().find(|(part, _)| reasons().any(|reason| reason.contains(part))).map(|(_, advice)| *advice)
    }
}

impl StopRule {
    fn matches(&self, code: &str, reason: &str) -> bool {
        let part = self.reason.to_ascii_lowercase();
        (self.code.is_empty() || self.code == code) && reason.to_ascii_lowercase().contains(&part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Container;

    fn stopped(code: &str, reason: &str) -> Task {
        Task::stopped("0a1b2c3d", code, reason)
    }

    #[test]
    fn reasons_from_public_logs_are_told_apart() {
        let infrastructure = [
            ("TerminationNotice", "Host EC2 (instance i-03dba81187d65ce7e) terminated."),
            ("ServiceSchedulerInitiated", "Host EC2 (instance i-06aab15feb4568492) stopped."),
            ("", "Host EC2 (instance i-06aab15feb4568492) stopped."),
            ("SpotInterruption", "Your Spot Task was interrupted."),
            ("UserInitiated", "Task stopped by user"),
            ("UserInitiated", "Container instance deregistration forced by user"),
            ("InfrastructureHealth", ""),
            ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/9223370545345641169)"),
            ("ServiceSchedulerInitiated", "Scaling activity initiated by (taskSet ecs-svc/9223370545345641169)"),
            (
                "ServiceSchedulerInitiated",
                "Service web: ECS is performing maintenance on the underlying infrastructure hosting the task",
            ),
            ("ServiceSchedulerInitiated", "Task stopped because the container instance is in DRAINING state"),
            ("TaskFailedToStart", "Capacity is unavailable at this time. Please try again later."),
            ("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete."),
            ("TaskFailedToStart", "Timeout waiting for EphemeralStorage provisioning to complete."),
            (
                "TaskFailedToStart",
                "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': \
                 InsufficientFreeAddressesInSubnet",
            ),
        ];
        for (code, reason) in infrastructure {
            assert!(!stopped(code, reason).is_crash(), "{code}: {reason}");
        }
        let crashes = [
            ("EssentialContainerExited", "Essential container in task exited"),
            ("TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried 1 time(s)"),
            ("TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry auth"),
            ("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group arn:aws:…)"),
            ("ServiceSchedulerInitiated", "Task failed container health checks"),
            ("ServiceSchedulerInitiated", ""),
            ("ACodeOfTomorrow", "a reason of tomorrow"),
            ("", ""),
        ];
        for (code, reason) in crashes {
            assert!(stopped(code, reason).is_crash(), "{code}: {reason}");
        }
    }

    #[test]
    fn advice_is_about_what_the_task_or_a_container_of_it_says() {
        let mut killed = stopped("EssentialContainerExited", "Essential container in task exited");
        assert_eq!(killed.advice(), None);
        killed.containers.push(Container {
            name: "web".into(),
            health: "UNKNOWN".into(),
            digest: None,
            exit_code: Some(137),
            reason: Some("OutOfMemoryError: Container killed due to memory usage".into()),
        });
        assert!(killed.advice().is_some_and(|advice| advice.contains("more memory")));
        let unpulled = stopped("TaskFailedToStart", "CannotPullContainerError: not found");
        assert!(unpulled.advice().is_some_and(|advice| advice.contains("push the image")));
    }

    #[test]
    fn the_manual_has_the_same_table() {
        let manual = include_str!("../../../../docs/OPERATING.md");
        let (_, section) = manual.split_once("### TasksStopped\n").unwrap();
        let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let rows: Vec<_> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1).take(3).collect::<Vec<_>>())
            .collect();
        let or_any = |text: &'static str| if text.is_empty() { "any" } else { text };
        let rules = RULES
            .iter()
            .map(|rule| vec![or_any(rule.code), or_any(rule.reason), if rule.is_crash { "yes" } else { "no" }]);
        assert_eq!(rows, rules.collect::<Vec<_>>());
    }
}
