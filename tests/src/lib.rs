//! Tests of whole programs against the rehearsal: one healthy world, and one thing broken at a time.
//!
//! A [`HookCase`] is one hook in a healthy deployment, what is broken, and the expected result. A [`Suite`] makes each
//! case a test, and compares what an operator would read with golden text. [`run_cases`] runs many cases as one test.

mod binaries;
pub mod chaos;
mod golden;
pub mod iam_requests;
pub mod infra;
mod max_policy;
mod normalize;
mod operations;
mod python;
mod suite;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use rehearsal::{Hook, HookRunReport, HookTestBed, InjectedFault, InvocationResult, Status, world::World};
use tokio::{sync::Semaphore, task::JoinSet};

pub use self::{
    binaries::{binaries, greenlight},
    golden::GoldenFolder,
    max_policy::{ALL_ACTIONS_GATE, SECRETS_GATE, max_allowed_operations},
    normalize::{normalize, truncate_long_verdict},
    operations::{iam_actions, operations},
    python::{check_models, python, run_python},
    suite::{CaseGroup, Suite},
};

/// The operation that puts the status, as IAM writes it.
pub const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";

/// The function's timeout for a permanent fault: short, because a hook retries for a part of its time.
const SHORT_TIMEOUT: Duration = Duration::from_secs(8);

/// Concurrent hooks. They mostly wait.
const MAX_PARALLEL: usize = 8;

/// The built-in checks with windows that are short enough for a test.
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

/// One hook, what is broken, and the expected result.
pub struct HookCase {
    title: String,
    hook: Hook,
    gate: Option<String>,
    mutations: Vec<Mutation>,
    assertions: Vec<Assertion>,
}

impl HookCase {
    /// A hook in the healthy world.
    pub fn new(hook: Hook, title: &str) -> Self {
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

    /// Replaces the gate file [`SHORT_WINDOWS`].
    pub fn gate(self, text: impl Into<String>) -> Self {
        Self { gate: Some(text.into()), ..self }
    }

    /// Removes the gate file.
    pub fn no_gate(self) -> Self {
        Self { gate: None, ..self }
    }

    /// Replaces the payload of the invocation.
    pub fn payload(self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.with(move |stage| stage.payload(bytes))
    }

    /// Sends the right event with `more` before its closing brace.
    pub fn with_extra_json(self, more: impl Into<String>) -> Self {
        let more = more.into();
        self.with(move |mut stage| {
            let (deployment, execution) = stage.ids();
            stage.payload(format!(
                r#"{{"DeploymentId":"{deployment}","LifecycleEventHookExecutionId":"{execution}"{more}}}"#
            ))
        })
    }

    /// Injects a fault into an AWS operation. A hook retries for a part of its time, so with a permanent fault it gets
    /// a short timeout.
    pub fn with_fault(self, fault: InjectedFault) -> Self {
        let lasts = fault.times.is_none() && fault.operation != PUT_STATUS;
        self.with(move |stage| if lasts { stage.timeout_at_most(SHORT_TIMEOUT) } else { stage }.inject_fault(fault))
    }

    /// Runs another hook's program for this lifecycle event.
    pub fn program(self, hook: Hook) -> Self {
        self.with(move |stage| stage.binary(hook))
    }

    /// Sets the function's timeout.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(move |stage| stage.timeout(timeout))
    }

    /// Changes the test bed in any other way.
    pub fn with(mut self, change: impl FnOnce(HookTestBed) -> HookTestBed + Send + 'static) -> Self {
        self.mutations.push(Box::new(change));
        self
    }

    /// Expects *Succeeded*.
    pub fn succeeds(self) -> Self {
        self.push_assertion(|played| expect_eq("the statuses", &played.statuses[..], &[Status::Succeeded][..]))
    }

    /// Expects *Failed* with this reason code.
    pub fn fails(self, code: &'static str) -> Self {
        self.push_assertion(move |played| {
            expect_eq("the statuses", &played.statuses[..], &[Status::Failed][..])?;
            expect_eq("the code", played.code.as_str(), code)
        })
    }

    /// Expects no status, and that the invocation fails with this error type.
    pub fn errors(self, kind: &'static str) -> Self {
        self.push_assertion(move |played| {
            expect_eq("the statuses", &played.statuses[..], &[][..])?;
            match &played.invocation_result {
                InvocationResult::Error { error_type, .. } => expect_eq("the error type", error_type.as_str(), kind),
                other => Err(format!("the invocation ended with {other:?}")),
            }
        })
    }

    /// Expects a check that warns with this reason code.
    pub fn warns(self, code: &'static str) -> Self {
        self.check_decides("warn", code)
    }

    /// Expects a check with this decision and reason code.
    pub fn check_decides(self, decision: &'static str, code: &'static str) -> Self {
        self.push_assertion(move |played| {
            let found = played.checks.iter().any(|check| check.decision.as_str() == decision && check.code == code);
            if found { Ok(()) } else { Err(format!("no check has the decision {decision} with the code {code:?}")) }
        })
    }

    /// Expects this outcome of the check `name`.
    pub fn check_outcome(self, name: &'static str, outcome: &'static str) -> Self {
        self.push_assertion(move |played| {
            let check = played.checks.iter().find(|check| check.name == name);
            let check = check.ok_or_else(|| format!("the log has no check {name}"))?;
            expect_eq(&format!("the outcome of {name}"), check.outcome.as_str(), outcome)
        })
    }

    /// Expects anything else.
    pub fn assert(self, assertion: impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static) -> Self {
        self.push_assertion(assertion)
    }

    fn title(&self) -> &str {
        &self.title
    }

    /// Runs it. Returns its golden text, and what did not end as expected.
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
            wrong.push(format!("it put more than one status: {:?}", played.statuses));
        }
        if !played.unknown_operations.is_empty() {
            wrong.push(format!("it called operations unknown to the rehearsal: {:?}", played.unknown_operations));
        }
        if let Some(line) = played.raw_log.iter().find(|line| line.contains("eyJlbmNyeXB0ZWREYXRhIjoi")) {
            wrong.push(format!("its log contains the execution id: {line}"));
        }
        if played.verdict.chars().count() > 200 {
            wrong.push(format!("its verdict line has more than 200 characters: {}", played.verdict));
        }
        if !wrong.is_empty() {
            let log = played.raw_log.join("\n  ");
            wrong.push(format!("the log was:\n  {log}"));
        }
        Ok((render(&played), wrong))
    }
}

/// Expects that the invocation succeeds, as it does after every status, *Failed* too.
///
/// # Errors
/// How the invocation ended instead.
pub fn expect_success(played: &HookRunReport) -> Result<(), String> {
    match &played.invocation_result {
        InvocationResult::Success(_) => Ok(()),
        other => Err(format!("the invocation ended with {other:?}")),
    }
}

/// Expects that no line of the log contains this word.
pub fn log_lacks(word: &'static str) -> impl Fn(&HookRunReport) -> Result<(), String> + Copy {
    move |played| match played.raw_log.iter().find(|line| line.contains(word)) {
        Some(line) => Err(format!("the log contains {word:?}: {line}")),
        None => Ok(()),
    }
}

/// Expects two equal values.
///
/// # Errors
/// Both values, if they differ.
pub fn expect_eq<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, was {seen:?}")) }
}

/// The verdict, or how the invocation ended, and each check.
fn render(played: &HookRunReport) -> String {
    let mut text = String::new();
    let _ = match (&played.invocation_result, &played.statuses[..]) {
        (InvocationResult::Error { error_type, error_message }, _) => {
            writeln!(text, "{error_type}: {}", normalize(error_message))
        }
        (_, []) => writeln!(text, "no status"),
        _ => writeln!(text, "{}", normalize(&played.verdict)),
    };
    // Checks are logged as they end, in any order.
    let mut checks: Vec<_> = played.checks.iter().collect();
    checks.sort_by_key(|check| &check.name);
    for check in checks {
        let _ = writeln!(text, "  {:<14} {:<4} {}", check.outcome, check.decision, normalize(&check.message));
    }
    text
}

/// Runs all cases, several at once, and returns their golden text in their order.
///
/// # Panics
/// If a case does not end as expected. The message has all such cases.
pub async fn run_cases(cases: Vec<HookCase>) -> String {
    run_cases_in_parallel(MAX_PARALLEL, cases).await
}

/// Like [`run_cases`], with another number of concurrent cases: it can be large for cases that mostly wait.
///
/// # Panics
/// Like [`run_cases`].
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
                texts.push((index, format!("== {title}\n{text}")));
                if !wrong.is_empty() {
                    faults.push(format!("{title}\n  {}", wrong.join("\n  ")));
                }
            }
            Ok((_, title, Err(error))) => faults.push(format!("{title}\n  could not be played: {error:#}")),
            Err(error) => faults.push(format!("a case panicked: {error}")),
        }
    }
    assert!(faults.is_empty(), "{} cases did not end as expected:\n\n{}", faults.len(), faults.join("\n\n"));
    texts.sort();
    texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}
