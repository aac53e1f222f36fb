//! `sabotage:`: does what no check should do, so that tests can do it to whole programs. No released build contains it.

use std::{hint::black_box, time::Duration};

use gate::kinds::{ChaosSpec, Misbehaviour};

use super::CheckContext;
use crate::finding::Observation;

pub async fn run(spec: &ChaosSpec, cx: &CheckContext) -> Observation {
    let known = cx.resolve_facts(&spec.facts).await;
    let says = spec.message.as_ref().and_then(|says| says.render(&known).ok());
    let says = says.as_ref().map_or("sesame", |says| says.expose_secret());
    match spec.misbehaviour {
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
