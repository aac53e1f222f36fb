//! Several things go wrong at once. `make soak` does this for as long as one likes.

use greenlight_tests::chaos;

/// Seeds that broke the promise once, each with what it found. They are played every time.
const KNOWN_SEEDS: &[(u64, &str)] = &[
    (2110, "of two deliveries the second one answered, and it was held against the first one's verdict"),
    (6915, "the same, with three deliveries and a Put that is never answered"),
];

/// How many seeds are played besides: some seconds' worth. They are the same each time, so that whoever changed nothing
/// sees nothing new.
const DAILY_SEEDS: u64 = 240;

#[tokio::test(flavor = "multi_thread")]
async fn the_promise_holds_in_a_storm() {
    let summary = chaos::run_seeds(KNOWN_SEEDS.iter().map(|(seed, _)| *seed).chain(1..=DAILY_SEEDS)).await.unwrap();
    assert!(
        summary.failures.is_empty(),
        "{} of {} runs:\n\n{}",
        summary.failures.len(),
        summary.runs,
        summary.failures.join("\n\n")
    );
    // A machine with other work may break a time-out now and then; not often.
    assert!(summary.flaky.len() <= 1 + summary.runs / 50, "played by themselves these keep it: {:?}", summary.flaky);
    // Each way to be answered is among them, or the storm blows only one way.
    assert!(summary.answered_by.iter().all(|count| *count > 0), "{:?}", summary.answered_by);
}
