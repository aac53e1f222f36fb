//! Whole programs against the rehearsal: one good world, one thing broken at a time.
//!
//! A [`Case`] is one hook at its moment of a healthy deployment, what is broken, and what has to come of it. [`play`] runs
//! many at once and gives the golden text of what an operator would read.

mod binaries;
pub mod chaos;
pub mod iam_requests;
pub mod infra;
mod max_policy;
mod normalize;
mod operations;
mod python;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use rehearsal::{HookName, HookRunReport, HookStatus, HookTestBed, InjectedFault, InvocationResult, world::World};
use tokio::{sync::Semaphore, task::JoinSet};

pub use self::{
    binaries::{binaries, greenlight},
    max_policy::{ALL_ACTIONS_GATE, SECRETS_GATE, max_allowed_operations},
    normalize::normalize,
    operations::{iam_actions, operations},
    python::{check_models, python, run_python},
};

/// The call that counts, as IAM writes it.
pub const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// The time-out of a function with trouble that does not pass: too short to ask again.
const SHORT_TIMEOUT: Duration = Duration::from_secs(8);

/// So many hooks run at once: they wait more than they work.
const MAX_PARALLEL: usize = 8;

/// The built-in checks with windows as short as a test's.
pub const SHORT_WINDOWS: &str = "version: 1
hooks:
  before_install:
    built_in: { original: { within: 300ms, every: 100ms } }
  after_install:
    built_in:
      replacement: { within: 300ms, every: 100ms }
      tasks: { within: 300ms, every: 100ms }
      containers: { within: 300ms, every: 100ms }
      targets: { within: 300ms, every: 100ms }
  after_allow_test_traffic:
    built_in:
      forwards_to: { within: 300ms, every: 100ms, settle: 0s }
      health_check: { within: 300ms, every: 100ms, consecutive: 3 }
  before_allow_traffic:
    built_in:
      tasks: { within: 300ms, every: 100ms }
      targets: { within: 300ms, every: 100ms }
  after_allow_traffic:
    built_in:
      forwards_to: { within: 300ms, every: 100ms, settle: 0s }
      health_check: { within: 300ms, every: 100ms, consecutive: 3 }
      tasks: { within: 300ms, for: 300ms, every: 100ms }
      targets: { within: 300ms, for: 300ms, every: 100ms }
      alarms: { for: 300ms, every: 100ms }
";

type Mutation = Box<dyn FnOnce(HookTestBed) -> HookTestBed + Send>;
type Assertion = Box<dyn Fn(&HookRunReport) -> Result<(), String> + Send>;

/// One hook, what is broken, and what has to come of it.
pub struct HookCase {
    title: String,
    hook: HookName,
    gate: Option<String>,
    mutations: Vec<Mutation>,
    assertions: Vec<Assertion>,
}

impl HookCase {
    /// A hook in the good world.
    pub fn new(hook: HookName, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            hook,
            gate: Some(SHORT_WINDOWS.to_owned()),
            mutations: Vec::new(),
            assertions: Vec::new(),
        }
    }

    fn push_assertion(mut self, assertion: impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static) -> Self {
        self.assertions.push(Box::new(assertion));
        self
    }

    /// Breaks something in the world.
    pub fn world(self, change: impl FnOnce(&mut World) + Send + 'static) -> Self {
        self.with(|stage| stage.world(change))
    }

    /// Sets an environment variable of the function.
    pub fn env(self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.with(move |stage| stage.env(name, &value))
    }

    /// Gives it another gate file than the one with short windows.
    pub fn gate(self, text: impl Into<String>) -> Self {
        Self { gate: Some(text.into()), ..self }
    }

    /// Gives it no gate file.
    pub fn no_gate(self) -> Self {
        Self { gate: None, ..self }
    }

    /// Sends it another payload.
    pub fn payload(self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.with(move |stage| stage.payload(bytes))
    }

    /// Sends it the right event with something before its closing brace.
    pub fn with_extra_json(self, more: impl Into<String>) -> Self {
        let more = more.into();
        self.with(move |mut stage| {
            let (deployment, execution) = stage.ids();
            stage.payload(format!(
                r#"{{"DeploymentId":"{deployment}","LifecycleEventHookExecutionId":"{execution}"{more}}}"#
            ))
        })
    }

    /// Makes an operation of AWS go wrong. A hook asks again for a part of its time, so with trouble that does not pass
    /// it gets little.
    pub fn with_fault(self, fault: InjectedFault) -> Self {
        let lasts = fault.times.is_none() && fault.operation != PUT_STATUS;
        self.with(move |stage| if lasts { stage.timeout_at_most(SHORT_TIMEOUT) } else { stage }.inject_fault(fault))
    }

    /// Runs another hook's program at this moment.
    pub fn program(self, hook: HookName) -> Self {
        self.with(move |stage| stage.binary(hook))
    }

    /// Gives the function another time-out.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(move |stage| stage.timeout(timeout))
    }

    /// Anything else.
    pub fn with(mut self, change: impl FnOnce(HookTestBed) -> HookTestBed + Send + 'static) -> Self {
        self.mutations.push(Box::new(change));
        self
    }

    /// It has to answer Succeeded.
    pub fn succeeds(self) -> Self {
        self.push_assertion(|played| expect_eq("the answers", &played.statuses[..], &[HookStatus::Succeeded][..]))
    }

    /// It has to answer Failed, for this reason.
    pub fn fails(self, code: &'static str) -> Self {
        self.push_assertion(move |played| {
            expect_eq("the answers", &played.statuses[..], &[HookStatus::Failed][..])?;
            expect_eq("the code", played.code.as_str(), code)
        })
    }

    /// It can answer nobody, and the invocation has to fail with this error type.
    pub fn errors(self, kind: &'static str) -> Self {
        self.push_assertion(move |played| {
            expect_eq("the answers", &played.statuses[..], &[][..])?;
            match &played.invocation_result {
                InvocationResult::Error { error_type, .. } => expect_eq("the error type", error_type.as_str(), kind),
                other => Err(format!("the invocation ended with {other:?}")),
            }
        })
    }

    /// A check has to warn with this code.
    pub fn warns(self, code: &'static str) -> Self {
        self.check_decides("warn", code)
    }

    /// A check has to come out with this decision and code.
    pub fn check_decides(self, decision: &'static str, code: &'static str) -> Self {
        self.push_assertion(move |played| {
            let found = played.checks.iter().any(|check| check.decision == decision && check.code == code);
            if found { Ok(()) } else { Err(format!("no check has the decision {decision} with the code {code:?}")) }
        })
    }

    /// A check has to come out so.
    pub fn check_outcome(self, name: &'static str, outcome: &'static str) -> Self {
        self.push_assertion(move |played| {
            let check = played.checks.iter().find(|check| check.name == name);
            let check = check.ok_or_else(|| format!("there is no check {name}"))?;
            expect_eq(&format!("the outcome of {name}"), check.outcome.as_str(), outcome)
        })
    }

    /// Anything else has to hold.
    pub fn assert(self, assertion: impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static) -> Self {
        self.push_assertion(assertion)
    }

    async fn run(self) -> anyhow::Result<(String, Vec<String>)> {
        let mut stage = HookTestBed::at(self.hook).await;
        if let Some(gate) = self.gate {
            stage = stage.gate(&gate);
        }
        for mutation in self.mutations {
            stage = mutation(stage);
        }
        let played = stage.run(binaries()).await?;
        let mut wrong: Vec<String> = self.assertions.iter().filter_map(|look| look(&played).err()).collect();
        if played.statuses.len() > 1 {
            wrong.push(format!("it answered more than once: {:?}", played.statuses));
        }
        if !played.unknown_operations.is_empty() {
            wrong.push(format!("it called what the rehearsal does not know: {:?}", played.unknown_operations));
        }
        if let Some(line) = played.raw_log.iter().find(|line| line.contains("eyJlbmNyeXB0ZWREYXRhIjoi")) {
            wrong.push(format!("a line of its log has the execution id: {line}"));
        }
        if played.verdict.chars().count() > 200 {
            wrong.push(format!("its verdict line has more than 200 characters: {}", played.verdict));
        }
        if !wrong.is_empty() {
            let log = played.raw_log.join("\n  ");
            wrong.push(format!("the log was:\n  {log}"));
        }
        Ok((render(&self.title, &played), wrong))
    }
}

/// After an answer the invocation ends well, whatever the answer was.
///
/// # Errors
/// How it ended instead.
pub fn expect_success(played: &HookRunReport) -> Result<(), String> {
    match &played.invocation_result {
        InvocationResult::Success(_) => Ok(()),
        other => Err(format!("the invocation ended with {other:?}")),
    }
}

/// Whether two things are the same, in words if not.
///
/// # Errors
/// Both, if they differ.
pub fn expect_eq<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, was {seen:?}")) }
}

fn render(title: &str, played: &HookRunReport) -> String {
    let mut text = format!("== {title}\n");
    let _ = match (&played.invocation_result, &played.statuses[..]) {
        (InvocationResult::Error { error_type, error_message }, _) => {
            writeln!(text, "{error_type}: {}", normalize(error_message))
        }
        (_, []) => writeln!(text, "no answer"),
        _ => writeln!(text, "{}", normalize(&played.verdict)),
    };
    // They are logged as they end.
    let mut checks: Vec<_> = played.checks.iter().collect();
    checks.sort_by_key(|check| &check.name);
    for check in checks {
        let _ = writeln!(text, "  {:<14} {:<4} {}", check.outcome, check.decision, normalize(&check.message));
    }
    text
}

/// Plays all cases, so many at once, and gives the golden text of all in their order.
///
/// # Panics
/// When a case did not come out as it has to; all that did not are told.
pub async fn run_cases(cases: Vec<HookCase>) -> String {
    run_cases_in_parallel(MAX_PARALLEL, cases).await
}

/// The same, with so many at once as the caller says: those that mostly wait can be many.
///
/// # Panics
/// As [`play`].
pub async fn run_cases_in_parallel(max_parallel: usize, cases: Vec<HookCase>) -> String {
    let permits = Arc::new(Semaphore::new(max_parallel));
    let mut running = JoinSet::new();
    for (index, case) in cases.into_iter().enumerate() {
        let permits = permits.clone();
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let title = case.title.clone();
            (index, title, case.run().await)
        });
    }
    let (mut texts, mut faults) = (Vec::new(), Vec::new());
    while let Some(played) = running.join_next().await {
        match played {
            Ok((index, title, Ok((text, wrong)))) => {
                texts.push((index, text));
                if !wrong.is_empty() {
                    faults.push(format!("{title}\n  {}", wrong.join("\n  ")));
                }
            }
            Ok((_, title, Err(error))) => faults.push(format!("{title}\n  could not be played: {error:#}")),
            Err(error) => faults.push(format!("a case panicked: {error}")),
        }
    }
    assert!(faults.is_empty(), "{} cases came out wrong:\n\n{}", faults.len(), faults.join("\n\n"));
    texts.sort();
    texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}
