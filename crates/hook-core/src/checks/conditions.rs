//! Evaluates conditions into an observation.

use gate::{Condition, ConditionResult, Failure, ReasonCode, SubjectValues};

use crate::finding::Observation;

/// Evaluates all conditions. A false one weighs more than one without a value.
///
/// Without any condition nothing is evaluated, and that is not a pass. A kind that needs none does not call this.
///
/// `absent` creates the observation for a subject without a value: each kind knows what that means.
pub fn evaluate_conditions(
    resource: &str,
    conditions: &[Condition],
    facts: &dyn SubjectValues,
    absent: impl Fn(&Condition, &str) -> Observation,
) -> Observation {
    if conditions.is_empty() {
        return Observation::errored(ReasonCode::CheckFailed, resource, "there is no condition to evaluate");
    }
    let mut wrong: Option<Observation> = None;
    let mut undecided: Option<Observation> = None;
    let (mut untrue, mut missing) = (Vec::new(), Vec::new());
    for condition in conditions {
        let ConditionResult::NotTrue(failures) = condition.evaluate(facts) else { continue };
        if failures.is_empty() {
            let why = format!("`{condition}` has nothing to compare");
            undecided.get_or_insert(Observation::errored(ReasonCode::CheckFailed, resource, why));
        }
        let mut seen_values = Vec::new();
        let mut first_code = None;
        for failure in failures {
            match failure {
                Failure::False { actual: seen, code } => {
                    seen_values.push(seen);
                    first_code.get_or_insert(code);
                }
                Failure::Missing { subject, .. } => missing.push((condition, subject)),
                Failure::Undecided { reason: why, code } => {
                    let observation = Observation::errored(code, resource, format!("`{condition}`: {why}"));
                    undecided.get_or_insert(observation);
                }
            }
        }
        let Some(code) = first_code else { continue };
        untrue.push(condition);
        // Several comparisons of the same value mention it once.
        seen_values.dedup();
        let seen = seen_values.join(", ");
        match &mut wrong {
            None => wrong = Some(Observation::failed(code, resource, condition.to_string(), seen)),
            Some(first) => first.details.push(format!("{condition} (was {seen})")),
        }
    }
    // If `state exists` is false, then a missing value of the state is not a further failure. If one of several
    // comparisons lacks a value, that is a failure of its own.
    let further = |(own, subject): &&(&Condition, String)| {
        !untrue.iter().any(|condition| !std::ptr::eq(*condition, *own) && condition.uses_subject(subject))
    };
    let missing = missing.iter().find(further).map(|(condition, subject)| absent(condition, subject));
    let all = [wrong, missing, undecided].into_iter().flatten();
    // The policies decide which of them counts.
    let worst = all.reduce(|first, other| {
        let evidence = if other.expected.is_empty() {
            other.actual.clone()
        } else {
            format!("{} (was {})", other.expected, other.actual)
        };
        first.merge_outcomes(&other).with_details([evidence])
    });
    worst.unwrap_or_else(|| {
        let values: Vec<_> = conditions.iter().map(|condition| condition.render_with_values(facts)).collect();
        Observation::passed(resource, values.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gate::{ReasonCode, Subject, Value};

    use super::*;
    use crate::{
        finding::{Outcome, Policies, Policy},
        verdict::{Decision, decide},
    };

    const SUBJECTS: &[Subject] =
        &[Subject::count("running", ReasonCode::NotRunning), Subject::count("pending", ReasonCode::TasksPending)];

    #[test]
    fn what_is_false_hides_nothing_of_what_is_not_known() {
        let facts = BTreeMap::from([("running", Value::Number(1.0))]);
        let absent = |condition: &Condition, _: &str| {
            Observation::no_data(ReasonCode::NotRunning, "web", condition.to_string(), "none")
        };
        let decided = |texts: &[&str]| {
            let conditions: Vec<_> = texts.iter().map(|text| Condition::parse(text, SUBJECTS).unwrap()).collect();
            let seen = evaluate_conditions("web", &conditions, &facts, absent);
            let lenient = Policies { on_fail: Policy::Warn, on_error: Policy::Fail, no_data: Policy::Fail };
            (seen.outcome, decide(&seen, lenient))
        };
        assert_eq!(decided(&["running == 2"]), (Outcome::Failed, Decision::Warn));
        assert_eq!(decided(&["running == 2", "pending == 0"]), (Outcome::Failed, Decision::Fail));
        assert_eq!(decided(&["pending exists", "pending == 0"]), (Outcome::Failed, Decision::Warn));
        assert_eq!(decided(&["pending == 0", "running == 1"]), (Outcome::NoData, Decision::Fail));
    }

    #[test]
    fn what_one_of_several_lacks_counts_as_well() {
        let facts = BTreeMap::from([("running", Value::Number(1.0))]);
        let absent = |condition: &Condition, _: &str| {
            Observation::no_data(ReasonCode::NotRunning, "web", condition.to_string(), "none")
        };
        let one_of = |texts: [&str; 2]| {
            let any = texts.map(|text| Condition::parse(text, SUBJECTS).unwrap()).to_vec();
            evaluate_conditions("web", &[Condition::any_of(any)], &facts, absent)
        };
        let lenient = Policies { on_fail: Policy::Warn, on_error: Policy::Fail, no_data: Policy::Fail };
        assert_eq!(one_of(["running == 1", "pending == 0"]).outcome, Outcome::Passed);
        assert_eq!(decide(&one_of(["running == 2", "running == 3"]), lenient), Decision::Warn);
        assert_eq!(decide(&one_of(["running == 2", "pending == 0"]), lenient), Decision::Fail);
    }

    #[test]
    fn without_a_condition_nothing_passes() {
        let absent = |_: &Condition, _: &str| Observation::passed("web", "never used");
        assert_eq!(evaluate_conditions("web", &[], &BTreeMap::new(), absent).outcome, Outcome::Errored);
    }
}
