//! Records findings as they come, so that no finding is lost when time runs out.
//!
//! The lock is held only briefly, because putting the status needs it. Redaction and writing happen outside the lock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    code::ReasonCode,
    consequence,
    finding::{Finding, Observation, Outcome, Policies},
    log_context::LogContext,
    redact::Redactor,
    verdict::{Decision, Mode, decide},
};

/// Called with each finding when its line can be written, with the mode and the context of the line.
pub type FindingObserver = Arc<dyn Fn(&Finding, Mode, &LogContext) + Send + Sync>;

/// The findings of one invocation. All clones share the same log.
#[derive(Clone)]
pub struct FindingLog {
    state: Arc<Mutex<LogState>>,
    observer: FindingObserver,
    /// When to stop waiting for the other checks. None while the verdict is not certain.
    verdict_certain_at: watch::Sender<Option<Instant>>,
}

struct LogState {
    started_at: Instant,
    /// True after [`FindingLog::finish`]: nothing more is recorded.
    closed: bool,
    /// The gate file's mode. Until the file is read, the strict one.
    mode: Mode,
    findings: Vec<Finding>,
    /// What happens now, before the checks: kind, description and start. Without secrets.
    phase: Option<(&'static str, String, Instant)>,
    checks: Vec<CheckEntry>,
    /// How long the other checks can still run once one has decided. None: until they end.
    grace: Option<Duration>,
    /// The check that made the verdict certain.
    deciding_check: Option<DecidingCheck>,
    /// Redacts what no finding is allowed to show. Replaced as a whole, so that its users need no lock.
    redactor: Arc<Redactor>,
    /// Findings whose lines are not written yet.
    pending: Vec<Finding>,
    /// What each line says about the deployment.
    context: LogContext,
}

struct DecidingCheck {
    check: String,
    grace: Duration,
}

struct CheckEntry {
    /// Without secrets.
    name: String,
    kind: &'static str,
    policies: Policies,
    /// The barrier that it is waiting for.
    blocked_by: Option<usize>,
    started_at: Option<Instant>,
    finding: Option<Finding>,
}

impl FindingLog {
    /// Creates an empty finding log.
    pub fn new(told: FindingObserver) -> Self {
        let state = LogState {
            started_at: Instant::now(),
            closed: false,
            mode: Mode::Enforce,
            findings: Vec::new(),
            phase: None,
            checks: Vec::new(),
            grace: None,
            deciding_check: None,
            redactor: Arc::default(),
            pending: Vec::new(),
            context: LogContext::default(),
        };
        Self { state: Arc::new(Mutex::new(state)), observer: told, verdict_certain_at: watch::Sender::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, LogState> {
        // A panic while the lock was held cannot have left a finding half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the mode that the gate file asks for.
    pub fn set_mode(&self, mode: Mode) {
        let mut state = self.lock();
        if !state.closed {
            state.mode = mode;
        }
    }

    /// The gate file's mode.
    pub fn mode(&self) -> Mode {
        self.lock().mode
    }

    /// Sets what is known about the deployment.
    pub fn with_context(self, context: LogContext) -> Self {
        self.lock().context = context;
        self
    }

    /// Adds what has become known about the deployment or its gate file, for all later lines.
    pub fn update_context(&self, add: impl FnOnce(&mut LogContext, &Redactor)) {
        let LogState { context, redactor: hidden, .. } = &mut *self.lock();
        add(context, hidden);
    }

    /// What is known about the deployment.
    pub fn context(&self) -> LogContext {
        self.lock().context.clone()
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
            let (before, names) = {
                let state = self.lock();
                (state.redactor.clone(), state.names().cloned().collect::<Vec<_>>())
            };
            let mut hidden = (*before).clone();
            hidden.add_secret(name, secret);
            let names: Vec<_> = names.iter().map(|name| hidden.redact(name).to_string()).collect();
            let mut state = self.lock();
            if Arc::ptr_eq(&before, &state.redactor) && state.names().count() == names.len() {
                state.redactor = Arc::new(hidden);
                state.rename(names);
                return;
            }
        }
    }

    /// Records a finding that does not come from a check in the gate file: settings, lifecycle event, the gate file
    /// itself.
    pub fn record(&self, kind: &'static str, policies: Policies, observation: Observation) {
        let elapsed = self.lock().started_at.elapsed();
        let finding = Finding { check: kind.to_owned(), kind, observation, policies, elapsed, caused_by: None };
        let finding = self.redacted(finding);
        let (mode, context) = {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            state.findings.push(finding.clone());
            (state.mode, state.context.clone())
        };
        (self.observer)(&finding, mode, &context);
    }

    /// Sets what happens now before the checks. If time runs out, the finding names it.
    pub fn begin_phase(&self, kind: &'static str, what: impl Into<String>) {
        let hidden = self.lock().redactor.clone();
        let what = hidden.redact(&what.into()).to_string();
        self.lock().phase = Some((kind, what, Instant::now()));
    }

    /// Ends the current phase.
    pub fn end_phase(&self) {
        self.lock().phase = None;
    }

    /// Sets the checks that will run. Once one has decided, the others get `grace`. None: they run until they end.
    pub fn set_plan<'a>(
        &self,
        steps: impl Iterator<Item = (&'a str, &'static str, Policies)>,
        grace: Option<Duration>,
    ) {
        let hidden = self.lock().redactor.clone();
        let planned = steps.map(|(name, kind, policies)| {
            let name = hidden.redact(name).to_string();
            CheckEntry { name, kind, policies, blocked_by: None, started_at: None, finding: None }
        });
        let planned = planned.collect();
        let mut state = self.lock();
        state.phase = None;
        state.grace = grace;
        state.checks = planned;
    }

    /// Records that the check at `index` waits for the one at `barrier`.
    pub fn check_waiting(&self, index: usize, barrier: usize) {
        if let Some(planned) = self.lock().checks.get_mut(index) {
            planned.blocked_by = Some(barrier);
        }
    }

    /// Records that the check at `index` starts.
    pub fn check_started(&self, index: usize) {
        if let Some(planned) = self.lock().checks.get_mut(index) {
            planned.started_at = Some(Instant::now());
        }
    }

    /// Records the result of the check at `index`.
    pub fn check_finished(&self, index: usize, observation: Observation) {
        self.record_check(index, |planned, _| Some(planned.to_finding(observation)));
    }

    /// Records that the check at `index` does not run, because its barrier did not pass.
    pub fn check_blocked(&self, index: usize) {
        self.record_check(index, |planned, all| {
            let barrier = all.get(planned.blocked_by?)?;
            let (expected, seen) = (format!("{} to pass", barrier.name), format!("{} did not pass", barrier.name));
            let observation = Observation::failed(ReasonCode::NotRun, "check", expected, seen);
            Some(
                planned
                    .to_finding(observation.with_outcome(Outcome::NotRun, ReasonCode::NotRun))
                    .with_barrier_cause(barrier),
            )
        });
    }

    /// Records the result of a check, unless it already has one or the log is closed.
    fn record_check(
        &self,
        index: usize,
        finding_for: impl FnOnce(&CheckEntry, &[CheckEntry]) -> Option<Finding<String>>,
    ) {
        let finding = {
            let state = self.lock();
            state.checks.get(index).and_then(|planned| finding_for(planned, &state.checks))
        };
        let Some(finding) = finding.map(|finding| self.redacted(finding)) else { return };
        let decision = decide(&finding.observation, finding.policies);
        let (mode, context) = {
            let mut state = self.lock();
            let closed = state.closed;
            let Some(planned) = state.checks.get_mut(index).filter(|it| !closed && it.finding.is_none()) else {
                return;
            };
            planned.finding = Some(finding.clone());
            if let (Decision::Fail, Some(grace), None) = (decision, state.grace, &state.deciding_check) {
                state.deciding_check = Some(DecidingCheck { check: finding.check.to_string(), grace });
                self.verdict_certain_at.send_replace(Some(Instant::now() + grace));
            }
            (state.mode, state.context.clone())
        };
        if !consequence::may_be_consequence(&finding) {
            (self.observer)(&finding, mode, &context);
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

    /// Returns all findings in the order of the plan. A check that did not finish gets a finding too, and `cut_off`
    /// says why. Only copies, because the status waits for it. [`Self::publish_pending`] writes the lines.
    pub fn finish(&self, cut_off: &Interruption) -> Vec<Finding> {
        let mut state = self.lock();
        state.closed = true;
        let mut findings = std::mem::take(&mut state.findings);
        let mut pending = Vec::new();
        if let Some((kind, what, since)) = state.phase.take() {
            pending.push(findings.len());
            let finding = Finding {
                check: kind.to_owned(),
                kind,
                observation: cut_off.observation(&what),
                policies: Policies::default(),
                elapsed: since.elapsed(),
                caused_by: None,
            };
            findings.push(without_secrets(finding));
        }
        for planned in &state.checks {
            let finding = planned.finding.clone().filter(|finding| !consequence::may_be_consequence(finding));
            if finding.is_none() {
                pending.push(findings.len());
            }
            findings.push(
                finding
                    .or_else(|| planned.finding.clone())
                    .unwrap_or_else(|| without_secrets(state.unfinished(planned, cut_off))),
            );
        }
        consequence::explain(&mut findings);
        state.pending = pending.into_iter().filter_map(|index| findings.get(index).cloned()).collect();
        findings
    }

    /// Writes the lines that had to wait: checks that did not finish, and failures that another one may explain.
    pub fn publish_pending(&self) {
        let (pending, mode, context) = {
            let mut state = self.lock();
            (std::mem::take(&mut state.pending), state.mode, state.context.clone())
        };
        for finding in pending {
            (self.observer)(&finding, mode, &context);
        }
    }

    /// The only way from a finding to a reader, and it removes secrets. Every secret is known before a check can use
    /// it, so the current redactor is enough.
    fn redacted(&self, finding: Finding<String>) -> Finding {
        let hidden = self.lock().redactor.clone();
        finding.redacted(&hidden)
    }
}

/// For a finding that contains only redacted names and our own texts.
fn without_secrets(finding: Finding<String>) -> Finding {
    finding.redacted(&Redactor::default())
}

impl LogState {
    /// All texts that are reported without being redacted again.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.checks.iter().map(|planned| &planned.name).chain(self.phase.iter().map(|(_, what, _)| what))
    }

    fn rename(&mut self, names: Vec<String>) {
        let own = self.checks.iter_mut().map(|planned| &mut planned.name);
        own.chain(self.phase.iter_mut().map(|(_, what, _)| what)).zip(names).for_each(|(own, name)| *own = name);
    }

    /// The finding of a check that has not finished.
    fn unfinished(&self, planned: &CheckEntry, cut_off: &Interruption) -> Finding<String> {
        let barrier = planned.blocked_by.and_then(|barrier| self.checks.get(barrier));
        match (&self.deciding_check, planned.started_at) {
            (Some(decided), _) => planned.to_finding(decided.observation()).with_cause(&decided.check),
            (None, Some(_)) => planned.to_finding(cut_off.observation("check")),
            (None, None) => {
                let name = barrier.map_or("what it waits for", |barrier| &barrier.name);
                let why = Observation::passed("check", format!("{name} did not end in time"));
                planned.to_finding(why.with_outcome(Outcome::NotRun, ReasonCode::NotRun))
            }
        }
    }
}

impl DecidingCheck {
    /// The observation for a check that was not waited for, whether it had started or not.
    fn observation(&self) -> Observation {
        let Self { check, grace } = self;
        let when =
            if grace.is_zero() { String::new() } else { format!(" {} later", crate::gate::format_duration(*grace)) };
        let seen = format!("{check} failed, so nothing could change the verdict; this check was cut off{when}");
        Observation::passed("check", seen).with_outcome(Outcome::NotRun, ReasonCode::CutOff)
    }
}

impl CheckEntry {
    fn to_finding(&self, observation: Observation) -> Finding<String> {
        Finding {
            check: self.name.clone(),
            kind: self.kind,
            observation,
            policies: self.policies,
            elapsed: self.started_at.map(|since| since.elapsed()).unwrap_or_default(),
            caused_by: None,
        }
    }
}

impl Finding<String> {
    fn with_cause(self, check: &str) -> Self {
        Self { caused_by: Some(check.to_owned()), ..self }
    }

    /// A barrier that only warns does not explain why a check that decides did not run.
    fn with_barrier_cause(self, barrier: &CheckEntry) -> Self {
        let own = decide(&self.observation, self.policies);
        match &barrier.finding {
            Some(cause) if decide(&cause.observation, cause.policies) >= own => self.with_cause(&barrier.name),
            _ => self,
        }
    }
}

/// Why a check did not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Time ran out.
    Time(Duration),
    /// It panicked. The log says where and why.
    Panic,
}

impl Interruption {
    fn observation(&self, resource: &str) -> Observation {
        match self {
            Self::Time(after) => {
                let seen = format!("not done after {}", crate::gate::format_duration(*after));
                Observation::failed(ReasonCode::RanOutOfTime, resource, "", seen)
                    .with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime)
            }
            Self::Panic => Observation::errored(ReasonCode::CheckPanicked, resource, "it panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding_log() -> FindingLog {
        FindingLog::new(Arc::new(|_, _, _| {}))
    }

    fn outcomes(findings: &[Finding]) -> Vec<(&str, Outcome)> {
        findings.iter().map(|finding| (finding.check.as_str(), finding.observation.outcome)).collect()
    }

    #[test]
    fn what_was_found_is_kept_and_what_was_not_is_said() {
        let board = finding_log();
        board.begin_phase("discovery", "deployment d-1");
        board.set_plan(
            [
                ("a", "tasks", Policies::default()),
                ("b", "tasks", Policies::default()),
                ("c", "tasks", Policies::default()),
            ]
            .into_iter(),
            None,
        );
        board.check_started(0);
        board.check_finished(0, Observation::passed("web", "fine"));
        board.check_started(1);
        let findings = board.finish(&Interruption::Time(Duration::from_secs(3)));
        assert_eq!(outcomes(&findings), [("a", Outcome::Passed), ("b", Outcome::TimedOut), ("c", Outcome::NotRun)]);
    }

    #[test]
    fn what_was_cut_off_names_the_check_that_decided() {
        for (grace, seen) in [
            (Duration::ZERO, "a failed, so nothing could change the verdict; this check was cut off"),
            (Duration::from_secs(5), "a failed, so nothing could change the verdict; this check was cut off 5s later"),
        ] {
            let board = finding_log();
            board.set_plan(["a", "b", "c"].map(|name| (name, "tasks", Policies::default())).into_iter(), Some(grace));
            board.check_started(0);
            board.check_started(1);
            board.check_finished(0, Observation::failed(ReasonCode::NotSteady, "web", "fine", "not"));
            let findings = board.finish(&Interruption::Time(Duration::ZERO));
            assert_eq!(outcomes(&findings), [("a", Outcome::Failed), ("b", Outcome::NotRun), ("c", Outcome::NotRun)]);
            for finding in &findings[1..] {
                assert_eq!(
                    (finding.observation.code, finding.observation.actual.as_str()),
                    (Some(ReasonCode::CutOff), seen)
                );
            }
        }
    }

    #[test]
    fn time_that_ran_out_before_there_was_a_plan_is_a_finding() {
        let board = finding_log();
        board.begin_phase("discovery", "deployment d-1");
        let findings = board.finish(&Interruption::Time(Duration::from_secs(3)));
        assert_eq!(outcomes(&findings), [("discovery", Outcome::TimedOut)]);
    }

    #[test]
    fn what_is_hidden_is_in_no_finding_wherever_it_is_made() {
        let told = Arc::new(Mutex::new(String::new()));
        let lines = told.clone();
        let board = FindingLog::new(Arc::new(move |finding, _, _| *lines.lock().unwrap() += &format!("{finding:?}\n")));
        board.add_secret("token", "sesame");
        board.record(
            "gate",
            Policies::default(),
            Observation::errored(ReasonCode::CheckFailed, "sesame", "open sesame"),
        );
        board.begin_phase("sesame", "what is done with sesame");
        board.end_phase();
        board.set_plan([("a", "http", Policies::default()), ("b", "http", Policies::default())].into_iter(), None);
        board.check_started(0);
        let seen = Observation::failed(ReasonCode::UnexpectedBody, "sesame", "other", "'sesame'")
            .with_details(["sesame".to_owned()]);
        board.check_finished(0, seen);
        board.check_started(1);
        board.begin_phase("gate", "gate file sesame");
        let findings = board.finish(&Interruption::Panic);
        assert!(!format!("{findings:?} {}", told.lock().unwrap()).contains("sesame"), "{findings:?}");
        assert_eq!(findings[2].observation.actual, "'[secret token]'");
    }

    #[test]
    fn a_straggler_cannot_change_what_was_read_out() {
        let board = finding_log();
        board.set_plan([("a", "tasks", Policies::default())].into_iter(), None);
        board.check_started(0);
        board.finish(&Interruption::Time(Duration::ZERO));
        board.check_finished(0, Observation::passed("web", "fine"));
        board.record("settings", Policies::default(), Observation::passed("x", "y"));
        assert_eq!(
            board.finish(&Interruption::Panic).len(),
            1,
            "the findings were returned once; only the plan is left to report"
        );
    }
}
