//! How text looks: tones, spans of time, and lines that hang under their beginning. Nothing in here does I/O.

use std::time::Duration;

use console::Style;
use textwrap::{WordSplitter, wrap};

/// A message that has less room than this is easier to read when it overflows.
const LEAST_ROOM: usize = 30;

/// What the output can do.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Characters per line.
    pub width: usize,
    /// Whether it shows colours.
    pub colour: bool,
}

/// How it looks when nobody looks: in a file, a pipe, a CI log, a report.
pub const PLAIN: Look = Look { width: 100, colour: false };

/// What a piece of text says by its colour. A glyph or a word always says the same, for those who see none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// It stopped something.
    Bad,
    /// Worth a look.
    Warning,
    /// There for completeness.
    Quiet,
    /// A heading.
    Strong,
    /// Everything else.
    Plain,
}

impl Look {
    /// `text` in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Warning => Style::new().yellow(),
            Tone::Quiet => Style::new().dim(),
            Tone::Strong => Style::new().bold(),
            Tone::Plain => return text.to_owned(),
        };
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    /// `head` and then `text`, wrapped so that its further lines begin where the first one does, in column `indent`.
    pub fn hang(self, head: &str, indent: usize, tone: Tone, text: &str) -> String {
        let lines: Vec<String> = self.wrapped(indent, text).iter().map(|line| self.paint(tone, line)).collect();
        let margin = format!("\n{:indent$}", "");
        let gap = indent.saturating_sub(console::measure_text_width(head));
        format!("{head}{:gap$}{}", "", lines.join(&margin)).trim_end().to_owned()
    }
}

impl Look {
    /// As [`Look::hang`], in two lines at most. What has no room is cut off, and the cut is shown.
    pub fn hang_short(self, head: &str, indent: usize, text: &str) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines = self.wrapped(indent, &text);
        let text = match lines.as_slice() {
            [first, _, _, ..] => {
                // A part of the word that had no room any more may have some.
                let rest = text.strip_prefix(first.as_str()).unwrap_or_default().trim_start();
                let second = console::truncate_str(rest, self.room(indent), "…");
                format!("{first}\n{:indent$}{second}", "")
            }
            lines => lines.join(&format!("\n{:indent$}", "")),
        };
        let gap = indent.saturating_sub(console::measure_text_width(head));
        format!("{head}{:gap$}{text}", "").trim_end().to_owned()
    }

    const fn room(self, indent: usize) -> usize {
        let room = self.width.saturating_sub(indent);
        if room > LEAST_ROOM { room } else { LEAST_ROOM }
    }

    fn wrapped(self, indent: usize, text: &str) -> Vec<String> {
        // A target group's name or a URL that is broken at a hyphen cannot be copied.
        let options =
            textwrap::Options::new(self.room(indent)).word_splitter(WordSplitter::NoHyphenation).break_words(false);
        wrap(text.trim(), options).into_iter().map(|line| line.into_owned()).collect()
    }
}

/// A span of time as a person says it: `12 ms`, `1.2 s`.
pub fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) { format!("{} ms", time.as_millis()) } else { seconds(time) }
}

/// A time since the beginning: `0.3 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Look = Look { width: 40, colour: false };

    #[test]
    fn text_hangs_under_its_beginning() {
        let hung =
            NARROW.hang("why", 6, Tone::Plain, "target group tg-shop-b: expected healthy == registered, was 1 and 2");
        assert_eq!(hung, "why   target group tg-shop-b: expected\n      healthy == registered, was 1 and 2");
    }

    #[test]
    fn what_has_no_room_in_two_lines_is_cut() {
        let short = NARROW.hang_short("why", 6, "one line");
        assert_eq!(short, "why   one line");
        let long = "target group tg-shop-b: expected healthy == registered, was 1 and 2 after 9 looks in 41s";
        let hung = NARROW.hang_short("why", 6, long);
        assert_eq!(hung, "why   target group tg-shop-b: expected\n      healthy == registered, was 1 and …");
        assert!(hung.lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn colour_is_only_added() {
        let painted = Look { colour: true, ..NARROW }.hang("why", 6, Tone::Bad, "one two");
        assert_ne!(painted, "why   one two");
        assert_eq!(console::strip_ansi_codes(&painted), "why   one two");
    }

    #[test]
    fn spans() {
        assert_eq!(span(Duration::from_millis(7)), "7 ms");
        assert_eq!(span(Duration::from_millis(1249)), "1.2 s");
        assert_eq!(seconds(Duration::from_millis(40)), "0.0 s");
    }
}
