//! Standard output: lines that stay and, on a terminal, a status line below them that is overwritten.

use std::io::{self, Write};

use console::Term;
use serde::Serialize;

use super::style::{NO_STYLE, TerminalStyle, sanitize, truncate};

/// Characters per line, even on a wider terminal: longer lines are hard to read.
const MAX_WIDTH: usize = 110;

#[derive(Debug)]
pub struct Output {
    term: Term,
    pub style: TerminalStyle,
    status: StatusLine,
}

/// What the last line of the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusLine {
    /// Never written: this is not a terminal, or the terminal cannot erase a line.
    Unsupported,
    Clear,
    /// A status, which must be erased before anything else is written.
    Shown,
}

impl Output {
    /// `console` handles `NO_COLOR`, `CLICOLOR` and terminals without capabilities.
    pub fn stdout() -> Self {
        // Buffered, so that the erased and the new line reach the terminal together and nothing flickers.
        let term = Term::buffered_stdout();
        let is_live = term.is_term() && !console::is_dumb();
        let width = if term.is_term() { usize::from(term.size().1).min(MAX_WIDTH) } else { NO_STYLE.width };
        let style = TerminalStyle { width, colour: console::colors_enabled() };
        Self { term, style, status: if is_live { StatusLine::Clear } else { StatusLine::Unsupported } }
    }

    /// Writes text that stays, and a newline.
    pub fn println(&mut self, text: &str) -> io::Result<()> {
        self.erase()?;
        self.term.write_line(&sanitize(text))?;
        self.term.flush()
    }

    /// Writes a value as indented JSON.
    pub fn print_json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.println(&text)
    }

    /// Writes a value as JSON on one line.
    pub fn print_json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.println(&text)
    }

    /// Shows one line until something else is written. Does nothing if this is not a terminal.
    pub fn status(&mut self, text: &str) -> io::Result<()> {
        if self.status == StatusLine::Unsupported {
            return Ok(());
        }
        self.erase()?;
        // One column less than the width: some terminals start a new line after a full one.
        self.term.write_str(&truncate(&sanitize(text), self.style.width.saturating_sub(1)))?;
        self.status = StatusLine::Shown;
        self.term.flush()
    }

    /// Writes to standard error, after erasing the status line.
    pub fn eprintln(&mut self, text: &str) -> io::Result<()> {
        self.erase()?;
        self.term.flush()?;
        writeln!(io::stderr().lock(), "{}", sanitize(text))
    }

    fn erase(&mut self) -> io::Result<()> {
        if self.status == StatusLine::Shown {
            self.term.clear_line()?;
            self.status = StatusLine::Clear;
        }
        Ok(())
    }
}

impl Drop for Output {
    /// Ctrl-C can drop this value at any time, and the shell's prompt should then find an empty line.
    fn drop(&mut self) {
        let _ = self.erase().and_then(|()| self.term.flush());
    }
}
