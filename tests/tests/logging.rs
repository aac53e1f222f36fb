//! The fields of log lines: docs/LOGGING.md describes each one, and some are on every line.

use std::{collections::BTreeSet, process::ExitCode};

use greenlight_tests::{CaseGroup, HookCase, SHORT_WINDOWS, Suite, expect_eq};
use rehearsal::{FaultKind, Hook, HookRunReport, InjectedFault};
use serde_json::Value;

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("every_line_names_its_deployment_and_its_gate_file", every_line_names_its_deployment_and_its_gate_file)
        .run()
}

fn lines(played: &HookRunReport) -> Vec<Value> {
    played.raw_log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Checks that every line has the fields of the deployment and of the gate file.
fn lines_have_context(gate: [&'static str; 2]) -> impl Fn(&HookRunReport) -> Result<(), String> + Send + 'static {
    move |played| {
        let lines = lines(played);
        expect_eq("whether the log has lines", &(lines.len() > 1), &true)?;
        for line in lines {
            for (field, value) in [
                ("hook.name", "AfterInstall"),
                ("deployment.application", "shop"),
                ("deployment.group", "web"),
                ("ecs.cluster", "shop"),
                ("ecs.service", "web"),
                ("aws.region", "eu-west-1"),
                ("gate.source", gate[0]),
                ("gate.version", gate[1]),
            ] {
                expect_eq(&format!("{field} of {line}"), line[field].as_str().unwrap_or_default(), value)?;
            }
            let id = line["deployment.id"].as_str().unwrap_or_default();
            expect_eq(&format!("whether {id:?} is the deployment's id"), &id.starts_with("d-"), &true)?;
            let digest = line["gate.digest"].as_str().unwrap_or_default();
            let is_digest = digest.len() == 71 && digest.starts_with("sha256:");
            expect_eq(&format!("whether {digest:?} is a digest"), &is_digest, &(gate[0] != "built-in"))?;
        }
        Ok(())
    }
}

/// Checks that docs/LOGGING.md describes every field of every line.
fn fields_are_documented(played: &HookRunReport) -> Result<(), String> {
    let manual = include_str!("../../docs/LOGGING.md");
    let fields: BTreeSet<String> =
        lines(played).iter().filter_map(Value::as_object).flat_map(|line| line.keys().cloned()).collect();
    let unknown: Vec<_> = fields.iter().filter(|field| !manual.contains(&format!("`{field}`"))).collect();
    expect_eq("the fields that docs/LOGGING.md does not describe", &unknown, &Vec::new())
}

fn every_line_names_its_deployment_and_its_gate_file() -> CaseGroup {
    let case = |title: &str| {
        HookCase::new(Hook::AfterInstall, title).env("GREENLIGHT_LOG", "debug").assert(fields_are_documented)
    };
    let put = "codedeploy:PutLifecycleEventHookExecutionStatus";
    CaseGroup::from(vec![
        case("an inline gate file").assert(lines_have_context(["GREENLIGHT_GATE", ""])),
        case("no gate file").no_gate().assert(lines_have_context(["built-in", ""])),
        case("a gate file in a parameter")
            .no_gate()
            .env("GREENLIGHT_GATE_SSM", "/g/{application}")
            .world(|world| drop(world.account.parameters.insert("/g/shop".into(), SHORT_WINDOWS.into())))
            .assert(lines_have_context(["ssm:/g/shop", "1"])),
        case("a gate file in S3")
            .no_gate()
            .env("GREENLIGHT_GATE_S3", "s3://gates/shop.yaml")
            .world(|world| drop(world.account.objects.insert("gates/shop.yaml".into(), SHORT_WINDOWS.into())))
            .assert(|played| {
                let tagged =
                    lines(played).iter().all(|line| line["gate.version"].as_str().is_some_and(|tag| !tag.is_empty()));
                expect_eq("whether every line has the ETag", &tagged, &true)
            }),
        case("a status that cannot be put")
            .with_fault(InjectedFault::always(put, FaultKind::Deny))
            .timeout(std::time::Duration::from_secs(3))
            .errors("StatusNotSent")
            .assert(lines_have_context(["GREENLIGHT_GATE", ""])),
    ])
    .without_golden_text()
}
