//! Several things go wrong at once. `make soak` does this for as long as one likes.

use greenlight_tests::storm;

/// Seeds that broke the promise once, each with what it found. They are played every time.
const FOUND: &[(u64, &str)] = &[
    (2110, "of two deliveries the second one answered, and it was held against the first one's verdict"),
    (6915, "the same, with three deliveries and a Put that is never answered"),
];

/// How many seeds are played besides: some seconds' worth. They are the same each time, so that whoever changed nothing
/// sees nothing new.
const EVERYDAY: u64 = 240;

#[tokio::test(flavor = "multi_thread")]
async fn the_promise_holds_in_a_storm() {
    let tally = storm::play(FOUND.iter().map(|(seed, _)| *seed).chain(1..=EVERYDAY)).await.unwrap();
    assert!(tally.broken.is_empty(), "{} of {} runs:\n\n{}", tally.broken.len(), tally.runs, tally.broken.join("\n\n"));
    // A machine with other work may break a time-out now and then; not often.
    assert!(tally.unsteady.len() <= 1 + tally.runs / 50, "played by themselves these keep it: {:?}", tally.unsteady);
    // Each way to be answered is among them, or the storm blows only one way.
    assert!(tally.by.iter().all(|count| *count > 0), "{:?}", tally.by);
}
