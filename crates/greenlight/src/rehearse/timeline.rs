//! The timeline of one scenario: turns events into lines. Pure, so that golden tests cover every line.

use std::time::Duration;

use lifecycle::format_duration;
use rehearsal::{
    AnsweredBy, CheckLine, DeploymentOutcome, DeploymentReport, EventKind, Hook, HookRun, RehearsalEvent, Report,
    Status,
};

use super::messages::{self, StopReason};
use crate::terminal::{Emphasis, TIME_WIDTH, TerminalStyle, time_column};

/// The column after the time.
const LABEL_COLUMN: usize = TIME_WIDTH + 2;
/// The column of a check's name, after its glyph.
const CHECK_NAME_COLUMN: usize = LABEL_COLUMN + 2;
/// The column of the text after `why`, `next` and `now`.
const TEXT_COLUMN: usize = LABEL_COLUMN + 8;

/// The state that the next line depends on.
#[derive(Debug)]
pub struct Timeline {
    style: TerminalStyle,
    /// The hook that is running, and the names of its checks that were printed.
    running: Option<(Hook, Vec<String>)>,
    /// How many hooks put *Succeeded*.
    succeeded: usize,
    /// The hook that did not.
    stopped: Option<HookRun>,
    preceding: Preceding,
}

/// What was printed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preceding {
    /// A line that the next one follows directly.
    Line,
    /// The end of a block, after which comes an empty line.
    End,
}

impl Timeline {
    pub const fn new(style: TerminalStyle) -> Self {
        Self { style, running: None, succeeded: 0, stopped: None, preceding: Preceding::End }
    }

    /// The scenario's name and description.
    pub fn heading(&self, name: &str, about: &str) -> String {
        let title = self.style.apply(Emphasis::Bold, name);
        self.style.hanging(&format!("{title}  "), name.chars().count() + 2, Emphasis::Plain, about)
    }

    /// The lines of one event.
    pub fn render_event(&mut self, moment: &RehearsalEvent) -> String {
        let gap = match self.preceding {
            Preceding::Line => "",
            Preceding::End => "\n",
        };
        let text = self.event_lines(moment);
        self.preceding = if let EventKind::HookFinished(_) | EventKind::RolledBack { .. } = moment.kind {
            Preceding::End
        } else {
            Preceding::Line
        };
        format!("{gap}{text}")
    }

    fn event_lines(&mut self, moment: &RehearsalEvent) -> String {
        let time = self.style.apply(Emphasis::Dim, &format!("{}  ", time_column(moment.at)));
        match &moment.kind {
            EventKind::DeploymentCreated { deployment, number, total: of } => {
                *self = Self::new(self.style);
                let count = if *of > 1 { format!(" ({number} of {of})") } else { String::new() };
                format!("{time}CodeDeploy starts deployment {deployment}{count}")
            }
            EventKind::EventCompleted { event, text } => self.labelled_line(&time, event, Emphasis::Plain, text),
            EventKind::WorldChanged { text } => self.labelled_line(&time, "meanwhile", Emphasis::Warning, text),
            EventKind::RolledBack { text } => self.labelled_line(&time, "rollback", Emphasis::Warning, text),
            EventKind::OnFailure { text, .. } => self.labelled_line(&time, "on-failure", Emphasis::Warning, text),
            EventKind::HookInvoked { hook, function } => {
                self.running = Some((*hook, Vec::new()));
                let name = self.style.apply(Emphasis::Bold, hook.event_name());
                let head = format!("{time}{name}  {}", self.style.apply(Emphasis::Dim, messages::hook_question(*hook)));
                match function {
                    None => head,
                    Some(function) => {
                        format!(
                            "{head}\n{:LABEL_COLUMN$}{}",
                            "",
                            self.style.apply(Emphasis::Dim, &format!("invokes {function}"))
                        )
                    }
                }
            }
            EventKind::CheckFinished { check, .. } => {
                if let Some((_, shown)) = &mut self.running {
                    shown.push(check.name.clone());
                }
                self.check_line(check)
            }
            EventKind::HookFinished(run) => self.hook_finished(&time, run),
            EventKind::DeploymentEnded { outcome, text } => self.deployment_finished(&time, *outcome, text),
        }
    }

    /// The status line below the timeline. `now` is the time since the deployment was created.
    pub fn status_line(&self, now: Duration) -> String {
        let doing = match &self.running {
            None => "CodeDeploy is working".to_owned(),
            Some((hook, shown)) => match shown.len() {
                0 => format!("{hook} is running"),
                1 => format!("{hook} is running, 1 check is done"),
                many => format!("{hook} is running, {many} checks are done"),
            },
        };
        self.style.apply(Emphasis::Dim, &format!("{}  {doing} …", time_column(now)))
    }

    /// The last lines of a scenario: whether it ended as expected, and the differences.
    pub fn render_verdict(&self, report: &Report) -> String {
        let mut lines = Vec::new();
        if report.is_trial && report.met_expectations() {
            return String::new();
        }
        if report.met_expectations() {
            let said = self.style.apply(Emphasis::Dim, "as the scenario expects");
            lines.push(format!("{:LABEL_COLUMN$}{} {said}", "", self.style.apply(Emphasis::Success, "✓")));
        } else {
            let glyph = self.style.apply(Emphasis::Error, "✗");
            let said = self.style.apply(Emphasis::Error, "not as the scenario expects:");
            lines.push(format!("{:LABEL_COLUMN$}{glyph} {said}", ""));
            lines.extend(unmet_expectations(report).iter().map(|one| {
                self.style.hanging(&format!("{:CHECK_NAME_COLUMN$}- ", ""), CHECK_NAME_COLUMN + 2, Emphasis::Plain, one)
            }));
            lines.push(format!(
                "{:CHECK_NAME_COLUMN$}{}",
                "",
                self.style.apply(Emphasis::Dim, &messages::reproduce_hint(report.seed))
            ));
        }
        lines.join("\n")
    }

    fn labelled_line(&self, time: &str, what: &str, tone: Emphasis, text: &str) -> String {
        let head = format!("{time}{}  ", self.style.apply(tone, what));
        self.style.hanging(&head, console::measure_text_width(&head), Emphasis::Plain, text)
    }

    fn check_line(&self, check: &CheckLine) -> String {
        let (glyph, tone) = messages::glyph(check);
        let took = self.style.apply(Emphasis::Dim, &time_column(check.duration));
        let head = format!("{:LABEL_COLUMN$}{} {:<12} {took}  ", "", self.style.apply(tone, glyph), check.name);
        let indent = console::measure_text_width(&head);
        let text = check.text();
        match (tone, check.code.as_str()) {
            (Emphasis::Error | Emphasis::Warning, code) if !code.is_empty() => {
                self.style.hanging(&head, indent, Emphasis::Plain, &format!("{code}: {text}"))
            }
            (Emphasis::Dim, _) => self.style.hanging(&head, indent, Emphasis::Dim, text),
            _ => self.style.hanging(&head, indent, Emphasis::Plain, text),
        }
    }

    fn hook_finished(&mut self, time: &str, run: &HookRun) -> String {
        if self.running.is_none() && run.status.is_none() {
            self.stopped = Some(run.clone());
            return self.labelled_line(time, run.hook.event_name(), Emphasis::Error, "its function cannot be invoked");
        }
        let shown = self.running.take().map(|(_, shown)| shown).unwrap_or_default();
        let late = run.checks.iter().filter(|check| !shown.contains(&check.name));
        let mut lines: Vec<String> = late.map(|check| self.check_line(check)).collect();
        let (tone, said) = match run.status {
            Some(Status::Succeeded) => (Emphasis::Success, "→ Succeeded"),
            Some(Status::Failed) => (Emphasis::Error, "→ Failed"),
            None => (Emphasis::Error, "→ no status"),
        };
        let took = self.style.apply(Emphasis::Dim, &format!("after {}", format_duration(run.took)));
        let whose = if run.answered_by == AnsweredBy::OnFailureHandler { " by on-failure" } else { "" };
        lines.push(format!("{:LABEL_COLUMN$}{}{whose} {took}", "", self.style.apply(tone, said)));
        // A hook that only observes always puts Succeeded, so print what it would have stopped.
        if run.status == Some(Status::Succeeded) && !run.reason.is_empty() {
            let head = format!("{:LABEL_COLUMN$}", "");
            lines.push(self.style.hanging(
                &head,
                TEXT_COLUMN,
                Emphasis::Warning,
                &format!("would have failed: {}", run.reason),
            ));
        }
        if run.status == Some(Status::Succeeded) {
            self.succeeded += 1;
        } else {
            self.stopped = Some(run.clone());
        }
        lines.join("\n")
    }

    fn deployment_finished(&self, time: &str, outcome: DeploymentOutcome, text: &str) -> String {
        let (word, tone) = messages::outcome_label(outcome);
        let word = self.style.apply(tone, &word.to_uppercase());
        let line = |name: &str, text: &str| {
            self.style.hanging(&format!("{:LABEL_COLUMN$}{name}", ""), TEXT_COLUMN, Emphasis::Plain, text)
        };
        let mut lines = Vec::new();
        match (outcome, &self.stopped) {
            (DeploymentOutcome::Succeeded, _) => {
                lines.push(format!("{time}{word}: {} hooks put Succeeded", self.succeeded))
            }
            (DeploymentOutcome::Stopped, _) | (DeploymentOutcome::Failed | DeploymentOutcome::RolledBack, None) => {
                lines.push(format!("{time}{word}"))
            }
            (DeploymentOutcome::Failed | DeploymentOutcome::RolledBack, Some(run)) => {
                let who = match run.answered_by {
                    AnsweredBy::Hook => "stopped it",
                    AnsweredBy::OnFailureHandler => "put no status, and on-failure stopped it",
                    // A function that CodeDeploy could not invoke took no time.
                    AnsweredBy::Nobody if run.took.is_zero() => "could not be invoked",
                    AnsweredBy::Nobody => "put no status",
                };
                let StopReason { check, reason, next } = messages::stop_reason(run);
                let check = check.map(|name| format!("{} in the check `{name}`: ", run.code)).unwrap_or_default();
                lines.push(format!("{time}{word}: {} {who}", self.style.apply(Emphasis::Bold, run.hook.event_name())));
                lines.push(line("why", &format!("{check}{reason}")));
                lines.extend(next.map(|next| line("next", next)));
            }
        }
        lines.push(line("now", text));
        lines.join("\n")
    }
}

/// Every difference between what the scenario expects and what happened.
pub fn unmet_expectations(report: &Report) -> Vec<String> {
    let many = report.deployments.len() > 1;
    let describe = |(index, one): (usize, &DeploymentReport)| -> Vec<String> {
        let which = if many { format!("deployment {}: ", index + 1) } else { String::new() };
        one.differences.iter().map(|text| format!("{which}{text}")).collect()
    };
    let mut all: Vec<String> = report.deployments.iter().enumerate().flat_map(describe).collect();
    if !report.unknown_operations.is_empty() {
        all.push(format!(
            "the hooks called operations unknown to the rehearsal: {}",
            report.unknown_operations.join(", ")
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rehearse::fixtures, terminal::NO_STYLE};

    fn render(report: &Report, moments: &[RehearsalEvent], style: TerminalStyle) -> String {
        let mut timeline = Timeline::new(style);
        let mut lines = vec![timeline.heading(&report.scenario, &report.about)];
        lines.extend(moments.iter().map(|moment| timeline.render_event(moment)));
        lines.push(timeline.render_verdict(report));
        lines.join("\n")
    }

    #[test]
    fn a_healthy_deployment() {
        let (report, moments) = fixtures::healthy();
        insta::assert_snapshot!(render(&report, &moments, NO_STYLE));
    }

    #[test]
    fn a_deployment_that_is_stopped() {
        let (report, moments) = fixtures::stopped();
        insta::assert_snapshot!(render(&report, &moments, NO_STYLE));
    }

    #[test]
    fn a_promise_that_did_not_hold_on_a_narrow_terminal() {
        let (mut report, moments) = fixtures::stopped();
        report.deployments[0]
            .differences
            .push("expected it to succeed; AfterAllowTestTraffic stopped it with UnexpectedStatus".into());
        report.unknown_operations.push("ssm:GetParameter".into());
        insta::assert_snapshot!(render(&report, &moments, TerminalStyle { width: 60, ..NO_STYLE }));
    }

    #[test]
    fn nobody_answers() {
        let (report, moments) = fixtures::no_answer();
        insta::assert_snapshot!(render(&report, &moments, NO_STYLE));
    }

    #[test]
    fn the_net_answers() {
        let (report, moments) = fixtures::answered_on_failure();
        insta::assert_snapshot!(render(&report, &moments, NO_STYLE));
    }

    #[test]
    fn colour_changes_no_word_and_no_line_is_too_wide() {
        let (report, moments) = fixtures::stopped();
        let plain = render(&report, &moments, NO_STYLE);
        let coloured = render(&report, &moments, TerminalStyle { colour: true, ..NO_STYLE });
        assert_eq!(console::strip_ansi_codes(&coloured), plain);
        assert!(plain.lines().all(|line| line.chars().count() <= NO_STYLE.width), "{plain}");
    }

    #[test]
    fn the_line_in_progress_says_who_is_at_work() {
        let (_, moments) = fixtures::stopped();
        let mut timeline = Timeline::new(NO_STYLE);
        let now = Duration::from_millis(1234);
        assert_eq!(timeline.status_line(now), "1s 234ms  CodeDeploy is working …");
        let mut said = Vec::new();
        for moment in &moments {
            timeline.render_event(moment);
            said.push(timeline.status_line(now));
        }
        assert!(said.iter().any(|line| line.ends_with("BeforeInstall is running, 1 check is done …")), "{said:#?}");
    }

    #[test]
    fn a_check_that_was_not_printed_live_is_printed_with_the_status() {
        let (_, moments) = fixtures::stopped();
        let mut timeline = Timeline::new(NO_STYLE);
        let without_checks = moments.iter().filter(|moment| !matches!(moment.kind, EventKind::CheckFinished { .. }));
        let text: Vec<String> = without_checks.map(|moment| timeline.render_event(moment)).collect();
        assert!(text.join("\n").contains("✗ health_check"), "{text:#?}");
    }
}
