//! The smoke test of the article that this project grew from: HEAD requests to `ALB_URL`. It replaces everything else.

use std::{collections::BTreeMap, sync::Arc};

use gate::{CheckSpec, Kind, PlannedCheck, ReasonCode, kinds::HttpSpec};

use super::plan::HookPlan;
use crate::{
    conclusion::{Conclusion, STRICT},
    finding::{Observation, Outcome},
    phase::Phase,
};

/// One check for each route. They start at once, and all of them run to their end.
///
/// # Errors
/// A check is not valid.
pub fn plan(routes: &[String]) -> Result<HookPlan, Conclusion> {
    let spec = |route: &String| {
        let mut spec = CheckSpec::implicit(Kind::Http(HttpSpec::smoke_test(route)?), STRICT);
        // Without the query: it can contain values that must not be in a log.
        let path = route.split(['?', '#']).next().unwrap_or_default();
        spec.name = format!("HEAD {path}");
        Ok(spec)
    };
    let specs: Result<Vec<CheckSpec>, gate::Message> = routes.iter().map(spec).collect();
    let specs = specs.map_err(|why| {
        let observation = Observation::errored(ReasonCode::CheckFailed, "ALB_URL", why.to_string());
        Conclusion::strict(Phase::Settings, observation)
    })?;
    let checks = specs.into_iter().map(|spec| PlannedCheck { spec, depends_on: Vec::new(), preset: None });
    Ok(HookPlan { checks: checks.collect(), grace: None, secrets: BTreeMap::new(), gate_file: Arc::default() })
}

/// The requests are sent at once, and a listener that lags can still forward to the original.
pub fn version_unverified() -> Observation {
    Observation::passed("ALB_URL", "the old version may have responded")
        .with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified)
        .with_hint(Some("write a gate file with `forwards_to: green`, which verifies the version (GATE-FILE.md)"))
}

#[cfg(test)]
mod tests {
    use lifecycle::Hook;

    use super::*;
    use crate::settings::{GateSource, Settings};

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
        assert!(settings().has_smoke_test(Hook::AfterAllowTestTraffic));
        let plan = plan(&settings().routes).unwrap();
        let names: Vec<_> = plan.checks.iter().map(|check| check.spec.name.as_str()).collect();
        assert_eq!(names, ["HEAD /health", "HEAD /"]);
    }

    #[test]
    fn every_other_hook_has_none() {
        for hook in Hook::ALL.into_iter().filter(|hook| *hook != Hook::AfterAllowTestTraffic) {
            assert!(!settings().has_smoke_test(hook), "{hook}");
        }
    }

    #[test]
    fn without_alb_url_there_is_none() {
        let settings = Settings { alb_url: None, ..settings() };
        assert!(!settings.has_smoke_test(Hook::AfterAllowTestTraffic));
    }

    #[test]
    fn gate_file_replaces_it() {
        let settings = Settings { gate: GateSource::Inline("version: 1".to_owned()), ..settings() };
        assert!(!settings.has_smoke_test(Hook::AfterAllowTestTraffic));
    }

    #[test]
    fn invalid_setting_prevents_it() {
        let settings = Settings { errors: vec!["GREENLIGHT_LOG is wrong".to_owned()], ..settings() };
        assert!(!settings.has_smoke_test(Hook::AfterAllowTestTraffic));
    }

    #[test]
    fn version_warns_and_never_fails() {
        use crate::{
            conclusion::WARN,
            verdict::{Decision, decide},
        };
        assert_eq!(decide(&version_unverified(), WARN), Decision::Warn);
    }
}
