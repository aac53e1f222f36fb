//! The operators of a condition.

use crate::{Message, suggest};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    Contains,
    Matches,
    Exists,
}

pub(super) const OPERATORS: [(&str, Operator); 10] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<", Operator::Less),
    ("<=", Operator::AtMost),
    (">", Operator::Greater),
    (">=", Operator::AtLeast),
    ("in", Operator::In),
    ("contains", Operator::Contains),
    ("matches", Operator::Matches),
    ("exists", Operator::Exists),
];

/// Operators of other languages, and ours.
const SYNONYMS: [(&str, &str); 12] = [
    ("=", "=="),
    ("===", "=="),
    ("is", "=="),
    ("equals", "=="),
    ("<>", "!="),
    ("!==", "!="),
    ("=>", ">="),
    ("=<", "<="),
    ("~", "matches"),
    ("=~", "matches"),
    ("has", "contains"),
    ("includes", "contains"),
];

/// Our operator for one of another language.
pub(super) fn synonym(symbol: &str) -> Option<&'static str> {
    SYNONYMS.iter().find(|(theirs, _)| *theirs == symbol).map(|(_, ours)| *ours)
}

impl Operator {
    pub(super) fn parse(word: &str) -> Option<Self> {
        OPERATORS.iter().find(|(known, _)| *known == word).map(|(_, operator)| *operator)
    }

    pub(super) fn as_str(self) -> &'static str {
        OPERATORS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| *word)
    }

    /// Whether it compares by order.
    pub const fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::Greater | Self::AtLeast)
    }

    /// Whether `not` can precede it. The other operators have an opposite.
    pub(super) const fn allows_not(self) -> bool {
        matches!(self, Self::In | Self::Contains | Self::Matches | Self::Exists)
    }
}

/// The first operator in a word that consists of symbols, and its position.
pub(super) fn first_symbol(word: &str) -> Option<(usize, &'static str)> {
    let signs = OPERATORS.iter().map(|(sign, _)| *sign).filter(|sign| !sign.starts_with(char::is_alphabetic));
    // At the same position the longer one counts: `>=`, not `>`.
    signs.filter_map(|sign| Some((word.find(sign)?, sign))).min_by_key(|(at, sign)| (*at, usize::MAX - sign.len()))
}

/// For `not` before an operator that does not take it.
pub(super) const MISPLACED_NOT: &str = "`not` goes before in, contains, matches and exists; the opposite of == is !=";

/// Explains that a word is not an operator, and suggests the one that was probably meant.
pub(super) fn unknown_operator_message(text: &str, symbol: &str) -> Message {
    let near = synonym(symbol).or_else(|| suggest(symbol, OPERATORS.iter().map(|(word, _)| *word)));
    let known = OPERATORS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" ");
    match (symbol, near) {
        ("", _) => format!("`{text}`: an operator is missing; use one of {known}").into(),
        (_, Some(near)) => Message::did_you_mean(format_args!("`{text}`: `{symbol}` is not an operator"), near),
        (_, None) => format!("`{text}`: `{symbol}` is not an operator; use one of {known}").into(),
    }
}
