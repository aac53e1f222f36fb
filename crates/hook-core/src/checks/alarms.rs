//! `alarms:`: the state of CloudWatch alarms: those of the deployment group, and others by name, prefix or tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use aws_client::model::Alarm;
use gate::{
    Condition, ReasonCode, Value,
    kinds::{AlarmsSpec, NO_DATA, render_tags},
};

use super::{
    CheckContext,
    alarm_memory::{AlarmMemory, StateChanges},
    conditions::evaluate_conditions,
    poll::{Attempt, poll},
};
use crate::finding::{Observation, Outcome};

/// CloudWatch's word for an alarm that it evaluated from a part of the data, because of a quota.
const PARTIAL_DATA: &str = "PARTIAL_DATA";

/// What was observed of an alarm that does not exist.
const NOT_FOUND: &str = "does not exist in CloudWatch";

const HISTORY_HINT: &str =
    "read the alarm's history in CloudWatch; the function's role needs cloudwatch:DescribeAlarmHistory";
const DELETED_HINT: &str = "restore the alarm, and deploy again";
const NO_MATCH_HINT: &str = "create such an alarm, or correct the prefix or the tags in the gate file";

pub async fn run(spec: &AlarmsSpec, cx: &CheckContext) -> Observation {
    let expect = match cx.bind_conditions(&spec.expect).await {
        Ok(expect) => expect,
        Err(observation) => return observation,
    };
    let mut names = spec.selector.names.clone();
    let mut notes = Vec::new();
    if spec.selector.deployment_group {
        match deployment_group_alarms(cx) {
            Ok(own) => names.extend(own.iter().cloned()),
            // If there are other alarms to check, only those count.
            Err(why) if spec.selector.selects_only_deployment_group() => return why,
            Err(why) => notes.push(format!("{}: {}", why.resource, why.actual)),
        }
    }
    let mut none = Vec::new();
    let mut unseen = None;
    if !spec.selector.tags.is_empty() {
        // Tags do not change during a deployment.
        match cx.aws.alarms_with_tags(&spec.selector.tags).await {
            Ok(tagged) if tagged.is_empty() => none.push(format!("alarms tagged {}", render_tags(&spec.selector.tags))),
            Ok(tagged) => names.extend(tagged),
            Err(aws_error) if names.is_empty() && spec.selector.prefixes.is_empty() => {
                return aws_error.into();
            }
            // The other alarms are still watched.
            Err(fault) => unseen = Some(fault.into()),
        }
    }
    let memory = start_memory(spec, cx);
    let look = || evaluate_once(spec, cx, &expect, &names, &none, memory.as_ref());
    let seen = poll(&spec.poll_policy, cx, look).await.with_details(notes);
    match unseen {
        Some(unseen) => merge_worse(seen, unseen),
        None => seen,
    }
}

/// The names of the deployment group's alarms, or why there are none to check.
fn deployment_group_alarms(cx: &CheckContext) -> Result<&[String], Observation> {
    let setting = &cx.target.alarms;
    let resource = format!("deployment group {}", cx.target.deployment.group);
    if setting.names.is_empty() {
        return Err(Observation::not_applicable(resource, "the deployment group has no alarms"));
    }
    if !setting.enabled {
        return Err(Observation::not_applicable(resource, "the deployment group's alarms are turned off"));
    }
    Ok(&setting.names)
}

/// In a window, what alarms do between two attempts counts too. The window begins when traffic began to move, or
/// else now. If `within` gives the alarms time, it begins with the first attempt.
fn start_memory(spec: &AlarmsSpec, cx: &CheckContext) -> Option<AlarmMemory> {
    let from = spec.poll_policy.within.is_zero().then(|| cx.traffic_since.unwrap_or_else(SystemTime::now));
    (!spec.poll_policy.hold_for.is_zero()).then(|| AlarmMemory::new(from))
}

/// `none` describes the selectors that found no alarm.
async fn evaluate_once(
    spec: &AlarmsSpec,
    cx: &CheckContext,
    expect: &[Condition],
    names: &[String],
    none: &[String],
    memory: Option<&AlarmMemory>,
) -> Attempt {
    let mut aws_errors = Vec::new();
    let mut none = none.to_vec();
    let mut found = Vec::new();
    for prefix in &spec.selector.prefixes {
        match cx.aws.alarms_with_prefix(prefix).await {
            Ok(begin) if begin.is_empty() => none.push(format!("alarms whose name begins with {prefix}")),
            Ok(begin) => found.extend(begin),
            Err(aws_error) => aws_errors.push(aws_error),
        }
    }
    // An alarm that an earlier attempt found and this one does not is missing.
    let mut named = names.to_vec();
    let seen_before = memory.map(AlarmMemory::names).unwrap_or_default();
    let lost = seen_before.iter().filter(|name| !found.iter().any(|alarm: &Alarm| alarm.name == **name));
    named.extend(lost.cloned());
    match cx.aws.alarms(&named).await {
        Ok(more) => found.extend(more),
        Err(fault) => {
            aws_errors.push(fault);
            // It is unknown whether they are missing.
            named.clear();
        }
    }
    let mut all: Vec<&String> = named.iter().chain(found.iter().map(|alarm| &alarm.name)).collect();
    let mut seen = BTreeSet::new();
    all.retain(|name| seen.insert(*name));
    let is_whole = aws_errors.is_empty();
    let mut observations = Vec::new();
    for name in &all {
        let alarm = found.iter().find(|alarm| alarm.name == **name);
        let mut observation = evaluate_alarm(expect, name, alarm);
        if alarm.is_none() && !observation.is_ok() && seen_before.contains(name) {
            observation.actual = "existed in an earlier attempt, and was deleted".to_owned();
            observation.hint = Some(DELETED_HINT);
        }
        observations.push((alarm, observation));
        if let (Some(alarm), Some(memory)) = (alarm, memory) {
            let meanwhile = memory.changes_since_last_attempt(cx, alarm).await;
            observations.extend(evaluate_changes(expect, alarm, meanwhile).map(|observation| (None, observation)));
        }
    }
    let nothing = none.iter().map(|alarms| {
        Observation::no_data(ReasonCode::AlarmMissing, alarms, "", "there are none").with_hint(Some(NO_MATCH_HINT))
    });
    let others = nothing.chain(aws_errors.into_iter().map(Observation::from));
    let mut excused = Vec::new();
    let mut worst: Option<Observation> = None;
    for (alarm, observation) in observations.into_iter().chain(others.map(|observation| (None, observation))) {
        if let Some(alarm) = alarm.filter(|alarm| spec.new_only && !observation.is_ok() && was_firing_before(alarm, cx))
        {
            excused.push(alarm.name.clone());
            continue;
        }
        worst = match worst {
            None => Some(observation),
            // The first of the worst outcomes is the reason. All other problems are evidence.
            Some(before) if is_clean_pass(&observation) => Some(before),
            Some(before) if is_clean_pass(&before) => Some(observation.with_details(before.details)),
            Some(before) => Some(merge_worse(before, observation)),
        };
    }
    let counted: Vec<_> = all.iter().filter(|name| !excused.contains(name)).collect();
    let fine = || {
        let resource = match counted[..] {
            [one] => format!("alarm {one}"),
            _ => format!("{} alarms", counted.len()),
        };
        Observation::passed(resource, join_conditions(expect))
    };
    let excused = excused
        .iter()
        .map(|name| format!("not counted: {name}, in ALARM since before the deployment was created"))
        .collect::<Vec<_>>();
    let observation = match worst {
        Some(observation) if is_clean_pass(&observation) => fine().with_details(excused),
        Some(observation) => observation.with_details(excused),
        None if all.is_empty() => Observation::no_data(ReasonCode::AlarmMissing, "", "", "there is no alarm to check"),
        None if excused.is_empty() => fine(),
        None => Observation::passed("", "no new alarm").with_details(excused),
    };
    let only_errs = observation.outcomes().iter().all(|outcome| outcome == Outcome::Errored);
    match memory {
        Some(_) if is_whole => Attempt::Continuous(observation),
        Some(_) if only_errs => Attempt::Gap(observation),
        _ => Attempt::Retryable(observation),
    }
}

/// Whether the observation is a pass without anything to report.
fn is_clean_pass(observation: &Observation) -> bool {
    observation.is_ok() && observation.outcome != Outcome::Unverified
}

fn join_conditions(expect: &[Condition]) -> String {
    expect.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ")
}

/// What is wrong with an alarm's states between two attempts. Its current state is evaluated separately.
fn evaluate_changes(expect: &[Condition], alarm: &Alarm, meanwhile: StateChanges) -> Option<Observation> {
    let states = match meanwhile {
        StateChanges::States(states) => states,
        StateChanges::Unknown(why) => {
            let seen = format!("its states since the last attempt are unknown: {why}");
            let resource = format!("alarm {}", alarm.name);
            let unknown = Observation::no_data(ReasonCode::AlarmNotEvaluated, resource, "", seen);
            return Some(unknown.with_hint(Some(HISTORY_HINT)));
        }
    };
    let wrong = states.into_iter().map(|change| {
        let then = Alarm { state: change.state, reason: change.reason, since: Some(change.at), ..alarm.clone() };
        evaluate_alarm(expect, &alarm.name, Some(&Alarm { evaluation: None, ..then }))
    });
    let wrong = wrong.filter(|observation| !observation.is_ok());
    let worst = wrong.reduce(merge_worse)?;
    Some(Observation { actual: format!("{} (between two attempts)", worst.actual), ..worst })
}

fn evaluate_alarm(expect: &[Condition], name: &str, alarm: Option<&Alarm>) -> Observation {
    let resource = format!("alarm {name}");
    let facts = alarm.map(|alarm| ("state", Value::Text(alarm.state.clone())));
    let facts = BTreeMap::from_iter(facts);
    let missing = |_: &Condition, _: &str| Observation::no_data(ReasonCode::AlarmMissing, &resource, "", NOT_FOUND);
    let observation = evaluate_conditions(&resource, expect, &facts, missing);
    let Some(alarm) = alarm else {
        let missing = observation.outcome == Outcome::Failed;
        return if missing {
            Observation { expected: String::new(), actual: NOT_FOUND.to_owned(), ..observation }
                .with_outcome(Outcome::Failed, ReasonCode::AlarmMissing)
        } else {
            observation
        };
    };
    let reason = Some(alarm.reason.clone()).filter(|reason| !reason.is_empty());
    let is_named = expect.iter().any(|condition| condition.compares_with(&alarm.state));
    // The state is the only fact of an alarm, so it is what failed. It needs no quotation marks.
    let observation = match observation.outcome {
        Outcome::Failed => Observation { actual: alarm.state.clone(), ..observation },
        _ => observation,
    };
    let no_data = |code, seen: String| Observation::no_data(code, &resource, "", seen).with_details(reason.clone());
    let observation = match alarm.state.as_str() {
        "OK" | "ALARM" if !observation.is_ok() => observation.prepend_details(reason.clone()),
        "OK" | "ALARM" => observation,
        // A condition that names this state decides about it.
        _ if is_named && !observation.is_ok() => observation.prepend_details(reason.clone()),
        _ if is_named => observation,
        NO_DATA => {
            let seen = format!("no data ({NO_DATA}), so `{}` cannot be judged", join_conditions(expect));
            no_data(ReasonCode::AlarmNoData, seen)
        }
        other => {
            let unknown = no_data(ReasonCode::AlarmNotEvaluated, format!("{other}, which is an unknown state"));
            if observation.is_ok() { unknown } else { merge_worse(observation, unknown) }
        }
    };
    match alarm.evaluation.as_deref() {
        None => observation,
        Some(PARTIAL_DATA) if is_clean_pass(&observation) => {
            let seen = format!("{}, evaluated from a part of the data ({PARTIAL_DATA})", alarm.state);
            Observation { actual: seen, ..observation }.with_outcome(Outcome::Unverified, ReasonCode::AlarmNotEvaluated)
        }
        Some(PARTIAL_DATA) => observation,
        // The state is the last one that CloudWatch could determine.
        Some(why) => {
            let seen = format!("CloudWatch could not evaluate it ({why}); its last state is {}", alarm.state);
            let unknown = no_data(ReasonCode::AlarmNotEvaluated, seen);
            if observation.is_ok() { unknown } else { merge_worse(observation, unknown) }
        }
    }
}

/// The worse of two, with the other one as evidence: a false condition weighs more than an unknown state.
fn merge_worse(before: Observation, after: Observation) -> Observation {
    // Of two that pass, the one with something to report is the worse.
    let rank = |seen: &Observation| (seen.is_ok(), is_clean_pass(seen), seen.outcome);
    let (worst, other) = if rank(&after) < rank(&before) { (after, before) } else { (before, after) };
    let worst = worst.merge_outcomes(&other);
    // An earlier state of the same alarm adds nothing.
    let repeats = other.resource == worst.resource && other.actual.starts_with(&worst.actual);
    let evidence = (!repeats).then(|| describe(&other));
    let more: Vec<_> = other.details.into_iter().chain(evidence).filter(|text| !worst.details.contains(text)).collect();
    worst.with_details(more)
}

fn describe(observation: &Observation) -> String {
    match (observation.resource.as_str(), &observation.actual) {
        ("", actual) => actual.clone(),
        (resource, actual) => format!("{resource}: {actual}"),
    }
}

/// Whether the alarm entered this state before the deployment was created. AWS reports both times, so our clock does
/// not matter. If one of them is missing, the alarm counts.
fn was_firing_before(alarm: &Alarm, cx: &CheckContext) -> bool {
    alarm.state == "ALARM"
        && matches!((alarm.since, cx.target.deployment.created), (Some(since), Some(created)) if since < created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_an_alarm_is_written_once() {
        let firing = |actual: &str| {
            Observation::failed(ReasonCode::AlarmFiring, "alarm shop-5xx", "state != ALARM", actual)
                .with_details(["Threshold Crossed".to_owned()])
        };
        let merged = merge_worse(firing("ALARM"), firing("ALARM (between two attempts)"));
        assert_eq!((merged.actual.as_str(), &merged.details[..]), ("ALARM", &["Threshold Crossed".to_owned()][..]));
        let other = Observation { resource: "alarm shop-latency".to_owned(), ..firing("ALARM") };
        assert_eq!(merge_worse(firing("ALARM"), other).details, ["Threshold Crossed", "alarm shop-latency: ALARM"]);
    }

    #[test]
    fn a_state_has_no_quotation_marks_and_an_unknown_one_is_a_sentence() {
        const SUBJECTS: &[gate::Subject] = &[gate::Subject::text("state", ReasonCode::AlarmFiring)];
        let alarm = |state: &str| Alarm {
            name: "a".to_owned(),
            state: state.to_owned(),
            reason: String::new(),
            since: None,
            evaluation: None,
        };
        let expect = [Condition::parse("state != ALARM", SUBJECTS).unwrap()];
        let seen = |state: &str| evaluate_alarm(&expect, "a", Some(&alarm(state)));
        assert_eq!(seen("ALARM").actual, "ALARM");
        assert_eq!(seen(NO_DATA).actual, "no data (INSUFFICIENT_DATA), so `state != ALARM` cannot be judged");
        assert_eq!(evaluate_alarm(&expect, "a", None).actual, NOT_FOUND);
    }
}
