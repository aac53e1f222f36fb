//! The functions of a served world: a user's programs, and ours where the AppSpec file names them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use lifecycle::{Hook, Status};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::{
    codedeploy::FixedPorts,
    fake_aws::FakeAws,
    lambda::{FunctionName, InvocationResult, Invoker, ProcessPool},
    serve::{
        HookWaiting,
        runtime_api::{DeveloperRuntimeApi, PendingEvent},
    },
};

/// The hooks of the current deployment whose functions are other programs, with the names of the functions.
#[derive(Clone, Debug)]
pub(super) struct ForeignHooks {
    names: Arc<Mutex<BTreeMap<Hook, String>>>,
    aws: Arc<FakeAws>,
}

impl ForeignHooks {
    pub fn new(aws: Arc<FakeAws>) -> Self {
        Self { names: Arc::default(), aws }
    }

    pub fn set(&self, names: BTreeMap<Hook, String>) {
        self.aws.foreign_functions.set(names.keys().copied().map(FunctionName::from).collect());
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    fn name(&self, hook: Hook) -> Option<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&hook).cloned()
    }
}

/// Invokes the functions of a served world. Any client can put the status of a hook.
pub(super) struct ServedFunctions {
    pub at: Option<Hook>,
    pub aws: Arc<FakeAws>,
    pub foreign: ForeignHooks,
    pub runtime_apis: Arc<BTreeMap<Hook, DeveloperRuntimeApi>>,
    /// Our programs.
    pub programs: Option<ProcessPool>,
    /// The functions' timeout.
    pub timeout: Duration,
    pub ports: FixedPorts,
    pub wait: UnboundedSender<HookWaiting>,
}

impl ServedFunctions {
    /// The hook of an event and the function's name, if the function is another program. A record for the on-failure
    /// handler is not an event.
    fn foreign_event(&self, payload: &[u8]) -> Option<(Hook, String, BTreeMap<String, String>)> {
        let ids: BTreeMap<String, String> = serde_json::from_slice(payload).ok()?;
        let hook = self.aws.hook_of_execution(ids.get("LifecycleEventHookExecutionId")?)?;
        Some((hook, self.foreign.name(hook)?, ids))
    }

    /// Waits until someone puts the status of a hook, unless it is to be skipped.
    fn begin_waiting(
        &self,
        hook: Hook,
        name: String,
        ids: &BTreeMap<String, String>,
        payload: Vec<u8>,
    ) -> anyhow::Result<()> {
        let id = |key: &str| ids.get(key).cloned().unwrap_or_default();
        let (deployment, execution) = (id("DeploymentId"), id("LifecycleEventHookExecutionId"));
        if self.aws.world().execution_status(&execution).is_some() {
            // A second delivery. A function that polls gets no event that is over.
            return Ok(());
        }
        if self.at.is_some_and(|at| hook < at) {
            let put = self.aws.put_status_for(Some(hook.into()), &deployment, &execution, Status::Succeeded);
            put.map_err(|fault| anyhow::anyhow!("cannot put Succeeded for {hook}: {fault:?}"))?;
        } else if let Some(runtime_api) = self.runtime_apis.get(&hook) {
            let event = String::from_utf8(payload).context("the event must be JSON")?;
            let pending = PendingEvent { payload: event.clone(), execution: execution.clone(), function: name.clone() };
            runtime_api.set_event(pending);
            // An error means that nothing receives the events, which is allowed.
            let _ = self.wait.send(HookWaiting {
                hook,
                function: name,
                deployment,
                execution,
                event,
                runtime_api: self.ports.reachable(runtime_api.port()).to_string(),
                access_key: FunctionName::from(hook).access_key(),
                timeout: self.timeout,
            });
        }
        Ok(())
    }
}

impl Invoker for ServedFunctions {
    async fn invoke(
        &mut self,
        function: FunctionName,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> anyhow::Result<oneshot::Receiver<InvocationResult>> {
        let Some((hook, name, ids)) = self.foreign_event(&payload) else {
            let programs = self.programs.as_mut();
            let programs = programs.with_context(|| format!("{function} cannot be invoked without our programs"))?;
            return programs.invoke(function, payload, timeout).await;
        };
        self.begin_waiting(hook, name, &ids, payload)?;
        // Report success, as if the function had returned: only the status that is put matters.
        let (ended, receiver) = oneshot::channel();
        let _ = ended.send(InvocationResult::Success(serde_json::Value::Null));
        Ok(receiver)
    }
}
