//! Runs the planned checks.

use std::{collections::BTreeSet, sync::Arc};

use aws_client::Aws;
use gate::{Fact, PlannedCheck};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{Evaluated, EvaluationContext, plan::HookPlan, time_limit::TimeLimit, view::View};
use crate::{
    checks::{self, CheckContext},
    conclusion::STRICT,
    finding_log::FindingLog,
    runner,
    secrets::Secrets,
};

/// Runs every check until it ends, the verdict is certain, or the limit is reached. What they found is in the log.
/// `aws` has the retries of the whole hook, and fetches the secrets.
pub async fn checks(
    cx: &EvaluationContext,
    aws: Aws,
    plan: HookPlan,
    view: View,
    log: &FindingLog,
    (started_at, limit): (Instant, TimeLimit),
) -> Evaluated {
    let HookPlan { checks: steps, grace, secrets, gate_file } = plan;
    log.set_plan(steps.iter().map(|step| (step.spec.name.as_str(), step.spec.check.key(), step.spec.policies)), grace);
    let secrets = Arc::new(Secrets::new(secrets, aws, log.clone()));
    let fetching = secrets.clone().fetch(used_facts(&steps));
    let context = CheckContext {
        target: view.target,
        aws: cx.aws_with_retries(started_at, limit.until),
        http_client: cx.http_client.clone(),
        test_address: cx.settings.alb_url.clone(),
        host: cx.settings.host.clone(),
        env_facts: cx.env_facts(),
        gate_file,
        secrets,
        traffic_since: view.traffic_since,
        policies: STRICT,
        listeners: Arc::default(),
        permits: Arc::new(Semaphore::new(checks::MAX_PARALLEL_ATTEMPTS)),
        deadline: limit.until,
        out_of_time_hint: limit.hint,
    };
    // The checks of this hook may have less time than the hook has until it must put the status.
    let checking = timeout_at(limit.until, runner::run(steps, context, log));
    // Secrets are fetched at the same time, so that no check waits for a secret that it does not use.
    tokio::select! {
        _ = checking => {}
        () = async { fetching.await; std::future::pending().await } => {}
    }
    Evaluated::Checked
}

/// The facts of the checks that will really run.
fn used_facts(steps: &[PlannedCheck]) -> BTreeSet<Fact> {
    steps.iter().filter(|step| step.preset.is_none()).flat_map(|step| step.spec.facts.clone()).collect()
}

#[cfg(test)]
mod tests {
    use gate::{Plan, WhenContext, plan};
    use lifecycle::Hook;

    use super::*;

    #[test]
    fn secret_of_a_check_that_does_not_apply_is_not_fetched() {
        let file = "version: 1
secrets: { used: 'ssm:/used', unused: 'ssm:/unused' }
hooks:
  after_install:
    checks:
      - { http: 'http://x.example/', headers: { X: '{{secret.used}}' }, expect: [status == 200] }
      - { http: 'http://y.example/', headers: { X: '{{secret.unused}}' }, expect: [status == 200], when: [region == us-east-1] }
";
        let section = gate::load_with(|_| "version: 1", Hook::AfterInstall, Some(file)).unwrap();
        let circumstances = WhenContext { region: "eu-west-1".to_owned(), ..WhenContext::default() };
        let Plan::Checks(steps) = plan(section, &circumstances) else { panic!("no checks") };
        assert_eq!(used_facts(&steps), BTreeSet::from([Fact::Secret("used".to_owned())]));
    }
}
