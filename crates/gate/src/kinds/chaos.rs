//! `sabotage:`: does what no check should do, so that tests can do it to whole programs. No released build contains it.

use std::collections::BTreeSet;

use lifecycle::TrafficRoute;

use super::{KindSpec, PollPolicy};
use crate::{Fact, MapReader, Template};

#[cfg(not(debug_assertions))]
compile_error!("the feature `sabotage` is for tests: a release has no check that breaks its own process");

pub(super) const KEY: &str = "sabotage";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    Panic,
    /// Panics while it is dropped for another panic, which ends the process.
    PanicTwice,
    /// Blocks the evaluation's thread forever.
    Block,
    /// Never yields the thread, and keeps the CPU busy.
    Spin,
    /// Starts a thread that never ends, and waits for it.
    Leave,
    /// Allocates more and more memory.
    Hog,
    Exit,
}

const MISBEHAVIOURS: [(&str, Misbehaviour); 7] = [
    ("panic", Misbehaviour::Panic),
    ("panic-twice", Misbehaviour::PanicTwice),
    ("block", Misbehaviour::Block),
    ("spin", Misbehaviour::Spin),
    ("leave", Misbehaviour::Leave),
    ("hog", Misbehaviour::Hog),
    ("exit", Misbehaviour::Exit),
];

/// A check that misbehaves.
#[derive(Clone, Debug)]
pub struct ChaosSpec {
    pub misbehaviour: Misbehaviour,
    pub message: Option<Template>,
    pub facts: BTreeSet<Fact>,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<ChaosSpec> {
    let misbehaviour = fields.variant("sabotage", &MISBEHAVIOURS)?;
    let message = fields.template("says");
    let facts = fields.facts().clone();
    Some(ChaosSpec { misbehaviour, message, facts })
}

impl KindSpec for ChaosSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        KEY.to_owned()
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        None
    }
}
