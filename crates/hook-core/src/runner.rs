//! Runs the checks of a plan, all at once but for barriers. What panics is a finding like any other.

use std::{future::Future, pin::Pin};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    board::Board,
    check::Scene,
    code::Code,
    finding::{Observation, Outcome},
    gate::Run,
    plan::Step,
    verdict::Decision,
};

/// Something to run: a check with its scene, or a job of another kind.
pub type Job = Pin<Box<dyn Future<Output = Observation> + Send>>;

/// Runs every step of a plan to its end, or to the first one that decides. Whoever calls this cuts it off.
pub async fn run(steps: Vec<Step>, scene: Scene, board: &Board, run: Run) {
    let jobs = steps
        .into_iter()
        .map(|step| {
            let scene = Scene { policies: step.spec.policies, ..scene.clone() };
            let job: Job = Box::pin(async move {
                match step.settled {
                    Some(settled) => settled,
                    None => step.spec.check.look(&scene).await,
                }
            });
            (job, step.waits_for)
        })
        .collect();
    run_jobs(jobs, board, run).await;
}

/// Runs jobs at once, each after those that it waits for, if all of them held.
pub async fn run_jobs(jobs: Vec<(Job, Vec<usize>)>, board: &Board, run: Run) {
    // For each job a place to say whether it held; none means that it has not ended.
    let (say, hear): (Vec<_>, Vec<_>) = jobs.iter().map(|_| watch::channel(None::<bool>)).unzip();
    let mut running = JoinSet::new();
    for (index, ((job, waits_for), say)) in jobs.into_iter().zip(say).enumerate() {
        let barriers: Vec<_> =
            waits_for.into_iter().filter_map(|before| Some((before, hear.get(before)?.clone()))).collect();
        let board = board.clone();
        running.spawn(async move {
            for (before, barrier) in barriers {
                if opened(barrier).await {
                    continue;
                }
                board.begin(index);
                let before = board.name_of(before);
                let why = Observation::failed(
                    Code::NotRun,
                    "check",
                    format!("{before} to hold"),
                    format!("{before} did not hold"),
                );
                // What it waited for has decided, if anything has.
                board.end(index, why.but(Outcome::NotRun, Code::NotRun));
                return None;
            }
            board.begin(index);
            // A task of its own, so that a panic is its alone; aborted with this one when the JoinSet is dropped.
            let mut own = JoinSet::new();
            own.spawn(job);
            let observation = match own.join_next().await {
                Some(Ok(observation)) => observation,
                _ => Observation::errored(Code::CheckPanicked, "check", "it panicked"),
            };
            let held = observation.holds();
            let decision = board.end(index, observation);
            // After the writing down: what waits for it may tell of it.
            say.send_replace(Some(held));
            (decision == Decision::Fail).then_some(index)
        });
    }
    while let Some(ended) = running.join_next().await {
        if let (Run::FailFast, Ok(Some(index))) = (run, ended) {
            board.decided(index);
            // With the set, all that still runs is given up.
            return;
        }
    }
}

/// Waits until a barrier has ended; false when it did not hold, or went away.
async fn opened(mut barrier: watch::Receiver<Option<bool>>) -> bool {
    match barrier.wait_for(Option::is_some).await {
        Ok(held) => held.unwrap_or(false),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        board::CutOff,
        finding::{Policies, Policy},
    };

    fn good() -> Job {
        Box::pin(async { Observation::passed("web", "fine") })
    }

    fn bad() -> Job {
        Box::pin(async { Observation::failed(Code::NotSteady, "web", "fine", "not") })
    }

    fn panics() -> Job {
        Box::pin(async { panic!("a check with a fault") })
    }

    fn never() -> Job {
        Box::pin(std::future::pending())
    }

    async fn outcomes(jobs: Vec<(Job, Vec<usize>)>) -> Vec<Outcome> {
        outcomes_of(jobs, Run::Collect, Policies::default()).await
    }

    async fn outcomes_of(jobs: Vec<(Job, Vec<usize>)>, run: Run, policies: Policies) -> Vec<Outcome> {
        let board = Board::new(Arc::new(|_, _| {}));
        board.plan(jobs.iter().map(|_| ("check", "ecs", policies)));
        run_jobs(jobs, &board, run).await;
        board.close(&CutOff::Time(Duration::ZERO)).iter().map(|finding| finding.observation.outcome).collect()
    }

    #[tokio::test]
    async fn all_findings_are_kept_and_a_panic_is_one_of_them() {
        let seen = outcomes(vec![(good(), vec![]), (panics(), vec![]), (bad(), vec![])]).await;
        assert_eq!(seen, [Outcome::Passed, Outcome::Errored, Outcome::Failed]);
    }

    #[tokio::test]
    async fn what_is_behind_a_barrier_runs_only_if_it_holds() {
        assert_eq!(outcomes(vec![(good(), vec![1]), (good(), vec![])]).await, [Outcome::Passed, Outcome::Passed]);
        let all = vec![(good(), vec![1, 2]), (good(), vec![]), (bad(), vec![])];
        assert_eq!(outcomes(all).await, [Outcome::NotRun, Outcome::Passed, Outcome::Failed]);
        assert_eq!(outcomes(vec![(good(), vec![1]), (bad(), vec![])]).await, [Outcome::NotRun, Outcome::Failed]);
        assert_eq!(outcomes(vec![(good(), vec![1]), (panics(), vec![])]).await, [Outcome::NotRun, Outcome::Errored]);
    }

    #[tokio::test]
    async fn the_first_that_decides_ends_the_others_where_the_file_says_so() {
        let jobs = || vec![(never(), vec![]), (bad(), vec![]), (good(), vec![0])];
        let fast = outcomes_of(jobs(), Run::FailFast, Policies::default()).await;
        assert_eq!(fast, [Outcome::NotRun, Outcome::Failed, Outcome::NotRun]);
        let warns = Policies { on_fail: Policy::Warn, ..Policies::default() };
        let fast = outcomes_of(vec![(bad(), vec![]), (good(), vec![])], Run::FailFast, warns).await;
        assert_eq!(fast, [Outcome::Failed, Outcome::Passed], "what only warns decides nothing");
    }
}
