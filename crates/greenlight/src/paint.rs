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
        let room = self.width.saturating_sub(indent).max(LEAST_ROOM);
        // A target group's name or a URL that is broken at a hyphen cannot be copied.
        let options = textwrap::Options::new(room).word_splitter(WordSplitter::NoHyphenation).break_words(false);
        let margin = format!("\n{:indent$}", "");
        let lines: Vec<String> = wrap(text.trim(), options).iter().map(|line| self.paint(tone, line)).collect();
        let gap = indent.saturating_sub(console::measure_text_width(head));
        format!("{head}{:gap$}{}", "", lines.join(&margin)).trim_end().to_owned()
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

    const PLAIN: Look = Look { width: 40, colour: false };

    #[test]
    fn text_hangs_under_its_beginning() {
        let hung =
            PLAIN.hang("why", 6, Tone::Plain, "target group tg-shop-b: expected healthy == registered, was 1 and 2");
        assert_eq!(hung, "why   target group tg-shop-b: expected\n      healthy == registered, was 1 and 2");
    }

    #[test]
    fn colour_is_only_added() {
        let painted = Look { colour: true, ..PLAIN }.hang("why", 6, Tone::Bad, "one two");
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
