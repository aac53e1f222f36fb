//! `--once`: when a served world ends, and whether it ended as its scenario expects.

use std::time::Duration;

use rehearsal::{AwsCall, DeploymentOutcome, EventKind, Hook, Scenario, ServeEvent};

use super::{messages, serve_printer::LABEL_COLUMN};
use crate::terminal::{Emphasis, TerminalStyle};

/// How the deployments of a served world end, for the exit status of `--once`.
pub struct OnceResult {
    /// The outcomes of the deployments that have not ended.
    expected: std::vec::IntoIter<DeploymentOutcome>,
    /// The hook of the current deployment that got no status.
    unanswered: Option<Hook>,
    differences: Vec<String>,
}

impl OnceResult {
    pub fn new(scenario: &Scenario) -> Self {
        let expected: Vec<_> = scenario.deployments.iter().map(|deployment| deployment.expect.outcome).collect();
        Self { expected: expected.into_iter(), unanswered: None, differences: Vec::new() }
    }

    /// What is not as the scenario expects, after its last deployment.
    pub fn add(&mut self, event: &ServeEvent) -> Option<Vec<String>> {
        let ServeEvent::Rehearsal(moment) = event else { return None };
        match &moment.kind {
            EventKind::HookFinished(run) if run.status.is_none() => self.unanswered = Some(run.hook),
            EventKind::DeploymentEnded { outcome, .. } => {
                let unanswered = self.unanswered.take().filter(|_| *outcome != DeploymentOutcome::Stopped);
                self.differences.extend(unanswered.map(|hook| format!("{hook} got no status")));
                let expected = self.expected.next();
                if let Some(expected) = expected.filter(|expected| expected != outcome) {
                    let [expected, outcome] = [expected, *outcome].map(|outcome| messages::outcome_label(outcome).0);
                    self.differences.push(format!("expected the deployment to end as {expected}, was {outcome}"));
                }
                if self.expected.as_slice().is_empty() {
                    return Some(std::mem::take(&mut self.differences));
                }
            }
            _ => {}
        }
        None
    }
}

/// How long the world goes on after the end of its last deployment, for a client that has created it and waits for it.
/// Waiters of the AWS SDKs and of the CLI read a deployment every 15 seconds.
const CLIENT_WAIT: Duration = Duration::from_secs(60);
/// How long it goes on after a reply that a client may still be reading.
const LAST_REPLY: Duration = Duration::from_secs(1);

/// The end of `--once`.
pub struct OnceEnd {
    pub is_success: bool,
    at: tokio::time::Instant,
}

impl OnceEnd {
    pub fn new(differences: &[String], has_client: bool) -> Self {
        let wait = if has_client { CLIENT_WAIT } else { LAST_REPLY };
        Self { is_success: differences.is_empty(), at: tokio::time::Instant::now() + wait }
    }

    /// A client that has read the deployment knows how it ended.
    pub fn note(&mut self, event: &ServeEvent) {
        if let ServeEvent::AwsCall(AwsCall { operation, error: None, .. }) = event
            && operation == "codedeploy:GetDeployment"
        {
            self.at = self.at.min(tokio::time::Instant::now() + LAST_REPLY);
        }
    }
}

pub async fn sleep_until_end(end: Option<&OnceEnd>) {
    if let Some(end) = end {
        tokio::time::sleep_until(end.at).await;
    }
}

/// The last line of `--once`.
pub fn render_end(style: TerminalStyle, differences: &[String]) -> String {
    let head = format!("{:LABEL_COLUMN$}", "");
    match differences {
        [] => style.hanging(&head, LABEL_COLUMN, Emphasis::Success, "ended as the scenario expects"),
        some => style.hanging(&head, LABEL_COLUMN, Emphasis::Error, &some.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use rehearsal::RehearsalEvent;

    use super::*;

    fn result_of(outcomes: &[DeploymentOutcome], status: Option<rehearsal::Status>) -> Option<Vec<String>> {
        let scenario = Scenario::named("route-503").unwrap();
        let mut result = OnceResult::new(&scenario);
        let moment = |kind| ServeEvent::Rehearsal(RehearsalEvent { at: Duration::ZERO, kind });
        let run = rehearsal::HookRun { status, ..crate::rehearse::fixtures::stopped_run() };
        assert_eq!(result.add(&moment(EventKind::HookFinished(run))), None);
        let mut ended = None;
        for outcome in outcomes {
            ended = result.add(&moment(EventKind::DeploymentEnded { outcome: *outcome, text: String::new() }));
        }
        ended
    }

    #[test]
    fn a_client_that_waits_for_its_deployment_reads_the_end_of_it() {
        let call = |operation: &str| {
            let (operation, caller) = (operation.to_owned(), "aws-cli/2.31.0".to_owned());
            ServeEvent::AwsCall(AwsCall { operation, caller, error: None })
        };
        let remaining = |end: &OnceEnd| end.at.saturating_duration_since(tokio::time::Instant::now());
        let mut end = OnceEnd::new(&[], true);
        end.note(&call("codedeploy:ListDeployments"));
        assert!(remaining(&end) > LAST_REPLY, "it does not know the end yet");
        end.note(&call("codedeploy:GetDeployment"));
        assert!(remaining(&end) <= LAST_REPLY);
        assert!(remaining(&OnceEnd::new(&[], false)) <= LAST_REPLY, "nobody waits for it");
    }

    #[test]
    fn once_compares_the_outcome_and_wants_a_status_of_every_hook() {
        use DeploymentOutcome::{RolledBack, Stopped, Succeeded};
        use rehearsal::Status::Failed;
        assert_eq!(result_of(&[RolledBack], Some(Failed)), Some(Vec::new()));
        let succeeded = vec!["expected the deployment to end as rolled back, was succeeded".to_owned()];
        assert_eq!(result_of(&[Succeeded], Some(Failed)), Some(succeeded));
        let silent = vec!["AfterAllowTestTraffic got no status".to_owned()];
        assert_eq!(result_of(&[RolledBack], None), Some(silent), "nobody put a status");
        let stopped = vec!["expected the deployment to end as rolled back, was stopped".to_owned()];
        assert_eq!(result_of(&[Stopped], None), Some(stopped), "an operator stopped it, so the hook owes no status");
        assert_eq!(result_of(&[], Some(Failed)), None, "it goes on");
    }
}
