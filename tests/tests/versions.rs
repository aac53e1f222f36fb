//! Which version responds to a check: the old version can respond to a request to a literal URL, so the verdict warns.
//! Only the new version responds to a request that is bound to a listener, so the verdict does not warn.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite};
use rehearsal::HookName;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME")).cases("a_url_of_its_own_warns", a_url_of_its_own_warns).run()
}

/// A check of a literal URL with the port of the test listener.
fn with_literal_url(hook: HookName, title: &str, keys: &'static str) -> HookCase {
    HookCase::new(hook, title).with(move |stage| {
        let (port, part) = (stage.test_port(), hook_key(hook));
        stage.gate(&format!(
            "version: 1\nhooks: {{ {part}: {{ built_in: none, checks: [{{ name: mine, http: 'http://localhost:{port}/health', \
             {keys} expect: [status == 200] }}] }} }}"
        ))
    })
}

const fn hook_key(hook: HookName) -> &'static str {
    match hook {
        HookName::BeforeInstall => "before_install",
        HookName::AfterInstall => "after_install",
        HookName::AfterAllowTestTraffic => "after_allow_test_traffic",
        HookName::BeforeAllowTraffic => "before_allow_traffic",
        HookName::AfterAllowTraffic => "after_allow_traffic",
    }
}

fn a_url_of_its_own_warns() -> Vec<HookCase> {
    vec![
        with_literal_url(HookName::AfterInstall, "a literal URL before any listener forwards to the new version", "")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("VersionUnverified"),
        with_literal_url(HookName::AfterAllowTestTraffic, "a literal URL instead of the test listener's", "")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("VersionUnverified"),
        with_literal_url(HookName::BeforeAllowTraffic, "a literal URL just before customers get the new version", "")
            .succeeds()
            .warns("VersionUnverified"),
        with_literal_url(
            HookName::AfterAllowTraffic,
            "a literal URL while a node can still forward to the old version",
            "",
        )
        .succeeds()
        .warns("VersionUnverified"),
        with_literal_url(
            HookName::AfterAllowTestTraffic,
            "a literal URL, and any version is accepted",
            "any_version: true,",
        )
        .succeeds()
        .check_outcome("mine", "passed"),
        with_literal_url(HookName::BeforeInstall, "a literal URL while only the old version exists", "")
            .succeeds()
            .check_outcome("mine", "passed"),
        HookCase::new(HookName::AfterAllowTestTraffic, "a URL that is bound to the listener")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: \
                 [{ name: mine, http: '{{test_url}}/health', expect: [status == 200] }] } }",
            )
            .succeeds()
            .check_outcome("mine", "passed"),
        HookCase::new(
            HookName::BeforeInstall,
            "an address that does not exist yet stops the deployment before it starts",
        )
        .gate(
            "version: 1\nhooks: { after_allow_test_traffic: { checks: \
                 [{ name: mine, http: '{{production_url}}/health', expect: [status == 200] }] } }",
        )
        .fails("GateInvalid"),
    ]
}
