//! `sabotage:`: does what no check should do, so that tests can do it to whole programs. No released build contains it.

use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Duration};

use super::{Check, CheckContext, CheckFuture, CheckKind};
use crate::{
    finding::Observation,
    gate::{Fact, MapReader, Template},
};

#[cfg(not(debug_assertions))]
compile_error!("the feature `sabotage` is for tests: a release has no check that breaks its own process");

pub const KIND: CheckKind = CheckKind { key: "sabotage", read };

/// How it misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Misbehaviour {
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

#[derive(Debug)]
struct Chaos {
    misbehaviour: Misbehaviour,
    /// The message of the panic.
    message: Option<Template>,
    facts: BTreeSet<Fact>,
}

fn read(fields: &mut MapReader<'_>) -> Option<Arc<dyn Check>> {
    let misbehaviour = fields.variant("sabotage", &MISBEHAVIOURS)?;
    let message = fields.template("says");
    let facts = fields.facts().clone();
    Some(Arc::new(Chaos { misbehaviour, message, facts }))
}

impl Check for Chaos {
    fn default_name(&self) -> String {
        "sabotage".to_owned()
    }

    fn run<'a>(&'a self, cx: &'a CheckContext) -> CheckFuture<'a> {
        Box::pin(async {
            let known = cx.resolve_facts(&self.facts).await;
            let says = self.message.as_ref().and_then(|says| says.render(&known).ok());
            let says = says.as_ref().map_or("sesame", |says| says.expose_secret());
            match self.misbehaviour {
                Misbehaviour::Panic => panic!("{says}"),
                Misbehaviour::PanicTwice => {
                    let _again = PanicsWhenDropped;
                    panic!("sesame");
                }
                Misbehaviour::Block => block(),
                Misbehaviour::Spin => loop {
                    std::hint::spin_loop();
                },
                Misbehaviour::Leave => {
                    let _ = tokio::task::spawn_blocking(block).await;
                }
                Misbehaviour::Hog => hog().await,
                Misbehaviour::Exit => std::process::exit(3),
            }
            Observation::passed("sabotage", "it went well")
        })
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("sesame");
    }
}

fn block() {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// Allocates a megabyte every millisecond, and writes to it, so that it is really used.
async fn hog() {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; 1024 * 1024]);
        black_box(&taken);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
