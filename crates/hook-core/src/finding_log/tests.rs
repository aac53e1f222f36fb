use std::sync::Barrier;

use gate::ReasonCode;

use super::*;
use crate::{conclusion::STRICT, finding::Outcome};

fn finding_log() -> FindingLog {
    FindingLog::new(Arc::new(|_, _, _| {}))
}

fn outcomes(findings: &[Finding]) -> Vec<(&str, Outcome)> {
    findings.iter().map(|finding| (finding.check.as_str(), finding.observation.outcome)).collect()
}

#[test]
fn what_was_found_is_kept_and_what_was_not_is_said() {
    let log = finding_log();
    log.begin_phase(Phase::Discovery, "deployment d-1");
    log.set_plan(
        [("a", "tasks", Policies::default()), ("b", "tasks", Policies::default()), ("c", "tasks", Policies::default())]
            .into_iter(),
        None,
    );
    log.check_started(0);
    log.check_finished(0, Observation::passed("web", "fine"));
    log.check_started(1);
    let findings = log.finish(&Interruption::Time(Duration::from_secs(3))).findings;
    assert_eq!(outcomes(&findings), [("a", Outcome::Passed), ("b", Outcome::TimedOut), ("c", Outcome::NotRun)]);
}

#[test]
fn what_was_cut_off_names_the_check_that_decided() {
    for (grace, seen) in [
        (Duration::ZERO, "stopped: `a` failed, which decided the verdict"),
        (Duration::from_secs(5), "stopped 5s later: `a` failed, which decided the verdict"),
    ] {
        let log = finding_log();
        log.set_plan(["a", "b", "c"].map(|name| (name, "tasks", Policies::default())).into_iter(), Some(grace));
        log.check_started(0);
        log.check_started(1);
        log.check_finished(0, Observation::failed(ReasonCode::NotSteady, "web", "fine", "not"));
        let findings = log.finish(&Interruption::Time(Duration::ZERO)).findings;
        assert_eq!(outcomes(&findings), [("a", Outcome::Failed), ("b", Outcome::NotRun), ("c", Outcome::NotRun)]);
        for finding in &findings[1..] {
            assert_eq!(
                (finding.observation.code, finding.observation.actual.as_str()),
                (Some(ReasonCode::CutOff), seen)
            );
        }
    }
}

#[test]
fn time_that_ran_out_before_there_was_a_plan_is_a_finding() {
    let log = finding_log();
    log.begin_phase(Phase::Discovery, "deployment d-1");
    let findings = log.finish(&Interruption::Time(Duration::from_secs(3))).findings;
    assert_eq!(outcomes(&findings), [("discovery", Outcome::TimedOut)]);
}

#[test]
fn what_is_hidden_is_in_no_finding_wherever_it_is_made() {
    let written = Arc::new(Mutex::new(String::new()));
    let lines = written.clone();
    let log = FindingLog::new(Arc::new(move |finding, _, _| *lines.lock().unwrap() += &format!("{finding:?}\n")));
    log.add_secret("token", "sesame");
    log.record(Phase::Gate, STRICT, Observation::errored(ReasonCode::CheckFailed, "sesame", "open sesame"));
    log.conclude(Conclusion::strict(Phase::When, Observation::excluded("sesame", "sesame")));
    log.set_plan([("a", "http", Policies::default()), ("b", "http", Policies::default())].into_iter(), None);
    log.check_started(0);
    let seen = Observation::failed(ReasonCode::UnexpectedBody, "sesame", "other", "'sesame'")
        .with_details(["sesame".to_owned()]);
    log.check_finished(0, seen);
    log.check_started(1);
    log.begin_phase(Phase::Gate, "gate file sesame");
    let Finished { findings, unpublished, .. } = log.finish(&Interruption::Panic);
    unpublished.publish();
    assert!(!format!("{findings:?} {}", written.lock().unwrap()).contains("sesame"), "{findings:?}");
    assert_eq!(findings[3].observation.actual, "'[secret token]'");
}

#[test]
fn a_straggler_cannot_change_what_was_read_out() {
    let log = finding_log();
    log.set_plan([("a", "tasks", Policies::default())].into_iter(), None);
    log.check_started(0);
    assert_eq!(log.finish(&Interruption::Time(Duration::ZERO)).findings.len(), 1);
    log.check_finished(0, Observation::passed("web", "fine"));
    log.record(Phase::Settings, STRICT, Observation::passed("x", "y"));
    log.conclude(Conclusion::strict(Phase::Settings, Observation::passed("x", "y")));
    log.set_mode(Mode::Observe);
    let late = log.finish(&Interruption::Panic);
    assert_eq!((late.findings, late.mode), (Vec::new(), Mode::Enforce));
}

/// The names of the checks whose lines were written, in that order.
fn log_with_lines() -> (FindingLog, impl Fn() -> Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = lines.clone();
    let log = FindingLog::new(Arc::new(move |finding, _, _| written.lock().unwrap().push(finding.check.to_string())));
    (log, move || lines.lock().unwrap().clone())
}

#[test]
fn conclusion_is_the_last_finding_and_its_line_waits_for_the_status() {
    let (log, lines) = log_with_lines();
    log.begin_phase(Phase::Gate, "gate file");
    log.conclude(Conclusion::strict(Phase::Gate, Observation::failed(ReasonCode::GateEmpty, "gate file", "", "")));
    log.record(Phase::Notify, STRICT, Observation::passed("", ""));
    let finished = log.finish(&Interruption::Time(Duration::ZERO));
    assert_eq!(outcomes(&finished.findings), [("notify", Outcome::Passed), ("gate", Outcome::Failed)]);
    assert_eq!(lines(), ["notify"]);
    finished.unpublished.publish();
    assert_eq!(lines(), ["notify", "gate"]);
}

#[test]
fn failure_that_another_one_explains_is_published_with_its_cause_at_the_end() {
    let (log, lines) = log_with_lines();
    let failed = |code| Observation::failed(code, "web", "fine", "not");
    log.set_plan(["steady", "tasks"].map(|name| (name, "tasks", Policies::default())).into_iter(), None);
    log.check_finished(0, failed(ReasonCode::NotSteady));
    log.check_finished(1, failed(ReasonCode::TasksStopped));
    let finished = log.finish(&Interruption::Time(Duration::ZERO));
    assert_eq!(lines(), ["tasks"]);
    finished.unpublished.publish();
    assert_eq!(lines(), ["tasks", "steady"]);
    assert_eq!(finished.findings[0].caused_by.as_deref(), Some("tasks"));
}

/// If nothing reads the log, writing a line blocks.
#[test]
fn findings_can_be_read_while_a_line_is_being_written() {
    let (begun, end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (writing, may_end) = (begun.clone(), end.clone());
    let log = FindingLog::new(Arc::new(move |_, _, _| {
        writing.wait();
        may_end.wait();
    }));
    log.set_plan([("a", "tasks", Policies::default())].into_iter(), None);
    let writer = std::thread::spawn({
        let log = log.clone();
        move || log.check_finished(0, Observation::passed("web", "fine"))
    });
    begun.wait();
    assert_eq!(outcomes(&log.finish(&Interruption::Time(Duration::ZERO)).findings), [("a", Outcome::Passed)]);
    end.wait();
    writer.join().unwrap();
}

#[test]
fn name_that_contains_a_secret_is_redacted_although_the_secret_was_learnt_later() {
    let log = finding_log();
    log.set_plan(["open sesame", "b"].map(|name| (name, "http", Policies::default())).into_iter(), None);
    log.check_waiting(1, 0);
    log.add_secret("token", "sesame");
    let findings = log.finish(&Interruption::Time(Duration::ZERO)).findings;
    assert_eq!(findings[0].check, "open [secret token]");
    assert_eq!(findings[1].observation.actual, "`open [secret token]` did not end in time");
}
