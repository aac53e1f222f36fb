//! Where findings are written down as they come, so that nothing that was found is lost when time runs out.

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
    finding::{Finding, Observation, Outcome, Policies},
    log_context::LogContext,
    redact::Redactor,
    verdict::{Decision, Mode, decide},
};

/// Called with each finding when it is made, and with what it is made for.
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
    /// What is being done that is no check yet, and since when.
    stage: Option<(&'static str, String, Instant)>,
    planned: Vec<Planned>,
    /// How long the other checks may still run once one has decided; none: to their end.
    grace: Option<Duration>,
    /// The check that made the verdict certain.
    decided: Option<Decided>,
    /// What may not be told by any finding.
    hidden: Redactor,
    /// What its lines say about the deployment.
    context: LogContext,
}

struct Decided {
    check: String,
    grace: Duration,
}

struct Planned {
    name: String,
    kind: &'static str,
    policies: Policies,
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
            hidden: Redactor::default(),
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
        self.lock().hidden = redactor;
        self
    }

    /// What no finding may show by now.
    pub fn redactor(&self) -> Redactor {
        self.lock().hidden.clone()
    }

    /// Takes a secret out of every finding that is made from now on, whoever makes it: what a server sends back as well.
    pub fn hide(&self, name: &str, secret: &str) {
        // A large secret takes its time, which is not the lock's.
        let mut hidden = self.redactor();
        hidden.hide(name, secret);
        self.lock().hidden.merge(hidden);
    }

    /// A finding of something that is no check of the gate file: the settings, the wiring, the gate file itself.
    pub fn note(&self, kind: &'static str, policies: Policies, observation: Observation) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let took = state.began.elapsed();
        let finding = Finding { check: kind.to_owned(), kind, observation, policies, took };
        let finding = self.tell(&state.hidden, state.mode, &state.context, finding);
        state.findings.push(finding);
    }

    /// What is being done now that is no check: named if time runs out during it.
    pub fn stage(&self, kind: &'static str, what: impl Into<String>) {
        self.lock().stage = Some((kind, what.into(), Instant::now()));
    }

    /// What was being done has come to its end.
    pub fn stage_over(&self) {
        self.lock().stage = None;
    }

    /// The checks that are going to run. Once one of them has decided, the others get `grace`; none: they run to their end.
    pub fn plan<'a>(&self, steps: impl Iterator<Item = (&'a str, &'static str, Policies)>, grace: Option<Duration>) {
        let mut state = self.lock();
        state.stage = None;
        state.grace = grace;
        state.planned = steps
            .map(|(name, kind, policies)| Planned { name: name.to_owned(), kind, policies, since: None, finding: None })
            .collect();
    }

    /// The name of the check at `index`.
    pub fn name_of(&self, index: usize) -> String {
        self.lock().planned.get(index).map(|planned| planned.name.clone()).unwrap_or_default()
    }

    /// The check at `index` begins.
    pub fn begin(&self, index: usize) {
        if let Some(planned) = self.lock().planned.get_mut(index) {
            planned.since = Some(Instant::now());
        }
    }

    /// The check at `index` ended. Gives what that means for the deployment.
    pub fn end(&self, index: usize, observation: Observation) -> Decision {
        let mut state = self.lock();
        let closed = state.closed;
        let Some(planned) = state.planned.get(index).filter(|planned| !closed && planned.finding.is_none()) else {
            return Decision::Pass;
        };
        let finding = self.tell(&state.hidden, state.mode, &state.context, planned.found(observation));
        let decision = decide(&finding.observation, finding.policies);
        if let (Decision::Fail, Some(grace), None) = (decision, state.grace, &state.decided) {
            state.decided = Some(Decided { check: finding.check.to_string(), grace });
            self.certain.send_replace(Some(Instant::now() + grace));
        }
        state.planned[index].finding = Some(finding);
        decision
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

    /// Everything found, in the order of the plan. What has not ended becomes a finding too: `cut_off` says how.
    pub fn close(&self, cut_off: &CutOff) -> Vec<Finding> {
        let mut state = self.lock();
        state.closed = true;
        let State { findings, stage, planned, decided, hidden, context, mode, .. } = &mut *state;
        let mut findings = std::mem::take(findings);
        if let Some((kind, what, since)) = stage.take() {
            let finding = Finding {
                check: kind.to_owned(),
                kind,
                observation: cut_off.observation(&what),
                policies: Policies::default(),
                took: since.elapsed(),
            };
            findings.push(self.tell(hidden, *mode, context, finding));
        }
        for planned in planned {
            findings.push(match planned.finding.take() {
                Some(finding) => finding,
                None => {
                    let observation = match (planned.since, &decided) {
                        (_, Some(decided)) => decided.observation(),
                        (Some(_), None) => cut_off.observation("check"),
                        (None, None) => Observation::passed("check", "what it waits for did not end in time")
                            .but(Outcome::NotRun, Code::NotRun),
                    };
                    self.tell(hidden, *mode, context, planned.found(observation))
                }
            });
        }
        findings
    }

    /// The one way of a finding to whoever reads it: without secrets.
    fn tell(&self, hidden: &Redactor, mode: Mode, context: &LogContext, finding: Finding<String>) -> Finding {
        let finding = finding.shown(hidden);
        (self.told)(&finding, mode, context);
        finding
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
        findings.iter().map(|finding| (&*finding.check, finding.observation.outcome)).collect()
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
        assert_eq!(&*findings[2].observation.seen, "'[secret token]'");
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
