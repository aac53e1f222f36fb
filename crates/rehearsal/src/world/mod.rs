//! The world: the typed state of a simulated AWS account, which changes as time passes. It has no I/O and no clock:
//! time is an argument.
//!
//! [`World::schedule`] plans a change and [`World::advance_to`] makes the changes that are due. Every reader calls
//! `advance_to` first.

mod changes;
mod state;

#[cfg(test)]
mod tests;

pub use self::{changes::*, state::*};
