//! What one hook needs of the world to do what a gate file says: what has to exist, how long it may take, where it goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{CheckSpec, Circumstances, Fact, Fault, HookGate, Store, load, unless_applies};
use crate::{
    check::Route,
    finding::{Observation, Outcome},
    hook::Hook,
    plan::{Plan, Step, plan},
};

/// Something that a gate file names and that is elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// An alarm, by name.
    Alarm(String),
    /// Alarms, by the beginning of their names.
    AlarmsThatBegin(String),
    /// Alarms, by tags.
    AlarmsTagged(Vec<(String, String)>),
    /// A container of the task definition.
    Container(String),
    /// A parameter of Systems Manager.
    Parameter(String),
    /// A secret of Secrets Manager.
    Secret(String),
    /// A variable of the function.
    Variable(String),
}

/// What a hook needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// What has to exist, and the first check that wants it.
    pub names: BTreeMap<Named, String>,
    /// The listeners that its checks connect to.
    pub routes: BTreeSet<Route>,
    /// How long it may take until its last check has what it waits for, and which check that is.
    pub longest: Option<(Duration, String)>,
    /// Whether the file says anything about this hook that is not built in.
    pub has_own: bool,
}

/// What a hook needs to do what the gate file says, or with none to make its built-in checks.
///
/// # Errors
/// What is wrong with the file.
pub fn wants(hook: Hook, text: Option<&str>, circumstances: &Circumstances) -> Result<Wants, Vec<Fault>> {
    let gate = load(hook, text)?;
    let mut wants = Wants { has_own: gate.checks.iter().any(|check| !check.is_built_in()), ..Wants::default() };
    let (secrets, deadline) = (gate.secrets.clone(), gate.deadline);
    if unless_applies(&gate.when, circumstances).is_some_and(|it| is_left_out(&it)) {
        return Ok(wants);
    }
    for name in variables(&gate) {
        wants.names.entry(Named::Variable(name)).or_insert_with(|| "when".to_owned());
    }
    let Plan::Checks(steps) = plan(gate, circumstances) else { return Ok(wants) };
    for step in steps.iter().filter(|step| !step.settled.as_ref().is_some_and(is_left_out)) {
        let CheckSpec { name, check, facts, when, .. } = &step.spec;
        let fact = |fact: &Fact| match fact {
            Fact::Env(name) => Some(Named::Variable(name.clone())),
            Fact::Secret(name) => secrets.get(name).map(|place| match place.store {
                Store::Ssm => Named::Parameter(place.name.clone()),
                Store::SecretsManager => Named::Secret(place.name.clone()),
            }),
            _ => None,
        };
        let asked = when.iter().flat_map(|condition| condition.subjects()).filter_map(of_env).map(Named::Variable);
        for named in check.names().into_iter().chain(facts.iter().filter_map(fact)).chain(asked) {
            wants.names.entry(named).or_insert_with(|| name.clone());
        }
        wants.routes.extend(check.uses());
        wants.routes.extend(facts.iter().filter_map(|fact| match fact {
            Fact::Url(route) => Some(*route),
            _ => None,
        }));
    }
    let longest = (0..steps.len()).map(|index| (until(&steps, index), steps[index].spec.name.clone())).max();
    wants.longest = longest.map(|(time, name)| (deadline.map_or(time, |deadline| time.min(deadline)), name));
    Ok(wants)
}

/// When a step may be over, with all that it waits for.
fn until(steps: &[Step], index: usize) -> Duration {
    let step = &steps[index];
    if step.settled.is_some() {
        return Duration::ZERO;
    }
    let before = step.waits_for.iter().map(|index| until(steps, *index)).max().unwrap_or_default();
    before + step.spec.span("within") + step.spec.least()
}

fn is_left_out(settled: &Observation) -> bool {
    settled.outcome == Outcome::NotApplicable
}

/// The variables that a hook's own `when` asks for.
fn variables(gate: &HookGate) -> Vec<String> {
    gate.when.iter().flat_map(|condition| condition.subjects()).filter_map(of_env).collect()
}

fn of_env(subject: &str) -> Option<String> {
    subject.strip_prefix("env.").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hook: Hook, text: Option<&str>) -> Wants {
        wants(hook, text, &Circumstances { region: "eu-west-1".into(), ..Circumstances::default() }).unwrap()
    }

    #[test]
    fn built_in_checks_need_the_listener_and_their_windows() {
        let test = of(Hook::AfterAllowTestTraffic, None);
        assert_eq!(test.routes, BTreeSet::from([Route::Test]));
        assert!(!test.has_own && test.names.is_empty());
        // The barrier may take a minute, and what waits for it half a minute and its three looks.
        assert!(test.longest.unwrap().0 >= Duration::from_secs(92));
        assert_eq!(of(Hook::BeforeAllowTraffic, None).routes, BTreeSet::new());
        // A minute to become so, and five to stay so.
        assert_eq!(of(Hook::AfterAllowTraffic, None).longest.unwrap(), (Duration::from_secs(360), "tasks".into()));
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
        let wants = of(Hook::AfterAllowTraffic, Some(file));
        let named = [
            (Named::Alarm("a".into()), "alarms"),
            (Named::AlarmsThatBegin("b".into()), "alarms"),
            (Named::AlarmsTagged(vec![("c".into(), "d".into())]), "alarms"),
            (Named::Container("web".into()), "image"),
            (Named::Parameter("/shop/token".into()), "mine"),
            (Named::Secret("shop/hook".into()), "mine"),
            (Named::Variable("STAGE".into()), "mine"),
        ];
        assert_eq!(wants.names, named.map(|(named, check)| (named, check.to_owned())).into());
        assert_eq!(wants.routes, BTreeSet::from([Route::Production]));
        assert_eq!(wants.longest, Some((Duration::from_secs(120), "mine".to_owned())));
        assert!(wants.has_own);
        assert_eq!(of(Hook::BeforeInstall, Some(file)).names, BTreeMap::new());
    }
}
