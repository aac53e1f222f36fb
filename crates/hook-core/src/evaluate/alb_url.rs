//! The smoke test of the article that this project grew from: HEAD requests to `ALB_URL`. It replaces everything else.

use gate::ReasonCode;
use lifecycle::Hook;

use super::Evaluated;
use crate::{
    checks::{self, HttpClient},
    conclusion::{STRICT, WARN},
    finding::{Observation, Outcome},
    finding_log::FindingLog,
    phase::Phase,
    runner::{self, CheckJob},
    settings::{GateSource, Settings},
};

/// The smoke test that the settings ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmokeTest {
    alb_url: String,
    routes: Vec<String>,
}

impl SmokeTest {
    /// Only AfterAllowTestTraffic runs it, only without a gate file, and only if all settings are valid.
    pub fn from_settings(hook: Hook, settings: &Settings) -> Option<Self> {
        match (hook, &settings.alb_url, &settings.gate) {
            (Hook::AfterAllowTestTraffic, Some(alb_url), GateSource::None) if settings.errors.is_empty() => {
                Some(Self { alb_url: alb_url.clone(), routes: settings.routes.clone() })
            }
            _ => None,
        }
    }

    /// The names of its checks, without the query of a route: it can contain values that must not be in a log.
    fn check_names(&self) -> Vec<String> {
        let path = |route: &str| route.split(['?', '#']).next().unwrap_or_default().to_owned();
        self.routes.iter().map(|route| format!("HEAD {}", path(route))).collect()
    }

    /// Sends the requests.
    pub async fn run(self, http_client: &HttpClient, log: &FindingLog) -> Evaluated {
        let names = self.check_names();
        log.set_plan(names.iter().map(|name| (name.as_str(), "http", STRICT)), None);
        let jobs = self.routes.into_iter().map(|route| {
            let check = checks::alb_url_check(http_client.clone(), self.alb_url.clone(), route, log.redactor());
            let job: CheckJob = Box::pin(check);
            (job, Vec::new())
        });
        runner::run_jobs(jobs.collect(), log).await;
        log.record(Phase::Version, WARN, version_unverified());
        Evaluated::Checked
    }
}

/// The requests are sent at once, and a listener that lags can still forward to the original.
fn version_unverified() -> Observation {
    let seen =
        "the old version may have responded; a gate file with `forwards_to: green` verifies the version (GATE-FILE.md)";
    Observation::passed("ALB_URL", seen).with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a function with only `ALB_URL` has.
    fn settings() -> Settings {
        Settings {
            alb_url: Some("alb.example".to_owned()),
            routes: vec!["/health?token=sesame".to_owned(), "/".to_owned()],
            ..Settings::default()
        }
    }

    #[test]
    fn alb_url_alone_asks_for_the_smoke_test() {
        let test = SmokeTest::from_settings(Hook::AfterAllowTestTraffic, &settings()).unwrap();
        assert_eq!(test.check_names(), ["HEAD /health", "HEAD /"]);
    }

    #[test]
    fn every_other_hook_has_none() {
        for hook in Hook::ALL.into_iter().filter(|hook| *hook != Hook::AfterAllowTestTraffic) {
            assert_eq!(SmokeTest::from_settings(hook, &settings()), None, "{hook}");
        }
    }

    #[test]
    fn without_alb_url_there_is_none() {
        let settings = Settings { alb_url: None, ..settings() };
        assert_eq!(SmokeTest::from_settings(Hook::AfterAllowTestTraffic, &settings), None);
    }

    #[test]
    fn gate_file_replaces_it() {
        let settings = Settings { gate: GateSource::Inline("version: 1".to_owned()), ..settings() };
        assert_eq!(SmokeTest::from_settings(Hook::AfterAllowTestTraffic, &settings), None);
    }

    #[test]
    fn invalid_setting_prevents_it() {
        let settings = Settings { errors: vec!["GREENLIGHT_LOG is wrong".to_owned()], ..settings() };
        assert_eq!(SmokeTest::from_settings(Hook::AfterAllowTestTraffic, &settings), None);
    }

    #[test]
    fn version_warns_and_never_fails() {
        use crate::verdict::{Decision, decide};
        assert_eq!(decide(&version_unverified(), WARN), Decision::Warn);
    }
}
