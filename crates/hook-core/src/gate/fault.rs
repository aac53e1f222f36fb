//! What is wrong with a gate file, for its author: with the line and a caret on a terminal, in one line in a verdict.

use std::fmt;

use super::{Place, conceal::Concealed};
use crate::{
    code::Code,
    printable::{is_printable, printable},
};

/// One fault of a gate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: Place,
    /// What, in words that any terminal can show.
    pub message: String,
    /// The code of the hook's verdict: [`Code::GateInvalid`] or one that says more.
    pub(crate) code: Code,
}

impl Fault {
    /// A fault of the file. Words of the file may be in the message: what would control a terminal is escaped.
    pub fn new(at: Place, message: impl Into<String>) -> Self {
        Self { at, message: printable(&message.into()).into_owned(), code: Code::GateInvalid }
    }

    /// A hook that would be left without a check.
    pub(super) fn empty(at: Place, message: &str) -> Self {
        Self { code: Code::GateEmpty, ..Self::new(at, message) }
    }

    /// A key that this version of the hooks cannot execute.
    pub(super) fn not_supported(at: Place, message: impl Into<String>) -> Self {
        Self { code: Code::NotSupportedYet, ..Self::new(at, message) }
    }

    /// What was probably meant, where the message says so: `within`.
    pub fn suggestion(&self) -> Option<&str> {
        let (_, near) = self.message.rsplit_once("did you mean ")?;
        let (near, _) = near.rsplit_once('?')?;
        Some(near.trim_start_matches("the unit ").trim_matches('`'))
    }
}

/// The short form.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.at.line, self.at.column, self.message)
    }
}

/// A line longer than this is cut around the place: a file without line breaks is still readable.
const WIDTH: usize = 100;

/// All faults, each with its line and a caret under what it is about. `origin` is what to call the file.
pub fn render(text: &str, faults: &[Fault], origin: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let concealed = Concealed::of(text);
    let told = faults.iter().map(|fault| one(&lines, &concealed, fault, origin)).collect::<Vec<_>>();
    told.join("\n")
}

fn one(lines: &[&str], concealed: &Concealed, fault: &Fault, origin: &str) -> String {
    let Place { line, column } = fault.at;
    let head = format!("{}:{line}:{column}: {}\n", printable(origin), concealed.message(&fault.message));
    let Some(text) = lines.get(line - 1).filter(|text| !text.trim().is_empty()) else { return head };
    // A tab would move the caret, and a control character the terminal.
    let chars: Vec<char> = text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
    let (chars, at) = concealed.shown(line, &chars, (column - 1).min(chars.len()));
    let from = if chars.len() > WIDTH { at.saturating_sub(WIDTH / 2) } else { 0 };
    let to = chars.len().min(from + WIDTH);
    let shown: String = chars[from..to].iter().collect();
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let carets = "^".repeat(extent(&chars[at..to]).max(1));
    let indent = " ".repeat(at - from);
    format!("{head} {gap} |\n {number} | {}\n {gap} | {indent}{carets}\n", shown.trim_end())
}

/// How many characters the thing has that begins here: a quoted text, a word, a list or a map up to its end in the line.
fn extent(rest: &[char]) -> usize {
    let closing = match rest.first() {
        Some(quote @ ('\'' | '"')) => Some(*quote),
        Some('[') => Some(']'),
        Some('{') if rest.get(1) != Some(&'{') => Some('}'),
        _ => None,
    };
    if let Some(closing) = closing {
        return rest.iter().skip(1).position(|c| *c == closing).map_or(rest.len(), |end| end + 2);
    }
    let ends = |(index, c): (usize, &char)| match c {
        ',' | ']' | '#' => true,
        '}' => !(index > 0 && rest.get(index - 1) == Some(&'}')) && rest.get(index + 1) != Some(&'}'),
        ':' => rest.get(index + 1).is_none_or(|next| *next == ' '),
        _ => false,
    };
    let end = rest.iter().enumerate().position(ends).unwrap_or(rest.len());
    rest[..end].iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1)
}
