//! Where findings are written down as they come, so that nothing that was found is lost when time runs out.
//!
//! The lock is held for moments only: the status needs it. Searching for secrets and writing lines happen outside of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    code::Code,
    consequence,
    finding::{Finding, Observation, Outcome, Policies},
    log_context::LogContext,
    redact::Redactor,
    verdict::{Decision, Mode, decide},
};

/// Called with each finding when its line can be written, and with what it is made for.
pub type Told = Arc<dyn Fn(&Finding, Mode, &LogContext) + Send + Sync>;

/// The findings of one invocation. Cloned freely: all clones write on the same board.
#[derive(Clone)]
pub struct Board {
    state: Arc<Mutex<State>>,
    told: Told,
    /// When to stop waiting for the other checks; none while the verdict is not certain.
    certain: watch::Sender<Option<Instant>>,
}

struct State {
    began: Instant,
    /// Once read out, nothing more is written.
    closed: bool,
    /// What the gate file says about it; until it was read, the strict one.
    mode: Mode,
    findings: Vec<Finding>,
    /// What is being done that is no check yet, and since when. Without secrets.
    stage: Option<(&'static str, String, Instant)>,
    planned: Vec<Planned>,
    /// How long the other checks may still run once one has decided; none: to their end.
    grace: Option<Duration>,
    /// The check that made the verdict certain.
    decided: Option<Decided>,
    /// What may not be told by any finding. Replaced as a whole, so that who uses it needs no lock.
    hidden: Arc<Redactor>,
    /// Findings whose lines are not written yet.
    pending: Vec<Finding>,
    /// What its lines say about the deployment.
    context: LogContext,
}

struct Decided {
    check: String,
    grace: Duration,
}

struct Planned {
    /// Without secrets.
    name: String,
    kind: &'static str,
    policies: Policies,
    /// The barrier that it waits for now.
    waits_for: Option<usize>,
    since: Option<Instant>,
    finding: Option<Finding>,
}

impl Board {
    /// An empty board.
    pub fn new(told: Told) -> Self {
        let state = State {
            began: Instant::now(),
            closed: false,
            mode: Mode::Enforce,
            findings: Vec::new(),
            stage: None,
            planned: Vec::new(),
            grace: None,
            decided: None,
            hidden: Arc::default(),
            pending: Vec::new(),
            context: LogContext::default(),
        };
        Self { state: Arc::new(Mutex::new(state)), told, certain: watch::Sender::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held cannot have left a finding half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the gate file says about what will be found.
    pub fn set_mode(&self, mode: Mode) {
        let mut state = self.lock();
        if !state.closed {
            state.mode = mode;
        }
    }

    /// What it said.
    pub fn mode(&self) -> Mode {
        self.lock().mode
    }

    /// With what is known of the deployment.
    pub fn about(self, context: LogContext) -> Self {
        self.lock().context = context;
        self
    }

    /// Adds what has become known of the deployment or its gate file, for the lines from now on.
    pub fn describe(&self, add: impl FnOnce(&mut LogContext, &Redactor)) {
        let State { context, hidden, .. } = &mut *self.lock();
        add(context, hidden);
    }

    /// What is known of the deployment.
    pub fn context(&self) -> LogContext {
        self.lock().context.clone()
    }

    /// With more that no finding may show: the function's credentials, the execution id.
    pub fn redacting(self, redactor: Redactor) -> Self {
        self.lock().hidden = Arc::new(redactor);
        self
    }

    /// What no finding may show by now.
    pub fn redactor(&self) -> Redactor {
        (*self.lock().hidden).clone()
    }

    /// Takes a secret out of every finding that is made from now on, whoever makes it: what a server sends back as well.
    pub fn hide(&self, name: &str, secret: &str) {
        loop {
            let (before, names) = {
                let state = self.lock();
                (state.hidden.clone(), state.names().cloned().collect::<Vec<_>>())
            };
            let mut hidden = (*before).clone();
            hidden.hide(name, secret);
            let names: Vec<_> = names.iter().map(|name| hidden.show(name).to_string()).collect();
            let mut state = self.lock();
            if Arc::ptr_eq(&before, &state.hidden) && state.names().count() == names.len() {
                state.hidden = Arc::new(hidden);
                state.rename(names);
                return;
            }
        }
    }

    /// A finding of something that is no check of the gate file: the settings, the wiring, the gate file itself.
    pub fn note(&self, kind: &'static str, policies: Policies, observation: Observation) {
        let took = self.lock().began.elapsed();
        let finding = Finding { check: kind.to_owned(), kind, observation, policies, took, caused_by: None };
        let finding = self.redacted(finding);
        let (mode, context) = {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            state.findings.push(finding.clone());
            (state.mode, state.context.clone())
        };
        (self.told)(&finding, mode, &context);
    }

    /// What is being done now that is no check: named if time runs out during it.
    pub fn stage(&self, kind: &'static str, what: impl Into<String>) {
        let hidden = self.lock().hidden.clone();
        let what = hidden.show(&what.into()).to_string();
        self.lock().stage = Some((kind, what, Instant::now()));
    }

    /// What was being done has come to its end.
    pub fn stage_over(&self) {
        self.lock().stage = None;
    }

    /// The checks that are going to run. Once one of them has decided, the others get `grace`; none: they run to their end.
    pub fn plan<'a>(&self, steps: impl Iterator<Item = (&'a str, &'static str, Policies)>, grace: Option<Duration>) {
        let hidden = self.lock().hidden.clone();
        let planned = steps.map(|(name, kind, policies)| {
            let name = hidden.show(name).to_string();
            Planned { name, kind, policies, waits_for: None, since: None, finding: None }
        });
        let planned = planned.collect();
        let mut state = self.lock();
        state.stage = None;
        state.grace = grace;
        state.planned = planned;
    }

    /// The check at `index` waits for the one at `barrier`.
    pub fn wait(&self, index: usize, barrier: usize) {
        if let Some(planned) = self.lock().planned.get_mut(index) {
            planned.waits_for = Some(barrier);
        }
    }

    /// The check at `index` begins.
    pub fn begin(&self, index: usize) {
        if let Some(planned) = self.lock().planned.get_mut(index) {
            planned.since = Some(Instant::now());
        }
    }

    /// The check at `index` ended.
    pub fn end(&self, index: usize, observation: Observation) {
        self.settle(index, |planned, _| Some(planned.found(observation)));
    }

    /// The check at `index` does not run, because the barrier that it waits for did not hold.
    pub fn end_behind_barrier(&self, index: usize) {
        self.settle(index, |planned, all| {
            let barrier = all.get(planned.waits_for?)?;
            let (expected, seen) = (format!("{} to hold", barrier.name), format!("{} did not hold", barrier.name));
            let observation = Observation::failed(Code::NotRun, "check", expected, seen);
            Some(planned.found(observation.but(Outcome::NotRun, Code::NotRun)).behind(barrier))
        });
    }

    /// Writes down what became of a check, unless that is known already or nobody waits for it any more.
    fn settle(&self, index: usize, found: impl FnOnce(&Planned, &[Planned]) -> Option<Finding<String>>) {
        let finding = {
            let state = self.lock();
            state.planned.get(index).and_then(|planned| found(planned, &state.planned))
        };
        let Some(finding) = finding.map(|finding| self.redacted(finding)) else { return };
        let decision = decide(&finding.observation, finding.policies);
        let (mode, context) = {
            let mut state = self.lock();
            let closed = state.closed;
            let Some(planned) = state.planned.get_mut(index).filter(|it| !closed && it.finding.is_none()) else {
                return;
            };
            planned.finding = Some(finding.clone());
            if let (Decision::Fail, Some(grace), None) = (decision, state.grace, &state.decided) {
                state.decided = Some(Decided { check: finding.check.to_string(), grace });
                self.certain.send_replace(Some(Instant::now() + grace));
            }
            (state.mode, state.context.clone())
        };
        if !consequence::may_be_consequence(&finding) {
            (self.told)(&finding, mode, &context);
        }
    }

    /// Waits until a check has decided and the others have had their time: nothing can turn the verdict around.
    pub async fn verdict_certain(&self) {
        let mut certain = self.certain.subscribe();
        match certain.wait_for(Option::is_some).await.map(|at| *at) {
            Ok(Some(at)) => sleep_until(at).await,
            // Nobody is left who could decide.
            _ => std::future::pending().await,
        }
    }

    /// Everything found, in the order of the plan. What has not ended becomes a finding too: `cut_off` says how. Takes no
    /// longer than it takes to copy: the status is waiting for it. The lines are written by [`Self::tell_pending`].
    pub fn close(&self, cut_off: &CutOff) -> Vec<Finding> {
        let mut state = self.lock();
        state.closed = true;
        let mut findings = std::mem::take(&mut state.findings);
        let mut pending = Vec::new();
        if let Some((kind, what, since)) = state.stage.take() {
            pending.push(findings.len());
            let finding = Finding {
                check: kind.to_owned(),
                kind,
                observation: cut_off.observation(&what),
                policies: Policies::default(),
                took: since.elapsed(),
                caused_by: None,
            };
            findings.push(without_secrets(finding));
        }
        for planned in &state.planned {
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

    /// Writes the lines that had to wait: of what did not end, and of what another failure may explain.
    pub fn tell_pending(&self) {
        let (pending, mode, context) = {
            let mut state = self.lock();
            (std::mem::take(&mut state.pending), state.mode, state.context.clone())
        };
        for finding in pending {
            (self.told)(&finding, mode, &context);
        }
    }

    /// The one way of a finding to whoever reads it: without secrets. A secret is known before any check can use it, so those
    /// of now are enough.
    fn redacted(&self, finding: Finding<String>) -> Finding {
        let hidden = self.lock().hidden.clone();
        finding.shown(&hidden)
    }
}

/// A finding that is made of names without secrets, and of words of our own.
fn without_secrets(finding: Finding<String>) -> Finding {
    finding.shown(&Redactor::default())
}

impl State {
    /// All texts that may be told without a further look.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.planned.iter().map(|planned| &planned.name).chain(self.stage.iter().map(|(_, what, _)| what))
    }

    fn rename(&mut self, names: Vec<String>) {
        let own = self.planned.iter_mut().map(|planned| &mut planned.name);
        own.chain(self.stage.iter_mut().map(|(_, what, _)| what)).zip(names).for_each(|(own, name)| *own = name);
    }

    /// What is known of a check that has not ended.
    fn unfinished(&self, planned: &Planned, cut_off: &CutOff) -> Finding<String> {
        let barrier = planned.waits_for.and_then(|barrier| self.planned.get(barrier));
        match (&self.decided, planned.since) {
            (Some(decided), _) => planned.found(decided.observation()).because_of(&decided.check),
            (None, Some(_)) => planned.found(cut_off.observation("check")),
            (None, None) => {
                let name = barrier.map_or("what it waits for", |barrier| &barrier.name);
                let why = Observation::passed("check", format!("{name} did not end in time"));
                planned.found(why.but(Outcome::NotRun, Code::NotRun))
            }
        }
    }
}

impl Decided {
    /// What is known of a check that was not waited for, begun or not.
    fn observation(&self) -> Observation {
        let Self { check, grace } = self;
        let when = if grace.is_zero() { String::new() } else { format!(" {} later", crate::gate::in_words(*grace)) };
        let seen = format!("{check} failed, so nothing could change the verdict; this check was cut off{when}");
        Observation::passed("check", seen).but(Outcome::NotRun, Code::CutOff)
    }
}

impl Planned {
    fn found(&self, observation: Observation) -> Finding<String> {
        Finding {
            check: self.name.clone(),
            kind: self.kind,
            observation,
            policies: self.policies,
            took: self.since.map(|since| since.elapsed()).unwrap_or_default(),
            caused_by: None,
        }
    }
}

impl Finding<String> {
    fn because_of(self, check: &str) -> Self {
        Self { caused_by: Some(check.to_owned()), ..self }
    }

    /// A barrier that only warns does not explain away that a check which decides did not run.
    fn behind(self, barrier: &Planned) -> Self {
        let own = decide(&self.observation, self.policies);
        match &barrier.finding {
            Some(cause) if decide(&cause.observation, cause.policies) >= own => self.because_of(&barrier.name),
            _ => self,
        }
    }
}

/// Why something did not end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// Time was up.
    Time(Duration),
    /// It panicked; where and why is in the log.
    Panic,
}

impl CutOff {
    fn observation(&self, resource: &str) -> Observation {
        match self {
            Self::Time(after) => {
                let seen = format!("not done after {}", crate::gate::in_words(*after));
                Observation::failed(Code::RanOutOfTime, resource, "", seen).but(Outcome::TimedOut, Code::RanOutOfTime)
            }
            Self::Panic => Observation::errored(Code::CheckPanicked, resource, "it panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        Board::new(Arc::new(|_, _, _| {}))
    }

    fn outcomes(findings: &[Finding]) -> Vec<(&str, Outcome)> {
        findings.iter().map(|finding| (finding.check.as_str(), finding.observation.outcome)).collect()
    }

    #[test]
    fn what_was_found_is_kept_and_what_was_not_is_said() {
        let board = board();
        board.stage("discovery", "deployment d-1");
        board.plan(
            [("a", "ecs", Policies::default()), ("b", "ecs", Policies::default()), ("c", "ecs", Policies::default())]
                .into_iter(),
            None,
        );
        board.begin(0);
        board.end(0, Observation::passed("web", "fine"));
        board.begin(1);
        let findings = board.close(&CutOff::Time(Duration::from_secs(3)));
        assert_eq!(outcomes(&findings), [("a", Outcome::Passed), ("b", Outcome::TimedOut), ("c", Outcome::NotRun)]);
    }

    #[test]
    fn what_was_cut_off_names_the_check_that_decided() {
        for (grace, seen) in [
            (Duration::ZERO, "a failed, so nothing could change the verdict; this check was cut off"),
            (Duration::from_secs(5), "a failed, so nothing could change the verdict; this check was cut off 5s later"),
        ] {
            let board = board();
            board.plan(["a", "b", "c"].map(|name| (name, "ecs", Policies::default())).into_iter(), Some(grace));
            board.begin(0);
            board.begin(1);
            board.end(0, Observation::failed(Code::NotSteady, "web", "fine", "not"));
            let findings = board.close(&CutOff::Time(Duration::ZERO));
            assert_eq!(outcomes(&findings), [("a", Outcome::Failed), ("b", Outcome::NotRun), ("c", Outcome::NotRun)]);
            for finding in &findings[1..] {
                assert_eq!((finding.observation.code, finding.observation.seen.as_str()), (Some(Code::CutOff), seen));
            }
        }
    }

    #[test]
    fn time_that_ran_out_before_there_was_a_plan_is_a_finding() {
        let board = board();
        board.stage("discovery", "deployment d-1");
        let findings = board.close(&CutOff::Time(Duration::from_secs(3)));
        assert_eq!(outcomes(&findings), [("discovery", Outcome::TimedOut)]);
    }

    #[test]
    fn what_is_hidden_is_in_no_finding_wherever_it_is_made() {
        let told = Arc::new(Mutex::new(String::new()));
        let lines = told.clone();
        let board = Board::new(Arc::new(move |finding, _, _| *lines.lock().unwrap() += &format!("{finding:?}\n")));
        board.hide("token", "sesame");
        board.note("gate", Policies::default(), Observation::errored(Code::CheckFailed, "sesame", "open sesame"));
        board.stage("sesame", "what is done with sesame");
        board.stage_over();
        board.plan([("a", "http", Policies::default()), ("b", "http", Policies::default())].into_iter(), None);
        board.begin(0);
        let seen = Observation::failed(Code::UnexpectedBody, "sesame", "other", "'sesame'").with(["sesame".to_owned()]);
        board.end(0, seen);
        board.begin(1);
        board.stage("gate", "gate file sesame");
        let findings = board.close(&CutOff::Panic);
        assert!(!format!("{findings:?} {}", told.lock().unwrap()).contains("sesame"), "{findings:?}");
        assert_eq!(findings[2].observation.seen, "'[secret token]'");
    }

    #[test]
    fn a_straggler_cannot_change_what_was_read_out() {
        let board = board();
        board.plan([("a", "ecs", Policies::default())].into_iter(), None);
        board.begin(0);
        board.close(&CutOff::Time(Duration::ZERO));
        board.end(0, Observation::passed("web", "fine"));
        board.note("settings", Policies::default(), Observation::passed("x", "y"));
        assert_eq!(board.close(&CutOff::Panic).len(), 1, "the board was read out once; only the plan is left to tell");
    }
}
