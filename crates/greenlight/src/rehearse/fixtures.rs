//! Reports and events with made-up values, for the tests of what is printed.

use std::{collections::BTreeMap, time::Duration};

use rehearsal::{
    AnsweredBy, CheckDecision, CheckLine, CheckOutcome, DeploymentOutcome, DeploymentReport, EventKind, Hook, HookRun,
    RehearsalEvent, Report, Status,
};

use super::scenario_run::{RunEnd, ScenarioRun};

const ID: &str = "d-4KX0QZ7PA";

fn passed_check(name: &str, kind: &str, millis: u64, text: &str) -> CheckLine {
    CheckLine {
        name: name.into(),
        kind: kind.into(),
        outcome: CheckOutcome::Passed,
        decision: CheckDecision::Pass,
        code: String::new(),
        hint: String::new(),
        duration: Duration::from_millis(millis),
        message: format!("{name}: {text}"),
    }
}

fn with_outcome(check: CheckLine, outcome: CheckOutcome, decision: CheckDecision, code: &str) -> CheckLine {
    let hint = check.message.rsplit_once("; ").map(|(_, hint)| hint.to_owned()).unwrap_or_default();
    CheckLine { outcome, decision, code: code.into(), hint, ..check }
}

fn succeeded_run(hook: Hook, millis: u64, checks: Vec<CheckLine>) -> HookRun {
    let verdict = format!("{hook} succeeded: {} checks passed", checks.len());
    HookRun {
        hook,
        status: Some(Status::Succeeded),
        answered_by: AnsweredBy::Hook,
        code: String::new(),
        verdict,
        reason: String::new(),
        hint: String::new(),
        checks,
        took: Duration::from_millis(millis),
    }
}

fn before_install() -> HookRun {
    let rollback = passed_check(
        "rollback",
        "preflight",
        0,
        "deployment group shop-group: expected auto-rollback on DEPLOYMENT_FAILURE, was off; turn on auto-rollback for \
         DEPLOYMENT_FAILURE, or a failed deployment is not rolled back",
    );
    let checks = vec![
        passed_check("service", "preflight", 0, "service shop in cluster main: ACTIVE, controller CODE_DEPLOY"),
        passed_check(
            "original",
            "tasks",
            31,
            "task set ecs-svc/1000000000000000001 of shop: steady == true, running == desired (2, 2)",
        ),
        with_outcome(rollback, CheckOutcome::Failed, CheckDecision::Warn, "RollbackNotConfigured"),
        with_outcome(
            passed_check("alarms", "alarms", 0, "deployment group shop-group: does not apply: it has no alarms"),
            CheckOutcome::NotApplicable,
            CheckDecision::Pass,
            "",
        ),
    ];
    succeeded_run(Hook::BeforeInstall, 187, checks)
}

fn after_install() -> HookRun {
    let checks = vec![
        passed_check("replacement", "tasks", 12, "task set ecs-svc/2000000000000000002 of shop: task_set exists"),
        passed_check("targets", "targets", 612, "target group tg-shop-b: healthy == registered (2, 2) after 600ms"),
        passed_check(
            "steady",
            "tasks",
            433,
            "task set ecs-svc/2000000000000000002 of shop: steady == true after 420ms",
        ),
    ];
    succeeded_run(Hook::AfterInstall, 711, checks)
}

const STOP_REASON: &str = "health_check: GET http://localhost:39121/health: expected status in 200-299, was 503";

/// The hook that stops the `route-503` scenario.
pub fn stopped_run() -> HookRun {
    let reach =
        passed_check("forwards_to", "forwards_to", 401, "test listener: forwards 100 % to tg-shop-b after 400ms");
    let answers = passed_check(
        "health_check",
        "health_check",
        1204,
        "GET http://localhost:39121/health: expected status in 200-299, was 503 after 6 attempts in 1s 200ms; the test \
         listener forwards to tg-shop-b; request the same URL manually and read the service's log",
    );
    let waiting = passed_check(
        "orders",
        "http",
        0,
        "not run: the check before it did not pass; fix the check that it waited for",
    );
    HookRun {
        status: Some(Status::Failed),
        code: "UnexpectedStatus".into(),
        verdict: format!("AfterAllowTestTraffic failed: {STOP_REASON}"),
        reason: STOP_REASON.into(),
        ..succeeded_run(
            Hook::AfterAllowTestTraffic,
            1633,
            vec![
                reach,
                with_outcome(answers, CheckOutcome::Failed, CheckDecision::Fail, "UnexpectedStatus"),
                with_outcome(waiting, CheckOutcome::NotRun, CheckDecision::Fail, "NotRun"),
            ],
        )
    }
}

const NO_ANSWER_REASON: &str = "the function was killed; on-failure failed with StatusNotSent: AccessDenied; nobody put a \
                                status in the 20s that CodeDeploy waits here (an hour in AWS)";

fn no_answer_run() -> HookRun {
    HookRun {
        status: None,
        answered_by: AnsweredBy::Nobody,
        code: "StatusNotSent".into(),
        verdict: format!("AfterInstall: {NO_ANSWER_REASON}"),
        reason: NO_ANSWER_REASON.into(),
        hint: "stop the deployment, or put the status manually; then allow the role of on-failure to put the status"
            .into(),
        ..succeeded_run(Hook::AfterInstall, 20_000, Vec::new())
    }
}

const ON_FAILURE_REASON: &str =
    "CodeDeployHook_after-install put no status (RetriesExhausted: Runtime.ExitError), so on-failure put Failed for it";
const ON_FAILURE_HINT: &str = "read the log of CodeDeployHook_after-install";

/// A hook for which on-failure puts the status.
pub fn answered_on_failure_run() -> HookRun {
    HookRun {
        status: Some(Status::Failed),
        answered_by: AnsweredBy::OnFailureHandler,
        code: "HookInvocationFailed".into(),
        verdict: format!("{ON_FAILURE_REASON}; {ON_FAILURE_HINT}"),
        reason: ON_FAILURE_REASON.into(),
        hint: ON_FAILURE_HINT.into(),
        ..succeeded_run(Hook::AfterInstall, 1_300, Vec::new())
    }
}

struct ReportBuilder {
    moments: Vec<RehearsalEvent>,
    now: u64,
    hooks: Vec<HookRun>,
}

impl ReportBuilder {
    fn new(number: usize, of: usize) -> Self {
        let mut builder = Self { moments: Vec::new(), now: 0, hooks: Vec::new() };
        builder.push(EventKind::DeploymentCreated { deployment: ID.into(), number, total: of });
        builder
    }

    fn push(&mut self, what: EventKind) {
        self.moments.push(RehearsalEvent { at: Duration::from_millis(self.now), kind: what });
    }

    fn event_completed(mut self, event: &str, text: &str) -> Self {
        self.now += 40;
        self.push(EventKind::EventCompleted { event: event.into(), text: text.into() });
        self
    }

    fn hook_run(mut self, run: HookRun) -> Self {
        self.now += 10;
        self.push(EventKind::HookInvoked { hook: run.hook, function: None });
        for check in &run.checks {
            self.push(EventKind::CheckFinished { hook: run.hook, check: check.clone() });
        }
        self.now += u64::try_from(run.took.as_millis()).unwrap();
        self.push(EventKind::HookFinished(run.clone()));
        self.hooks.push(run);
        self
    }

    fn answered_on_failure(mut self, run: HookRun, messages: &[&str]) -> Self {
        self.now += 10;
        self.push(EventKind::HookInvoked { hook: run.hook, function: None });
        self.now += u64::try_from(run.took.as_millis()).unwrap();
        for text in messages {
            self.push(EventKind::OnFailure { hook: run.hook, text: (*text).into() });
        }
        self.push(EventKind::HookFinished(run.clone()));
        self.hooks.push(run);
        self
    }

    fn world_changed(mut self, text: &str) -> Self {
        self.push(EventKind::WorldChanged { text: text.into() });
        self
    }

    fn finish(mut self, outcome: DeploymentOutcome, text: &str) -> (DeploymentReport, Vec<RehearsalEvent>) {
        self.now += 30;
        if outcome == DeploymentOutcome::RolledBack {
            self.push(EventKind::RolledBack { text: "the test listener forwards to tg-shop-a again".into() });
        }
        self.push(EventKind::DeploymentEnded { outcome, text: text.into() });
        let stopped_by = self.hooks.iter().find(|run| run.status != Some(Status::Succeeded)).map(|run| run.hook);
        let report = DeploymentReport {
            deployment: ID.into(),
            outcome,
            stopped_by,
            hooks: self.hooks,
            final_state: text.into(),
            differences: Vec::new(),
            took: Duration::from_millis(self.now),
        };
        (report, self.moments)
    }
}

fn report(scenario: &str, about: &str, deployments: Vec<DeploymentReport>) -> Report {
    Report {
        scenario: scenario.into(),
        about: about.into(),
        is_trial: false,
        seed: 4711,
        deployments,
        calls: BTreeMap::from([("codedeploy:GetDeployment".into(), 5)]),
        unknown_operations: Vec::new(),
        logs: Vec::new(),
    }
}

fn until_test_traffic(number: usize, of: usize) -> ReportBuilder {
    ReportBuilder::new(number, of)
        .hook_run(before_install())
        .event_completed("Install", "replacement task set ecs-svc/2000000000000000002 (shop:42) created with 2 tasks; its target group is tg-shop-b")
        .hook_run(after_install())
        .event_completed("AllowTestTraffic", "test listener now forwards to tg-shop-b")
}

fn complete_deployment(builder: ReportBuilder) -> (DeploymentReport, Vec<RehearsalEvent>) {
    let alarms = || passed_check("alarms", "alarms", 30, "deployment group shop-group: shop-5xx is OK");
    builder
        .hook_run(succeeded_run(
            Hook::AfterAllowTestTraffic,
            640,
            vec![passed_check(
                "health_check",
                "health_check",
                240,
                "GET http://localhost:39121/health: 200 3 times in a row",
            )],
        ))
        .hook_run(succeeded_run(Hook::BeforeAllowTraffic, 90, vec![alarms()]))
        .event_completed("AllowTraffic", "production listener now forwards 100 % to tg-shop-b")
        .world_changed("the alarm shop-latency starts to fire, as it did before")
        .hook_run(succeeded_run(Hook::AfterAllowTraffic, 1100, vec![alarms()]))
        .finish(
            DeploymentOutcome::Succeeded,
            "customers are served by task set ecs-svc/2000000000000000002 (version 1.42.0)",
        )
}

/// Every hook puts *Succeeded*.
pub fn healthy() -> (Report, Vec<RehearsalEvent>) {
    let (deployment, moments) = complete_deployment(until_test_traffic(1, 1));
    (
        report(
            "healthy",
            "A good version: every hook puts Succeeded, and customers are on it at the end.",
            vec![deployment],
        ),
        moments,
    )
}

/// A hook puts *Failed*.
pub fn stopped() -> (Report, Vec<RehearsalEvent>) {
    let (deployment, moments) = until_test_traffic(1, 1).hook_run(stopped_run()).finish(
        DeploymentOutcome::RolledBack,
        "customers are served by task set ecs-svc/1000000000000000001 (version 1.41.0), as before",
    );
    let about = "The new version comes up and looks healthy to ECS, but the route that customers need returns 503.";
    (report("route-503", about, vec![deployment]), moments)
}

/// A hook puts no status, and neither does on-failure.
pub fn no_answer() -> (Report, Vec<RehearsalEvent>) {
    let (deployment, moments) = ReportBuilder::new(1, 1).hook_run(before_install()).hook_run(no_answer_run()).finish(
        DeploymentOutcome::RolledBack,
        "customers are served by task set ecs-svc/1000000000000000001 (version 1.41.0), as before",
    );
    (report("silent", "A function hangs until Lambda ends it.", vec![deployment]), moments)
}

/// A function is killed, and on-failure puts *Failed* for it.
pub fn answered_on_failure() -> (Report, Vec<RehearsalEvent>) {
    let (deployment, moments) = ReportBuilder::new(1, 1)
        .hook_run(before_install())
        .answered_on_failure(
            answered_on_failure_run(),
            &[
                "AfterInstall's function was killed; Lambda sends the record of it to on-failure",
                "on-failure puts Failed for it",
            ],
        )
        .finish(
            DeploymentOutcome::RolledBack,
            "customers are served by task set ecs-svc/1000000000000000001 (version 1.41.0), as before",
        );
    (report("function-killed", "Lambda kills a function in the middle of its work.", vec![deployment]), moments)
}

/// Two deployments in a row.
pub fn two_deployments() -> Report {
    let (first, _) = complete_deployment(until_test_traffic(1, 2));
    let (second, _) = complete_deployment(until_test_traffic(2, 2));
    report(
        "second-deployment-colours-swapped",
        "Two deployments in a row; the second finds blue and green swapped.",
        vec![first, second],
    )
}

/// A scenario that was played.
pub fn completed_run(report: Report) -> ScenarioRun {
    let took = report.deployments.iter().map(|one| one.took).sum();
    let transcript = format!("{}  {}", report.scenario, report.about);
    ScenarioRun {
        scenario: report.scenario.clone(),
        end: RunEnd::Completed(Box::new(report)),
        elapsed: took,
        transcript,
    }
}

/// A scenario that could not be played.
pub fn not_run(scenario: &str, error: &str) -> ScenarioRun {
    let transcript = format!("{scenario}  It has a name.");
    ScenarioRun {
        scenario: scenario.into(),
        end: RunEnd::Error(error.into()),
        elapsed: Duration::from_millis(5),
        transcript,
    }
}
