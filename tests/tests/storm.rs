//! Runs with several faults at once. `make soak` runs as many of them as you like.

use greenlight_tests::chaos;

/// Seeds that once broke the guarantee, each with the reason. They run every time.
const KNOWN_SEEDS: &[(u64, &str)] = &[
    (2110, "the second of two deliveries put the status, and the invariant compared it with the first one's verdict"),
    (6915, "the same, with three deliveries and a put that never gets a reply"),
];

/// The number of additional seeds, which take some seconds. They are the same each time, so that the result only
/// changes with the code.
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
    // On a busy machine a run can miss a timeout now and then.
    assert!(
        summary.flaky.len() <= 1 + summary.runs / 50,
        "too many runs fail only next to other runs: {:?}",
        summary.flaky
    );
    // The runs must include every program that can put the status, and runs without a status.
    assert!(summary.answered_by.iter().all(|count| *count > 0), "{:?}", summary.answered_by);
}
