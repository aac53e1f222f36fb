//! What one function did on a stage.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::{
    aws::StatusPut,
    function_name::FunctionName,
    hook_log::{self, HookLogLine},
    lambda::InvocationResult,
    report::{CheckLine, HookStatus},
    service::ServiceRequest,
};

/// What one function did on a [`Stage`](super::Stage).
#[derive(Clone, Debug)]
pub struct HookRunReport {
    /// The answers that CodeDeploy took. More than one would be a fault of the stage itself.
    pub statuses: Vec<HookStatus>,
    /// Every status that came to CodeDeploy, in order, taken or not.
    pub puts: Vec<StatusPut>,
    /// How many AWS calls each operation got, by `service:Operation`.
    pub calls: BTreeMap<String, u64>,
    /// How many of them got a whole reply that says that all is well.
    pub good_replies: BTreeMap<String, u64>,
    /// The lines that were JSON, read.
    pub log: Vec<Value>,
    /// Every line.
    pub raw_log: Vec<String>,
    /// The checks, as they were logged.
    pub checks: Vec<CheckLine>,
    /// The first verdict line; empty when there was none.
    pub verdict: String,
    /// The code in the first verdict line; empty when it succeeded.
    pub code: String,
    /// How the (first) invocation itself ended.
    pub invocation_result: InvocationResult,
    /// How each invocation ended, in the order of the deliveries.
    pub invocations: Vec<InvocationResult>,
    /// How long each invocation took.
    pub took: Vec<Duration>,
    /// How the net's last try ended, for each invocation that failed; empty where there is no net.
    pub on_failure_results: Vec<InvocationResult>,
    /// How much time of a processor the first process had had when its (first) invocation ended, its start included; in
    /// steps of 10 ms, in which Linux counts. None on a machine without a `/proc`.
    pub cpu: Option<Duration>,
    /// What came to the service through its listeners.
    pub requests_to_service: Vec<ServiceRequest>,
    /// Operations that were called and are not played here.
    pub unknown_operations: Vec<String>,
}

impl HookRunReport {
    /// When CodeDeploy had the answer: so long after the function was invoked. None when it took none.
    pub fn status_taken_after(&self) -> Option<Duration> {
        self.puts.iter().find(|put| put.took_effect).map(|put| put.after)
    }

    /// Takes in a line that the function wrote.
    pub(super) fn on_log_line(&mut self, by: FunctionName, line: String) {
        match hook_log::read(&line) {
            // What the net says is no verdict of the hook's.
            _ if by == FunctionName::OnFailure => {}
            Some(HookLogLine::Check(check)) => self.checks.push(check),
            Some(HookLogLine::Verdict { code, message }) if self.verdict.is_empty() => {
                (self.code, self.verdict) = (code, message);
            }
            Some(HookLogLine::Verdict { .. }) | None => {}
        }
        self.log.extend(serde_json::from_str::<Value>(&line));
        self.raw_log.push(line);
    }
}
