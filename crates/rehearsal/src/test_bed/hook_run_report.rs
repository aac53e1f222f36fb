//! What one function did on a test bed.

use std::{collections::BTreeMap, time::Duration};

use lifecycle::Status;
use serde_json::Value;

use crate::{
    check_line::CheckLine,
    fake_aws::StatusPut,
    lambda::{
        FunctionName, HookVerdict, InvocationResult,
        hook_log::{self, HookLogLine},
    },
    service::ServiceRequest,
};

/// What one function did on a [`HookTestBed`](super::HookTestBed).
#[derive(Clone, Debug)]
pub struct HookRunReport {
    /// The statuses that CodeDeploy accepted. More than one would be a bug in the test bed.
    pub statuses: Vec<Status>,
    /// Every status that CodeDeploy received, in order, accepted or not.
    pub puts: Vec<StatusPut>,
    /// The number of AWS calls for each operation, by `service:Operation`.
    pub calls: BTreeMap<String, u64>,
    /// The number of those calls that got a complete and successful response.
    pub good_replies: BTreeMap<String, u64>,
    /// The log lines that were JSON, parsed.
    pub log: Vec<Value>,
    /// Every log line.
    pub raw_log: Vec<String>,
    /// The checks in the log.
    pub checks: Vec<CheckLine>,
    /// The first verdict line; empty if there is none.
    pub verdict: String,
    /// The reason code in the first verdict line; empty if it succeeded.
    pub code: String,
    /// The whole first verdict line; the default if there is none.
    pub logged_verdict: HookVerdict,
    /// How the first invocation ended.
    pub invocation_result: InvocationResult,
    /// How each invocation ended, in the order of the deliveries.
    pub invocations: Vec<InvocationResult>,
    /// How long each invocation took.
    pub took: Vec<Duration>,
    /// How the on-failure handler's last attempt ended, for each failed invocation. Empty without the handler.
    pub on_failure_results: Vec<InvocationResult>,
    /// The CPU time of the first process from its start to the end of its first invocation, in steps of 10 ms, which is
    /// how Linux counts. `None` on a machine without a `/proc`.
    pub cpu: Option<Duration>,
    /// The requests that the service received through its listeners.
    pub requests_to_service: Vec<ServiceRequest>,
    /// Operations that were called and that the simulated AWS does not support.
    pub unknown_operations: Vec<String>,
}

impl HookRunReport {
    /// The time from the invocation of the function to the status that CodeDeploy accepted. `None` if it accepted none.
    pub fn status_taken_after(&self) -> Option<Duration> {
        self.puts.iter().find(|put| put.took_effect).map(|put| put.after)
    }

    /// Stores a line that the function wrote.
    pub(super) fn on_log_line(&mut self, by: FunctionName, line: String) {
        match hook_log::read(&line) {
            // A verdict of the on-failure handler is not the verdict of the hook.
            _ if by == FunctionName::OnFailure => {}
            Some(HookLogLine::Check(check)) => self.checks.push(check),
            Some(HookLogLine::Verdict(verdict)) if self.verdict.is_empty() => {
                (self.code, self.verdict) = (verdict.code.clone(), verdict.message.clone());
                self.logged_verdict = verdict;
            }
            Some(HookLogLine::Verdict(_)) | None => {}
        }
        self.log.extend(serde_json::from_str::<Value>(&line));
        self.raw_log.push(line);
    }
}
