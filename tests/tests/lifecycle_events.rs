//! The lifecycle event that is in progress, rollbacks, and deployments that the hooks cannot evaluate.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{
    FaultKind, Hook, HookRunReport, InjectedFault, InvocationResult,
    world::{Change, ComputePlatform, EventStatus, RollbackInfo, World},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("events", events)
        .cases("records_that_lag", records_that_lag)
        .cases("services_named_by_the_settings", services_named_by_the_settings)
        .cases("roll_backs", roll_backs)
        .cases("deployments_that_cannot_be_judged", deployments_that_cannot_be_judged)
        .run()
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::BeforeAllowTraffic, title)
}

fn no_checks_ran(played: &HookRunReport) -> Result<(), String> {
    let checks = played.checks.iter().filter(|check| ["tasks", "targets", "alarms"].contains(&check.kind.as_str()));
    expect_eq("the checks that ran", &checks.count(), &0)
}

fn events() -> Vec<HookCase> {
    vec![
        case("the AppSpec file names another hook's function")
            .program(Hook::AfterInstall)
            .fails("WrongEvent")
            .assert(no_checks_ran),
        case("the AppSpec file names another hook's function, which only warns")
            .program(Hook::AfterInstall)
            .env("GREENLIGHT_WRONG_EVENT", "warn")
            .succeeds()
            .warns("WrongEvent")
            .check_outcome("tasks", "passed"),
        case("the AppSpec file names another hook's function, and AWS denies the second read of the events")
            .program(Hook::AfterInstall)
            .with_fault(InjectedFault {
                after: 1,
                ..InjectedFault::always("codedeploy:GetDeploymentTarget", FaultKind::Deny)
            })
            .fails("WrongEvent")
            .assert(no_checks_ran),
        // Waits for ten seconds of real time, because the hook waits for CodeDeploy's record, which can lag.
        case("no event is in progress")
            .world(|world| {
                world.deployment().event("BeforeAllowTraffic").unwrap().status = EventStatus::Succeeded;
            })
            .assert(|played| expect_eq("the code", played.code.as_str(), "NoEventInProgress"))
            .assert(|played| match played.invocation_result {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            })
            .assert(no_checks_ran)
            .assert(|played| {
                let calls = played.calls.get("codedeploy:GetDeploymentTarget").copied().unwrap_or_default();
                if calls >= 5 {
                    Ok(())
                } else {
                    Err(format!("the hook read the events {calls} times, expected at least 5"))
                }
            }),
        case("the settings name the service")
            .env("GREENLIGHT_CLUSTER", "shop")
            .env("GREENLIGHT_SERVICE", "web")
            .world(|world| world.group.services.clear())
            .succeeds(),
    ]
}

/// CodeDeploy's record of its events can lag. The first two cases wait for some seconds of real time.
fn records_that_lag() -> Vec<HookCase> {
    let own_event = |world: &mut World| {
        world.deployment().event("Install").unwrap().status = EventStatus::InProgress;
        world.deployment().event("BeforeAllowTraffic").unwrap().status = EventStatus::Pending;
    };
    vec![
        case("one of CodeDeploy's own events is in progress for some seconds")
            .world(own_event)
            .world(|world| {
                let when = SystemTime::now() + Duration::from_secs(5);
                let turn = |event: &str, status| Change::EventStatusChanged { event: event.to_owned(), status };
                world.schedule(when, turn("Install", EventStatus::Succeeded));
                world.schedule(when, turn("BeforeAllowTraffic", EventStatus::InProgress));
            })
            .succeeds(),
        case("one of CodeDeploy's own events is in progress for too long")
            .timeout(Duration::from_secs(8))
            .world(own_event)
            .assert(|played| expect_eq("the code", played.code.as_str(), "LifecycleStateUnknown"))
            .assert(no_checks_ran),
        case("CodeDeploy lists no event")
            .timeout(Duration::from_secs(8))
            .world(|world| world.deployment().events.clear())
            .assert(|played| expect_eq("the code", played.code.as_str(), "LifecycleStateUnknown"))
            .assert(no_checks_ran),
        case("the events cannot be read, which only warns")
            .env("GREENLIGHT_WRONG_EVENT", "warn")
            .with_fault(InjectedFault::always("codedeploy:GetDeploymentTarget", FaultKind::Deny))
            .succeeds()
            .warns("AwsDenied"),
    ]
}

/// One set of functions can serve many services. Its variables can restrict it to one of them.
fn services_named_by_the_settings() -> Vec<HookCase> {
    let named = |title: &str, cluster: &str, service: &str| {
        case(title).env("GREENLIGHT_CLUSTER", cluster).env("GREENLIGHT_SERVICE", service)
    };
    let arn = "arn:aws:ecs:eu-central-1:111122223333";
    vec![
        named("the service that is deployed", "shop", "web").succeeds(),
        named(
            "the service that is deployed, by ARN",
            &format!("{arn}:cluster/shop"),
            &format!("{arn}:service/shop/web"),
        )
        .succeeds(),
        named("another service", "shop", "worker").fails("SettingsInvalid").assert(no_checks_ran),
        named("another cluster", "staging", "web").fails("SettingsInvalid").assert(no_checks_ran),
    ]
}

fn roll_backs() -> Vec<HookCase> {
    vec![
        case("CodeDeploy rolls back")
            .world(|world| world.deployment().creator = "codeDeployRollback".into())
            .succeeds()
            .warns("RollbackDeployment")
            .assert(no_checks_ran),
        case("the deployment says which one it undoes")
            .world(|world| {
                let undoes = Some("d-UNDONE123".to_owned());
                world.deployment().rollback = Some(RollbackInfo { triggered_by: undoes, ..RollbackInfo::default() });
            })
            .succeeds()
            .warns("RollbackDeployment")
            .assert(no_checks_ran),
        case("CodeDeploy rolls back, and the gate file is broken")
            .gate("version: [")
            .world(|world| world.deployment().creator = "codeDeployRollback".into())
            .succeeds()
            .warns("RollbackDeployment"),
        case("CodeDeploy rolls back, and the settings are broken")
            .env("GREENLIGHT_WRONG_EVENT", "maybe")
            .world(|world| world.deployment().creator = "codeDeployRollback".into())
            .succeeds()
            .warns("RollbackDeployment"),
        case("the settings say that rollbacks are checked")
            .env("GREENLIGHT_ROLLBACK", "check")
            .world(|world| {
                world.deployment().creator = "codeDeployRollback".into();
                world.green().unwrap().steady = false;
            })
            .fails("NotSteady"),
        case("a deployment that was undone is not a rollback")
            .world(|world| {
                let undone = Some("d-UNDOING12".to_owned());
                world.deployment().rollback = Some(RollbackInfo { rolled_back_by: undone, ..RollbackInfo::default() });
                world.green().unwrap().steady = false;
            })
            .fails("NotSteady"),
    ]
}

fn deployments_that_cannot_be_judged() -> Vec<HookCase> {
    vec![
        // CodeDeploy accepts no hook's status for this platform, so the hook cannot put one.
        case("the Server platform")
            .timeout(Duration::from_secs(3))
            .world(|world| world.deployment().platform = ComputePlatform::Server)
            .errors("StatusNotSent")
            .assert(|played| expect_eq("the code", played.code.as_str(), "PlatformUnsupported")),
        case("the Lambda platform")
            .world(|world| world.deployment().platform = ComputePlatform::Lambda)
            .fails("PlatformUnsupported"),
        case("the service was deleted").world(|world| world.service = None).fails("ServiceNotActive"),
    ]
}
