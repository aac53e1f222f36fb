//! Renders findings as text: one line for each check, and one line for the verdict that a tired reader can act on.

use std::sync::Arc;

use gate::ReasonCode;
use lifecycle::Hook;

use crate::{
    finding::{Finding, Outcome},
    finding_log::FindingObserver,
    log_context::{LogContext, log_line},
    phase::{FindingKind, Phase},
    verdict::{Decision, Mode, Status, Verdict, decide},
};

/// The longest verdict line, so that it fits a notification and a terminal.
pub const MAX_LINE: usize = 200;

/// One line about a check: name, cause, resource, expected and actual value, evidence, next step.
pub fn check_line(finding: &Finding) -> String {
    let seen = &finding.observation;
    let mut line = match seen.outcome {
        Outcome::Passed | Outcome::Unverified => format!("{}: {}", finding.check, with_resource(finding, &seen.actual)),
        Outcome::NotApplicable => {
            format!("{}: {}", finding.check, with_resource(finding, &format!("does not apply: {}", seen.actual)))
        }
        _ => match &seen.cause {
            Some(cause) => {
                let mut line = format!("{}: {cause}", finding.check);
                push_clause(&mut line, &summary(finding));
                line
            }
            None => format!("{}: {}", finding.check, summary(finding)),
        },
    };
    for detail in seen.details.iter().filter(|detail| !detail.is_empty()) {
        push_clause(&mut line, detail);
    }
    if let Some(id) = &seen.task_set {
        push_clause(&mut line, &format!("task set {id}"));
    }
    match (&finding.caused_by, code_of(finding)) {
        // The finding of a check that did not run already names the reason.
        (Some(_), _) if finding.observation.outcome == Outcome::NotRun => {}
        (Some(cause), _) => push_clause(&mut line, &format!("a consequence of `{cause}`")),
        (None, Some(_)) => push_clause(&mut line, next_step(finding).unwrap_or_default()),
        (None, None) => {}
    }
    line
}

/// Adds a clause. The full stop of a sentence that is quoted before it, such as an ECS service event, is dropped.
fn push_clause(line: &mut String, clause: &str) {
    if line.ends_with('.') && !line.ends_with("..") {
        line.pop();
    }
    line.push_str("; ");
    line.push_str(clause);
}

/// The failure's code, if there is a failure.
pub fn code_of(finding: &Finding) -> Option<ReasonCode> {
    finding
        .observation
        .code
        .filter(|_| !finding.observation.is_ok() || finding.observation.outcome == Outcome::Unverified)
}

/// What to do about the failure, if there is a failure.
pub fn next_step(finding: &Finding) -> Option<&'static str> {
    code_of(finding).and_then(|_| finding.observation.next_step())
}

/// `target group tg-green: expected healthy == registered, was healthy 1 and registered 2`.
fn summary(finding: &Finding) -> String {
    let seen = &finding.observation;
    let text = match seen.outcome {
        // The check may have run, and its text says how far it came.
        _ if seen.code == Some(ReasonCode::CutOff) => seen.actual.to_string(),
        // The phases of an evaluation check nothing themselves.
        Outcome::Errored if matches!(finding.kind, FindingKind::Check(_)) => {
            format!("could not be checked: {}", seen.actual)
        }
        Outcome::Errored => seen.actual.to_string(),
        Outcome::NotRun => format!("not run: {}", seen.actual),
        Outcome::NotApplicable => format!("nothing was checked: {}", seen.actual),
        _ => seen.difference(),
    };
    with_resource(finding, &text)
}

/// The text after its resource, unless there is none or the check's name already contains it: without a `name`, an
/// `http` check is named after its request.
fn with_resource(finding: &Finding, text: &str) -> String {
    let resource = &*finding.observation.resource;
    let named = finding.check.strip_prefix(finding.kind.as_str()).map(str::trim_start);
    let is_named = named.is_some_and(|request| request.contains("://") && resource.ends_with(request));
    if resource.is_empty() || is_named { text.to_owned() } else { format!("{resource}: {text}") }
}

/// The verdict in one line of at most [`MAX_LINE`] characters. It leads with what happened, as far as that is known; then
/// come the check, the resource, the expected and the actual value.
pub fn verdict_line(hook: Hook, verdict: &Verdict) -> String {
    let observed = verdict.mode == Mode::Observe;
    let fails = if observed { "succeeded, observed: would have failed" } else { "failed" };
    let line = match (verdict.enforced_status, verdict.reason()) {
        (Status::Failed, Some(finding)) => {
            let (check, summary) = (&finding.check, summary(finding));
            let evidence = finding.observation.details.iter().find(|detail| !detail.is_empty());
            let mut line = format!("{hook} {fails}: ");
            match (&finding.observation.cause, evidence) {
                (Some(cause), _) => {
                    line += cause;
                    push_clause(&mut line, &format!("{check}: {summary}"));
                }
                (None, evidence) => {
                    line += &format!("{check}: {summary}");
                    if let Some(evidence) = evidence {
                        push_clause(&mut line, evidence);
                    }
                }
            }
            // The evidence is shortened first, then the end of the sentence, but never the count.
            let counts = counts_of_others(verdict, finding);
            let room = MAX_LINE.saturating_sub(counts.chars().count());
            let line = truncate(&line, room);
            return if counts.is_empty() { line } else { line.trim_end_matches('.').to_owned() + &counts };
        }
        (Status::Failed, None) => {
            format!("{hook} {fails}: there is nothing to check, and the gate file does not say `checks: none`")
        }
        (Status::Succeeded, _) if observed => format!("{hook} succeeded, observed: {}", success_line(verdict)),
        (Status::Succeeded, _) => format!("{hook} succeeded: {}", success_line(verdict)),
    };
    truncate(&line, MAX_LINE)
}

/// `; 1 other failure, 2 due to it, 1 not run`: how many other checks stop the deployment, by what became of them.
fn counts_of_others(verdict: &Verdict, reason: &Finding) -> String {
    let others = verdict
        .findings
        .iter()
        .filter(|(finding, decision)| *decision == Decision::Fail && !std::ptr::eq(finding, reason));
    let (mut failures, mut consequences, mut not_run, mut not_finished) = (0, 0, 0, 0);
    for (finding, _) in others {
        *match finding.observation.code {
            Some(ReasonCode::CutOff) => &mut not_finished,
            _ if finding.observation.outcome == Outcome::NotRun => &mut not_run,
            _ if finding.caused_by.is_some() => &mut consequences,
            _ => &mut failures,
        } += 1;
    }
    let failure = if failures == 1 { "other failure" } else { "other failures" };
    let counts =
        [(failures, failure), (consequences, "due to it"), (not_run, "not run"), (not_finished, "not finished")];
    let counts: Vec<_> =
        counts.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    if counts.is_empty() { String::new() } else { format!("; {}", counts.join(", ")) }
}

/// `3 checks passed, 1 warned: alarms: …, 1 does not apply: …`.
fn success_line(verdict: &Verdict) -> String {
    let with_outcome =
        |outcome: Outcome| verdict.findings.iter().filter(move |(finding, _)| finding.observation.outcome == outcome);
    let warned: Vec<_> = verdict.findings.iter().filter(|(_, decision)| *decision == Decision::Warn).collect();
    let was_run = |(finding, _): &(Finding, Decision)| {
        let seen = !matches!(finding.observation.outcome, Outcome::NotApplicable | Outcome::NotRun);
        seen && matches!(finding.kind, FindingKind::Check(_))
    };
    let mut parts = vec![match with_outcome(Outcome::Passed).count() {
        0 if verdict.findings.iter().any(was_run) => "no check passed".to_owned(),
        0 => "nothing was checked".to_owned(),
        1 => "1 check passed".to_owned(),
        many => format!("{many} checks passed"),
    }];
    if let Some((first, _)) = warned.first() {
        // A check that passed and warns all the same says why in its details; otherwise it could not be made.
        let detail = first.observation.details.iter().find(|detail| !detail.is_empty());
        let could_not_check = [ReasonCode::NotPermittedToCheck, ReasonCode::AlarmNotEvaluated].map(Some);
        let why = match detail.filter(|_| first.observation.outcome == Outcome::Unverified) {
            None => summary(first),
            Some(detail) if could_not_check.contains(&first.observation.code) => {
                format!("{}; {detail}", summary(first))
            }
            Some(detail) => detail.to_string(),
        };
        parts.push(format!("{} warned: {}: {why}", warned.len(), first.check));
    }
    match with_outcome(Outcome::NotApplicable).collect::<Vec<_>>()[..] {
        [] => {}
        [(only, _)] => parts.push(format!("1 does not apply: {}: {}", only.check, only.observation.actual)),
        [..] => parts.push(format!("{} do not apply", with_outcome(Outcome::NotApplicable).count())),
    }
    parts.join(", ")
}

fn truncate(line: &str, max_chars: usize) -> String {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        line
    } else {
        line.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect()
    }
}

/// Logs each finding's line.
pub fn log_checks() -> FindingObserver {
    Arc::new(|finding, mode, context| log_check(context, finding, mode))
}

/// Logs a check's line. A failure that stops the deployment is an error. One that only warns, or would have stopped it,
/// is a warning, but a gate file or a setting with an error is an error in observe mode too: the hook observes nothing until
/// somebody corrects it. A failure that another one explains is information.
fn log_check(context: &LogContext, finding: &Finding, mode: Mode) {
    let decision = decide(&finding.observation, finding.policies);
    let line = check_line(finding);
    let (outcome, took) = (finding.observation.outcome.as_str(), millis(finding.elapsed));
    let code = code_of(finding).map(|code| code.name()).unwrap_or_default();
    let cause = finding.caused_by.as_deref().unwrap_or_default();
    let hint = if cause.is_empty() { next_step(finding).unwrap_or_default() } else { "" };
    // `tracing` needs the level at compile time.
    macro_rules! log {
        ($level:ident) => {
            log_line!(
                $level,
                context,
                check.name = &*finding.check,
                check.kind = finding.kind.as_str(),
                check.outcome = outcome,
                check.decision = decision.as_str(),
                check.code = code,
                check.hint = hint,
                check.caused_by = cause,
                duration_ms = took,
                "{line}"
            )
        };
    }
    match decision {
        // The cause has its own line, at the level that it deserves.
        _ if finding.caused_by.is_some() => log!(info),
        Decision::Fail if mode == Mode::Enforce || is_broken_configuration(finding) => log!(error),
        Decision::Fail | Decision::Warn => log!(warn),
        Decision::Ignore | Decision::Pass => log!(info),
    }
}

/// Whether a finding is about the gate file or the settings instead of the deployment.
fn is_broken_configuration(finding: &Finding) -> bool {
    matches!(finding.kind, FindingKind::Phase(Phase::Gate | Phase::Settings))
}

/// Logs the verdict's line. It is a warning if the deployment continues although the checks failed, or because its
/// description skips them.
pub fn log_verdict(hook: Hook, context: &LogContext, verdict: &Verdict, took: std::time::Duration) {
    let line = verdict_line(hook, verdict);
    let code = verdict.code().map(|code| code.name()).unwrap_or_default();
    let hint = verdict.reason().map_or_else(|| verdict.code().map(ReasonCode::hint), next_step).unwrap_or_default();
    let word = |status| match status {
        Status::Succeeded => "succeeded",
        Status::Failed => "failed",
    };
    // In observe mode: the status that would have been put.
    let observed = if verdict.mode == Mode::Observe { word(verdict.enforced_status) } else { "" };
    macro_rules! log {
        ($level:ident) => {
            log_line!(
                $level,
                context,
                verdict = word(verdict.status),
                verdict.code = code,
                verdict.hint = hint,
                verdict.observed = observed,
                duration_ms = millis(took),
                "{line}"
            )
        };
    }
    match (verdict.status, verdict.code()) {
        (Status::Failed, _) => log!(error),
        (Status::Succeeded, Some(_)) => log!(warn),
        (Status::Succeeded, None) => log!(info),
    }
}

fn millis(span: std::time::Duration) -> u64 {
    span.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        finding::{Observation, Policies, Policy},
        redact::Redactor,
    };

    fn finding(check: &str, observation: Observation) -> Finding {
        Finding {
            check: check.to_owned(),
            kind: FindingKind::Check("targets"),
            observation,
            policies: Policies::default(),
            elapsed: Duration::from_millis(12),
            caused_by: None,
        }
        .redacted(&Redactor::default())
    }

    fn unhealthy() -> Observation {
        Observation::failed(
            ReasonCode::TargetsUnhealthy,
            "target group tg-shop-b",
            "healthy == registered",
            "1 and 2 after 9 attempts in 41s",
        )
        .with_details(["10.0.3.17:8080 unhealthy: Target.Timeout, Request timed out".to_owned()])
    }

    fn line(findings: Vec<Finding>) -> String {
        verdict_line(Hook::AfterInstall, &Verdict::from_findings(findings, Mode::Enforce))
    }

    fn observed(findings: Vec<Finding>) -> String {
        verdict_line(Hook::AfterInstall, &Verdict::from_findings(findings, Mode::Observe))
    }

    #[test]
    fn lines_of_checks_and_verdicts() {
        let passed = finding("steady", Observation::passed("task set 42 of web", "steady == true"));
        let errored = finding(
            "alarms",
            Observation::errored(
                ReasonCode::AwsDenied,
                "cloudwatch:DescribeAlarms",
                "AccessDenied: no identity-based policy allows it",
            ),
        );
        let not_run = finding(
            "health_check",
            Observation::passed("", "the barrier before it did not pass")
                .with_outcome(Outcome::NotRun, ReasonCode::NotRun),
        );
        let follows =
            Finding { caused_by: Some(Redactor::default().redact("tasks")), ..finding("targets", unhealthy()) };
        let unused = finding("targets", Observation::not_applicable("target group tg", "all 2 targets are unused"));
        let warned = Finding {
            policies: Policies { on_fail: Policy::Warn, ..Policies::default() },
            ..finding(
                "rollback",
                Observation::failed(ReasonCode::RollbackNotConfigured, "deployment group web", "auto-rollback", "none"),
            )
        };
        let lines = [
            check_line(&passed),
            check_line(&finding("targets", unhealthy())),
            check_line(&errored),
            check_line(&not_run),
            check_line(&follows),
            check_line(&unused),
            line(vec![passed.clone(), unused]),
            line(vec![passed.clone(), warned]),
            line(vec![passed.clone(), finding("targets", unhealthy())]),
            line(vec![not_run, finding("targets", unhealthy()), passed.clone()]),
            line(vec![follows, finding("steady", Observation::failed(ReasonCode::NotSteady, "web", "fine", "not"))]),
            line(vec![errored]),
            line(vec![]),
            observed(vec![passed.clone(), finding("targets", unhealthy())]),
            observed(vec![passed]),
            observed(vec![]),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn cause_leads_and_other_failures_are_counted() {
        let crashed = Observation::failed(
            ReasonCode::TasksStopped,
            "replacement task set of web",
            "crashed_since_start == 0",
            "2 after 2 attempts in 110ms",
        )
        .with_cause(Some("2 of 2 tasks could not start: shop:1.42.0: not found (CannotPullContainerError)".to_owned()))
        .with_details(["TaskFailedToStart: task 0a1b2c3d".to_owned()]);
        let caused = |check: &str| Finding {
            caused_by: Some(Redactor::default().redact("tasks")),
            ..finding(check, unhealthy())
        };
        let other = finding("checkout", Observation::failed(ReasonCode::UnexpectedStatus, "GET /", "200", "503"));
        let lines = [
            check_line(&finding("tasks", crashed.clone())),
            line(vec![finding("tasks", crashed.clone())]),
            line(vec![caused("targets"), finding("tasks", crashed.clone()), caused("steady")]),
            line(vec![caused("targets"), finding("tasks", crashed), other]),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn full_stop_of_a_quoted_sentence_is_dropped() {
        let alarm = Observation::failed(ReasonCode::AlarmFiring, "alarm shop-5xx", "state != ALARM", "'ALARM'")
            .with_details(["Threshold Crossed.".to_owned(), "and so on...".to_owned()]);
        assert_eq!(
            check_line(&finding("alarms", alarm)),
            "alarms: alarm shop-5xx: expected state != ALARM, was 'ALARM'; Threshold Crossed; and so on...; \
             look at the alarm's metric, and since when it fires"
        );
        let unplaced = Observation::failed(ReasonCode::NotRunning, "task set of web", "running == 2", "0")
            .with_cause(Some("(service web) was unable to place a task.".to_owned()));
        assert_eq!(
            line(vec![finding("tasks", unplaced)]),
            "AfterInstall failed: (service web) was unable to place a task; tasks: task set of web: expected \
             running == 2, was 0"
        );
    }

    #[test]
    fn request_in_the_name_of_a_check_is_not_repeated() {
        let seen = |name: &str| {
            let observation = Observation::passed("GET http://shop.test/", "answered 200");
            check_line(&Finding { kind: FindingKind::Check("http"), ..finding(name, observation) })
        };
        assert_eq!(seen("http GET http://shop.test/"), "http GET http://shop.test/: answered 200");
        assert_eq!(seen("http http://shop.test/"), "http http://shop.test/: answered 200");
        assert_eq!(seen("start"), "start: GET http://shop.test/: answered 200");
    }

    #[test]
    fn a_verdict_line_never_outgrows_its_limit() {
        let long = "word ".repeat(300);
        let huge = || {
            Observation::failed(ReasonCode::UnexpectedBody, long.clone(), long.clone(), long.clone())
                .with_details([long.clone()])
        };
        for findings in [vec![finding("x", huge())], vec![finding("x", huge()), finding("y", huge())]] {
            let line = line(findings);
            assert!(line.chars().count() <= MAX_LINE && !line.contains('\n'), "{line}");
        }
    }
}
