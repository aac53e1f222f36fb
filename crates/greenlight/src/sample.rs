//! Rehearsals with made-up values, for the tests of what is printed.

use std::{collections::BTreeMap, time::Duration};

use rehearsal::{
    Answer, AnsweredBy, CheckLine, DeploymentReport, Happening, HookName, HookRun, Moment, Outcome, Report,
};

use crate::played::{End, Played};

const ID: &str = "d-4KX0QZ7PA";

fn check(name: &str, kind: &str, millis: u64, text: &str) -> CheckLine {
    CheckLine {
        name: name.into(),
        kind: kind.into(),
        outcome: "passed".into(),
        decision: "pass".into(),
        code: String::new(),
        hint: String::new(),
        duration_ms: millis,
        message: format!("{name}: {text}"),
    }
}

fn but(check: CheckLine, outcome: &str, decision: &str, code: &str) -> CheckLine {
    let hint = check.message.rsplit_once("; ").map(|(_, hint)| hint.to_owned()).unwrap_or_default();
    CheckLine { outcome: outcome.into(), decision: decision.into(), code: code.into(), hint, ..check }
}

fn run(hook: HookName, millis: u64, checks: Vec<CheckLine>) -> HookRun {
    let verdict = format!("{hook} succeeded: {} checks passed", checks.len());
    HookRun {
        hook,
        answer: Some(Answer::Succeeded),
        answered_by: AnsweredBy::Hook,
        code: String::new(),
        verdict,
        hint: String::new(),
        checks,
        took: Duration::from_millis(millis),
    }
}

fn before_install() -> HookRun {
    let rollback = check(
        "rollback",
        "preflight",
        0,
        "deployment group shop-group: expected auto-rollback on DEPLOYMENT_FAILURE, was off; turn on auto-rollback for \
         DEPLOYMENT_FAILURE, else a failed deployment stays where it is",
    );
    let checks = vec![
        check("service", "preflight", 0, "service shop in cluster main: ACTIVE, controller CODE_DEPLOY"),
        check(
            "original",
            "ecs",
            31,
            "task set ecs-svc/1000000000000000001 of shop: steady == true, running == desired (2, 2)",
        ),
        but(rollback, "failed", "warn", "RollbackNotConfigured"),
        but(
            check("alarms", "alarms", 0, "deployment group shop-group: does not apply: it has no alarms"),
            "not_applicable",
            "pass",
            "",
        ),
    ];
    run(HookName::BeforeInstall, 187, checks)
}

fn after_install() -> HookRun {
    let checks = vec![
        check("replacement", "ecs", 12, "task set ecs-svc/2000000000000000002 of shop: task_set exists"),
        check("targets", "targets", 612, "target group tg-shop-b: healthy == registered (2, 2) after 600ms"),
        check("steady", "ecs", 433, "task set ecs-svc/2000000000000000002 of shop: steady == true after 420ms"),
    ];
    run(HookName::AfterInstall, 711, checks)
}

/// The hook that stops the `route-503` scenario.
pub fn stopped_run() -> HookRun {
    let reach = check("reach", "reach", 401, "test listener: forwards 100 % to tg-shop-b after 400ms");
    let answers = check(
        "answers",
        "answers",
        1204,
        "GET http://localhost:39121/health: expected status in 200-299, was 503 after 6 looks in 1.2s; the test listener \
         forwards to tg-shop-b; ask the same URL by hand and read the service's log",
    );
    let waiting = check("orders", "http", 0, "not run: the check before it did not hold; mend what it waited for");
    HookRun {
        answer: Some(Answer::Failed),
        code: "UnexpectedStatus".into(),
        verdict: "AfterAllowTestTraffic failed: answers: GET http://localhost:39121/health: expected status in 200-299, was 503".into(),
        ..run(
            HookName::AfterAllowTestTraffic,
            1633,
            vec![
                reach,
                but(answers, "failed", "fail", "UnexpectedStatus"),
                but(waiting, "not_run", "fail", "NotRun"),
            ],
        )
    }
}

fn silent_run() -> HookRun {
    HookRun {
        answer: None,
        answered_by: AnsweredBy::Nobody,
        code: "AnswerNotSent".into(),
        verdict: "AfterInstall: the function was killed; last-answer failed with AnswerNotSent: AccessDenied; \
                  nobody answered in the 20s that CodeDeploy waits here (an hour in AWS)"
            .into(),
        hint: "it is left to the alarm on last-answer's errors, which calls somebody before the hour is over".into(),
        ..run(HookName::AfterInstall, 20_000, Vec::new())
    }
}

/// A hook for which the net answers.
pub fn caught_run() -> HookRun {
    HookRun {
        answer: Some(Answer::Failed),
        answered_by: AnsweredBy::Net,
        code: "HookDied".into(),
        verdict: "CodeDeployHook_after-install gave no answer (RetriesExhausted: Runtime.ExitError), so Failed was \
                  answered for it; read that function's log"
            .into(),
        ..run(HookName::AfterInstall, 1_300, Vec::new())
    }
}

struct Story {
    moments: Vec<Moment>,
    now: u64,
    hooks: Vec<HookRun>,
}

impl Story {
    fn new(number: usize, of: usize) -> Self {
        let mut story = Self { moments: Vec::new(), now: 0, hooks: Vec::new() };
        story.push(Happening::Created { deployment: ID.into(), number, of });
        story
    }

    fn push(&mut self, what: Happening) {
        self.moments.push(Moment { at: Duration::from_millis(self.now), what });
    }

    fn passed(mut self, event: &str, text: &str) -> Self {
        self.now += 40;
        self.push(Happening::Passed { event: event.into(), text: text.into() });
        self
    }

    fn hook(mut self, run: HookRun) -> Self {
        self.now += 10;
        self.push(Happening::Invoked { hook: run.hook, function: None });
        for check in &run.checks {
            self.push(Happening::Checked { hook: run.hook, check: check.clone() });
        }
        self.now += u64::try_from(run.took.as_millis()).unwrap();
        self.push(Happening::Answered(run.clone()));
        self.hooks.push(run);
        self
    }

    fn caught(mut self, run: HookRun, told: &[&str]) -> Self {
        self.now += 10;
        self.push(Happening::Invoked { hook: run.hook, function: None });
        self.now += u64::try_from(run.took.as_millis()).unwrap();
        for text in told {
            self.push(Happening::Net { hook: run.hook, text: (*text).into() });
        }
        self.push(Happening::Answered(run.clone()));
        self.hooks.push(run);
        self
    }

    fn moved(mut self, text: &str) -> Self {
        self.push(Happening::Moved { text: text.into() });
        self
    }

    fn end(mut self, outcome: Outcome, text: &str) -> (DeploymentReport, Vec<Moment>) {
        self.now += 30;
        if outcome == Outcome::RolledBack {
            self.push(Happening::RolledBack { text: "the test listener forwards to tg-shop-a again".into() });
        }
        self.push(Happening::Ended { outcome, text: text.into() });
        let stopped_by = self.hooks.iter().find(|run| run.answer != Some(Answer::Succeeded)).map(|run| run.hook);
        let report = DeploymentReport {
            deployment: ID.into(),
            outcome,
            stopped_by,
            hooks: self.hooks,
            ending: text.into(),
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
        seed: 4711,
        deployments,
        calls: BTreeMap::from([("codedeploy:GetDeployment".into(), 5)]),
        unknown_operations: Vec::new(),
        logs: Vec::new(),
    }
}

fn until_test_traffic(number: usize, of: usize) -> Story {
    Story::new(number, of)
        .hook(before_install())
        .passed("Install", "replacement task set ecs-svc/2000000000000000002 (shop:42) created with 2 tasks; its target group is tg-shop-b")
        .hook(after_install())
        .passed("AllowTestTraffic", "test listener now forwards to tg-shop-b")
}

fn to_the_end(story: Story) -> (DeploymentReport, Vec<Moment>) {
    let alarms = || check("alarms", "alarms", 30, "deployment group shop-group: shop-5xx is OK");
    story
        .hook(run(
            HookName::AfterAllowTestTraffic,
            640,
            vec![check("answers", "answers", 240, "GET http://localhost:39121/health: 200 3 times in a row")],
        ))
        .hook(run(HookName::BeforeAllowTraffic, 90, vec![alarms()]))
        .passed("AllowTraffic", "production listener now forwards 100 % to tg-shop-b")
        .moved("the alarm shop-latency begins to fire, as it did before")
        .hook(run(HookName::AfterAllowTraffic, 1100, vec![alarms()]))
        .end(Outcome::Succeeded, "customers are served by task set ecs-svc/2000000000000000002 (version 1.42.0)")
}

/// All goes well.
pub fn healthy() -> (Report, Vec<Moment>) {
    let (deployment, moments) = to_the_end(until_test_traffic(1, 1));
    (
        report("healthy", "A good version: every hook says yes, and customers are on it at the end.", vec![deployment]),
        moments,
    )
}

/// A hook stops it.
pub fn stopped() -> (Report, Vec<Moment>) {
    let (deployment, moments) = until_test_traffic(1, 1).hook(stopped_run()).end(
        Outcome::RolledBack,
        "customers are served by task set ecs-svc/1000000000000000001 (version 1.41.0), as before",
    );
    let about = "The new version comes up and looks healthy to ECS, but the route that customers need answers 503.";
    (report("route-503", about, vec![deployment]), moments)
}

/// A hook never answers.
pub fn silent() -> (Report, Vec<Moment>) {
    let (deployment, moments) = Story::new(1, 1).hook(before_install()).hook(silent_run()).end(
        Outcome::RolledBack,
        "customers are served by task set ecs-svc/1000000000000000001 (version 1.41.0), as before",
    );
    (report("silent", "A function hangs until Lambda ends it.", vec![deployment]), moments)
}

/// A function dies, and the net answers for it.
pub fn caught() -> (Report, Vec<Moment>) {
    let (deployment, moments) = Story::new(1, 1)
        .hook(before_install())
        .caught(
            caught_run(),
            &[
                "AfterInstall's function was killed; Lambda hands the record of it to last-answer",
                "last-answer answers Failed for it",
            ],
        )
        .end(
            Outcome::RolledBack,
            "customers are served by task set ecs-svc/1000000000000000001 (version 1.41.0), as before",
        );
    (report("function-killed", "Lambda kills a function in the middle of its work.", vec![deployment]), moments)
}

/// Two deployments in a row.
pub fn twice() -> Report {
    let (first, _) = to_the_end(until_test_traffic(1, 2));
    let (second, _) = to_the_end(until_test_traffic(2, 2));
    report(
        "second-deployment-colours-swapped",
        "Two deployments in a row; the second finds blue and green swapped.",
        vec![first, second],
    )
}

/// A scenario that was played.
pub fn played(report: Report) -> Played {
    let took = report.deployments.iter().map(|one| one.took).sum();
    let told = format!("{}  {}", report.scenario, report.about);
    Played { scenario: report.scenario.clone(), end: End::Through(Box::new(report)), took, told }
}

/// A scenario that could not be played.
pub fn not_played(scenario: &str, error: &str) -> Played {
    let told = format!("{scenario}  It has a name.");
    Played { scenario: scenario.into(), end: End::Not(error.into()), took: Duration::from_millis(5), told }
}
