//! What the lock of the finding log protects, and how the findings of an invocation are put together when it ends.

use std::{sync::Arc, time::Duration};

use gate::ReasonCode;
use tokio::time::Instant;

use super::{Interruption, publish::LineContext};
use crate::{
    consequence,
    finding::{Finding, Observation, Outcome, Policies},
    phase::{FindingKind, Phase},
    redact::Redactor,
    verdict::decide,
};

pub(super) struct LogState {
    /// True after [`Self::close`]: nothing more is recorded.
    pub closed: bool,
    pub records: Records,
    /// How long the other checks can still run once one has decided. None: until they end.
    pub grace: Option<Duration>,
    /// Redacts what no finding is allowed to show. Replaced as a whole, so that its users need no lock.
    pub redactor: Arc<Redactor>,
    /// What each line says in addition to its finding.
    pub context: LineContext,
}

/// Everything that was recorded. Findings are redacted; names are redacted when a finding is made of them.
#[derive(Default)]
pub(super) struct Records {
    /// Findings that do not come from a check.
    pub findings: Vec<Finding>,
    /// Why the evaluation ended early. Its line waits until the status is put.
    pub conclusion: Option<Finding>,
    /// What happens now, before the checks.
    pub phase: Option<CurrentPhase>,
    pub checks: Vec<CheckEntry>,
    /// The check that made the verdict certain.
    pub deciding_check: Option<DecidingCheck>,
}

pub(super) struct CurrentPhase {
    pub phase: Phase,
    pub description: String,
    pub started_at: Instant,
}

pub(super) struct CheckEntry {
    pub name: String,
    pub kind: &'static str,
    pub policies: Policies,
    /// The barrier that it is waiting for.
    pub blocked_by: Option<usize>,
    pub started_at: Option<Instant>,
    pub finding: Option<Finding>,
}

pub(super) struct DecidingCheck {
    pub index: usize,
    pub grace: Duration,
}

impl LogState {
    pub fn new() -> Self {
        Self {
            closed: false,
            records: Records::default(),
            grace: None,
            redactor: Arc::default(),
            context: LineContext::default(),
        }
    }

    /// Takes everything that was recorded. Nothing can be recorded after this.
    pub fn close(&mut self) -> Records {
        self.closed = true;
        std::mem::take(&mut self.records)
    }
}

impl Records {
    /// The finding of a check that does not run, because its barrier did not pass.
    pub fn blocked_finding(&self, index: usize) -> Option<Finding<String>> {
        let check = self.checks.get(index)?;
        let barrier = self.checks.get(check.blocked_by?)?;
        let seen = format!("`{}` did not pass", barrier.name);
        let observation = Observation::passed("", seen).with_outcome(Outcome::NotRun, ReasonCode::NotRun);
        let mut finding = check.to_finding(observation);
        // A barrier that only warns does not explain why a check that decides did not run, so its reason is repeated.
        let own = decide(&finding.observation, finding.policies);
        match &barrier.finding {
            Some(cause) if decide(&cause.observation, cause.policies) >= own => {
                finding.caused_by = Some(barrier.name.clone());
            }
            Some(cause) => {
                let Observation { resource, actual, .. } = &cause.observation;
                finding.observation.actual += &format!(" ({resource}: {actual})");
            }
            None => {}
        }
        Some(finding)
    }

    /// All findings in the order of the plan, and those of them whose lines are not written yet. A check that did not
    /// finish gets a finding too.
    pub fn into_findings(self, interruption: &Interruption, redactor: &Redactor) -> (Vec<Finding>, Vec<Finding>) {
        let phase = self.phase.as_ref().map(|phase| phase.unfinished(interruption).redacted(redactor));
        let unfinished: Vec<_> = (self.checks.iter())
            .map(|check| check.finding.is_none().then(|| self.unfinished(check, interruption).redacted(redactor)))
            .collect();
        let mut findings = self.findings;
        let mut unpublished = Vec::new();
        let without_line = self.conclusion.into_iter().chain(phase).map(|finding| (finding, true));
        let of_checks = self.checks.into_iter().zip(unfinished).filter_map(|(check, unfinished)| {
            // The line of a failure that another one may explain waits until all findings are known.
            let waits = check.finding.as_ref().is_none_or(consequence::may_be_consequence);
            Some((check.finding.or(unfinished)?, waits))
        });
        for (finding, waits) in without_line.chain(of_checks) {
            if waits {
                unpublished.push(findings.len());
            }
            findings.push(finding);
        }
        consequence::explain(&mut findings);
        let unpublished = unpublished.into_iter().filter_map(|index| findings.get(index).cloned()).collect();
        (findings, unpublished)
    }

    /// The finding of a check that has not finished.
    fn unfinished(&self, check: &CheckEntry, interruption: &Interruption) -> Finding<String> {
        let name_of = |index: usize| self.checks.get(index).map_or("what it waits for", |check| check.name.as_str());
        match (&self.deciding_check, check.started_at) {
            (Some(decided), _) => {
                let name = name_of(decided.index);
                Finding { caused_by: Some(name.to_owned()), ..check.to_finding(decided.cut_off_observation(name)) }
            }
            (None, Some(_)) => check.to_finding(interruption.observation("")),
            (None, None) => {
                let barrier = check.blocked_by.and_then(|index| self.checks.get(index));
                let name = barrier.map_or_else(|| "what it waits for".to_owned(), |check| format!("`{}`", check.name));
                let why = Observation::passed("", format!("{name} did not end in time"));
                check.to_finding(why.with_outcome(Outcome::NotRun, ReasonCode::NotRun))
            }
        }
    }
}

impl CurrentPhase {
    fn unfinished(&self, interruption: &Interruption) -> Finding<String> {
        Finding {
            check: self.phase.as_str().to_owned(),
            kind: FindingKind::Phase(self.phase),
            observation: interruption.observation(&self.description),
            policies: Policies::default(),
            elapsed: self.started_at.elapsed(),
            caused_by: None,
        }
    }
}

impl DecidingCheck {
    /// The observation for a check that was not waited for, whether it had started or not.
    fn cut_off_observation(&self, name: &str) -> Observation {
        let when =
            if self.grace.is_zero() { String::new() } else { format!(" {} later", gate::format_duration(self.grace)) };
        let seen = format!("stopped{when}: `{name}` failed, which decided the verdict");
        Observation::passed("", seen).with_outcome(Outcome::NotRun, ReasonCode::CutOff)
    }
}

impl CheckEntry {
    pub fn new(name: &str, kind: &'static str, policies: Policies) -> Self {
        Self { name: name.to_owned(), kind, policies, blocked_by: None, started_at: None, finding: None }
    }

    pub fn to_finding(&self, observation: Observation) -> Finding<String> {
        Finding {
            check: self.name.clone(),
            kind: FindingKind::Check(self.kind),
            observation,
            policies: self.policies,
            elapsed: self.started_at.map(|since| since.elapsed()).unwrap_or_default(),
            caused_by: None,
        }
    }
}
