//! Limits of a process and endless files: a hook puts its status even when it lacks descriptors, threads, memory or
//! time.

#![cfg(target_os = "linux")]

use std::{fmt::Write as _, process::Command, time::Duration};

use greenlight_tests::{SHORT_WINDOWS, binaries};
use rehearsal::{
    ClockSkew, FaultKind, Hook, HookRunReport, HookTestBed, InjectedFault, InvocationResult, ProcessLimit, Status,
};

async fn run(stage: HookTestBed) -> HookRunReport {
    let played = stage.run(binaries()).await.unwrap();
    let log = played.raw_log.join("\n");
    assert!(matches!(played.invocation_result, InvocationResult::Success(_)), "{log}");
    assert_eq!(played.puts.iter().filter(|put| put.took_effect).count(), 1, "{log}");
    played
}

async fn before_allow_traffic(gate: &str) -> HookTestBed {
    HookTestBed::at(Hook::BeforeAllowTraffic).await.gate(gate)
}

fn assert_log_contains(played: &HookRunReport, words: &str) {
    assert!(played.raw_log.iter().any(|line| line.contains(words)), "{}", played.raw_log.join("\n"));
}

/// Lambda's limit is 1,024 file descriptors, as in most shells.
#[tokio::test(flavor = "multi_thread")]
async fn thousand_checks_that_read_aws_do_not_use_up_the_descriptors() {
    let mut gate = "version: 1\nhooks:\n  before_allow_traffic:\n    built_in: none\n    checks:\n".to_owned();
    for index in 0..1000 {
        let _ = writeln!(gate, "      - {{ name: c{index}, targets: green, expect: [healthy > 0] }}");
    }
    let timeout = Duration::from_secs(600);
    let played = run(before_allow_traffic(&gate).await.limit(ProcessLimit::Descriptors(1024)).timeout(timeout)).await;
    assert_eq!((&played.statuses[..], played.code.as_str()), (&[Status::Succeeded][..], ""));
    assert_eq!(played.checks.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_requests_do_not_use_up_the_descriptors() {
    let mut gate = "version: 1\nhooks:\n  after_allow_test_traffic:\n    checks:\n".to_owned();
    for index in 0..300 {
        let _ = writeln!(gate, "      - {{ name: c{index}, http: '{{{{test_url}}}}/', expect: [status == 200] }}");
    }
    let stage = HookTestBed::at(Hook::AfterAllowTestTraffic).await.gate(&gate).timeout(Duration::from_secs(600));
    let played = run(stage.limit(ProcessLimit::Descriptors(160))).await;
    assert_eq!((&played.statuses[..], played.code.as_str()), (&[Status::Succeeded][..], ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_failed_if_no_thread_can_be_started() {
    let played = run(before_allow_traffic(SHORT_WINDOWS).await.limit(ProcessLimit::NoThreads)).await;
    assert_eq!((&played.statuses[..], played.code.as_str()), (&[Status::Failed][..], "CheckFailed"));
    assert_log_contains(&played, "no thread for the checks");
}

/// The hook searches every line of fifty checks for the parts of the secret. The status does not wait for that search,
/// which the timeout ends.
#[tokio::test(flavor = "multi_thread")]
async fn large_secret_does_not_delay_the_status() {
    let mut gate = "version: 1
secrets: { large: secretsmanager:shop/large }
hooks:
  after_allow_test_traffic:
    built_in: none
    checks:
"
    .to_owned();
    for index in 0..50 {
        let check = "http: 'POST {{test_url}}/', json: { token: '{{secret.large}}' }, expect: [status == 201]";
        let _ = writeln!(gate, "      - {{ name: c{index}, {check} }}");
    }
    let members: Vec<_> = (0..2000).map(|index| format!(r#""key{index}":"sesame-{index:020}""#)).collect();
    let secret = format!("{{{}}}", members.join(","));
    assert!(secret.len() > 65_000);
    let stage = HookTestBed::at(Hook::AfterAllowTestTraffic).await.gate(&gate).timeout(Duration::from_secs(8));
    let played = run(stage.world(move |world| world.account.put_secret("shop/large", &secret))).await;
    assert_eq!(played.statuses, [Status::Failed]);
    assert!(!played.raw_log.iter().any(|line| line.contains("sesame-0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap().to_owned();
    for path in ["/dev/zero", pipe.as_str()] {
        // Authorities for AWS: the built-in ones are enough, and the log reports that the hook added no others.
        let stage = before_allow_traffic(SHORT_WINDOWS).await.env("AWS_CA_BUNDLE", path).memory(128 << 20);
        let played = run(stage).await;
        assert_eq!(played.statuses, [Status::Succeeded], "{path}");
        assert_log_contains(&played, "AWS_CA_BUNDLE is not a regular file");

        // Authorities for all requests to the service, and for a single check.
        let http = |more: &str| {
            format!(
                "version: 1\nhooks: {{ before_allow_traffic: {{ built_in: none, checks: [{{ http: 'https://127.0.0.1:9/', {more} \
                 expect: [status == 200] }}] }} }}"
            )
        };
        let known = before_allow_traffic(&http("")).await.env("SSL_CERT_FILE", path).memory(128 << 20);
        let own = before_allow_traffic(&http(&format!("tls: {{ ca_file: {path} }},"))).await.memory(128 << 20);
        for stage in [known, own] {
            let played = run(stage).await;
            assert_eq!(played.statuses, [Status::Failed], "{path}");
            assert_log_contains(&played, "is not a regular file");
        }
        let played = run(HookTestBed::at(Hook::BeforeAllowTraffic).await.env("GREENLIGHT_GATE_FILE", path)).await;
        assert_eq!((&played.statuses[..], played.code.as_str()), (&[Status::Failed][..], "GateUnreadable"), "{path}");
    }
}

/// By its own clock the process has 2 s, and it is paused until they are over. So it does not matter how busy this
/// machine is.
#[tokio::test(flavor = "multi_thread")]
async fn process_paused_until_its_deadline_still_puts_failed() {
    let waits = InjectedFault::first(1, "codedeploy:GetDeployment", FaultKind::BlackHole);
    let stage = before_allow_traffic(SHORT_WINDOWS).await.inject_fault(waits);
    let stage = stage.clock_skew(ClockSkew::Ahead(Duration::from_secs(58)));
    let played = run(stage.paused(Duration::from_millis(300), Duration::from_millis(2200))).await;
    assert_eq!((&played.statuses[..], played.code.as_str()), (&[Status::Failed][..], "RanOutOfTime"));
}
