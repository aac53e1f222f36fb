//! Text layout: colours, a column for times, and hanging indents. Nothing here does I/O.

use std::{borrow::Cow, time::Duration};

use console::Style;
use lifecycle::format_duration;
use textwrap::{WordSplitter, wrap};

/// Characters. A message with less room than this is easier to read if it overflows.
const MIN_TEXT_WIDTH: usize = 30;

/// The abilities of the output.
#[derive(Clone, Copy, Debug)]
pub struct TerminalStyle {
    /// Characters per line.
    pub width: usize,
    pub colour: bool,
}

/// The style for a file, a pipe, a CI log or a report.
pub const NO_STYLE: TerminalStyle = TerminalStyle { width: 100, colour: false };

/// What the colour of a text means. A glyph or a word always says the same, for readers who see no colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    Success,
    Error,
    Warning,
    /// Details of little interest.
    Dim,
    Bold,
    Plain,
}

impl TerminalStyle {
    /// The style for messages on standard error, which are not wrapped to the width of the terminal.
    pub fn stderr() -> Self {
        Self { colour: console::colors_enabled_stderr(), ..NO_STYLE }
    }

    pub fn apply(self, tone: Emphasis, text: &str) -> String {
        let style = match tone {
            Emphasis::Success => Style::new().green(),
            Emphasis::Error => Style::new().red().bold(),
            Emphasis::Warning => Style::new().yellow(),
            Emphasis::Dim => Style::new().dim(),
            Emphasis::Bold => Style::new().bold(),
            Emphasis::Plain => return text.to_owned(),
        };
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    /// `head`, then `text` from column `indent` on. Wrapped lines start in the same column.
    pub fn hanging(self, head: &str, indent: usize, tone: Emphasis, text: &str) -> String {
        let (head, indent) = self.head_and_column(head, indent);
        let lines: Vec<String> = self.wrap_text(indent, text).iter().map(|line| self.apply(tone, line)).collect();
        let margin = format!("\n{:indent$}", "");
        format!("{head}{}", lines.join(&margin)).trim_end().to_owned()
    }

    /// Text without a head, wrapped to the width.
    pub fn paragraph(self, tone: Emphasis, text: &str) -> String {
        self.hanging("", 0, tone, text)
    }

    /// Like [`Self::hanging`], in at most two lines. The rest is cut off between two words, and `…` marks the cut.
    pub fn hanging_two_lines(self, head: &str, indent: usize, text: &str) -> String {
        let (head, indent) = self.head_and_column(head, indent);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines = self.wrap_text(indent, &text);
        let text = match lines.as_slice() {
            [first, _, _, ..] => {
                // Take the rest of the text, not the wrapped second line: it fills the line with part of the next
                // words.
                let rest = text.strip_prefix(first.as_str()).unwrap_or_default().trim_start();
                let second = cut_between_words(rest, self.text_width(indent));
                format!("{first}\n{:indent$}{second}", "")
            }
            lines => lines.join(&format!("\n{:indent$}", "")),
        };
        format!("{head}{text}").trim_end().to_owned()
    }

    /// The head with the gap after it, and the column in which the text starts. On a narrow terminal, a text with too
    /// little room starts on the next line, further to the left, because a terminal breaks words in two.
    fn head_and_column(self, head: &str, indent: usize) -> (String, usize) {
        let column = indent.min(self.width.saturating_sub(MIN_TEXT_WIDTH));
        let width = console::measure_text_width(head);
        if column == indent || width <= column {
            let gap = column.saturating_sub(width);
            return (format!("{head}{:gap$}", ""), column);
        }
        (format!("{}\n{:column$}", head.trim_end(), ""), column)
    }

    const fn text_width(self, indent: usize) -> usize {
        let room = self.width.saturating_sub(indent);
        if room > MIN_TEXT_WIDTH { room } else { MIN_TEXT_WIDTH }
    }

    fn wrap_text(self, indent: usize, text: &str) -> Vec<String> {
        // A URL or the name of a target group cannot be copied if it is broken at a hyphen.
        let options = textwrap::Options::new(self.text_width(indent))
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        wrap(text.trim(), options).into_iter().map(|line| line.into_owned()).collect()
    }
}

/// Makes text safe for a terminal: only lines, tabs and the styles of [`TerminalStyle::apply`] stay. Text from files,
/// servers and AWS is escaped where messages are built. A control character that was missed there becomes U+FFFD here.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = style_length(rest).unwrap_or(c.len_utf8());
        let (piece, after) = rest.split_at(length);
        shown.push_str(if length > 1 || is_plain(c) { piece } else { "\u{fffd}" });
        rest = after;
    }
    Cow::Owned(shown.chars().map(|c| if is_plain(c) || c == ESCAPE { c } else { '\u{fffd}' }).collect())
}

const ESCAPE: char = '\u{1b}';

/// The length in bytes of a style at the start of a text: `ESC [ 1 m`.
fn style_length(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes[end..].starts_with('m').then_some(2 + end + 1)
}

/// Cuts a text to a width, and marks the cut with `…`.
pub fn truncate(text: &str, width: usize) -> Cow<'_, str> {
    console::truncate_str(text, width, "…")
}

/// Cuts a text to `room` characters, and marks the cut with `…`: between two words, if the first word fits.
fn cut_between_words(text: &str, room: usize) -> String {
    let cut = truncate(text, room);
    match cut.strip_suffix('…') {
        Some(kept) if !text[kept.len()..].starts_with(' ') => match kept.rsplit_once(' ') {
            Some((words, _)) => format!("{} …", words.trim_end()),
            None => cut.into_owned(),
        },
        _ => cut.into_owned(),
    }
}

/// The width of [`time_column`]: that of `9s 999ms`. Longer times have no milliseconds.
pub const TIME_WIDTH: usize = 8;

pub fn time_column(time: Duration) -> String {
    format!("{:>TIME_WIDTH$}", format_duration(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: TerminalStyle = TerminalStyle { width: 40, colour: false };

    #[test]
    fn text_hangs_under_its_beginning() {
        let hung = NARROW.hanging(
            "why",
            6,
            Emphasis::Plain,
            "target group tg-shop-b: expected healthy == registered, was 1 and 2",
        );
        assert_eq!(hung, "why   target group tg-shop-b: expected\n      healthy == registered, was 1 and 2");
    }

    #[test]
    fn what_has_no_room_in_two_lines_is_cut() {
        let short = NARROW.hanging_two_lines("why", 6, "one line");
        assert_eq!(short, "why   one line");
        let long = "target group tg-shop-b: expected healthy == registered, was 1 and 2 after 9 attempts in 41s";
        let hung = NARROW.hanging_two_lines("why", 6, long);
        assert_eq!(hung, "why   target group tg-shop-b: expected\n      healthy == registered, was 1 and …");
        assert!(hung.lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn a_narrow_terminal_breaks_no_word() {
        let head = "          ✗ answers           12ms  ";
        for width in [40, 50, 60] {
            let style = TerminalStyle { width, colour: false };
            let long = "target group tg-shop-b: expected healthy == registered, was 1 and 2 after 9 attempts in 41s";
            for hung in [style.hanging(head, 35, Emphasis::Plain, long), style.hanging_two_lines(head, 35, long)] {
                assert!(hung.lines().all(|line| line.chars().count() <= width), "{width}\n{hung}");
                let words: Vec<&str> = hung.split_whitespace().skip(3).filter(|word| *word != "…").collect();
                assert!(long.contains(&words.join(" ")), "{width}\n{hung}");
            }
        }
    }

    #[test]
    fn nothing_but_styles_reaches_a_terminal() {
        let painted = TerminalStyle { colour: true, ..NARROW }.apply(Emphasis::Error, "one\ttwo\n");
        assert_eq!(sanitize(&painted), painted);
        for evil in ["\u{1b}]0;title\u{7}", "\u{1b}[2J", "a\rb", "\u{9b}2J", "\u{1b}[1;31", "\u{1b}"] {
            let shown = sanitize(evil);
            assert!(!shown.contains(|c: char| c.is_control()), "{shown:?}");
        }
    }

    #[test]
    fn colour_is_only_added() {
        let painted = TerminalStyle { colour: true, ..NARROW }.hanging("why", 6, Emphasis::Error, "one two");
        assert_ne!(painted, "why   one two");
        assert_eq!(console::strip_ansi_codes(&painted), "why   one two");
    }

    #[test]
    fn times_are_aligned() {
        assert_eq!(time_column(Duration::ZERO), "      0s");
        assert_eq!(time_column(Duration::from_micros(9_999_900)), "9s 999ms");
        assert_eq!(time_column(Duration::from_secs(754)), " 12m 34s");
    }
}
