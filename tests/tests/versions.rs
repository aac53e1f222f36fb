//! Whose answer a check got: a request to an address of the author's own may be answered by the old version, and says so in
//! the verdict; one that is bound to a listener may not, and says nothing.

use greenlight_tests::{HookCase, run_cases};
use rehearsal::HookName;

/// A check of a URL that somebody wrote down, with the port of the test listener.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_url_of_its_own_warns() {
    let transcript = run_cases(vec![
        with_literal_url(HookName::AfterInstall, "before any listener leads to the new version", "")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("VersionUnverified"),
        with_literal_url(HookName::AfterAllowTestTraffic, "where it should be the test listener's", "")
            .succeeds()
            .check_outcome("mine", "unverified")
            .warns("VersionUnverified"),
        with_literal_url(HookName::BeforeAllowTraffic, "just before customers", "")
            .succeeds()
            .warns("VersionUnverified"),
        with_literal_url(HookName::AfterAllowTraffic, "while a node may still lead to the old one", "")
            .succeeds()
            .warns("VersionUnverified"),
        with_literal_url(
            HookName::AfterAllowTestTraffic,
            "it does not matter which version answers",
            "any_version: true,",
        )
        .succeeds()
        .check_outcome("mine", "passed"),
        with_literal_url(HookName::BeforeInstall, "there is only the old version", "")
            .succeeds()
            .check_outcome("mine", "passed"),
        HookCase::new(HookName::AfterAllowTestTraffic, "it is bound to the listener")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: \
                 [{ name: mine, http: '{{test_url}}/health', expect: [status == 200] }] } }",
            )
            .succeeds()
            .check_outcome("mine", "passed"),
        HookCase::new(
            HookName::BeforeInstall,
            "an address that is not there yet stops the deployment before it begins",
        )
        .gate(
            "version: 1\nhooks: { after_allow_test_traffic: { checks: \
                 [{ name: mine, http: '{{production_url}}/health', expect: [status == 200] }] } }",
        )
        .fails("GateInvalid"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}
