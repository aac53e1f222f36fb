//! What one hook needs for a gate file: the resources that must exist, the listeners that it uses, and the time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lifecycle::{Hook, TrafficRoute};

use super::{CheckSpec, Diagnostic, Fact, HookSection, Referenced, SecretStore, WhenContext, load, why_not_applicable};
use crate::{
    Preset,
    check_spec::CheckOrigin,
    plan::{Plan, PlannedCheck, plan},
};

/// What a hook needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The resources that must exist, each with the first check that uses it.
    pub references: BTreeMap<Referenced, String>,
    /// The listeners to which its checks send requests.
    pub routes: BTreeSet<TrafficRoute>,
    /// The time that the slowest check can take to pass, including the checks that it waits for, and the name of that
    /// check.
    pub longest_check: Option<(Duration, String)>,
    /// Whether the file has checks for this hook that are not built in.
    pub has_own_checks: bool,
}

/// What a hook needs for the checks of a gate file, or for its built-in checks if there is no file.
///
/// # Errors
/// The errors of the file.
pub fn requirements(
    hook: Hook,
    text: Option<&str>,
    when_context: &WhenContext,
) -> Result<Requirements, Vec<Diagnostic>> {
    let gate = load(hook, text)?;
    let mut requirements = Requirements {
        has_own_checks: gate.checks.iter().any(|check| !check.is_built_in()),
        ..Requirements::default()
    };
    let (secrets, deadline) = (gate.secrets.clone(), gate.deadline);
    if why_not_applicable(&gate.when, when_context).is_some_and(|it| is_not_applicable(&it)) {
        return Ok(requirements);
    }
    for name in when_variables(&gate) {
        requirements.references.entry(Referenced::EnvVar(name)).or_insert_with(|| "when".to_owned());
    }
    let Plan::Checks(steps) = plan(gate, when_context) else { return Ok(requirements) };
    for step in steps.iter().filter(|step| !step.preset.as_ref().is_some_and(is_not_applicable)) {
        let CheckSpec { name, check, facts, when, .. } = &step.spec;
        let fact = |fact: &Fact| match fact {
            Fact::Env(name) => Some(Referenced::EnvVar(name.clone())),
            Fact::Secret(name) => secrets.get(name).map(|secret_ref| match secret_ref.store {
                SecretStore::Ssm => Referenced::Parameter(secret_ref.name.clone()),
                SecretStore::SecretsManager => Referenced::Secret(secret_ref.name.clone()),
            }),
            _ => None,
        };
        let from_conditions =
            when.iter().flat_map(|condition| condition.subjects()).filter_map(env_name).map(Referenced::EnvVar);
        for named in check.spec().references().into_iter().chain(facts.iter().filter_map(fact)).chain(from_conditions) {
            requirements.references.entry(named).or_insert_with(|| name.clone());
        }
        requirements.routes.extend(check.spec().required_route());
        requirements.routes.extend(facts.iter().filter_map(|fact| match fact {
            Fact::Url(route) => Some(*route),
            _ => None,
        }));
    }
    let longest = steps.iter().enumerate().map(|(index, PlannedCheck { spec, .. })| {
        // Of two that take equally long, the one in the file is named, because its author does not know the other one.
        let is_implied = matches!(spec.origin, CheckOrigin::Implied);
        (latest_end(&steps, index), !is_implied, spec.name.clone())
    });
    requirements.longest_check =
        longest.max().map(|(time, _, name)| (deadline.map_or(time, |deadline| time.min(deadline)), name));
    Ok(requirements)
}

/// The latest time at which a check can end, including the checks that it waits for.
fn latest_end(steps: &[PlannedCheck], index: usize) -> Duration {
    let step = &steps[index];
    if step.preset.is_some() {
        return Duration::ZERO;
    }
    let before = step.depends_on.iter().map(|index| latest_end(steps, *index)).max().unwrap_or_default();
    before + step.spec.within() + step.spec.min_duration()
}

fn is_not_applicable(settled: &Preset) -> bool {
    match settled {
        Preset::Excluded { .. } => true,
        Preset::Undecided { .. } => false,
    }
}

/// The variables in a hook's own `when`.
fn when_variables(gate: &HookSection) -> Vec<String> {
    gate.when.iter().flat_map(|condition| condition.subjects()).filter_map(env_name).collect()
}

fn env_name(subject: &str) -> Option<String> {
    subject.strip_prefix("env.").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements_for(hook: Hook, text: Option<&str>) -> Requirements {
        requirements(hook, text, &WhenContext { region: "eu-west-1".into(), ..WhenContext::default() }).unwrap()
    }

    #[test]
    fn built_in_checks_need_the_listener_and_their_windows() {
        let test = requirements_for(Hook::AfterAllowTestTraffic, None);
        assert_eq!(test.routes, BTreeSet::from([TrafficRoute::Test]));
        assert!(!test.has_own_checks && test.references.is_empty());
        // The barrier can take a minute, and the check that waits for it half a minute and three attempts.
        assert!(test.longest_check.unwrap().0 >= Duration::from_secs(92));
        assert_eq!(requirements_for(Hook::BeforeAllowTraffic, None).routes, BTreeSet::new());
        // One minute to pass, and five minutes in which it must keep passing.
        assert_eq!(
            requirements_for(Hook::AfterAllowTraffic, None).longest_check.unwrap(),
            (Duration::from_secs(360), "tasks".into())
        );
    }

    #[test]
    fn an_implied_barrier_counts_with_its_window() {
        let check = "{ name: mine, http: '{{production_url}}/', expect: [status == 200] }";
        let file = format!("version: 1\nhooks: {{ after_allow_traffic: {{ built_in: none, checks: [{check}] }} }}");
        // One minute until the listener forwards to the replacement, and two seconds to settle.
        let longest = requirements_for(Hook::AfterAllowTraffic, Some(&file)).longest_check;
        assert_eq!(longest, Some((Duration::from_secs(62), "mine".to_owned())));
    }

    #[test]
    fn what_a_file_names_is_told_with_the_check_that_wants_it() {
        let file = "version: 1
secrets: { token: ssm:/shop/token, hook: secretsmanager:shop/hook#url, unused: ssm:/other }
hooks:
  after_allow_traffic:
    deadline: 2m
    built_in: none
    checks:
      - name: mine
        http: '{{production_url}}/{{env.STAGE}}'
        headers: { X-Token: '{{secret.token}}', X-Hook: '{{secret.hook}}' }
        expect: [status == 200]
        within: 10m
      - { name: alarms, alarms: { names: [a], prefix: b, tags: { c: d } }, expect: [state == OK] }
      - { name: image, image: green, containers: [web] }
      - { name: elsewhere, alarms: { names: [x] }, expect: [state == OK], when: [region == us-east-1] }
";
        let wants = requirements_for(Hook::AfterAllowTraffic, Some(file));
        let named = [
            (Referenced::Alarm("a".into()), "alarms"),
            (Referenced::AlarmPrefix("b".into()), "alarms"),
            (Referenced::AlarmTags(vec![("c".into(), "d".into())]), "alarms"),
            (Referenced::Container("web".into()), "image"),
            (Referenced::Parameter("/shop/token".into()), "mine"),
            (Referenced::Secret("shop/hook".into()), "mine"),
            (Referenced::EnvVar("STAGE".into()), "mine"),
        ];
        assert_eq!(wants.references, named.map(|(named, check)| (named, check.to_owned())).into());
        assert_eq!(wants.routes, BTreeSet::from([TrafficRoute::Production]));
        assert_eq!(wants.longest_check, Some((Duration::from_secs(120), "mine".to_owned())));
        assert!(wants.has_own_checks);
        assert_eq!(requirements_for(Hook::BeforeInstall, Some(file)).references, BTreeMap::new());
    }
}
