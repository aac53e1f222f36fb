//! Finds conditions that can never be true, or never be false. Such a condition is a mistake in the gate file.
//!
//! The search evaluates the conditions themselves. The candidates for each subject are every value that a condition
//! names, the neighbours of these values on both sides, and a value that no condition names. No condition distinguishes
//! two values between the same candidates. So if no combination of candidates meets the goal, no other combination
//! does.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::{Condition, Failure, Operand, Operator, SubjectType, Term, comparison::Comparison};
use crate::{JsonPath, SubjectValues, Value};

mod candidates;

use self::candidates::Candidate;

/// The search stops after this many comparisons for one list, and then the list counts as possible. A list that a
/// person wrote needs a few hundred.
const MAX_TRIALS: u32 = 100_000;

/// With more conditions than this, the message does not name the two that exclude each other.
const MAX_PAIRS: usize = 32;

/// What the search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    True,
    False,
}

/// A search with a limit on its trials.
struct SatisfiabilitySearch {
    trials: Cell<u32>,
}

type Clause<'a> = &'a [Comparison];

/// The mistakes in the conditions of one list, each with the index of its condition.
pub fn review(conditions: &[Condition]) -> Vec<(usize, String)> {
    let search = SatisfiabilitySearch { trials: Cell::new(MAX_TRIALS) };
    let alone = |(index, condition)| search.review_one(condition).map(|why| (index, why));
    let problems: Vec<_> = conditions.iter().enumerate().filter_map(alone).collect();
    if !problems.is_empty() {
        return problems;
    }
    let (index, why, instead) = match search.review_combination(conditions) {
        Some(contradiction) => contradiction,
        None => return Vec::new(),
    };
    vec![(index, why + &instead)]
}

/// Why the conditions of two lists are never true together. Each list alone can be true.
pub fn find_contradiction(one: &[Condition], other: &[Condition]) -> Option<String> {
    let search = SatisfiabilitySearch { trials: Cell::new(MAX_TRIALS) };
    let both: Vec<Condition> = one.iter().chain(other).cloned().collect();
    search.review_combination(&both).map(|(_, why, _)| why)
}

impl SatisfiabilitySearch {
    fn review_one(&self, condition: &Condition) -> Option<String> {
        for comparison in &condition.alternatives {
            let (text, subject) = (&comparison.text, &comparison.term.text);
            let clause = [std::slice::from_ref(comparison)];
            let range = match comparison.term.subject_type {
                SubjectType::Text | SubjectType::Name | SubjectType::Header | SubjectType::Json => String::new(),
                closed => format!(": `{subject}` is {closed}"),
            };
            if !self.is_possible(&clause, Goal::True) {
                return Some(format!("`{text}` can never be true{range}"));
            }
            if !self.is_possible(&clause, Goal::False) {
                return Some(format!("`{text}` is always true, so it checks nothing{range}"));
            }
        }
        let whole = !self.is_possible(&[condition.alternatives.as_slice()], Goal::False);
        whole.then(|| format!("`{condition}` is always true, so it checks nothing: one of its conditions always holds"))
    }

    /// The index of a condition, the problem, and what to write if the conditions are alternatives.
    fn review_combination(&self, conditions: &[Condition]) -> Option<(usize, String, String)> {
        let clauses: Vec<Clause<'_>> = conditions.iter().map(|it| it.alternatives.as_slice()).collect();
        if self.is_possible(&clauses, Goal::True) {
            return None;
        }
        let last = clauses.len().saturating_sub(1);
        if clauses.len() <= MAX_PAIRS {
            for second in 1..clauses.len() {
                for first in 0..second {
                    if !self.is_possible(&[clauses[first], clauses[second]], Goal::True) {
                        let (one, other) = (&conditions[first], &conditions[second]);
                        let alone = conditions[first].alternatives.len() + conditions[second].alternatives.len() == 2;
                        let instead = if alone {
                            format!("; if one of them is enough, write `any: [{one}, {other}]`")
                        } else {
                            String::new()
                        };
                        return Some((second, format!("`{one}` and `{other}` are never true together"), instead));
                    }
                }
            }
        }
        let all = conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Some((last, format!("these conditions are never true together: {all}"), String::new()))
    }

    fn is_possible(&self, clauses: &[Clause<'_>], wanted: Goal) -> bool {
        components(clauses).iter().all(|component| self.is_satisfiable(component, wanted))
    }

    /// Whether some values of the subjects meet the goal.
    fn is_satisfiable(&self, clauses: &[Clause<'_>], wanted: Goal) -> bool {
        let comparisons: Vec<&Comparison> = clauses.iter().copied().flatten().collect();
        let terms: BTreeMap<&str, &Term> =
            comparisons.iter().flat_map(terms).map(|term| (term.subject.as_str(), term)).collect();
        let may_be_missing = wanted == Goal::False && comparisons.iter().all(|it| it.operator == Operator::Exists);
        let candidates: Vec<(&str, Vec<Candidate>)> = terms
            .iter()
            .map(|(name, term)| (*name, candidates::candidates_for(term, &comparisons, terms.len(), may_be_missing)))
            .collect();
        // A condition is evaluated as soon as all of its subjects have a value.
        let due = |clause: &Clause<'_>| {
            let last = clause
                .iter()
                .flat_map(terms_of_comparison)
                .filter_map(|term| terms.keys().position(|name| *name == term.subject))
                .max();
            last.unwrap_or_default()
        };
        let mut clauses: Vec<(usize, Clause<'_>)> = clauses.iter().map(|clause| (due(clause), *clause)).collect();
        clauses.sort_by_key(|(due, _)| *due);
        self.assign(&candidates, &clauses, &mut Assignment::default(), wanted)
    }

    fn assign<'a>(
        &self,
        candidates: &'a [(&'a str, Vec<Candidate>)],
        clauses: &[(usize, Clause<'_>)],
        assignment: &mut Assignment<'a>,
        wanted: Goal,
    ) -> bool {
        let at = assignment.values.len();
        let Some((name, values)) = candidates.get(at) else { return true };
        for candidate in values {
            assignment.values.push((name, candidate));
            let now = clauses.iter().filter(|(due, _)| *due == at);
            if now.into_iter().all(|(_, clause)| self.can_meet_goal(clause, assignment, wanted))
                && self.assign(candidates, clauses, assignment, wanted)
            {
                return true;
            }
            assignment.values.pop();
        }
        false
    }

    fn can_meet_goal(&self, clause: Clause<'_>, assignment: &Assignment<'_>, wanted: Goal) -> bool {
        let left = self.trials.get().saturating_sub(u32::try_from(clause.len()).unwrap_or(u32::MAX));
        self.trials.set(left);
        if left == 0 {
            return true;
        }
        match wanted {
            Goal::True => clause.iter().any(|comparison| assignment.evaluate(comparison).is_true),
            Goal::False => {
                let all: Vec<PossibleResults> =
                    clause.iter().map(|comparison| assignment.evaluate(comparison)).collect();
                all.iter().any(|it| it.is_false) && all.iter().all(|it| it.is_false || it.is_missing)
            }
        }
    }
}

/// The possible results of a comparison. There are several if it depends on values that are not known yet.
#[derive(Clone, Copy, Default)]
struct PossibleResults {
    is_true: bool,
    is_false: bool,
    is_missing: bool,
}

/// A value for some of the subjects.
#[derive(Default)]
struct Assignment<'a> {
    values: Vec<(&'a str, &'a Candidate)>,
}

impl Assignment<'_> {
    fn candidate(&self, subject: &str) -> Option<&Candidate> {
        self.values.iter().find(|(name, _)| *name == subject).map(|(_, candidate)| *candidate)
    }

    fn evaluate(&self, comparison: &Comparison) -> PossibleResults {
        let candidate = self.candidate(&comparison.term.subject);
        let is_there = candidate.is_some_and(|it| !matches!(it.value, None | Some(Value::Null)));
        let has_facts = comparison.operands.iter().any(|operand| operand.template().is_some());
        // The candidates are texts that a condition names. Whether a regular expression matches other texts is not
        // known.
        let is_open = comparison.operator == Operator::Matches && candidate.is_some_and(|it| it.is_some_text());
        if is_there && (has_facts || is_open) {
            return PossibleResults { is_true: true, is_false: true, is_missing: false };
        }
        match comparison.evaluate(self) {
            Ok(()) => PossibleResults { is_true: true, ..PossibleResults::default() },
            Err(failures) => PossibleResults {
                is_true: false,
                is_false: failures.iter().all(|it| matches!(it, Failure::False { .. })),
                is_missing: failures.iter().all(|it| matches!(it, Failure::Missing { .. })),
            },
        }
    }
}

impl SubjectValues for Assignment<'_> {
    fn value_of(&self, subject: &str) -> Option<Value> {
        self.candidate(subject)?.value.clone()
    }

    fn json_at(&self, path: &JsonPath) -> Option<Value> {
        self.value_of(&format!("json{path}"))
    }

    /// The search ignores the messages.
    fn loggable(&self, _: &str, _: &Value) -> String {
        String::new()
    }
}

fn terms_of_comparison(comparison: &Comparison) -> impl Iterator<Item = &Term> {
    std::iter::once(&comparison.term).chain(comparison.operand_terms())
}

fn terms<'a>(comparison: &&'a Comparison) -> impl Iterator<Item = &'a Term> + use<'a> {
    terms_of_comparison(comparison)
}

/// Groups the conditions so that no subject is in two groups.
fn components<'a>(clauses: &[Clause<'a>]) -> Vec<Vec<Clause<'a>>> {
    let mut groups: Vec<(BTreeSet<&str>, Vec<Clause<'a>>)> = Vec::new();
    for clause in clauses {
        let mut names: BTreeSet<&str> =
            clause.iter().flat_map(terms_of_comparison).map(|term| term.subject.as_str()).collect();
        let mut members = vec![*clause];
        let (joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(own, _)| !own.is_disjoint(&names));
        for (own, more) in joined {
            names.extend(own);
            members.splice(0..0, more);
        }
        groups = apart;
        groups.push((names, members));
    }
    groups.into_iter().map(|(_, members)| members).collect()
}
