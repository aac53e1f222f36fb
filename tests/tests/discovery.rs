//! Discovery when AWS's replies have unusual content, and when AWS fails.

use std::process::ExitCode;

use greenlight_tests::{HookCase, Suite, expect_eq};
use rehearsal::{FaultKind, Hook, InjectedFault};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("odd_shapes", odd_shapes)
        .cases("paging_is_followed", paging_is_followed)
        .cases("bad_moods", bad_moods)
        .cases("trouble_that_passes", trouble_that_passes)
        .run()
}

fn case(title: &str) -> HookCase {
    HookCase::new(Hook::AfterAllowTestTraffic, title)
}

fn odd_shapes() -> Vec<HookCase> {
    vec![
        case("the deployment does not repeat its group's listeners")
            .world(|world| world.deployment().pair = None)
            .succeeds(),
        case("only the deployment's target names a service").world(|world| world.group.services.clear()).succeeds(),
        case("the group names two services; the deployment's target is one of them")
            .world(|world| world.group.services.push(("shop".into(), "worker".into())))
            .succeeds(),
        case("neither the group nor the deployment names target groups")
            .world(|world| {
                world.group.pair = None;
                world.deployment().pair = None;
            })
            .fails("NoListener"),
        case("the replacement's target group is not one of the pair")
            .world(|world| {
                for pair in [world.group.pair.clone(), world.deployment().pair.clone()] {
                    let mut pair = pair.unwrap();
                    pair.target_groups.remove(1);
                    world.group.pair = Some(pair.clone());
                    world.deployment().pair = Some(pair);
                }
            })
            .fails("ReplacementMissing"),
        case("the colours' names are swapped")
            .world(|world| {
                let names = world.target_groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>();
                world.target_groups[0].name.clone_from(&names[1]);
                world.target_groups[1].name.clone_from(&names[0]);
            })
            .succeeds(),
        case("the replacement's task set does not exist")
            .world(|world| {
                let green = world.green().unwrap().id.clone();
                world.service.as_mut().unwrap().task_sets.retain(|set| set.id != green);
            })
            .fails("UnexpectedStatus"),
        case("the health check is TCP")
            .world(|world| {
                let check = &mut world.green_group().unwrap().health_check;
                check.protocol = "TCP".into();
                (check.path, check.matcher) = (None, None);
            })
            .succeeds(),
        case("task lists in several pages")
            .program(Hook::AfterAllowTestTraffic)
            .world(|world| world.page_size = 1)
            .succeeds(),
    ]
}

fn paging_is_followed() -> Vec<HookCase> {
    vec![
        HookCase::new(Hook::AfterInstall, "one task on each page")
            .world(|world| world.page_size = 1)
            .succeeds()
            .assert(|played| {
                let calls = played.calls.get("ecs:ListTasks").copied().unwrap_or_default();
                if calls >= 2 {
                    Ok(())
                } else {
                    Err(format!("the hook called ListTasks {calls} times, expected at least 2"))
                }
            }),
    ]
}

fn bad_moods() -> Vec<HookCase> {
    vec![
        case("every first call is throttled").with_fault(InjectedFault::first(1, "*", FaultKind::Throttle)).succeeds(),
        case("every first call fails").with_fault(InjectedFault::first(1, "*", FaultKind::Fail)).succeeds(),
        case("the connection of every first call is closed")
            .with_fault(InjectedFault::first(1, "*", FaultKind::HangUp))
            .succeeds(),
        case("the role is not allowed to read the deployment")
            .with_fault(InjectedFault::always("codedeploy:GetDeployment", FaultKind::Deny))
            .fails("AwsDenied"),
        case("the role is not allowed to read the deployment group")
            .with_fault(InjectedFault::always("codedeploy:GetDeploymentGroup", FaultKind::Deny))
            .fails("AwsDenied"),
        case("the role is not allowed to read the lifecycle events")
            .with_fault(InjectedFault::always("codedeploy:GetDeploymentTarget", FaultKind::Deny))
            .fails("AwsDenied"),
        case("the role is not allowed to list the deployment's targets")
            .with_fault(InjectedFault::always("codedeploy:ListDeploymentTargets", FaultKind::Deny))
            .fails("AwsDenied"),
        case("the role is not allowed to read listeners")
            .with_fault(InjectedFault::always("elasticloadbalancing:DescribeListeners", FaultKind::Deny))
            .fails("AwsDenied"),
        case("replies are cut off")
            .with_fault(InjectedFault::always("ecs:DescribeServices", FaultKind::Malform).after_effect())
            .fails("AwsFailed"),
        HookCase::new(Hook::BeforeAllowTraffic, "the role is not allowed to read alarms")
            .with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny))
            .fails("AwsDenied"),
        HookCase::new(Hook::BeforeAllowTraffic, "alarms cannot be read")
            .with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Malform).after_effect())
            .fails("AwsFailed"),
        HookCase::new(Hook::AfterInstall, "every call for tasks is throttled")
            .with_fault(InjectedFault::always("ecs:ListTasks", FaultKind::Throttle))
            .fails("AwsThrottled"),
        HookCase::new(Hook::AfterInstall, "AfterInstall does not read alarms")
            .with_fault(InjectedFault::always("cloudwatch:DescribeAlarms", FaultKind::Deny))
            .succeeds()
            .assert(|played| {
                expect_eq("calls of DescribeAlarms", &played.calls.get("cloudwatch:DescribeAlarms"), &None)
            }),
    ]
}

/// Failures that end while the hook still has time. Each case waits for some seconds of real time, as the hook does.
fn trouble_that_passes() -> Vec<HookCase> {
    // The five attempts of one call take about two seconds, so 13 failures last for several calls.
    let for_seconds = |operation| InjectedFault::first(13, operation, FaultKind::Throttle);
    let a_rollback = |world: &mut rehearsal::world::World| world.deployment().creator = "codeDeployRollback".into();
    vec![
        case("the service is throttled for seconds").with_fault(for_seconds("ecs:DescribeServices")).succeeds(),
        case("the lifecycle events are throttled for seconds")
            .with_fault(for_seconds("codedeploy:GetDeploymentTarget"))
            .succeeds(),
        HookCase::new(Hook::AfterAllowTraffic, "the group is throttled for seconds after the shift")
            .with_fault(for_seconds("codedeploy:GetDeploymentGroup"))
            .succeeds(),
        HookCase::new(Hook::BeforeAllowTraffic, "alarms are throttled for seconds")
            .with_fault(for_seconds("cloudwatch:DescribeAlarms"))
            .succeeds(),
        case("the role is new, and AWS denies reading the service at first")
            .with_fault(InjectedFault::first(3, "ecs:DescribeServices", FaultKind::Deny))
            .succeeds(),
        case("the role is new, and AWS denies reading the lifecycle events at first")
            .with_fault(InjectedFault::first(2, "codedeploy:GetDeploymentTarget", FaultKind::Deny))
            .succeeds(),
        case("the role is new, and AWS denies reading the deployment at first")
            .with_fault(InjectedFault::first(2, "codedeploy:GetDeployment", FaultKind::Deny))
            .succeeds(),
        case("reading a rollback is throttled for longer than a check would wait")
            .world(a_rollback)
            .timeout(std::time::Duration::from_secs(20))
            .with_fault(InjectedFault::first(18, "codedeploy:GetDeployment", FaultKind::Throttle))
            .succeeds()
            .warns("RollbackDeployment"),
        case("reading a rollback is throttled for longer than a check would wait, and rollbacks are checked")
            .world(a_rollback)
            .env("GREENLIGHT_ROLLBACK", "check")
            .timeout(std::time::Duration::from_secs(20))
            .with_fault(InjectedFault::first(18, "codedeploy:GetDeployment", FaultKind::Throttle))
            .fails("AwsThrottled"),
    ]
}
