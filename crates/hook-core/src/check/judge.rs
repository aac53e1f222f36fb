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
    let mut missing: Option<Observation> = None;
    for condition in conditions {
        match condition.check(facts) {
            Held::True => {}
            Held::False { seen, code, .. } => match &mut wrong {
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
    wrong.or(missing).unwrap_or_else(fine)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::finding::Outcome;

    #[test]
    fn without_a_condition_nothing_passes() {
        let absent = |_: &Condition, _: &str| Observation::passed("web", "never asked");
        assert_eq!(judge("web", &[], &BTreeMap::new(), absent).outcome, Outcome::Errored);
    }
}
