//! The timeline of one scenario: moments in, lines out. Pure, so that every line is golden-tested.

use std::time::Duration;

use rehearsal::{
    Answer, AnsweredBy, CheckLine, DeploymentReport, Happening, HookName, HookRun, Moment, Outcome, Report,
};

use crate::{
    paint::{Look, Tone, seconds, span},
    words::{self, Why},
};

/// The column after the time.
const AFTER_TIME: usize = 10;
/// The column of a check's name, after its glyph.
const NAME: usize = AFTER_TIME + 2;
/// The column of the words `why`, `now` and `next` are followed by their text here.
const TOLD: usize = AFTER_TIME + 8;

/// What is known of the scenario while it goes on.
#[derive(Debug)]
pub struct Timeline {
    look: Look,
    /// The hook that is at work, and its checks that were shown.
    at_work: Option<(HookName, Vec<String>)>,
    /// How many hooks said yes.
    yes: usize,
    /// The hook that said anything else.
    stopped: Option<HookRun>,
    before: Before,
}

/// What was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// A line that the next one may follow.
    Line,
    /// The end of something, after which there is a gap.
    End,
}

impl Timeline {
    /// A scenario's timeline before its first moment.
    pub const fn new(look: Look) -> Self {
        Self { look, at_work: None, yes: 0, stopped: None, before: Before::End }
    }

    /// The scenario's name and what it is about.
    pub fn heading(&self, name: &str, about: &str) -> String {
        let title = self.look.paint(Tone::Strong, name);
        self.look.hang(&format!("{title}  "), name.chars().count() + 2, Tone::Plain, about)
    }

    /// The lines of one moment.
    pub fn moment(&mut self, moment: &Moment) -> String {
        let gap = match self.before {
            Before::Line => "",
            Before::End => "\n",
        };
        let text = self.lines(moment);
        self.before = if let Happening::Answered(_) | Happening::RolledBack { .. } = moment.what {
            Before::End
        } else {
            Before::Line
        };
        format!("{gap}{text}")
    }

    fn lines(&mut self, moment: &Moment) -> String {
        let time = self.look.paint(Tone::Quiet, &format!("{:>8}  ", seconds(moment.at)));
        match &moment.what {
            Happening::Created { deployment, number, of } => {
                *self = Self::new(self.look);
                let count = if *of > 1 { format!(" ({number} of {of})") } else { String::new() };
                format!("{time}CodeDeploy begins deployment {deployment}{count}")
            }
            Happening::Passed { event, text } => self.told(&time, event, Tone::Plain, text),
            Happening::Moved { text } => self.told(&time, "meanwhile", Tone::Warning, text),
            Happening::RolledBack { text } => self.told(&time, "roll-back", Tone::Warning, text),
            Happening::Net { text, .. } => self.told(&time, "net", Tone::Warning, text),
            Happening::Invoked { hook, function } => {
                self.at_work = Some((*hook, Vec::new()));
                let name = self.look.paint(Tone::Strong, hook.name());
                let head = format!("{time}{name}  {}", self.look.paint(Tone::Quiet, words::question(*hook)));
                match function {
                    None => head,
                    Some(function) => {
                        format!(
                            "{head}\n{:AFTER_TIME$}{}",
                            "",
                            self.look.paint(Tone::Quiet, &format!("asks {function}"))
                        )
                    }
                }
            }
            Happening::Checked { check, .. } => {
                if let Some((_, shown)) = &mut self.at_work {
                    shown.push(check.name.clone());
                }
                self.check(check)
            }
            Happening::Answered(run) => self.answered(&time, run),
            Happening::Ended { outcome, text } => self.ended(&time, *outcome, text),
        }
    }

    /// The line that is kept up to date below the others, `now` after the deployment was created.
    pub fn status(&self, now: Duration) -> String {
        let doing = match &self.at_work {
            None => "CodeDeploy is at work".to_owned(),
            Some((hook, shown)) => match shown.len() {
                0 => format!("{hook} is looking"),
                1 => format!("{hook} is looking, 1 check is done"),
                many => format!("{hook} is looking, {many} checks are done"),
            },
        };
        self.look.paint(Tone::Quiet, &format!("{:>8}  {doing} …", seconds(now)))
    }

    /// What follows the deployments when the scenario is over: did they end as it promises?
    pub fn verdict(&self, report: &Report) -> String {
        let mut lines = Vec::new();
        if report.held() {
            let said = self.look.paint(Tone::Quiet, "as the scenario promises");
            lines.push(format!("{:AFTER_TIME$}{} {said}", "", self.look.paint(Tone::Good, "✓")));
        } else {
            let glyph = self.look.paint(Tone::Bad, "✗");
            let said = self.look.paint(Tone::Bad, "not as the scenario promises:");
            lines.push(format!("{:AFTER_TIME$}{glyph} {said}", ""));
            lines.extend(
                differences(report)
                    .iter()
                    .map(|one| self.look.hang(&format!("{:NAME$}- ", ""), NAME + 2, Tone::Plain, one)),
            );
            lines.push(format!("{:NAME$}{}", "", self.look.paint(Tone::Quiet, &words::same_again(report.seed))));
        }
        lines.join("\n")
    }

    fn told(&self, time: &str, what: &str, tone: Tone, text: &str) -> String {
        let head = format!("{time}{}  ", self.look.paint(tone, what));
        self.look.hang(&head, console::measure_text_width(&head), Tone::Plain, text)
    }

    fn check(&self, check: &CheckLine) -> String {
        let (glyph, tone) = words::mark(check);
        let took = self.look.paint(Tone::Quiet, &format!("{:>7}", span(Duration::from_millis(check.duration_ms))));
        let head = format!("{:AFTER_TIME$}{} {:<11} {took}  ", "", self.look.paint(tone, glyph), check.name);
        let indent = console::measure_text_width(&head);
        let text = words::message(check);
        match (tone, check.code.as_str()) {
            (Tone::Bad | Tone::Warning, code) if !code.is_empty() => {
                self.look.hang(&head, indent, Tone::Plain, &format!("{code}: {text}"))
            }
            (Tone::Quiet, _) => self.look.hang(&head, indent, Tone::Quiet, text),
            _ => self.look.hang(&head, indent, Tone::Plain, text),
        }
    }

    fn answered(&mut self, time: &str, run: &HookRun) -> String {
        if self.at_work.is_none() && run.answer.is_none() {
            self.stopped = Some(run.clone());
            return self.told(time, run.hook.name(), Tone::Bad, "its function cannot be invoked");
        }
        let shown = self.at_work.take().map(|(_, shown)| shown).unwrap_or_default();
        let late = run.checks.iter().filter(|check| !shown.contains(&check.name));
        let mut lines: Vec<String> = late.map(|check| self.check(check)).collect();
        let (tone, said) = match run.answer {
            Some(Answer::Succeeded) => (Tone::Good, "→ Succeeded"),
            Some(Answer::Failed) => (Tone::Bad, "→ Failed"),
            None => (Tone::Bad, "→ no answer"),
        };
        let took = self.look.paint(Tone::Quiet, &format!("after {}", span(run.took)));
        let whose = if run.answered_by == AnsweredBy::Net { " by last-answer" } else { "" };
        lines.push(format!("{:AFTER_TIME$}{}{whose} {took}", "", self.look.paint(tone, said)));
        // Who only observes says yes to everything; what it would have stopped is the news.
        if let Some((_, observed)) = run.verdict.split_once(", observed: would have failed: ") {
            let head = format!("{:AFTER_TIME$}", "");
            lines.push(self.look.hang(&head, TOLD, Tone::Warning, &format!("would have failed: {observed}")));
        }
        if run.answer == Some(Answer::Succeeded) {
            self.yes += 1;
        } else {
            self.stopped = Some(run.clone());
        }
        lines.join("\n")
    }

    fn ended(&self, time: &str, outcome: Outcome, text: &str) -> String {
        let (word, tone) = words::outcome(outcome);
        let word = self.look.paint(tone, &word.to_uppercase());
        let line =
            |name: &str, text: &str| self.look.hang(&format!("{:AFTER_TIME$}{name}", ""), TOLD, Tone::Plain, text);
        let mut lines = Vec::new();
        match (outcome, &self.stopped) {
            (Outcome::Succeeded, _) => lines.push(format!("{time}{word}: {} hooks said yes", self.yes)),
            (Outcome::Stopped, _) | (Outcome::Failed | Outcome::RolledBack, None) => {
                lines.push(format!("{time}{word}"))
            }
            (Outcome::Failed | Outcome::RolledBack, Some(run)) => {
                let who = match run.answered_by {
                    AnsweredBy::Hook => "stopped it",
                    AnsweredBy::Net => "gave no answer, and last-answer stopped it",
                    // Whose function CodeDeploy could not invoke had no time to answer in.
                    AnsweredBy::Nobody if run.took.is_zero() => "could not be asked",
                    AnsweredBy::Nobody => "did not answer",
                };
                let Why { check, reason, next } = words::why(run);
                let check = check.map(|name| format!("{} in the check `{name}`: ", run.code)).unwrap_or_default();
                lines.push(format!("{time}{word}: {} {who}", self.look.paint(Tone::Strong, run.hook.name())));
                lines.push(line("why", &format!("{check}{reason}")));
                lines.extend(next.map(|next| line("next", next)));
            }
        }
        lines.push(line("now", text));
        lines.join("\n")
    }
}

/// All that was not as promised, in words.
pub fn differences(report: &Report) -> Vec<String> {
    let many = report.deployments.len() > 1;
    let of = |(index, one): (usize, &DeploymentReport)| -> Vec<String> {
        let which = if many { format!("deployment {}: ", index + 1) } else { String::new() };
        one.differences.iter().map(|text| format!("{which}{text}")).collect()
    };
    let mut all: Vec<String> = report.deployments.iter().enumerate().flat_map(of).collect();
    if !report.unknown_operations.is_empty() {
        all.push(format!(
            "the hooks called what the rehearsal does not know: {}",
            report.unknown_operations.join(", ")
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{paint::PLAIN, sample};

    fn told(report: &Report, moments: &[Moment], look: Look) -> String {
        let mut timeline = Timeline::new(look);
        let mut lines = vec![timeline.heading(&report.scenario, &report.about)];
        lines.extend(moments.iter().map(|moment| timeline.moment(moment)));
        lines.push(timeline.verdict(report));
        lines.join("\n")
    }

    #[test]
    fn a_healthy_deployment() {
        let (report, moments) = sample::healthy();
        insta::assert_snapshot!(told(&report, &moments, PLAIN));
    }

    #[test]
    fn a_deployment_that_is_stopped() {
        let (report, moments) = sample::stopped();
        insta::assert_snapshot!(told(&report, &moments, PLAIN));
    }

    #[test]
    fn a_promise_that_did_not_hold_on_a_narrow_terminal() {
        let (mut report, moments) = sample::stopped();
        report.deployments[0]
            .differences
            .push("expected it to succeed; AfterAllowTestTraffic stopped it with UnexpectedStatus".into());
        report.unknown_operations.push("ssm:GetParameter".into());
        insta::assert_snapshot!(told(&report, &moments, Look { width: 60, ..PLAIN }));
    }

    #[test]
    fn nobody_answers() {
        let (report, moments) = sample::silent();
        insta::assert_snapshot!(told(&report, &moments, PLAIN));
    }

    #[test]
    fn the_net_answers() {
        let (report, moments) = sample::caught();
        insta::assert_snapshot!(told(&report, &moments, PLAIN));
    }

    #[test]
    fn colour_changes_no_word_and_no_line_is_too_wide() {
        let (report, moments) = sample::stopped();
        let plain = told(&report, &moments, PLAIN);
        let coloured = told(&report, &moments, Look { colour: true, ..PLAIN });
        assert_eq!(console::strip_ansi_codes(&coloured), plain);
        assert!(plain.lines().all(|line| line.chars().count() <= PLAIN.width), "{plain}");
    }

    #[test]
    fn the_line_in_progress_says_who_is_at_work() {
        let (_, moments) = sample::stopped();
        let mut timeline = Timeline::new(PLAIN);
        let now = Duration::from_millis(1234);
        assert_eq!(timeline.status(now), "   1.2 s  CodeDeploy is at work …");
        let mut said = Vec::new();
        for moment in &moments {
            timeline.moment(moment);
            said.push(timeline.status(now));
        }
        assert!(said.iter().any(|line| line.ends_with("BeforeInstall is looking, 1 check is done …")), "{said:#?}");
    }

    #[test]
    fn a_check_that_was_not_told_live_is_told_with_the_answer() {
        let (_, moments) = sample::stopped();
        let mut timeline = Timeline::new(PLAIN);
        let without_checks = moments.iter().filter(|moment| !matches!(moment.what, Happening::Checked { .. }));
        let text: Vec<String> = without_checks.map(|moment| timeline.moment(moment)).collect();
        assert!(text.join("\n").contains("✗ answers"), "{text:#?}");
    }
}
