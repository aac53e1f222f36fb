//! Plans the checks of this hook for the deployment.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gate::{Plan, PlannedCheck, ReasonCode, SecretRef, WhenContext, why_not_applicable};
use lifecycle::Hook;

use super::gate::Gate;
use crate::{checks::GateFileInput, conclusion::Conclusion, finding::Observation, phase::Phase, runner};

/// The checks that run, and what they share.
#[derive(Debug)]
pub struct HookPlan {
    pub checks: Vec<PlannedCheck>,
    /// How long the other checks can still run once one has decided. None: until they end.
    pub grace: Option<Duration>,
    pub secrets: BTreeMap<String, SecretRef>,
    pub gate_file: Arc<GateFileInput>,
}

/// Plans the checks.
///
/// # Errors
/// The hook's `when` excludes the deployment, or there is nothing to check, intended or not.
pub fn for_deployment(hook: Hook, gate: Gate, circumstances: WhenContext) -> Result<HookPlan, Conclusion> {
    let Gate { text, mut section } = gate;
    if let Some(observation) = why_not_applicable(&section.when, &circumstances) {
        // The name of the phase says where `when` is.
        let observation = Observation { resource: String::new(), ..observation.into() };
        return Err(Conclusion::strict(Phase::When, observation));
    }
    let grace = runner::grace(hook, section.run_mode(), section.mode);
    let secrets = std::mem::take(&mut section.secrets);
    let nothing = |observation| Err(Conclusion::strict(Phase::Gate, observation));
    match gate::plan(section, &circumstances) {
        Plan::Checks(checks) => {
            let gate_file = Arc::new(GateFileInput { text, when_context: circumstances });
            Ok(HookPlan { checks, grace, secrets, gate_file })
        }
        Plan::ExplicitlyEmpty => nothing(Observation::excluded("", "it says `checks: none`")),
        Plan::Empty => {
            let (expected, seen) = ("a check, or `checks: none`", "neither for this hook");
            nothing(Observation::failed(ReasonCode::GateEmpty, "", expected, seen))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Outcome;

    /// The plan for a gate file without built-in checks.
    fn plan(hook: Hook, file: &str) -> Result<HookPlan, Conclusion> {
        let section = gate::load_with(|_| "version: 1", hook, Some(file)).unwrap();
        let circumstances = WhenContext { application: "shop".to_owned(), ..WhenContext::default() };
        for_deployment(hook, Gate { text: Some(file.to_owned()), section }, circumstances)
    }

    fn conclusion(file: &str) -> Conclusion {
        plan(Hook::AfterInstall, file).unwrap_err()
    }

    const CHECKS: &str = "checks: [{ tasks: green, expect: [steady == true] }]";

    #[test]
    fn file_with_a_check_has_a_plan() {
        let plan =
            plan(Hook::AfterInstall, &format!("version: 1\nhooks: {{ after_install: {{ {CHECKS} }} }}")).unwrap();
        assert_eq!((plan.checks.len(), plan.grace), (1, Some(Duration::from_secs(5))));
    }

    #[test]
    fn when_that_is_false_ends_the_evaluation_and_is_no_failure() {
        let file = format!("version: 1\nhooks: {{ after_install: {{ when: [application == other], {CHECKS} }} }}");
        let Conclusion { phase, observation, .. } = conclusion(&file);
        assert_eq!((phase, observation.outcome), (Phase::When, Outcome::NotApplicable));
    }

    #[test]
    fn when_that_cannot_be_decided_ends_it_with_an_error() {
        let file = format!("version: 1\nhooks: {{ after_install: {{ when: [env.STAGE == prod], {CHECKS} }} }}");
        let Conclusion { phase, observation, .. } = conclusion(&file);
        assert_eq!((phase, observation.code), (Phase::When, Some(ReasonCode::FactUnknown)));
    }

    #[test]
    fn explicit_no_checks_end_it_and_are_no_failure() {
        let observation = Observation::excluded("", "it says `checks: none`");
        let file = "version: 1\nhooks: { after_install: { checks: none } }";
        assert_eq!(conclusion(file), Conclusion::strict(Phase::Gate, observation));
    }

    #[test]
    fn no_checks_without_a_word_end_it_with_a_failure() {
        let expected = "a check, or `checks: none`";
        let observation = Observation::failed(ReasonCode::GateEmpty, "", expected, "neither for this hook");
        assert_eq!(conclusion("version: 1"), Conclusion::strict(Phase::Gate, observation));
    }

    #[test]
    fn secrets_go_from_the_gate_file_into_the_plan() {
        let file = "version: 1
secrets: { token: 'ssm:/token' }
hooks:
  after_install:
    checks: [{ http: 'http://x.example/', headers: { X: '{{secret.token}}' }, expect: [status == 200] }]
";
        assert!(plan(Hook::AfterInstall, file).unwrap().secrets.contains_key("token"));
    }
}
