//! Runs the checks of a plan at the same time, except that some wait for barriers. A panic becomes a finding.

use std::{future::Future, pin::Pin};

use gate::{PlannedCheck, ReasonCode};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    checks::{self, CheckContext},
    finding::Observation,
    finding_log::FindingLog,
};

pub use gate::grace;

/// A check with its context.
type CheckJob = Pin<Box<dyn Future<Output = Observation> + Send>>;

/// Runs every check of a plan until it ends or the verdict is certain. The caller limits the time.
pub async fn run(steps: Vec<PlannedCheck>, context: CheckContext, finding_log: &FindingLog) {
    let jobs = steps
        .into_iter()
        .map(|step| {
            let context = CheckContext { policies: step.spec.policies, ..context.clone() };
            let job: CheckJob = Box::pin(async move {
                match step.preset {
                    Some(settled) => settled.into(),
                    None => checks::run(&step.spec, &context).await,
                }
            });
            (job, step.depends_on)
        })
        .collect();
    run_jobs(jobs, finding_log).await;
}

/// Runs all jobs at the same time. Each starts after the jobs it waits for, if all of them passed.
async fn run_jobs(jobs: Vec<(CheckJob, Vec<usize>)>, finding_log: &FindingLog) {
    // One channel for each job reports whether it passed. None means that it has not ended.
    let (tx, rx): (Vec<_>, Vec<_>) = jobs.iter().map(|_| watch::channel(None::<bool>)).unzip();
    let mut running = JoinSet::new();
    for (index, ((job, waits_for), ended)) in jobs.into_iter().zip(tx).enumerate() {
        let barriers: Vec<_> =
            waits_for.into_iter().filter_map(|before| Some((before, rx.get(before)?.clone()))).collect();
        let log = finding_log.clone();
        running.spawn(async move {
            for (before, barrier) in barriers {
                log.check_waiting(index, before);
                if !barrier_passed(barrier).await {
                    log.check_started(index);
                    return log.check_blocked(index);
                }
            }
            log.check_started(index);
            // A separate task contains a panic. Dropping the JoinSet aborts it together with this one.
            let mut own = JoinSet::new();
            own.spawn(job);
            let observation = match own.join_next().await {
                Some(Ok(observation)) => observation,
                _ => Observation::errored(ReasonCode::CheckPanicked, "", "it panicked"),
            };
            let is_ok = observation.is_ok();
            log.check_finished(index, observation);
            // Only after recording it, because a job that waits for this one may name its result.
            ended.send_replace(Some(is_ok));
        });
    }
    let all_ended = async { while running.join_next().await.is_some() {} };
    tokio::select! {
        biased;
        () = all_ended => {}
        // Dropping the set stops every check that is still running.
        () = finding_log.verdict_certain() => {}
    }
}

/// Waits until a barrier has ended. False if it did not pass, or if its task is gone.
async fn barrier_passed(mut barrier: watch::Receiver<Option<bool>>) -> bool {
    match barrier.wait_for(Option::is_some).await {
        Ok(passed) => passed.unwrap_or(false),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use gate::{COLLECT_GRACE, Mode, RunMode};

    use super::*;
    use crate::{
        finding::{Outcome, Policies, Policy},
        finding_log::Interruption,
    };

    fn good() -> CheckJob {
        Box::pin(async { Observation::passed("web", "fine") })
    }

    fn bad() -> CheckJob {
        Box::pin(async { Observation::failed(ReasonCode::NotSteady, "web", "fine", "not") })
    }

    fn panics() -> CheckJob {
        Box::pin(async { panic!("a check with a bug") })
    }

    fn never() -> CheckJob {
        Box::pin(std::future::pending())
    }

    async fn findings(
        jobs: Vec<(CheckJob, Vec<usize>)>,
        grace: Option<Duration>,
        policies: Policies,
    ) -> Vec<(Outcome, Option<ReasonCode>)> {
        let finding_log = FindingLog::new(Arc::new(|_, _, _| {}));
        finding_log.set_plan(jobs.iter().map(|_| ("check", "ecs", policies)), grace);
        run_jobs(jobs, &finding_log).await;
        let findings = finding_log.finish(&Interruption::Time(Duration::ZERO)).findings;
        findings.iter().map(|finding| (finding.observation.outcome, finding.observation.code)).collect()
    }

    async fn outcomes(jobs: Vec<(CheckJob, Vec<usize>)>) -> Vec<Outcome> {
        findings(jobs, None, Policies::default()).await.into_iter().map(|(outcome, _)| outcome).collect()
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

    fn bad_after(span: Duration) -> CheckJob {
        Box::pin(async move {
            tokio::time::sleep(span).await;
            Observation::failed(ReasonCode::NotSteady, "web", "fine", "not")
        })
    }

    const FAILED: (Outcome, Option<ReasonCode>) = (Outcome::Failed, Some(ReasonCode::NotSteady));
    const CUT_OFF: (Outcome, Option<ReasonCode>) = (Outcome::NotRun, Some(ReasonCode::CutOff));

    #[tokio::test(start_paused = true)]
    async fn once_the_verdict_is_certain_the_others_get_their_grace_and_no_more() {
        let began = tokio::time::Instant::now();
        let jobs = vec![
            (never(), vec![]),
            (bad(), vec![]),
            (good(), vec![0]),
            (bad_after(Duration::from_secs(4)), vec![]),
            (bad_after(Duration::from_secs(6)), vec![]),
        ];
        let seen = findings(jobs, Some(COLLECT_GRACE), Policies::default()).await;
        assert_eq!(seen, [CUT_OFF, FAILED, CUT_OFF, FAILED, CUT_OFF]);
        // The second failure did not extend the grace.
        assert_eq!(began.elapsed(), COLLECT_GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn no_grace_ends_the_others_at_once() {
        let began = tokio::time::Instant::now();
        let jobs = vec![(never(), vec![]), (bad(), vec![]), (good(), vec![0])];
        let seen = findings(jobs, Some(Duration::ZERO), Policies::default()).await;
        assert_eq!((seen, began.elapsed()), (vec![CUT_OFF, FAILED, CUT_OFF], Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_only_warns_makes_nothing_certain() {
        let warns = Policies { on_fail: Policy::Warn, ..Policies::default() };
        let jobs = vec![(bad(), vec![]), (bad_after(Duration::from_secs(600)), vec![])];
        assert_eq!(findings(jobs, Some(Duration::ZERO), warns).await, [FAILED, FAILED]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_only_observes_runs_every_check_to_its_end() {
        let jobs = vec![(bad(), vec![]), (bad_after(Duration::from_secs(600)), vec![])];
        let grace = grace(lifecycle::Hook::AfterAllowTraffic, RunMode::Collect, Mode::Observe);
        assert_eq!(findings(jobs, grace, Policies::default()).await, [FAILED, FAILED]);
    }
}
