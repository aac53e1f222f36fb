//! What is printed: colours and layout, and the screen.

mod count;
mod output;
mod style;

pub use self::{
    count::count,
    output::Output,
    style::{Emphasis, NO_STYLE, TerminalStyle, format_duration, format_seconds, sanitize, truncate},
};
