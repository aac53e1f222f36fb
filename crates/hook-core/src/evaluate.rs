//! Evaluates one deployment: settings, discovery, lifecycle event, gate file, plan and checks.
//!
//! Results go to the finding log. A problem before the first check is a finding too, so that it is reported and decides
//! the status.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    aws::{Aws, AwsError, DiscoveredDeployment},
    checks::{self, CheckContext, GateFileInput, HttpClient, KnownFacts},
    code::ReasonCode,
    deadline,
    finding::{Observation, Outcome, Policies, Policy},
    finding_log::FindingLog,
    gate::{self, Fact, HookSection, SkipDecision, WhenContext},
    gate_source::LoadGateFile as _,
    hook::Hook,
    ids::DeploymentId,
    model::{Deployment, EventMatch, LifecycleProgress},
    plan::{self, Plan},
    runner::{self, CheckJob},
    secrets::Secrets,
    settings::{GateSource, RollbackPolicy, Settings, WrongEventPolicy},
};

/// What an evaluation needs: created once and shared by all events.
pub struct EvaluationContext {
    /// The hook that is evaluated.
    pub hook: Hook,
    /// The AWS clients, for reading only.
    pub aws: Aws,
    /// The client for HTTP and TCP checks.
    pub http_client: HttpClient,
    /// The settings from the environment variables.
    pub settings: Settings,
}

/// CodeDeploy's record of its lifecycle events lags. If it shows no event in progress, the hook reads it again for this
/// long.
const NO_EVENT_RETRY: Duration = Duration::from_secs(10);
/// How long to read the record again while another hook's event is in progress.
const OTHER_EVENT_RETRY: Duration = Duration::from_secs(3);
/// How long to read the record again while one of CodeDeploy's own events is in progress, or while there is no record:
/// in both cases the record can only be late.
const OWN_EVENT_RETRY: Duration = Duration::from_secs(60);
/// At most this share of the remaining time is spent on it, because the checks need the rest.
const OWN_EVENT_RETRY_SHARE: u32 = 4;
/// The pause between two reads of the record.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

const WARN: Policies = Policies { on_fail: Policy::Warn, on_error: Policy::Warn, no_data: Policy::Warn };
const STRICT: Policies = Policies { on_fail: Policy::Fail, on_error: Policy::Fail, no_data: Policy::Fail };

/// Records in the finding log what can be found out by `until`. Returns nothing: the finding log has the results.
pub async fn evaluate(cx: Arc<EvaluationContext>, deployment: DeploymentId, finding_log: FindingLog, until: Instant) {
    evaluate_steps(&cx, &deployment, &finding_log, until).await;
    finding_log.end_phase();
}

async fn evaluate_steps(cx: &EvaluationContext, deployment: &DeploymentId, finding_log: &FindingLog, until: Instant) {
    let settings = &cx.settings;
    let broken = settings.errors.split_first().map(|(first, more)| {
        let observation = Observation::failed(ReasonCode::SettingsInvalid, "environment", "", first.clone());
        ("settings", observation.with_details(more.iter().cloned()))
    });
    if let (Hook::AfterAllowTestTraffic, Some(alb_url), GateSource::None, None) =
        (cx.hook, &settings.alb_url, &settings.gate, &broken)
    {
        return run_alb_url_smoke_test(&cx.http_client, alb_url, &settings.routes, finding_log).await;
    }
    finding_log.begin_phase("discovery", format!("deployment {deployment}"));
    let started_at = Instant::now();
    let aws = cx.aws_with_retries(started_at, until);
    let discovery = aws.discover(deployment, settings.rollback == RollbackPolicy::Skip).await;
    if let Ok(discovery) = &discovery {
        finding_log.update_context(|context, redactor| context.add_deployment(&discovery.deployment, redactor));
    }
    // A rollback repairs a bad deployment, so a problem here must not block it.
    if let Ok(discovery) = &discovery
        && discovery.deployment.is_rollback
        && settings.rollback == RollbackPolicy::Skip
    {
        let resource = format!("deployment {deployment}");
        let seen = format!("a rollback (creator {}), so nothing was checked", discovery.deployment.creator);
        finding_log.record("rollback", WARN, Observation::failed(ReasonCode::RollbackDeployment, resource, "", seen));
        return;
    }
    if let Some((kind, observation)) = broken {
        return finding_log.record(kind, STRICT, observation);
    }
    let discovery = match discovery {
        // Without the deployment it is not known which gate file belongs to it.
        Err(fault) if settings.gate.is_per_deployment() => return record_aws_error(finding_log, deployment, fault),
        discovery => discovery,
    };
    finding_log.begin_phase("gate", settings.gate.display_name());
    let (text, mut gate) = match cx.load_gate(&aws, discovery.as_ref().ok().map(|it| &it.deployment), finding_log).await
    {
        Ok(gate) => gate,
        Err(observation) => return finding_log.record("gate", STRICT, observation),
    };
    finding_log.begin_phase("discovery", format!("deployment {deployment}"));
    finding_log.set_mode(gate.mode);
    if !gate.notify.is_empty() {
        let why =
            format!("`notify` is not supported by this version: no message is sent to {}", gate.notify.join(", "));
        finding_log.record("notify", WARN, Observation::errored(ReasonCode::NotSupportedYet, "gate file", why));
    }
    let discovery = match discovery {
        Ok(discovery) => discovery,
        Err(fault) => return record_aws_error(finding_log, deployment, fault),
    };
    if is_skipped(&gate, &discovery.deployment, finding_log, SystemTime::now()) {
        return;
    }
    let Some(discovery) = cx.confirm_event(&aws, discovery, deployment, finding_log, until).await else { return };
    let event_expires_at = discovery
        .progress
        .own_event_started_at(cx.hook)
        .map(|at| deadline::event_expires_at(at, SystemTime::now(), Instant::now()));
    let until = event_expires_at.map_or(until, |hour| until.min(hour));
    let until = gate.deadline.map_or(until, |limit| until.min(Instant::now() + limit));
    let circumstances = cx.when_context(&discovery.deployment);
    if let Some(settled) = gate::why_not_applicable(&gate.when, &circumstances) {
        return finding_log.record("when", STRICT, settled.into());
    }
    let grace = runner::grace(cx.hook, gate.run_mode(), gate.mode);
    let secrets = std::mem::take(&mut gate.secrets);
    let steps = match plan::plan(gate, &circumstances) {
        Plan::Checks(steps) => steps,
        Plan::ExplicitlyEmpty => {
            finding_log.record("gate", STRICT, Observation::excluded("gate file", "it says `checks: none`"));
            return;
        }
        Plan::Empty => {
            let expected = "a check, or `checks: none`";
            finding_log.record(
                "gate",
                STRICT,
                Observation::failed(ReasonCode::GateEmpty, "gate file", expected, "neither for this hook"),
            );
            return;
        }
    };
    // A canary moves a part of the traffic long before AfterAllowTraffic.
    let traffic_since =
        (cx.hook == Hook::AfterAllowTraffic).then(|| discovery.progress.started_at("AllowTraffic")).flatten();
    let target = match aws.deployment_view(discovery, settings.service.as_ref()).await {
        Ok(target) => Arc::new(target),
        Err(fault) => return record_aws_error(finding_log, deployment, fault),
    };
    finding_log.update_context(|context, redactor| context.add_view(&target, redactor));
    let service = &target.service;
    if !service.is_active() {
        let resource = format!("service {} of cluster {}", service.name, target.cluster);
        let observation = Observation::failed(ReasonCode::ServiceNotActive, resource, "status ACTIVE", &service.status);
        finding_log.record("discovery", STRICT, observation);
        return;
    }
    finding_log.set_plan(steps.iter().map(|step| (step.spec.name.as_str(), step.spec.kind, step.spec.policies)), grace);
    let used_facts =
        steps.iter().filter(|step| step.preset.is_none()).flat_map(|step| step.spec.facts.clone()).collect();
    let secrets = Arc::new(Secrets::new(secrets, aws.clone(), finding_log.clone()));
    let fetching = secrets.clone().fetch(used_facts);
    let scene = CheckContext {
        target,
        aws: cx.aws_with_retries(started_at, until),
        http_client: cx.http_client.clone(),
        test_address: settings.alb_url.clone(),
        host: settings.host.clone(),
        env_facts: cx.env_facts(),
        gate_file: Arc::new(GateFileInput { text, when_context: circumstances }),
        secrets,
        traffic_since,
        policies: STRICT,
        listeners: Arc::default(),
        permits: Arc::new(Semaphore::new(checks::MAX_PARALLEL_ATTEMPTS)),
        deadline: until,
    };
    // The checks of this hook may have less time than the hook has until it must put the status.
    let checking = timeout_at(until, runner::run(steps, scene, finding_log));
    // Secrets are fetched at the same time, so that no check waits for a secret that it does not use.
    tokio::select! {
        _ = checking => {}
        () = async { fetching.await; std::future::pending().await } => {}
    }
}

/// Whether the deployment's description contains the skip marker. A skip always logs a warning.
fn is_skipped(gate: &HookSection, deployment: &Deployment, finding_log: &FindingLog, now: SystemTime) -> bool {
    let Some(skip) = &gate.skip else { return false };
    let decision = skip.decide(&deployment.description, now);
    let resource = format!("deployment {}", deployment.id);
    let has = format!("its description has {:?}", skip.marker);
    match decision {
        SkipDecision::No => {}
        SkipDecision::Yes => {
            let seen = format!("{has}, so nothing is checked; the marker is valid until {}", skip.until);
            finding_log.record("skip", WARN, Observation::failed(ReasonCode::GateSkipped, resource, "", seen));
        }
        SkipDecision::Expired => {
            let seen = format!("{has}, which was valid until {}, so the deployment is checked", skip.until);
            finding_log.record("skip", WARN, Observation::failed(ReasonCode::SkipExpired, resource, "", seen));
        }
    }
    decision == SkipDecision::Yes
}

/// Records that the event's deadline had already passed at delivery, or that this process's clock is wrong.
pub fn record_no_time(finding_log: &FindingLog) {
    let seen = "none when the event was delivered, by this process's clock";
    let observation = Observation::failed(ReasonCode::RanOutOfTime, "invocation", "time left until the deadline", seen);
    finding_log.record("time", STRICT, observation.with_outcome(Outcome::TimedOut, ReasonCode::RanOutOfTime));
}

/// Records that no thread could be started for the evaluation.
pub fn record_no_thread(finding_log: &FindingLog, error: &std::io::Error) {
    finding_log.record(
        "runtime",
        STRICT,
        Observation::errored(ReasonCode::CheckFailed, "this process", format!("no thread for the checks: {error}")),
    );
}

impl EvaluationContext {
    /// The AWS clients, with the retries of a hook that started at `started_at`. A dry run has none: it shows an error
    /// at once.
    fn aws_with_retries(&self, started_at: Instant, until: Instant) -> Aws {
        match self.settings.wrong_event {
            WrongEventPolicy::Ignore => self.aws.clone(),
            WrongEventPolicy::Warn | WrongEventPolicy::Fail => self.aws.with_retries(started_at, until),
        }
    }

    /// The facts that are known before any check runs.
    fn env_facts(&self) -> Arc<KnownFacts> {
        let variables = self.settings.variables.0.iter();
        Arc::new(variables.map(|(name, value)| (Fact::Env(name.clone()), Ok(value.clone()))).collect())
    }

    /// Loads the gate file and its section for this hook, or explains why it cannot be used.
    async fn load_gate(
        &self,
        aws: &Aws,
        deployment: Option<&Deployment>,
        finding_log: &FindingLog,
    ) -> Result<(Option<String>, HookSection), Observation> {
        let file = self.settings.gate.load(aws, deployment).await?;
        finding_log.update_context(|context, redactor| context.add_gate(file.as_ref(), redactor));
        let text = file.map(|file| file.text);
        let gate = gate::load(self.hook, text.as_deref()).map_err(|faults| {
            // Diagnostics that share one code keep it: a gate file that is only newer than these hooks is not invalid.
            let code = match faults.split_first() {
                Some((first, rest)) if rest.iter().all(|other| other.code == first.code) => first.code,
                _ => ReasonCode::GateInvalid,
            };
            let mut messages = faults.iter().map(ToString::to_string);
            let first = messages.next().unwrap_or_default();
            Observation::failed(code, self.settings.gate.display_name(), "", first).with_details(messages)
        })?;
        Ok((text, gate))
    }

    /// The values that `when` can refer to.
    fn when_context(&self, deployment: &Deployment) -> WhenContext {
        WhenContext {
            application: deployment.application.clone(),
            deployment_group: deployment.group.clone(),
            region: self.settings.aws.region.clone().unwrap_or_default(),
            variables: self.settings.variables.0.clone(),
        }
    }

    /// A dry run works at any time, so a different event in progress is only noted. The checks see the current state.
    fn note_event_mismatch(&self, progress: &LifecycleProgress, deployment: &DeploymentId, finding_log: &FindingLog) {
        let at = match progress.match_event(self.hook) {
            EventMatch::Matches => return,
            EventMatch::Unknown { why, .. } | EventMatch::NotYetKnown(why) => {
                format!("the lifecycle event in progress is unknown: {why}")
            }
            EventMatch::OtherEvent(event) => format!("CodeDeploy is at {event}"),
            EventMatch::NoneInProgress => "no lifecycle event is in progress".to_owned(),
        };
        let own = self.hook.event_name();
        let note = format!("{at}, so {own} is evaluated against the current state");
        finding_log.record("wiring", STRICT, Observation::excluded(format!("deployment {deployment}"), note));
    }

    /// Checks that CodeDeploy is at this hook's event. Returns None if it is not, and records the reason.
    async fn confirm_event(
        &self,
        aws: &Aws,
        mut discovery: DiscoveredDeployment,
        deployment: &DeploymentId,
        finding_log: &FindingLog,
        until: Instant,
    ) -> Option<DiscoveredDeployment> {
        if self.settings.wrong_event == WrongEventPolicy::Ignore {
            self.note_event_mismatch(&discovery.progress, deployment, finding_log);
            return Some(discovery);
        }
        let started_at = Instant::now();
        while Instant::now() + RETRY_INTERVAL < until {
            let patience = match discovery.progress.match_event(self.hook) {
                EventMatch::Matches | EventMatch::Unknown { .. } => break,
                EventMatch::OtherEvent(_) => OTHER_EVENT_RETRY,
                EventMatch::NoneInProgress => NO_EVENT_RETRY,
                EventMatch::NotYetKnown(_) => {
                    OWN_EVENT_RETRY.min(until.saturating_duration_since(started_at) / OWN_EVENT_RETRY_SHARE)
                }
            };
            if started_at.elapsed() >= patience {
                break;
            }
            sleep(RETRY_INTERVAL).await;
            // The last successful read counts until another one succeeds, so a failed read cannot excuse a wrong event.
            match aws.refresh_progress(deployment, &discovery).await {
                LifecycleProgress::Unknown { .. } => {}
                seen => discovery.progress = seen,
            }
        }
        let resource = format!("deployment {deployment}");
        let own = self.hook.event_name();
        let (observation, is_certain) = match discovery.progress.match_event(self.hook) {
            EventMatch::Matches => return Some(discovery),
            // The deployment does not continue on checks that may belong to another event.
            EventMatch::Unknown { code, why } => (Observation::errored(code, resource, why), false),
            EventMatch::NotYetKnown(why) => {
                (Observation::errored(ReasonCode::LifecycleStateUnknown, resource, why), false)
            }
            EventMatch::OtherEvent(event) => (
                Observation::failed(ReasonCode::WrongEvent, resource, format!("event {own} in progress"), event),
                false,
            ),
            EventMatch::NoneInProgress => {
                let expected = format!("event {own} in progress");
                (Observation::failed(ReasonCode::NoEventInProgress, resource, expected, "none"), true)
            }
        };
        if self.settings.wrong_event == WrongEventPolicy::Warn && !is_certain {
            finding_log.record("wiring", WARN, observation);
            return Some(discovery);
        }
        finding_log.record("wiring", STRICT, observation);
        None
    }
}

/// Records why discovery failed. Without it no check can be trusted, and the reason is what AWS reported.
fn record_aws_error(finding_log: &FindingLog, deployment: &DeploymentId, fault: AwsError) {
    if fault.code == ReasonCode::SettingsInvalid {
        return finding_log.record(
            "settings",
            STRICT,
            Observation::failed(fault.code, "environment", "", fault.detail),
        );
    }
    let observation = fault.into_observation();
    let resource = format!("deployment {deployment}: {}", observation.resource);
    let outcome =
        if observation.code == Some(ReasonCode::PlatformUnsupported) { Outcome::Failed } else { observation.outcome };
    finding_log.record("discovery", STRICT, Observation { resource, outcome, ..observation });
}

/// The smoke test of the article that this project grew from: HEAD requests to `ALB_URL`. It replaces everything else.
async fn run_alb_url_smoke_test(probe: &HttpClient, alb_url: &str, routes: &[String], finding_log: &FindingLog) {
    // A query can contain values that must not be in a log.
    let path = |route: &str| route.split(['?', '#']).next().unwrap_or_default().to_owned();
    let names: Vec<String> = routes.iter().map(|route| format!("HEAD {}", path(route))).collect();
    finding_log.set_plan(names.iter().map(|name| (name.as_str(), "http", STRICT)), None);
    let jobs = routes.iter().map(|route| {
        let job: CheckJob =
            Box::pin(checks::alb_url_check(probe.clone(), alb_url.to_owned(), route.clone(), finding_log.redactor()));
        (job, Vec::new())
    });
    runner::run_jobs(jobs.collect(), finding_log).await;
    // The requests are sent at once, and a listener that lags can still forward to the original.
    let seen =
        "the old version may have responded; a gate file with `forwards_to: green` verifies the version (GATE-FILE.md)";
    let seen = Observation::passed("ALB_URL", seen).with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified);
    finding_log.record("version", WARN, seen);
}
