//! Whose answer a check got: a request to an address of the author's own may be answered by the old version, and says so in
//! the verdict; one that is bound to a listener may not, and says nothing.

use greenlight_tests::{Case, play};
use rehearsal::HookName;

/// A check of a URL that somebody wrote down, with the port of the test listener.
fn written_down(hook: HookName, title: &str, keys: &'static str) -> Case {
    Case::new(hook, title).stage(move |stage| {
        let (port, part) = (stage.test_port(), part(hook));
        stage.gate(&format!(
            "version: 1\nhooks: {{ {part}: {{ built_in: none, checks: [{{ name: mine, http: 'http://localhost:{port}/health', \
             {keys} expect: [status == 200] }}] }} }}"
        ))
    })
}

const fn part(hook: HookName) -> &'static str {
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
    let told = play(vec![
        written_down(HookName::AfterInstall, "before any listener leads to the new version", "")
            .succeeds()
            .check("mine", "doubtful")
            .warns("VersionUnverified"),
        written_down(HookName::AfterAllowTestTraffic, "where it should be the test listener's", "")
            .succeeds()
            .check("mine", "doubtful")
            .warns("VersionUnverified"),
        written_down(HookName::BeforeAllowTraffic, "just before customers", "").succeeds().warns("VersionUnverified"),
        written_down(HookName::AfterAllowTraffic, "while a node may still lead to the old one", "")
            .succeeds()
            .warns("VersionUnverified"),
        written_down(HookName::AfterAllowTestTraffic, "it does not matter which version answers", "any_version: true,")
            .succeeds()
            .check("mine", "passed"),
        written_down(HookName::BeforeInstall, "there is only the old version", "").succeeds().check("mine", "passed"),
        Case::new(HookName::AfterAllowTestTraffic, "it is bound to the listener")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: \
                 [{ name: mine, http: '{{test_url}}/health', expect: [status == 200] }] } }",
            )
            .succeeds()
            .check("mine", "passed"),
        Case::new(HookName::BeforeInstall, "an address that is not there yet stops the deployment before it begins")
            .gate(
                "version: 1\nhooks: { after_allow_test_traffic: { checks: \
                 [{ name: mine, http: '{{production_url}}/health', expect: [status == 200] }] } }",
            )
            .fails("GateInvalid"),
    ])
    .await;
    insta::assert_snapshot!(told);
}
