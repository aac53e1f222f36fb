//! Standard output: lines that stay, and in a terminal one more below them that is written over.

use std::io::{self, Write};

use console::Term;

use crate::style::{NO_STYLE, TerminalStyle, sanitize};

/// A line of a message that is longer than this is hard to read, however wide the terminal is.
const MAX_WIDTH: usize = 110;

/// Where the rehearsal is told.
#[derive(Debug)]
pub struct Output {
    term: Term,
    /// What it can show.
    pub style: TerminalStyle,
    status: StatusLine,
}

/// What is on the screen's last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusLine {
    /// It is never written: this is not a terminal, or one that cannot erase.
    Unsupported,
    /// Nothing.
    Clear,
    /// A status, to be erased before anything else is written.
    Shown,
}

impl Output {
    /// Standard output, as it is. `console` knows about `NO_COLOR`, `CLICOLOR` and terminals that can do nothing.
    pub fn stdout() -> Self {
        // Buffered, so that erasing and writing anew reach the terminal at once and nothing flickers.
        let term = Term::buffered_stdout();
        let is_live = term.is_term() && !console::is_dumb();
        let width = if term.is_term() { usize::from(term.size().1).min(MAX_WIDTH) } else { NO_STYLE.width };
        let style = TerminalStyle { width, colour: console::colors_enabled() };
        Self { term, style, status: if is_live { StatusLine::Clear } else { StatusLine::Unsupported } }
    }

    /// Writes text that stays, and ends it with a new line.
    pub fn println(&mut self, text: &str) -> io::Result<()> {
        self.erase()?;
        self.term.write_line(&sanitize(text))?;
        self.term.flush()
    }

    /// Shows one line until something else is written. Does nothing when this is not a terminal.
    pub fn status(&mut self, text: &str) -> io::Result<()> {
        if self.status == StatusLine::Unsupported {
            return Ok(());
        }
        self.erase()?;
        // One column less than there is: a full line would make some terminals begin a new one.
        self.term.write_str(&console::truncate_str(&sanitize(text), self.style.width.saturating_sub(1), "…"))?;
        self.status = StatusLine::Shown;
        self.term.flush()
    }

    /// Writes to standard error, without getting in the way of the status.
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
    /// Ctrl-C drops the screen in the middle of things; the shell's prompt should find an empty line.
    fn drop(&mut self) {
        let _ = self.erase().and_then(|()| self.term.flush());
    }
}
