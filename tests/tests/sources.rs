//! Where the gate file comes from, in the real programs: which variable wins, what cannot be read, and why.

use std::{io::Write as _, time::Duration};

use greenlight_tests::{HookCase, expect_eq, run_cases};
use rehearsal::{
    FaultKind, HookName, HookRunReport, HookStatus, HookTestBed, InjectedFault, InvocationResult, world::World,
};

/// A gate file with one check of this name.
fn gate(name: &str) -> String {
    format!(
        "version: 1\nhooks: {{ before_allow_traffic: {{ built_in: none, checks: [{{ name: {name}, tasks: green, expect: [running >= 1] }}] }} }}"
    )
}

fn case(title: &str) -> HookCase {
    HookCase::new(HookName::BeforeAllowTraffic, title).no_gate()
}

fn store_parameter(name: &'static str, value: impl Into<String>) -> impl FnOnce(&mut World) + Send + 'static {
    let value = value.into();
    move |world| drop(world.account.parameters.insert(name.to_owned(), value))
}

fn store_object(place: &'static str, value: impl Into<String>) -> impl FnOnce(&mut World) + Send + 'static {
    let value = value.into();
    move |world| drop(world.account.objects.insert(place.to_owned(), value))
}

fn temp_file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().prefix("gate").tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn path_of(file: &tempfile::NamedTempFile) -> String {
    file.path().to_str().unwrap().to_owned()
}

fn never_called(operation: &'static str) -> impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static {
    move |played| expect_eq(&format!("calls of {operation}"), &played.calls.get(operation), &None)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is() {
    let in_a_file = temp_file(gate("of-a-file").as_bytes());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shop")).unwrap();
    std::fs::write(folder.path().join("shop/web.yaml"), gate("of-a-folder")).unwrap();
    let transcript = run_cases(vec![
        case("a parameter")
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .world(store_parameter("/gate", gate("of-ssm")))
            .succeeds()
            .check_outcome("of-ssm", "passed"),
        case("a parameter for each deployment group")
            .env("GREENLIGHT_GATE_SSM", "/greenlight/{application}/{deployment_group}")
            .world(store_parameter("/greenlight/shop/web", gate("of-the-group")))
            .succeeds()
            .check_outcome("of-the-group", "passed"),
        case("an object")
            .env("GREENLIGHT_GATE_S3", "s3://gates/a b/{application}+/{deployment_group}.yaml")
            .world(store_object("gates/a b/shop+/web.yaml", gate("of-s3")))
            .succeeds()
            .check_outcome("of-s3", "passed"),
        case("a file for each deployment group")
            .env(
                "GREENLIGHT_GATE_FILE",
                format!("{}/{{application}}/{{deployment_group}}.yaml", folder.path().display()),
            )
            .succeeds()
            .check_outcome("of-a-folder", "passed"),
        case("inline goes before all others")
            .env("GREENLIGHT_GATE", gate("inline"))
            .env("GREENLIGHT_GATE_FILE", path_of(&in_a_file))
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .env("GREENLIGHT_GATE_S3", "s3://gates/gate")
            .succeeds()
            .check_outcome("inline", "passed")
            .assert(never_called("ssm:GetParameter"))
            .assert(never_called("s3:GetObject")),
        case("a file goes before a parameter")
            .env("GREENLIGHT_GATE_FILE", path_of(&in_a_file))
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .succeeds()
            .check_outcome("of-a-file", "passed")
            .assert(never_called("ssm:GetParameter")),
        case("a parameter goes before an object")
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .env("GREENLIGHT_GATE_S3", "s3://gates/gate")
            .world(store_parameter("/gate", gate("of-ssm")))
            .succeeds()
            .check_outcome("of-ssm", "passed")
            .assert(never_called("s3:GetObject")),
        case("a roll-back needs none")
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .world(|world| world.deployment().creator = "codeDeployRollback".into())
            .succeeds()
            .warns("RollbackDeployment")
            .assert(never_called("ssm:GetParameter")),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read() {
    let latin = temp_file(b"version: 1 # caf\xe9\n");
    let long = temp_file("# long\n".repeat(100_000).as_bytes());
    let ssm = |title: &str| case(title).env("GREENLIGHT_GATE_SSM", "/gate");
    let s3 = |title: &str| case(title).env("GREENLIGHT_GATE_S3", "s3://gates/shop.yaml");
    let transcript = run_cases(vec![
        ssm("no such parameter").fails("GateUnreadable"),
        ssm("a parameter that may not be read")
            .with_fault(InjectedFault::always("ssm:GetParameter", FaultKind::Deny))
            .fails("GateUnreadable"),
        ssm("Systems Manager hangs up at first")
            .world(store_parameter("/gate", gate("of-ssm")))
            .with_fault(InjectedFault::first(1, "ssm:GetParameter", FaultKind::HangUp))
            .succeeds(),
        ssm("half a reply is asked for again")
            .world(store_parameter("/gate", gate("of-ssm")))
            .with_fault(InjectedFault::first(1, "ssm:GetParameter", FaultKind::Malform))
            .succeeds(),
        ssm("Systems Manager throttles to the end")
            .with_fault(InjectedFault::always("ssm:GetParameter", FaultKind::Throttle))
            .fails("GateUnreadable"),
        ssm("what is there is no gate file")
            .world(store_parameter("/gate", "version: 1\nhoks: {}"))
            .fails("GateInvalid"),
        s3("no such bucket").fails("GateUnreadable"),
        s3("no such object").world(store_object("gates/other.yaml", "version: 1")).fails("GateUnreadable"),
        s3("an object that may not be read")
            .with_fault(InjectedFault::always("s3:GetObject", FaultKind::Deny))
            .fails("GateUnreadable"),
        s3("an object that is too long")
            .world(store_object("gates/shop.yaml", "# long\n".repeat(40_000)))
            .fails("GateInvalid"),
        s3("an object that is much too long")
            .world(store_object("gates/shop.yaml", "# long\n".repeat(200_000)))
            .fails("GateUnreadable"),
        case("a file that is not there").env("GREENLIGHT_GATE_FILE", "/nowhere/gate.yaml").fails("GateUnreadable"),
        case("a folder").env("GREENLIGHT_GATE_FILE", "/").fails("GateUnreadable"),
        case("a device without an end").env("GREENLIGHT_GATE_FILE", "/dev/zero").fails("GateUnreadable"),
        case("no text").env("GREENLIGHT_GATE_FILE", path_of(&latin)).fails("GateUnreadable"),
        case("a file that is too long").env("GREENLIGHT_GATE_FILE", path_of(&long)).fails("GateInvalid"),
        case("a misspelt placeholder").env("GREENLIGHT_GATE_SSM", "/g/{aplication}").fails("SettingsInvalid"),
        case("a name that two services could share")
            .env("GREENLIGHT_GATE_S3", "s3://gates/{application}-{deployment_group}.yaml")
            .world(store_object("gates/shop-web.yaml", gate("of-another")))
            .fails("SettingsInvalid")
            .assert(never_called("s3:GetObject")),
        case("no address of an object").env("GREENLIGHT_GATE_S3", "gates/shop.yaml").fails("SettingsInvalid"),
        ssm("a deployment that cannot be read, and a gate file that only observes")
            .world(store_parameter("/gate", "version: 1\nmode: observe"))
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .succeeds()
            .check_decides("fail", "AwsDenied"),
        case("a deployment that cannot be read, and so nobody knows where its gate file is")
            .env("GREENLIGHT_GATE_SSM", "/{application}/gate")
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .fails("AwsDenied")
            .assert(never_called("ssm:GetParameter")),
    ])
    .await;
    let transcript = [path_of(&latin), path_of(&long)].iter().fold(transcript, |told, path| told.replace(path, "FILE"));
    insta::assert_snapshot!(transcript);
}

/// A pipe that nobody writes into is no file; it may not hold up the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("gate.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let transcript = run_cases(vec![
        case("a pipe")
            .env("GREENLIGHT_GATE_FILE", pipe.to_str().unwrap())
            .timeout(Duration::from_secs(10))
            .fails("GateUnreadable"),
    ])
    .await;
    assert!(transcript.contains("it is no file"), "{transcript}");
}

/// The gate file is read anew for each event: what was changed in between counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_warm_process_reads_it_again() {
    let stage = HookTestBed::at(HookName::BeforeAllowTraffic).await;
    let stage = stage.env("GREENLIGHT_GATE_SSM", "/gate").world(store_parameter("/gate", gate("mine")));
    let played = stage.redelivered(&[Duration::from_secs(2)]).run(greenlight_tests::binaries()).await.unwrap();
    assert_eq!(played.statuses, [HookStatus::Succeeded]);
    assert!(
        played.invocations.iter().all(|end| matches!(end, InvocationResult::Success(_))),
        "{:?}",
        played.invocations
    );
    assert_eq!(played.calls["ssm:GetParameter"], 2);
}
