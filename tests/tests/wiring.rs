//! Which lifecycle event is in progress, roll-backs, deployments that these hooks cannot judge.

use std::time::Duration;

use greenlight_tests::{Case, play, same};
use rehearsal::{
    Fault, HookName, InvocationResult, Played, Trouble,
    world::{EventStatus, RollbackInfo},
};

fn case(title: &str) -> Case {
    Case::new(HookName::BeforeAllowTraffic, title)
}

fn nothing_was_checked(played: &Played) -> Result<(), String> {
    let checks = played.checks.iter().filter(|check| ["ecs", "targets", "alarms"].contains(&check.kind.as_str()));
    same("the checks that ran", &checks.count(), &0)
}

#[tokio::test(flavor = "multi_thread")]
async fn events() {
    let told = play(vec![
        case("another hook's function is named in the AppSpec")
            .program(HookName::AfterInstall)
            .fails("WrongEvent")
            .and(nothing_was_checked),
        case("another hook's function, and that is only to be a warning")
            .program(HookName::AfterInstall)
            .env("GREENLIGHT_WRONG_EVENT", "warn")
            .succeeds()
            .warns("WrongEvent")
            .check("tasks", "passed"),
        case("another hook's function is named in the AppSpec, and the second look at the record is refused")
            .program(HookName::AfterInstall)
            .fault(Fault { after: 1, ..Fault::always("codedeploy:GetDeploymentTarget", Trouble::Deny) })
            .fails("WrongEvent")
            .and(nothing_was_checked),
        // Waits for ten seconds of real time: that CodeDeploy's record lags is what the hook waits for.
        case("no event is in progress")
            .world(|world| {
                world.deployment().event("BeforeAllowTraffic").unwrap().status = EventStatus::Succeeded;
            })
            .and(|played| same("the code", played.code.as_str(), "NoEventInProgress"))
            .and(|played| match played.outcome_of_invocation {
                InvocationResult::Success(_) => Ok(()),
                _ => Err("the invocation failed".to_owned()),
            })
            .and(nothing_was_checked)
            .and(|played| {
                let calls = played.calls.get("codedeploy:GetDeploymentTarget").copied().unwrap_or_default();
                if calls >= 5 { Ok(()) } else { Err(format!("it asked {calls} times which event is in progress")) }
            }),
        case("the service is told by the settings")
            .env("GREENLIGHT_CLUSTER", "shop")
            .env("GREENLIGHT_SERVICE", "web")
            .world(|world| world.group.services.clear())
            .succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn roll_backs() {
    let told = play(vec![
        case("CodeDeploy rolls back")
            .world(|world| world.deployment().creator = "codeDeployRollback".into())
            .succeeds()
            .warns("RollbackDeployment")
            .and(nothing_was_checked),
        case("the deployment says which one it undoes")
            .world(|world| {
                let undoes = Some("d-UNDONE123".to_owned());
                world.deployment().rollback = Some(RollbackInfo { triggered_by: undoes, ..RollbackInfo::default() });
            })
            .succeeds()
            .warns("RollbackDeployment")
            .and(nothing_was_checked),
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
        case("roll-backs are to be checked")
            .env("GREENLIGHT_ROLLBACK", "check")
            .world(|world| {
                world.deployment().creator = "codeDeployRollback".into();
                world.green().unwrap().steady = false;
            })
            .fails("NotSteady"),
        case("a deployment that was undone is no roll-back")
            .world(|world| {
                let undone = Some("d-UNDOING12".to_owned());
                world.deployment().rollback = Some(RollbackInfo { rolled_back_by: undone, ..RollbackInfo::default() });
                world.green().unwrap().steady = false;
            })
            .fails("NotSteady"),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_that_cannot_be_judged() {
    let told = play(vec![
        // CodeDeploy takes no hook's answer for it, so there is nobody to tell.
        case("the Server platform")
            .timeout(Duration::from_secs(3))
            .world(|world| world.deployment().platform = "Server".into())
            .errors("AnswerNotSent")
            .and(|played| same("the code", played.code.as_str(), "PlatformUnsupported")),
        case("the Lambda platform")
            .world(|world| world.deployment().platform = "Lambda".into())
            .fails("PlatformUnsupported"),
        case("its service is gone").world(|world| world.service = None).fails("ServiceNotActive"),
    ])
    .await;
    insta::assert_snapshot!(told);
}
