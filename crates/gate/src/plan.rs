//! Plans which checks run, and what each one waits for. Pure: no I/O, no clock.

use std::collections::BTreeSet;

use lifecycle::TrafficRoute;

use crate::{CheckSpec, HookSection, Kind, Policies, Preset, WhenContext, why_not_applicable};

/// A check that is going to run.
#[derive(Clone, Debug)]
pub struct PlannedCheck {
    pub spec: CheckSpec,
    /// The indices of the checks in the plan that must pass before this one can start.
    pub depends_on: Vec<usize>,
    /// The result, if it is known without running the check: the check does not apply, or nobody can know whether it
    /// does.
    pub preset: Option<Preset>,
}

/// What a hook will do.
#[derive(Clone, Debug)]
pub enum Plan {
    /// It runs these checks.
    Checks(Vec<PlannedCheck>),
    /// No checks, because the gate file says so explicitly.
    ExplicitlyEmpty,
    /// No checks, and the gate file does not say that this is intended. This is not a pass.
    Empty,
}

/// Orders the checks of a gate. A check that sends requests through a listener waits for every barrier of that
/// listener. If the file has no such barrier, or only one that does not apply, an implicit barrier is added.
pub fn plan(gate: HookSection, circumstances: &WhenContext) -> Plan {
    if gate.checks.is_empty() {
        return if gate.explicitly_empty { Plan::ExplicitlyEmpty } else { Plan::Empty };
    }
    let settled = |spec: CheckSpec| {
        let settled = why_not_applicable(&spec.when, circumstances);
        (spec, settled)
    };
    Plan::Checks(order_with_barriers(gate.checks.into_iter().map(settled).collect(), gate.defaults))
}

/// Orders checks of which some already have a result. `defaults` are the policies of an implicit barrier.
pub fn order_with_barriers(checks: Vec<(CheckSpec, Option<Preset>)>, defaults: Policies) -> Vec<PlannedCheck> {
    let step = |(spec, settled)| PlannedCheck { spec, depends_on: Vec::new(), preset: settled };
    let mut steps: Vec<PlannedCheck> = checks.into_iter().map(step).collect();
    for route in [TrafficRoute::Test, TrafficRoute::Production] {
        let used = steps.iter().any(|step| step.required_routes().contains(&route));
        let opened = steps.iter().any(|step| step.unblocks() == Some(route));
        if used && !opened {
            let spec = CheckSpec::implicit(Kind::implicit_barrier(route), defaults);
            steps.insert(0, PlannedCheck { spec, depends_on: Vec::new(), preset: None });
        }
    }
    let barriers: Vec<(TrafficRoute, usize)> =
        steps.iter().enumerate().filter_map(|(index, step)| Some((step.unblocks()?, index))).collect();
    for step in &mut steps {
        let routes = step.required_routes();
        let before = barriers.iter().filter(|(open, _)| routes.contains(open));
        step.depends_on = before.map(|(_, index)| *index).collect();
    }
    steps
}

impl PlannedCheck {
    fn required_routes(&self) -> BTreeSet<TrafficRoute> {
        self.active_check().map(|_| self.spec.required_routes()).unwrap_or_default()
    }

    fn unblocks(&self) -> Option<TrafficRoute> {
        self.active_check()?.unblocks()
    }

    fn active_check(&self) -> Option<&Kind> {
        self.preset.is_none().then_some(&self.spec.check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::Hook;

    use crate::Policy;

    fn when_context() -> WhenContext {
        WhenContext {
            application: "shop".into(),
            deployment_group: "shop-production".into(),
            region: "eu-west-1".into(),
            variables: [("STAGE", "sesame"), ("SMOKE", "true"), ("WAIT", "30s"), ("VERSION", "1.10")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }

    fn plan_for(file: &str) -> Plan {
        let gate = crate::load_with(|_| "version: 1", Hook::AfterAllowTraffic, Some(file)).unwrap();
        plan(gate, &when_context())
    }

    /// The result of a check with this `when`, without running it.
    fn preset_for(when: &str) -> Option<Preset> {
        let file = format!(
            "version: 1\nhooks: {{ after_allow_traffic: {{ checks: [{{ forwards_to: green, when: [{when}] }}] }} }}"
        );
        match plan_for(&file) {
            Plan::Checks(steps) => steps.into_iter().next().unwrap().preset,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_check_applies_where_all_of_its_when_is_so() {
        for when in
            ["application == shop", "deployment_group contains production, region in eu-west-1", "env.STAGE exists"]
        {
            assert_eq!(preset_for(when), None, "{when}");
        }
        // A variable is text, and so is the value it is compared with.
        for when in ["env.SMOKE == true", "env.WAIT == 30s", "env.VERSION == 1.10", "env.VERSION < 2"] {
            assert_eq!(preset_for(when), None, "{when}");
        }
        for when in [
            "application == other",
            "env.STAGE == prod",
            "env.OTHER exists",
            "region != eu-west-1",
            "env.SMOKE != true",
            "env.VERSION == 1.1",
        ] {
            let Some(Preset::Excluded { why }) = preset_for(when) else { panic!("{when}") };
            assert!(!why.contains("sesame"), "{why}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_no_reason_to_go_on_without_a_check() {
        for when in ["env.OTHER == prod", "env.STAGE > 3", "env.WAIT <= 60"] {
            assert!(matches!(preset_for(when), Some(Preset::Undecided { .. })), "{when}");
        }
    }

    #[test]
    fn a_barrier_that_does_not_apply_is_none() {
        let file = "version: 1
hooks:
  after_allow_traffic:
    checks:
      - { name: gate, forwards_to: green, when: [application == other] }
      - { name: mine, http: '{{test_url}}/', expect: [status == 200] }
";
        let implied = ("test listener forwards to green".to_owned(), vec![]);
        assert_eq!(names_and_dependencies(file), [implied, ("gate".to_owned(), vec![]), ("mine".to_owned(), vec![0])]);
    }

    fn names_and_dependencies(file: &str) -> Vec<(String, Vec<usize>)> {
        match plan_for(file) {
            Plan::Checks(steps) => steps.into_iter().map(|step| (step.spec.name, step.depends_on)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_uses_an_address_waits_for_the_barrier_that_opens_it() {
        let file = "version: 1
hooks:
  after_allow_traffic:
    checks:
      - { name: first, http: '{{test_url}}/', expect: [status == 200] }
      - { name: gate, forwards_to: green }
      - { name: elsewhere, http: 'http://example.com/', expect: [status == 200] }
      - { name: last, health_check: test }
";
        let expected = [("first", vec![1]), ("gate", vec![]), ("elsewhere", vec![]), ("last", vec![1])];
        assert_eq!(names_and_dependencies(file), expected.map(|(name, waits)| (name.to_owned(), waits)));
    }

    #[test]
    fn of_several_barriers_all_have_to_hold() {
        let file = "version: 1
hooks:
  after_allow_traffic:
    checks:
      - { name: weights, forwards_to: green }
      - { name: mine, http: '{{test_url}}/', expect: [status == 200] }
      - { name: version, forwards_to: green }
      - { name: customers, forwards_to: green, listener: production }
";
        let names = |names: [(&str, Vec<usize>); 4]| names.map(|(name, waits)| (name.to_owned(), waits));
        let expected = [("weights", vec![]), ("mine", vec![0, 2]), ("version", vec![]), ("customers", vec![])];
        assert_eq!(names_and_dependencies(file), names(expected));
    }

    #[test]
    fn a_barrier_is_implied_where_the_file_has_none() {
        let file = "version: 1
hooks:
  after_allow_traffic:
    checks:
      - { name: mine, http: '{{production_url}}/', expect: [status == 200] }
";
        assert_eq!(
            names_and_dependencies(file),
            [("production listener forwards to green".to_owned(), vec![]), ("mine".to_owned(), vec![0])]
        );
    }

    #[test]
    fn an_implied_barrier_has_the_policies_of_the_file() {
        let policies = |top: &str| {
            let file = format!(
                "version: 1\n{top}\nhooks: {{ after_allow_traffic: {{ checks: \
                 [{{ http: '{{{{test_url}}}}/', expect: [status == 200] }}] }} }}"
            );
            let Plan::Checks(steps) = plan_for(&file) else { panic!("no checks") };
            steps[0].spec.policies
        };
        let warn = Policies { on_fail: Policy::Warn, on_error: Policy::Ignore, no_data: Policy::Fail };
        assert_eq!(policies("defaults: { on_fail: warn, on_error: ignore }"), warn);
        assert_eq!(policies(""), Policies::default());
    }

    #[test]
    fn a_check_waits_for_every_address_that_it_names_and_a_barrier_for_all_but_its_own() {
        let file = "version: 1
hooks:
  after_allow_traffic:
    checks:
      - { name: gate, forwards_to: green }
      - { name: both, http: '{{test_url}}/', headers: { X: '{{production_url}}' }, expect: [status == 200] }
      - { name: afar, http: 'http://x.example/', headers: { X: '{{test_url}} {{production_url}}' }, expect: [status == 200] }
      - { name: mine, forwards_to: green, http: '{{test_url}}/', headers: { X: '{{production_url}}' }, expect: [json.a == 1] }
      - { name: health_check, health_check: test, expect: ['header.location == {{production_url}}'] }
";
        let expected = [
            ("production listener forwards to green", vec![]),
            ("gate", vec![]),
            ("both", vec![0, 1, 4]),
            ("afar", vec![0, 1, 4]),
            ("mine", vec![0]),
            ("health_check", vec![0, 1, 4]),
        ];
        assert_eq!(names_and_dependencies(file), expected.map(|(name, waits)| (name.to_owned(), waits)));
    }

    #[test]
    fn nothing_to_do_is_told_apart_from_nothing_said() {
        assert!(matches!(plan_for("version: 1"), Plan::Empty));
        let words = "version: 1\nhooks: { after_allow_traffic: { checks: none } }";
        assert!(matches!(plan_for(words), Plan::ExplicitlyEmpty));
    }
}
