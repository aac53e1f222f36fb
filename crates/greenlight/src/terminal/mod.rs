//! What is printed: colours and layout, and the screen.

mod count;
mod output;
mod style;

pub use self::{
    count::count,
    output::Output,
    style::{Emphasis, NO_STYLE, TIME_WIDTH, TerminalStyle, sanitize, time_column, truncate},
};
