//! `sabotage:` what no check should ever do, so that tests can do it to whole programs. In no build that ships.

use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Duration};

use super::{Check, Kind, Looking, Scene};
use crate::{
    finding::Observation,
    gate::{Fact, Fields, Template},
};

#[cfg(not(debug_assertions))]
compile_error!("the feature `sabotage` is for tests: a release has no check that breaks its own process");

pub const KIND: Kind = Kind { key: "sabotage", read };

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Panics.
    Panic,
    /// Panics while it is dropped for another panic, which ends the process.
    PanicTwice,
    /// Blocks the thread that judges, for good.
    Block,
    /// Never gives the thread back, and keeps the processor busy.
    Spin,
    /// Leaves threads behind that never end, and waits for them.
    Leave,
    /// Takes more and more memory.
    Hog,
    /// Ends the process.
    Exit,
}

const DEEDS: [(&str, Deed); 7] = [
    ("panic", Deed::Panic),
    ("panic-twice", Deed::PanicTwice),
    ("block", Deed::Block),
    ("spin", Deed::Spin),
    ("leave", Deed::Leave),
    ("hog", Deed::Hog),
    ("exit", Deed::Exit),
];

#[derive(Debug)]
struct Sabotage {
    deed: Deed,
    /// What it says when it panics.
    says: Option<Template>,
    facts: BTreeSet<Fact>,
}

fn read(fields: &mut Fields<'_>) -> Option<Arc<dyn Check>> {
    let deed = fields.choice("sabotage", &DEEDS)?;
    let says = fields.template("says");
    let facts = fields.facts().clone();
    Some(Arc::new(Sabotage { deed, says, facts }))
}

impl Check for Sabotage {
    fn title(&self) -> String {
        "sabotage".to_owned()
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async {
            let known = scene.known(&self.facts).await;
            let says = self.says.as_ref().and_then(|says| says.render(&known).ok());
            let says = says.as_ref().map_or("sesame", |says| says.reveal());
            match self.deed {
                Deed::Panic => panic!("{says}"),
                Deed::PanicTwice => {
                    let _again = PanicsWhenDropped;
                    panic!("sesame");
                }
                Deed::Block => block(),
                Deed::Spin => loop {
                    std::hint::spin_loop();
                },
                Deed::Leave => {
                    let _ = tokio::task::spawn_blocking(block).await;
                }
                Deed::Hog => hog().await,
                Deed::Exit => std::process::exit(3),
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

/// A megabyte every millisecond, written to, so that it is really taken.
async fn hog() {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; 1024 * 1024]);
        black_box(&taken);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
