//! The answer of a hook, as CodeDeploy takes it.

use std::time::SystemTime;

use super::{EventStatus, World};
use crate::report::Answer;

/// Why an answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "CodeDeploy's own names, without their ending")]
pub enum PutFault {
    DeploymentDoesNotExist,
    InvalidLifecycleEventHookExecutionId,
    InvalidLifecycleEventHookExecutionStatus,
    LifecycleEventAlreadyCompleted,
    UnsupportedActionForDeploymentType,
}

impl World {
    /// Takes the answer of a hook, once, while its lifecycle event is in progress.
    ///
    /// # Errors
    /// As CodeDeploy would refuse it.
    pub fn put(
        &mut self,
        deployment: &str,
        execution: &str,
        status: &str,
        now: SystemTime,
    ) -> Result<Answer, PutFault> {
        let answer = match status {
            "Succeeded" => Answer::Succeeded,
            "Failed" => Answer::Failed,
            _ => return Err(PutFault::InvalidLifecycleEventHookExecutionStatus),
        };
        let found =
            self.deployments.iter_mut().find(|it| it.id == deployment).ok_or(PutFault::DeploymentDoesNotExist)?;
        if found.platform == "Server" {
            return Err(PutFault::UnsupportedActionForDeploymentType);
        }
        let mut executions = self.executions.iter_mut();
        let execution = executions.find(|it| it.deployment == deployment && it.id == execution);
        let execution = execution.ok_or(PutFault::InvalidLifecycleEventHookExecutionId)?;
        let event = found.event(&execution.event).filter(|event| event.status == EventStatus::InProgress);
        let event = event.filter(|_| execution.answer.is_none()).ok_or(PutFault::LifecycleEventAlreadyCompleted)?;
        execution.answer = Some(answer);
        event.status = if answer == Answer::Succeeded { EventStatus::Succeeded } else { EventStatus::Failed };
        event.ended = Some(now);
        Ok(answer)
    }

    /// What was put for an execution.
    pub fn answer(&self, execution: &str) -> Option<Answer> {
        self.executions.iter().find(|it| it.id == execution)?.answer
    }
}
