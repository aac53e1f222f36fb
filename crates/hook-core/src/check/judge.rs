//! Conditions over facts, as an observation.

use crate::{
    finding::Observation,
    gate::{Condition, Facts, Held},
};

/// Judges all conditions; what is false weighs more than what has no value.
///
/// `absent` makes the observation for a subject without a value: each kind knows what that means.
pub fn judge(
    resource: &str,
    conditions: &[Condition],
    facts: &dyn Facts,
    absent: impl Fn(&Condition, &str) -> Observation,
) -> Observation {
    let mut wrong: Option<Observation> = None;
    let mut missing: Option<Observation> = None;
    for condition in conditions {
        match condition.check(facts) {
            Held::True => {}
            Held::False { seen, code } => match &mut wrong {
                None => wrong = Some(Observation::failed(code, resource, condition.to_string(), seen)),
                Some(first) => first.details.push(format!("{condition} (was {seen})")),
            },
            Held::Absent { subject, .. } => {
                missing.get_or_insert_with(|| absent(condition, &subject));
            }
        }
    }
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
