//! `--gate FILE`: which failures the gate file would have caught, as a table.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

use lifecycle::{Hook, format_duration};
use rehearsal::{CheckDecision, HookRun, Report, Scenario, Status, TrialQuestion};
use serde_json::json;

use super::{
    gate_trial::WINDOW_SPEED,
    messages,
    scenario_run::{RunEnd, ScenarioRun},
};
use crate::terminal::{Emphasis, TerminalStyle, count, truncate};

/// The width of the column with the check and its reason code, with the gaps around it.
const OTHER_COLUMNS_WIDTH: usize = 42;
/// A name always has at least this width.
const MIN_NAME_WIDTH: usize = 16;

/// What a gate file did with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Caught(Catch),
    /// The hook and the reason code with which the scenario's own gate file stops it.
    LetThrough {
        by: Option<Hook>,
        code: Option<String>,
        /// What the scenario's own gate file has in place of the built-in checks, as YAML.
        own_gate: Option<String>,
    },
    Continued,
    /// A healthy deployment was stopped.
    FalseAlarm(Catch),
    NotPlayed(String),
}

/// Who stopped a deployment, or would have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Catch {
    hook: Hook,
    /// The check that decided, or the phase.
    check: String,
    code: String,
    reason: String,
}

impl fmt::Display for Catch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => f.write_str(&self.check),
            code => write!(f, "{}: {code}", self.check),
        }
    }
}

/// One scenario and its answer.
pub struct TrialRow {
    scenario: String,
    about: String,
    answer: Answer,
}

/// Compares the scenarios' questions with what happened. `None` for a scenario that asks nothing of a gate file.
pub fn rows(scenarios: &[Scenario], questions: Vec<TrialQuestion>, runs: &[ScenarioRun]) -> Vec<TrialRow> {
    let rows = scenarios.iter().zip(questions).zip(runs);
    rows.filter_map(|((scenario, question), run)| row(scenario, question, run)).collect()
}

fn row(scenario: &Scenario, question: TrialQuestion, run: &ScenarioRun) -> Option<TrialRow> {
    let caught = run.report().and_then(first_catch);
    let answer = match (question, &run.end, caught) {
        (TrialQuestion::NotApplicable, ..) => return None,
        (_, RunEnd::Error(error), _) => Answer::NotPlayed(error.clone()),
        (TrialQuestion::Failure { .. }, _, Some(catch)) => Answer::Caught(catch),
        (TrialQuestion::Failure { by, code }, _, None) => {
            Answer::LetThrough { by, code, own_gate: by.and_then(|hook| scenario.own_gate_of(hook)) }
        }
        (TrialQuestion::Healthy, _, Some(catch)) => Answer::FalseAlarm(catch),
        (TrialQuestion::Healthy, _, None) => Answer::Continued,
    };
    Some(TrialRow { scenario: scenario.name.clone(), about: scenario.about.clone(), answer })
}

/// The first hook that stopped a deployment, or would have if it did not only observe.
fn first_catch(report: &Report) -> Option<Catch> {
    report.deployments.iter().find_map(|deployment| {
        let run = deployment.hooks.iter().find(|run| stops(run))?;
        let why = messages::stop_reason(run);
        Some(Catch {
            hook: run.hook,
            check: why.check.unwrap_or("no status").to_owned(),
            code: run.code.clone(),
            reason: why.reason.to_owned(),
        })
    })
}

/// Whether a time limit decided that is not the subject of the scenario, so that a busy machine can have changed the
/// answer.
pub fn is_decided_by_time(question: &TrialQuestion, run: &ScenarioRun) -> bool {
    let codes = ["TooSlow", "ReadTimedOut", "ConnectTimedOut", "RanOutOfTime"];
    let is_subject =
        |catch: &Catch| matches!(question, TrialQuestion::Failure { code: Some(code), .. } if *code == catch.code);
    run.report().and_then(first_catch).is_some_and(|catch| codes.contains(&catch.code.as_str()) && !is_subject(&catch))
}

fn stops(run: &HookRun) -> bool {
    run.status != Some(Status::Succeeded) || run.checks.iter().any(|check| check.decision == CheckDecision::Fail)
}

/// What the lines below the table say.
#[derive(Debug, Default)]
pub struct TrialNotes {
    /// The checks that contact a host outside the rehearsal: their hook and name.
    pub left_out: Vec<(Hook, String)>,
    /// What the user's service does not have, with the scenarios that need it.
    pub unsuitable: BTreeMap<&'static str, Vec<String>>,
    /// The number of scenarios that no gate file decides.
    pub others: usize,
    /// The number of scenarios that were played again, because a time limit had decided them.
    pub replayed: usize,
    /// Whether the gate file only observes.
    pub observes: bool,
    /// Whether the reasons are printed too.
    pub explained: bool,
    pub took: Duration,
}

/// Prints the answers in groups, what needs work first, and a summary.
pub fn render(style: TerminalStyle, rows: &[TrialRow], notes: &TrialNotes) -> String {
    let name = rows.iter().map(|row| row.scenario.chars().count()).max().unwrap_or(0);
    let name = name.min(style.width.saturating_sub(OTHER_COLUMNS_WIDTH).max(MIN_NAME_WIDTH));
    let mut text = String::new();
    let mut group = |title: &str, tone: Emphasis, is_in: &dyn Fn(&Answer) -> bool| {
        let of_group: Vec<_> = rows.iter().filter(|row| is_in(&row.answer)).collect();
        if !of_group.is_empty() {
            let _ = writeln!(text, "{} ({})", style.apply(tone, title), of_group.len());
            of_group.iter().for_each(|row| text += &render_row(style, name, row));
            text.push('\n');
        }
        of_group.len()
    };
    let false_alarms =
        group("healthy deployments that it stops", Emphasis::Error, &|it| matches!(it, Answer::FalseAlarm(_)));
    let let_through =
        group("failures that it lets through", Emphasis::Warning, &|it| matches!(it, Answer::LetThrough { .. }));
    let not_played = group("could not be played", Emphasis::Error, &|it| matches!(it, Answer::NotPlayed(_)));
    let caught: usize = Hook::ALL
        .into_iter()
        .map(|hook| {
            let by_hook = |it: &Answer| matches!(it, Answer::Caught(catch) if catch.hook == hook);
            group(&format!("failures that {hook} catches"), Emphasis::Success, &by_hook)
        })
        .sum();
    let healthy: Vec<_> =
        rows.iter().filter(|row| row.answer == Answer::Continued).map(|row| row.scenario.as_str()).collect();
    if !healthy.is_empty() {
        let title = style.apply(Emphasis::Success, "healthy deployments that continue");
        let names = style.hanging("  ", 2, Emphasis::Plain, &healthy.join(", "));
        let _ = writeln!(text, "{title} ({})\n{names}\n", healthy.len());
    }
    let all_healthy = count(false_alarms + healthy.len(), "healthy deployment");
    let mut summary = format!(
        "{caught} of {} caught, {} of {all_healthy} stopped by mistake",
        count(caught + let_through, "failure"),
        if false_alarms == 0 { "none".to_owned() } else { false_alarms.to_string() }
    );
    if not_played > 0 {
        let _ = write!(summary, ", {not_played} not played");
    }
    text += &style.paragraph(Emphasis::Bold, &summary);
    text.push('\n');
    for note in notes.lines() {
        text += &style.paragraph(Emphasis::Dim, &note);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

impl TrialNotes {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "Played in {}. The windows of the checks passed {WINDOW_SPEED} times faster than in AWS.",
            format_duration(Duration::from_secs(self.took.as_secs()))
        )];
        if self.observes {
            lines.push("Your gate file only observes: the table shows what it would do if it enforced.".to_owned());
        }
        if self.replayed > 0 {
            let pronoun = if self.replayed == 1 { "it was" } else { "they were" };
            lines.push(format!(
                "{} ended because of a time limit, so {pronoun} played again with few others at the same time.",
                count(self.replayed, "scenario")
            ));
        }
        if self.others > 0 {
            lines.push(format!(
                "Not played: {} about the functions, their permissions or CodeDeploy, which no gate file decides.",
                count(self.others, "scenario")
            ));
        }
        for (needed, scenarios) in &self.unsuitable {
            lines.push(format!("Not played, because your service does not have {needed}: {}.", scenarios.join(", ")));
        }
        if !self.left_out.is_empty() {
            let names: Vec<_> = self.left_out.iter().map(|(hook, name)| format!("{name} ({hook})")).collect();
            lines.push(format!("Left out, because they contact a host outside the rehearsal: {}.", names.join(", ")));
        }
        lines.push(match self.explained {
            true => "--scenario NAME plays one scenario and prints its timeline.".to_owned(),
            false => "--why explains each row; --scenario NAME plays one scenario and prints its timeline.".to_owned(),
        });
        lines
    }
}

fn render_row(style: TerminalStyle, name: usize, row: &TrialRow) -> String {
    let title = format!("  {:name$}  ", truncate(&row.scenario, name));
    let what = match &row.answer {
        Answer::Caught(catch) => catch.to_string(),
        Answer::FalseAlarm(catch) => format!("{}, {catch}", catch.hook),
        Answer::LetThrough { by, code, own_gate } => advice(*by, code.as_deref(), own_gate.is_some()),
        Answer::NotPlayed(error) => error.clone(),
        Answer::Continued => String::new(),
    };
    let mut text = style.hanging(&title, name + 4, Emphasis::Plain, &what) + "\n";
    if let Answer::LetThrough { own_gate: Some(yaml), .. } = &row.answer {
        // Not wrapped, so that it can be copied.
        yaml.lines().for_each(|line| text += &format!("      {}\n", style.apply(Emphasis::Dim, line)));
    }
    text
}

/// Which check would catch it.
fn advice(by: Option<Hook>, code: Option<&str>, has_own_gate: bool) -> String {
    let hook = by.map(|hook| format!(" in {hook}")).unwrap_or_default();
    match code.and_then(kind_for) {
        Some(kind) if has_own_gate => {
            format!("a check `{kind}`{hook} catches it ({}); with a rehearsal's short times:", code.unwrap_or_default())
        }
        Some(kind) => format!("add a check `{kind}`{hook} ({})", code.unwrap_or_default()),
        None => format!("the built-in checks{hook} catch it"),
    }
}

/// The kind of check that reports a reason code, by the beginning of the code.
const KINDS: [(&str, &str); 16] = [
    ("Alarm", "alarms"),
    ("Tasks", "tasks"),
    ("Containers", "tasks"),
    ("NotSteady", "tasks"),
    ("NoTaskSet", "tasks"),
    ("NoDesiredTasks", "tasks"),
    ("Targets", "targets"),
    ("NoTargets", "targets"),
    ("UnknownTargets", "targets"),
    ("Listener", "forwards_to"),
    ("NoListener", "forwards_to"),
    ("HealthCheck", "health_check"),
    ("Image", "preflight"),
    ("WrongImage", "image"),
    ("Unexpected", "http"),
    ("TooSlow", "http"),
];

fn kind_for(code: &str) -> Option<&'static str> {
    let of_requests = [
        "ConnectionReset",
        "ReadTimedOut",
        "ConnectRefused",
        "ConnectTimedOut",
        "WrongVersionServed",
        "RuleLeadsElsewhere",
    ];
    let by_code = || KINDS.iter().find(|(start, _)| code.starts_with(start)).map(|(_, kind)| *kind);
    if of_requests.contains(&code) { Some("http") } else { by_code() }
}

/// The reasons for `--why`.
pub fn render_reasons(style: TerminalStyle, rows: &[TrialRow]) -> String {
    let widest = rows.iter().map(|row| row.scenario.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let reason = match &row.answer {
            Answer::Caught(catch) | Answer::FalseAlarm(catch) => format!("{}: {}", catch.check, catch.reason),
            Answer::LetThrough { .. } => row.about.clone(),
            Answer::Continued | Answer::NotPlayed(_) => continue,
        };
        text += &style.hanging(&format!("  {}", row.scenario), widest + 4, Emphasis::Plain, &reason);
        text.push('\n');
    }
    if text.is_empty() { text } else { format!("{}\n{text}\n", style.apply(Emphasis::Bold, "why")) }
}

/// One JSON line for each row.
pub fn json_lines(rows: &[TrialRow]) -> impl Iterator<Item = serde_json::Value> {
    rows.iter().map(|row| {
        let (word, catch, own_gate) = match &row.answer {
            Answer::Caught(catch) => ("caught", Some(catch), None),
            Answer::LetThrough { own_gate, .. } => ("let-through", None, own_gate.as_deref()),
            Answer::Continued => ("continued", None, None),
            Answer::FalseAlarm(catch) => ("false-alarm", Some(catch), None),
            Answer::NotPlayed(_) => ("not-played", None, None),
        };
        json!({
            "scenario": row.scenario,
            "event": "answer",
            "answer": word,
            "hook": catch.map(|catch| catch.hook.event_name()),
            "check": catch.map(|catch| &catch.check),
            "code": catch.map(|catch| &catch.code),
            "reason": catch.map(|catch| &catch.reason),
            "own_gate": own_gate,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN_GATE: &str = "hooks:\n  after_allow_test_traffic:\n    checks:\n    - name: version\n";

    fn row(scenario: &str, answer: Answer) -> TrialRow {
        TrialRow { scenario: scenario.to_owned(), about: "Something breaks.".to_owned(), answer }
    }

    fn catch(check: &str, code: &str) -> Catch {
        Catch {
            hook: Hook::AfterInstall,
            check: check.to_owned(),
            code: code.to_owned(),
            reason: "2 of 2 tasks stopped".to_owned(),
        }
    }

    fn sample() -> Vec<TrialRow> {
        let let_through = |code: &str, own_gate| Answer::LetThrough {
            by: Some(Hook::AfterAllowTestTraffic),
            code: Some(code.to_owned()),
            own_gate,
        };
        vec![
            row("healthy", Answer::Continued),
            row("tasks-stop", Answer::Caught(catch("tasks", "TasksStopped"))),
            row("route-503", let_through("UnexpectedStatus", None)),
            row("wrong-image", let_through("UnexpectedBody", Some(OWN_GATE.to_owned()))),
            row("warm-up", Answer::FalseAlarm(catch("pay", "TooSlow"))),
        ]
    }

    #[test]
    fn the_table_begins_with_what_needs_work() {
        for width in [80, 60] {
            let style = TerminalStyle { width, ..crate::terminal::NO_STYLE };
            let notes = TrialNotes {
                left_out: vec![(Hook::AfterInstall, "partner".to_owned())],
                unsuitable: BTreeMap::from([("a test listener", vec!["test-listener-lags".to_owned()])]),
                others: 40,
                replayed: 2,
                observes: true,
                explained: false,
                took: Duration::from_secs(70),
            };
            let text = render(style, &sample(), &notes);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            insta::assert_snapshot!(format!("trial_{width}"), text);
        }
    }

    #[test]
    fn without_a_problem_the_summary_says_so() {
        let text = render(crate::terminal::NO_STYLE, &sample()[..2], &TrialNotes::default());
        assert!(text.contains("1 of 1 failure caught, none of 1 healthy deployment stopped by mistake"), "{text}");
    }

    #[test]
    fn one_scenario_that_was_played_again_is_not_several() {
        let lines = |replayed| TrialNotes { replayed, ..TrialNotes::default() }.lines();
        let one = "1 scenario ended because of a time limit, so it was played again with few others at the same time.";
        assert_eq!(lines(1)[1], one);
        assert!(lines(2)[1].contains("so they were played again"), "{:?}", lines(2));
    }

    #[test]
    fn reasons_and_json_lines_have_one_entry_for_each_row_that_has_one() {
        let rows = sample();
        assert_eq!(render_reasons(crate::terminal::NO_STYLE, &rows).lines().count(), 6);
        let lines: Vec<_> = json_lines(&rows).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!((&lines[1]["answer"], &lines[1]["code"]), (&json!("caught"), &json!("TasksStopped")));
        assert_eq!((&lines[3]["answer"], &lines[3]["own_gate"]), (&json!("let-through"), &json!(OWN_GATE)));
    }

    #[test]
    fn the_gate_file_of_every_scenario_can_be_pasted() {
        let mut found = 0;
        for scenario in Scenario::built_in() {
            for yaml in Hook::ALL.into_iter().filter_map(|hook| scenario.own_gate_of(hook)) {
                let faults = hook_core::gate_file::check(&format!("version: 1\n{yaml}"));
                assert!(faults.is_empty(), "{}: {faults:?} in\n{yaml}", scenario.name);
                found += 1;
            }
        }
        assert!(found > 5, "{found}");
    }
}
