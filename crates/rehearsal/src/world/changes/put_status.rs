//! Putting the status of a hook, as CodeDeploy accepts or rejects it.

use std::time::SystemTime;

use lifecycle::Status;

use crate::world::{ComputePlatform, EventStatus, World};

/// Why CodeDeploy rejects a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusRejected {
    DeploymentDoesNotExist,
    InvalidLifecycleEventHookExecutionId,
    InvalidLifecycleEventHookExecutionStatus,
    LifecycleEventAlreadyCompleted,
    UnsupportedActionForDeploymentType,
}

impl World {
    /// Accepts the status of a hook, once, while its lifecycle event is in progress.
    ///
    /// # Errors
    /// CodeDeploy's error for a status that it rejects.
    pub fn put_status(
        &mut self,
        deployment: &str,
        execution: &str,
        status: &str,
        now: SystemTime,
    ) -> Result<Status, StatusRejected> {
        let hook_status = Status::ALL
            .into_iter()
            .find(|own| own.as_str() == status)
            .ok_or(StatusRejected::InvalidLifecycleEventHookExecutionStatus)?;
        let found =
            self.deployments.iter_mut().find(|it| it.id == deployment).ok_or(StatusRejected::DeploymentDoesNotExist)?;
        if found.platform == ComputePlatform::Server {
            return Err(StatusRejected::UnsupportedActionForDeploymentType);
        }
        let mut executions = self.executions.iter_mut();
        let execution = executions.find(|it| it.deployment == deployment && it.id == execution);
        let execution = execution.ok_or(StatusRejected::InvalidLifecycleEventHookExecutionId)?;
        let event = found.event(&execution.event).filter(|event| event.status == EventStatus::InProgress);
        let event =
            event.filter(|_| execution.status.is_none()).ok_or(StatusRejected::LifecycleEventAlreadyCompleted)?;
        execution.status = Some(hook_status);
        event.status = if hook_status == Status::Succeeded { EventStatus::Succeeded } else { EventStatus::Failed };
        event.ended = Some(now);
        Ok(hook_status)
    }

    /// The status that was put for an execution.
    pub fn execution_status(&self, execution: &str) -> Option<Status> {
        self.executions.iter().find(|it| it.id == execution)?.status
    }
}
