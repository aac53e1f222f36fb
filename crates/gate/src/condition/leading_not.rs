//! `not` or `!` before a subject, as other languages write it, and how to write the condition instead.

use super::{Operator, Subject, SubjectType, operator::MISPLACED_NOT, syntax};
use crate::Message;

/// What to write for `not json.error exists`, or for `!json.ok` of a programming language, which is true for `false` and
/// for a missing value.
pub(super) fn leading_not_message(word: &str, rest: &str, subjects: &[Subject]) -> Message {
    let (sign, condition) = match word.strip_prefix('!') {
        Some("") | None => (word, rest.to_owned()),
        Some(subject) => ("!", format!("{subject} {rest}")),
    };
    let (name, rest) = syntax::split_subject(&condition);
    let why = format!("`{sign}` is not an operator");
    let (exists, is_false) = (format!("{name} not exists"), format!("{name} == false"));
    match (Operator::parse(syntax::split_word(rest).0), subjects.iter().find(|subject| subject.matches(name))) {
        (Some(operator), _) if operator.allows_not() => {
            Message::did_you_mean("`not` goes after the subject", &format!("{name} not {rest}"))
        }
        (Some(_), _) if sign == "!" => format!("{why}; the opposite of == is !=").into(),
        (Some(_), _) => MISPLACED_NOT.into(),
        (None, Some(Subject { subject_type: SubjectType::Json, .. })) => {
            Message::from(format!("{why}; write `{is_false}`, or `{exists}` if the key must be missing"))
                .with_suggestion(is_false)
        }
        (None, Some(Subject { subject_type: SubjectType::Bool, .. })) => Message::write_instead(why, &is_false),
        (None, Some(subject)) if subject.optional => Message::write_instead(why, &exists),
        (None, _) => format!("{why}; a condition is `subject operator value`").into(),
    }
}
