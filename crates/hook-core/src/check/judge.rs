//! Conditions over facts, as an observation.

use crate::{
    code::Code,
    finding::Observation,
    gate::{Condition, Facts, Held},
};

/// Judges all conditions; what is false weighs more than what has no value.
///
/// Without any condition nothing was judged, and that is no pass: a kind that needs none does not come here.
///
/// `absent` makes the observation for a subject without a value: each kind knows what that means.
pub fn judge(
    resource: &str,
    conditions: &[Condition],
    facts: &dyn Facts,
    absent: impl Fn(&Condition, &str) -> Observation,
) -> Observation {
    if conditions.is_empty() {
        return Observation::errored(Code::CheckFailed, resource, "there is no condition to judge it by");
    }
    let mut wrong: Option<Observation> = None;
    let (mut untrue, mut missing) = (Vec::new(), Vec::new());
    for condition in conditions {
        match condition.check(facts) {
            Held::True => {}
            Held::False { seen, code, .. } => {
                untrue.push(condition);
                match &mut wrong {
                    None => wrong = Some(Observation::failed(code, resource, condition.to_string(), seen)),
                    Some(first) => first.details.push(format!("{condition} (was {seen})")),
                }
            }
            Held::Absent { subject, .. } => missing.push((condition, subject)),
        }
    }
    // Where `state exists` is not true, that nothing else can be said of the state is no further fault.
    let further = |(_, subject): &&(&Condition, String)| !untrue.iter().any(|condition| condition.mentions(subject));
    let missing = missing.iter().find(further).map(|(condition, subject)| absent(condition, subject));
    let fine = || {
        let words: Vec<_> = conditions.iter().map(|condition| condition.told(facts)).collect();
        Observation::passed(resource, words.join(", "))
    };
    match (wrong, missing) {
        // Which of the two decides is for the policies to say.
        (Some(wrong), Some(missing)) => {
            let told = format!("{} (was {})", missing.expected, missing.seen);
            wrong.counting(&missing).with([told])
        }
        (wrong, missing) => wrong.or(missing).unwrap_or_else(fine),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        code::Code,
        finding::{Outcome, Policies, Policy},
        gate::{Subject, Value},
        verdict::{Decision, decide},
    };

    const SUBJECTS: &[Subject] =
        &[Subject::new("running", Code::NotRunning), Subject::new("pending", Code::TasksPending)];

    #[test]
    fn what_is_false_hides_nothing_of_what_is_not_known() {
        let facts = BTreeMap::from([("running", Value::Number(1.0))]);
        let absent = |condition: &Condition, _: &str| {
            Observation::no_data(Code::NotRunning, "web", condition.to_string(), "none")
        };
        let decided = |texts: &[&str]| {
            let conditions: Vec<_> = texts.iter().map(|text| Condition::parse(text, SUBJECTS).unwrap()).collect();
            let seen = judge("web", &conditions, &facts, absent);
            let lenient = Policies { on_fail: Policy::Warn, on_error: Policy::Fail, no_data: Policy::Fail };
            (seen.outcome, decide(&seen, lenient))
        };
        assert_eq!(decided(&["running == 2"]), (Outcome::Failed, Decision::Warn));
        assert_eq!(decided(&["running == 2", "pending == 0"]), (Outcome::Failed, Decision::Fail));
        assert_eq!(decided(&["pending exists", "pending == 0"]), (Outcome::Failed, Decision::Warn));
        assert_eq!(decided(&["pending == 0", "running == 1"]), (Outcome::NoData, Decision::Fail));
    }

    #[test]
    fn without_a_condition_nothing_passes() {
        let absent = |_: &Condition, _: &str| Observation::passed("web", "never asked");
        assert_eq!(judge("web", &[], &BTreeMap::new(), absent).outcome, Outcome::Errored);
    }
}
