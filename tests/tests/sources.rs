//! The sources of the gate file in the real programs: which variable has precedence, and which gate files cannot be
//! read.

use std::{io::Write as _, process::ExitCode, time::Duration};

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq};
use rehearsal::{FaultKind, Hook, HookRunReport, HookTestBed, InjectedFault, InvocationResult, Status, world::World};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("where_it_is", where_it_is)
        .cases("what_cannot_be_read", what_cannot_be_read)
        .cases("pipe_as_gate_file_fails_at_once", pipe_as_gate_file_fails_at_once)
        .async_test("warm_process_reads_the_gate_file_again", warm_process_reads_the_gate_file_again)
        .run()
}

/// A gate file with one check that has this name.
fn gate(name: &str) -> String {
    format!(
        "version: 1\nhooks: {{ before_allow_traffic: {{ built_in: none, checks: [{{ name: {name}, tasks: green, expect: [running >= 1] }}] }} }}"
    )
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title).no_gate()
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

fn where_it_is() -> CaseGroup {
    let in_a_file = temp_file(gate("of-a-file").as_bytes());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shop")).unwrap();
    std::fs::write(folder.path().join("shop/web.yaml"), gate("of-a-folder")).unwrap();
    CaseGroup::from(vec![
        case("a gate file in a parameter")
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .world(store_parameter("/gate", gate("of-ssm")))
            .succeeds()
            .check_outcome("of-ssm", "passed"),
        case("a parameter for each deployment group")
            .env("GREENLIGHT_GATE_SSM", "/greenlight/{application}/{deployment_group}")
            .world(store_parameter("/greenlight/shop/web", gate("of-the-group")))
            .succeeds()
            .check_outcome("of-the-group", "passed"),
        case("a gate file in S3")
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
        case("an inline gate file has precedence over all others")
            .env("GREENLIGHT_GATE", gate("inline"))
            .env("GREENLIGHT_GATE_FILE", path_of(&in_a_file))
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .env("GREENLIGHT_GATE_S3", "s3://gates/gate")
            .succeeds()
            .check_outcome("inline", "passed")
            .assert(never_called("ssm:GetParameter"))
            .assert(never_called("s3:GetObject")),
        case("a file has precedence over a parameter")
            .env("GREENLIGHT_GATE_FILE", path_of(&in_a_file))
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .succeeds()
            .check_outcome("of-a-file", "passed")
            .assert(never_called("ssm:GetParameter")),
        case("a parameter has precedence over an object")
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .env("GREENLIGHT_GATE_S3", "s3://gates/gate")
            .world(store_parameter("/gate", gate("of-ssm")))
            .succeeds()
            .check_outcome("of-ssm", "passed")
            .assert(never_called("s3:GetObject")),
        case("a rollback needs no gate file")
            .env("GREENLIGHT_GATE_SSM", "/gate")
            .world(|world| world.deployment().creator = "codeDeployRollback".into())
            .succeeds()
            .warns("RollbackDeployment")
            .assert(never_called("ssm:GetParameter")),
    ])
    .keep((in_a_file, folder))
}

fn what_cannot_be_read() -> CaseGroup {
    let files = [temp_file(b"version: 1 # caf\xe9\n"), temp_file("# long\n".repeat(100_000).as_bytes())];
    let [latin, long] = &files;
    let ssm = |title: &str| case(title).env("GREENLIGHT_GATE_SSM", "/gate");
    let s3 = |title: &str| case(title).env("GREENLIGHT_GATE_S3", "s3://gates/shop.yaml");
    CaseGroup::from(vec![
        ssm("a parameter that does not exist").fails("GateUnreadable"),
        ssm("a parameter that the role is not allowed to read")
            .with_fault(InjectedFault::always("ssm:GetParameter", FaultKind::Deny))
            .fails("GateUnreadable"),
        ssm("Systems Manager closes the first connection")
            .world(store_parameter("/gate", gate("of-ssm")))
            .with_fault(InjectedFault::first(1, "ssm:GetParameter", FaultKind::HangUp))
            .succeeds(),
        ssm("an incomplete reply is requested again")
            .world(store_parameter("/gate", gate("of-ssm")))
            .with_fault(InjectedFault::first(1, "ssm:GetParameter", FaultKind::Malform))
            .succeeds(),
        ssm("Systems Manager throttles every call")
            .with_fault(InjectedFault::always("ssm:GetParameter", FaultKind::Throttle))
            .fails("GateUnreadable"),
        ssm("the parameter does not contain a gate file")
            .world(store_parameter("/gate", "version: 1\nhoks: {}"))
            .fails("GateInvalid"),
        s3("a bucket that does not exist").fails("GateUnreadable"),
        s3("an object that does not exist")
            .world(store_object("gates/other.yaml", "version: 1"))
            .fails("GateUnreadable"),
        s3("an object that the role is not allowed to read")
            .with_fault(InjectedFault::always("s3:GetObject", FaultKind::Deny))
            .fails("GateUnreadable"),
        s3("an object that is too long")
            .world(store_object("gates/shop.yaml", "# long\n".repeat(40_000)))
            .fails("GateInvalid"),
        s3("an object that is much too long")
            .world(store_object("gates/shop.yaml", "# long\n".repeat(200_000)))
            .fails("GateUnreadable"),
        case("a file that does not exist").env("GREENLIGHT_GATE_FILE", "/nowhere/gate.yaml").fails("GateUnreadable"),
        case("a folder instead of a file").env("GREENLIGHT_GATE_FILE", "/").fails("GateUnreadable"),
        case("an endless device").env("GREENLIGHT_GATE_FILE", "/dev/zero").fails("GateUnreadable"),
        case("a file that is not UTF-8").env("GREENLIGHT_GATE_FILE", path_of(latin)).fails("GateUnreadable"),
        case("a file that is too long").env("GREENLIGHT_GATE_FILE", path_of(long)).fails("GateInvalid"),
        case("a misspelt placeholder").env("GREENLIGHT_GATE_SSM", "/g/{aplication}").fails("SettingsInvalid"),
        case("a name that two deployment groups could share")
            .env("GREENLIGHT_GATE_S3", "s3://gates/{application}-{deployment_group}.yaml")
            .world(store_object("gates/shop-web.yaml", gate("of-another")))
            .fails("SettingsInvalid")
            .assert(never_called("s3:GetObject")),
        case("a value that is not the address of an object")
            .env("GREENLIGHT_GATE_S3", "gates/shop.yaml")
            .fails("SettingsInvalid"),
        ssm("a deployment that cannot be read, and a gate file with mode observe")
            .world(store_parameter("/gate", "version: 1\nmode: observe"))
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .succeeds()
            .check_decides("fail", "AwsDenied"),
        case("a deployment that cannot be read, and a source that depends on it")
            .env("GREENLIGHT_GATE_SSM", "/{application}/gate")
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .fails("AwsDenied")
            .assert(never_called("ssm:GetParameter")),
    ])
    .edit_text(move |text| files.iter().fold(text, |text, file| text.replace(&path_of(file), "FILE")))
}

/// A pipe without a writer must not delay the status, so the hook only reads regular files.
fn pipe_as_gate_file_fails_at_once() -> CaseGroup {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("gate.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    CaseGroup::from(vec![
        case("a pipe instead of a file")
            .env("GREENLIGHT_GATE_FILE", pipe.to_str().unwrap())
            .timeout(Duration::from_secs(10))
            .fails("GateUnreadable")
            .assert(|played| {
                let is_named = played.verdict.contains("it is not a file");
                expect_eq("whether the verdict says that it is not a file", &is_named, &true)
            }),
    ])
    .keep(folder)
    .without_golden_text()
}

/// The hook reads the gate file for each event, so a change counts from the next event on. The second event waits for ten
/// seconds of real time, because the hook waits for CodeDeploy's record, which can lag.
async fn warm_process_reads_the_gate_file_again() {
    let stage = HookTestBed::at(Hook::BeforeAllowTraffic).await;
    let stage = stage.env("GREENLIGHT_GATE_SSM", "/gate").world(store_parameter("/gate", gate("mine")));
    let played = stage.redelivered(&[Duration::from_secs(2)]).run(greenlight_tests::binaries()).await.unwrap();
    assert_eq!(played.statuses, [Status::Succeeded]);
    assert!(
        played.invocations.iter().all(|end| matches!(end, InvocationResult::Success(_))),
        "{:?}",
        played.invocations
    );
    assert_eq!(played.calls["ssm:GetParameter"], 2);
}
