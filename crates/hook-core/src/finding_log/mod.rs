//! Records findings as they come, so that no finding is lost when time runs out.
//!
//! The lock is held only briefly, because putting the status needs it: findings are collected under the lock, and
//! redacted and published outside it.

mod interruption;
mod publish;
mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

pub use self::{
    interruption::Interruption,
    publish::{FindingObserver, UnpublishedFindings},
};
use self::{
    publish::LineContext,
    state::{CheckEntry, CurrentPhase, DecidingCheck, LogState, Records},
};
use crate::{
    conclusion::Conclusion,
    consequence,
    finding::{Finding, Observation, Policies},
    log_context::LogContext,
    phase::{FindingKind, Phase},
    redact::Redactor,
    verdict::{Decision, Mode, decide},
};

/// The findings of one invocation. All clones share the same log.
#[derive(Clone)]
pub struct FindingLog {
    state: Arc<Mutex<LogState>>,
    started_at: Instant,
    observer: FindingObserver,
    /// When to stop waiting for the other checks. None while the verdict is not certain.
    verdict_certain_at: watch::Sender<Option<Instant>>,
}

/// All findings of an invocation.
pub struct Finished {
    /// In the order of the plan.
    pub findings: Vec<Finding>,
    /// The gate file's mode.
    pub mode: Mode,
    /// Those whose lines had to wait: why the evaluation ended early, checks that did not finish, and failures that
    /// another one may explain.
    pub unpublished: UnpublishedFindings,
}

impl FindingLog {
    /// Creates an empty finding log.
    pub fn new(observer: FindingObserver) -> Self {
        Self {
            state: Arc::new(Mutex::new(LogState::new())),
            started_at: Instant::now(),
            observer,
            verdict_certain_at: watch::Sender::new(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, LogState> {
        // A panic while the lock was held cannot have left a finding half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the mode that the gate file asks for.
    pub fn set_mode(&self, mode: Mode) {
        let mut state = self.lock();
        if !state.closed {
            state.context.mode = mode;
        }
    }

    /// Sets what is known about the deployment.
    pub fn with_context(self, context: LogContext) -> Self {
        self.lock().context.deployment = Arc::new(context);
        self
    }

    /// Adds what has become known about the deployment or its gate file, for all later lines. Only the evaluation does
    /// this, so no other change is lost.
    pub fn update_context(&self, add: impl FnOnce(&mut LogContext, &Redactor)) {
        let (mut context, redactor) = {
            let state = self.lock();
            (state.context.deployment.clone(), state.redactor.clone())
        };
        add(Arc::make_mut(&mut context), &redactor);
        self.lock().context.deployment = context;
    }

    /// What is known about the deployment.
    pub fn context(&self) -> Arc<LogContext> {
        self.lock().context.deployment.clone()
    }

    /// Sets the redactor that hides the function's credentials and the execution id.
    pub fn with_redactor(self, redactor: Redactor) -> Self {
        self.lock().redactor = Arc::new(redactor);
        self
    }

    /// The current redactor.
    pub fn redactor(&self) -> Redactor {
        (*self.lock().redactor).clone()
    }

    /// Redacts a secret in every later finding, whatever its source: a server can send the secret back too.
    pub fn add_secret(&self, name: &str, secret: &str) {
        loop {
            let before = self.lock().redactor.clone();
            let mut redactor = (*before).clone();
            redactor.add_secret(name, secret);
            let mut state = self.lock();
            // Another secret may have been added meanwhile.
            if Arc::ptr_eq(&before, &state.redactor) {
                state.redactor = Arc::new(redactor);
                return;
            }
        }
    }

    /// Records a finding that does not come from a check, and does not end the evaluation.
    pub fn record(&self, phase: Phase, policies: Policies, observation: Observation) {
        let finding = self.phase_finding(phase, policies, observation);
        let context = {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            state.records.findings.push(finding.clone());
            state.context.clone()
        };
        self.publish(finding, context);
    }

    /// Records why the evaluation ended early. Its line waits until the status is put.
    pub fn conclude(&self, Conclusion { phase, policies, observation }: Conclusion) {
        let finding = self.phase_finding(phase, policies, *observation);
        let mut state = self.lock();
        if !state.closed {
            state.records.conclusion = Some(finding);
            state.records.phase = None;
        }
    }

    fn phase_finding(&self, phase: Phase, policies: Policies, observation: Observation) -> Finding {
        self.redacted(Finding {
            check: phase.as_str().to_owned(),
            kind: FindingKind::Phase(phase),
            observation,
            policies,
            elapsed: self.started_at.elapsed(),
            caused_by: None,
        })
    }

    /// Sets what happens now before the checks. If time runs out, the finding names it.
    pub fn begin_phase(&self, phase: Phase, description: impl Into<String>) {
        let current = CurrentPhase { phase, description: description.into(), started_at: Instant::now() };
        self.lock().records.phase = Some(current);
    }

    /// Sets the checks that will run. Once one has decided, the others get `grace`. None: they run until they end.
    pub fn set_plan<'a>(
        &self,
        checks: impl Iterator<Item = (&'a str, &'static str, Policies)>,
        grace: Option<Duration>,
    ) {
        let checks = checks.map(|(name, kind, policies)| CheckEntry::new(name, kind, policies)).collect();
        let mut state = self.lock();
        state.records.phase = None;
        state.grace = grace;
        state.records.checks = checks;
    }

    /// Records that the check at `index` waits for the one at `barrier`.
    pub fn check_waiting(&self, index: usize, barrier: usize) {
        if let Some(check) = self.lock().records.checks.get_mut(index) {
            check.blocked_by = Some(barrier);
        }
    }

    /// Records that the check at `index` starts.
    pub fn check_started(&self, index: usize) {
        if let Some(check) = self.lock().records.checks.get_mut(index) {
            check.started_at = Some(Instant::now());
        }
    }

    /// Records the result of the check at `index`.
    pub fn check_finished(&self, index: usize, observation: Observation) {
        self.record_check(index, |records| records.checks.get(index).map(|check| check.to_finding(observation)));
    }

    /// Records that the check at `index` does not run, because its barrier did not pass.
    pub fn check_blocked(&self, index: usize) {
        self.record_check(index, |records| records.blocked_finding(index));
    }

    /// Records the result of a check, unless it already has one or the log is closed.
    fn record_check(&self, index: usize, finding_for: impl FnOnce(&Records) -> Option<Finding<String>>) {
        let finding = finding_for(&self.lock().records);
        let Some(finding) = finding.map(|finding| self.redacted(finding)) else { return };
        let decision = decide(&finding.observation, finding.policies);
        let context = {
            let LogState { records, grace, context, .. } = &mut *self.lock();
            let Some(check) = records.checks.get_mut(index).filter(|check| check.finding.is_none()) else { return };
            check.finding = Some(finding.clone());
            if let (Decision::Fail, Some(grace), None) = (decision, *grace, &records.deciding_check) {
                records.deciding_check = Some(DecidingCheck { index, grace });
                self.verdict_certain_at.send_replace(Some(Instant::now() + grace));
            }
            context.clone()
        };
        if !consequence::may_be_consequence(&finding) {
            self.publish(finding, context);
        }
    }

    /// Waits until a check has decided and the grace of the others has passed: nothing can change the verdict then.
    pub async fn verdict_certain(&self) {
        let mut certain = self.verdict_certain_at.subscribe();
        match certain.wait_for(Option::is_some).await.map(|at| *at) {
            Ok(Some(at)) => sleep_until(at).await,
            // No check is left that could decide.
            _ => std::future::pending().await,
        }
    }

    /// Closes the log and returns all findings. A check that did not finish gets a finding too, and `interruption` says
    /// why. Nothing is published here, because the status waits for it.
    pub fn finish(&self, interruption: &Interruption) -> Finished {
        let (records, redactor, context) = {
            let mut state = self.lock();
            (state.close(), state.redactor.clone(), state.context.clone())
        };
        let (findings, unpublished) = records.into_findings(interruption, &redactor);
        Finished { findings, mode: context.mode, unpublished: self.unpublished(unpublished, context) }
    }

    fn publish(&self, finding: Finding, context: LineContext) {
        self.unpublished(vec![finding], context).publish();
    }

    fn unpublished(&self, findings: Vec<Finding>, context: LineContext) -> UnpublishedFindings {
        UnpublishedFindings { findings, context, observer: self.observer.clone() }
    }

    /// Removes secrets. Every secret is known before a check can use it, so the current redactor is enough.
    fn redacted(&self, finding: Finding<String>) -> Finding {
        let redactor = self.lock().redactor.clone();
        finding.redacted(&redactor)
    }
}

#[cfg(test)]
mod tests;
