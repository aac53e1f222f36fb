//! Which checks run, and what each waits for. Pure: no I/O, no clock.

use std::sync::Arc;

use crate::{
    check::{Check, Route},
    gate::{CheckSpec, HookGate},
};

/// A check that is going to run.
#[derive(Clone, Debug)]
pub struct Step {
    /// The check.
    pub spec: CheckSpec,
    /// The step that has to hold before it may start, by its place in the plan.
    pub waits_for: Option<usize>,
}

/// What a hook is going to do.
#[derive(Clone, Debug)]
pub enum Plan {
    /// These checks.
    Checks(Vec<Step>),
    /// None, and the gate file says so in words.
    NothingInWords,
    /// None, and nobody said that this is meant: not a pass.
    Empty,
}

/// Orders the checks of a gate. A check that uses an address waits for the barrier that opens it, and where the file
/// has none there is one all the same.
pub fn plan(gate: HookGate) -> Plan {
    if gate.checks.is_empty() {
        return if gate.none_in_words { Plan::NothingInWords } else { Plan::Empty };
    }
    let mut checks = gate.checks;
    for route in [Route::Test, Route::Production] {
        let used = checks.iter().any(|spec| spec.check.uses() == Some(route));
        let opened = checks.iter().any(|spec| spec.check.opens() == Some(route));
        if used && !opened {
            checks.insert(0, implied(route));
        }
    }
    let barriers: Vec<(Route, usize)> =
        checks.iter().enumerate().filter_map(|(index, spec)| Some((spec.check.opens()?, index))).collect();
    let waits_for = |check: &Arc<dyn Check>| {
        let route = check.uses()?;
        barriers.iter().find(|(open, _)| *open == route).map(|(_, index)| *index)
    };
    Plan::Checks(checks.iter().map(|spec| Step { waits_for: waits_for(&spec.check), spec: spec.clone() }).collect())
}

fn implied(route: Route) -> CheckSpec {
    let check = route.implied_barrier();
    CheckSpec { name: check.title(), kind: "reach", policies: Default::default(), check }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gate, hook::Hook};

    fn planned(file: &str) -> Plan {
        plan(gate::load_with(|_| "version: 1", Hook::AfterAllowTestTraffic, Some(file)).unwrap())
    }

    fn told(file: &str) -> Vec<(String, Option<usize>)> {
        match planned(file) {
            Plan::Checks(steps) => steps.into_iter().map(|step| (step.spec.name, step.waits_for)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_uses_an_address_waits_for_the_barrier_that_opens_it() {
        let file = "version: 1
hooks:
  after_allow_test_traffic:
    checks:
      - { name: first, http: '{{test_url}}/', expect: [status == 200] }
      - { name: gate, reach: green }
      - { name: elsewhere, http: 'http://example.com/', expect: [status == 200] }
      - { name: last, answers: test }
";
        let expected = [("first", Some(1)), ("gate", None), ("elsewhere", None), ("last", Some(1))];
        assert_eq!(told(file), expected.map(|(name, waits)| (name.to_owned(), waits)));
    }

    #[test]
    fn a_barrier_is_implied_where_the_file_has_none() {
        let file = "version: 1
hooks:
  after_allow_test_traffic:
    checks:
      - { name: mine, http: '{{production_url}}/', expect: [status == 200] }
";
        assert_eq!(told(file), [("reach green through production".to_owned(), None), ("mine".to_owned(), Some(0))]);
    }

    #[test]
    fn nothing_to_do_is_told_apart_from_nothing_said() {
        assert!(matches!(planned("version: 1"), Plan::Empty));
        let words = "version: 1\nhooks: { after_allow_test_traffic: { checks: none } }";
        assert!(matches!(planned(words), Plan::NothingInWords));
    }
}
