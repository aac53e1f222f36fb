//! A hook puts the status as soon as nothing can change the verdict, even if other checks still have long windows. It
//! never puts the status earlier.

use std::{process::ExitCode, time::Duration};

use greenlight_tests::{HookCase, Suite, expect_success};
use rehearsal::{Hook, world::World};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("a_verdict_that_is_certain_waits_for_no_window", a_verdict_that_is_certain_waits_for_no_window)
        .cases("a_verdict_that_is_not_certain_is_waited_for", a_verdict_that_is_not_certain_is_waited_for)
        .run()
}

/// Lambda's longest timeout, so that a window of ten minutes fits.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

fn case(hook: Hook, title: &str, gate: &'static str) -> HookCase {
    HookCase::new(hook, title).gate(gate).timeout(TIMEOUT).assert(expect_success)
}

fn checkout_is_broken(world: &mut World) {
    world.versions.last_mut().unwrap().routes.entry("/checkout".into()).or_default().status = 503;
}

fn a_verdict_that_is_certain_waits_for_no_window() -> Vec<HookCase> {
    vec![
        case(
            Hook::AfterAllowTraffic,
            "customers get a wrong response, and the window of the alarms is ten minutes",
            "version: 1
hooks:
  after_allow_traffic:
    built_in: { forwards_to: { settle: 0s }, health_check: { within: 10m }, alarms: { for: 10m } }
    checks: [{ name: checkout, http: '{{production_url}}/checkout', expect: [status == 200] }]
",
        )
        .world(checkout_is_broken)
        .fails("UnexpectedStatus")
        .check_outcome("alarms", "not_run"),
        case(
            Hook::BeforeAllowTraffic,
            "a check that ends within the grace time reports its own outcome",
            "version: 1
hooks:
  before_allow_traffic:
    built_in: none
    checks:
      - { name: at once, tasks: green, expect: [running >= 99] }
      - { name: soon, tasks: green, expect: [running >= 98], within: 300ms, every: 100ms }
      - { name: never, tasks: green, expect: [running >= 97], within: 5m }
",
        )
        .fails("NotRunning")
        .check_outcome("at once", "failed")
        .check_outcome("soon", "failed")
        .check_outcome("never", "not_run"),
        case(
            Hook::BeforeAllowTraffic,
            "the hook does not wait for a check that waits for a secret",
            "version: 1
secrets: { token: ssm:/shop/token }
hooks:
  before_allow_traffic:
    built_in: none
    run: fail-fast
    checks:
      - { name: at once, tasks: green, expect: [running >= 99] }
      - { name: secret, http: 'http://127.0.0.1:9/', headers: { X-Token: '{{secret.token}}' }, expect: [status == 200] }
",
        )
        .with_fault(rehearsal::InjectedFault::always("ssm:GetParameter", rehearsal::FaultKind::BlackHole))
        .fails("NotRunning")
        .check_outcome("secret", "not_run"),
        // The blocking check waits for the barrier, and the other check fails before that.
        case(
            Hook::AfterAllowTestTraffic,
            "a check that blocks its thread does not delay a certain verdict",
            "version: 1
hooks:
  after_allow_test_traffic:
    built_in: { forwards_to: { settle: 0s }, health_check: { every: 100ms } }
    checks:
      - { name: at once, sabotage: panic }
      - { name: block, sabotage: block, says: '{{test_url}}' }
",
        )
        .fails("CheckPanicked")
        .check_outcome("block", "not_run"),
    ]
}

fn a_verdict_that_is_not_certain_is_waited_for() -> Vec<HookCase> {
    vec![
        case(
            Hook::AfterAllowTraffic,
            "a wrong response that only warns does not end the other windows",
            "version: 1
hooks:
  after_allow_traffic:
    built_in: { forwards_to: { settle: 0s }, health_check: { every: 100ms }, tasks: { for: 600ms, every: 100ms }, targets: { for: 600ms, every: 100ms }, alarms: { for: 600ms, every: 100ms } }
    checks: [{ name: checkout, http: '{{production_url}}/checkout', expect: [status == 200], on_fail: warn }]
",
        )
        .world(checkout_is_broken)
        .succeeds()
        .warns("UnexpectedStatus")
        .check_outcome("alarms", "passed"),
        case(
            Hook::AfterAllowTraffic,
            "a hook that only observes runs every check to its end",
            "version: 1
mode: observe
hooks:
  after_allow_traffic:
    run: fail-fast
    built_in: { forwards_to: { settle: 0s }, health_check: { every: 100ms }, tasks: { for: 600ms, every: 100ms }, targets: { for: 600ms, every: 100ms }, alarms: { for: 600ms, every: 100ms } }
    checks: [{ name: checkout, http: '{{production_url}}/checkout', expect: [status == 200] }]
",
        )
        .world(checkout_is_broken)
        .succeeds()
        .check_outcome("checkout", "failed")
        .check_outcome("alarms", "passed"),
        case(
            Hook::AfterAllowTraffic,
            "if nothing is wrong, every window runs to its end",
            "version: 1
hooks:
  after_allow_traffic:
    built_in: { forwards_to: { settle: 0s }, health_check: { every: 100ms }, tasks: { for: 600ms, every: 100ms }, targets: { for: 600ms, every: 100ms }, alarms: { for: 600ms, every: 100ms } }
    checks: [{ name: checkout, http: '{{production_url}}/checkout', expect: [status == 200] }]
",
        )
        .succeeds()
        .check_outcome("alarms", "passed"),
    ]
}
