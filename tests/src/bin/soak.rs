//! Many chaos runs: `make soak COUNT=10000 SEED=1`. Prints each plan that violates the guarantee. Exit status 1 if one
//! does.

use std::{
    env,
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use greenlight_tests::chaos;
use lifecycle::format_duration;

/// The number of runs between two progress lines.
const RUNS_PER_LINE: u64 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args().skip(1).filter(|word| !word.is_empty());
    let count: u64 = arguments.next().map_or(Ok(1000), |word| word.parse())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seed: u64 = arguments.next().map_or(Ok(now), |word| word.parse())?;
    println!("{count} runs from seed {seed}");
    let (started, mut runs, mut by, mut unsteady, mut broken) = (Instant::now(), 0, [0; 3], 0, 0);
    for first in (seed..seed + count).step_by(RUNS_PER_LINE as usize) {
        let summary = chaos::run_seeds(first..(first + RUNS_PER_LINE).min(seed + count)).await?;
        runs += summary.runs;
        by = [0, 1, 2].map(|at| by[at] + summary.answered_by[at]);
        unsteady += summary.flaky.len();
        broken += summary.failures.len();
        for failure in &summary.failures {
            println!("{failure}\n");
        }
        let took = started.elapsed();
        println!(
            "{runs} runs in {}, {:.1} a second: status from the hook in {}, from on-failure in {}, from \
             nobody in {}; {broken} violated the guarantee, {unsteady} only on a busy machine",
            format_duration(took),
            runs as f64 / took.as_secs_f64(),
            by[0],
            by[1],
            by[2],
        );
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
