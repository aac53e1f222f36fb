//! Which version responds to a check: the old version can respond to a request to a literal URL, so the verdict warns.
//! Only the new version responds to a request that is bound to a listener, so the verdict does not warn.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite};
use rehearsal::Hook;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("a_url_of_its_own_warns", a_url_of_its_own_warns).run()
}

/// A check of a literal URL with the port of the test listener.
fn with_literal_url(hook: Hook, title: &str, keys: &'static str) -> HookCase {
    HookCase::new(hook, title).with(move |stage| {
        let (port, part) = (stage.test_port(), hook_key(hook));
        stage.gate(&format!(
            "version: 1\nhooks: {{ {part}: {{ built_in: none, checks: [{{ name: mine, http: 'http://localhost:{port}/health', \
             {keys} expect: [status == 200] }}] }} }}"
        ))
    })
}

const fn hook_key(hook: Hook) -> &'static str {
    match hook {
        Hook::BeforeInstall => "before_install",
        Hook::AfterInstall => "after_install",
        Hook::AfterAllowTestTraffic => "after_allow_test_traffic",
        Hook::BeforeAllowTraffic => "before_allow_traffic",
        Hook::AfterAllowTraffic => "after_allow_traffic",
    }
}

fn a_url_of_its_own_warns() -> Vec<HookCase> {
    vec![
        with_literal_url(Hook::AfterInstall, "a literal URL before any listener forwards to the new version", "")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("VersionUnverified"),
        with_literal_url(Hook::AfterAllowTestTraffic, "a literal URL instead of the test listener's", "")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("VersionUnverified"),
        with_literal_url(Hook::BeforeAllowTraffic, "a literal URL just before customers get the new version", "")
            .succeeds()
            .warns("VersionUnverified"),
        with_literal_url(
            Hook::AfterAllowTraffic,
            "a literal URL while a node can still forward to the old version",
            "",
        )
        .succeeds()
        .warns("VersionUnverified"),
        with_literal_url(
            Hook::AfterAllowTestTraffic,
            "a literal URL, and any version is accepted",
            "any_version: true,",
        )
        .succeeds()
        .check_outcome("mine", "passed"),
        with_literal_url(Hook::BeforeInstall, "a literal URL while only the old version exists", "")
            .succeeds()
            .check_outcome("mine", "passed"),
        HookCase::new(Hook::AfterAllowTestTraffic, "a URL that is bound to the listener")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: \
                 [{ name: mine, http: '{{test_url}}/health', expect: [status == 200] }] } }",
            )
            .succeeds()
            .check_outcome("mine", "passed"),
        HookCase::new(Hook::BeforeInstall, "an address that does not exist yet stops the deployment before it starts")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { checks: \
                 [{ name: mine, http: '{{production_url}}/health', expect: [status == 200] }] } }",
            )
            .fails("GateInvalid"),
    ]
}
