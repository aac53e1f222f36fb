//! Discovery from replies in odd shapes, and from AWS in bad moods.

use greenlight_tests::{Case, play, same};
use rehearsal::{Fault, HookName, Trouble};

fn case(title: &str) -> Case {
    Case::new(HookName::AfterAllowTestTraffic, title)
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_shapes() {
    let told = play(vec![
        case("the deployment does not repeat its group's listeners")
            .world(|world| world.deployment().pair = None)
            .succeeds(),
        case("the group names no service; the deployment's target does")
            .world(|world| world.group.services.clear())
            .succeeds(),
        case("the group names two services; the deployment's target is one of them")
            .world(|world| world.group.services.push(("shop".into(), "worker".into())))
            .succeeds(),
        case("nobody names target groups")
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
        case("the replacement's task set is not there")
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
        case("many tasks, in pages").program(HookName::AfterAllowTestTraffic).world(|world| world.page = 1).succeeds(),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_is_followed() {
    let told = play(vec![
        Case::new(HookName::AfterInstall, "one task on each page").world(|world| world.page = 1).succeeds().and(
            |played| {
                let calls = played.calls.get("ecs:ListTasks").copied().unwrap_or_default();
                if calls >= 2 { Ok(()) } else { Err(format!("ListTasks was called {calls} times")) }
            },
        ),
    ])
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_moods() {
    let told = play(vec![
        case("every first call is throttled").fault(Fault::first(1, "*", Trouble::Throttle)).succeeds(),
        case("every first call fails").fault(Fault::first(1, "*", Trouble::Fail)).succeeds(),
        case("every first call is hung up on").fault(Fault::first(1, "*", Trouble::HangUp)).succeeds(),
        case("the deployment may not be read")
            .fault(Fault::always("codedeploy:GetDeployment", Trouble::Deny))
            .fails("AwsDenied"),
        case("the group may not be read")
            .fault(Fault::always("codedeploy:GetDeploymentGroup", Trouble::Deny))
            .fails("AwsDenied"),
        case("the lifecycle events may not be read")
            .fault(Fault::always("codedeploy:GetDeploymentTarget", Trouble::Deny))
            .fails("AwsDenied"),
        case("the targets may not be listed")
            .fault(Fault::always("codedeploy:ListDeploymentTargets", Trouble::Deny))
            .fails("AwsDenied"),
        case("listeners may not be read")
            .fault(Fault::always("elasticloadbalancing:DescribeListeners", Trouble::Deny))
            .fails("AwsDenied"),
        case("replies are cut off")
            .fault(Fault::always("ecs:DescribeServices", Trouble::Malform).taking_effect())
            .fails("AwsFailed"),
        Case::new(HookName::BeforeAllowTraffic, "alarms may not be read")
            .fault(Fault::always("cloudwatch:DescribeAlarms", Trouble::Deny))
            .fails("AwsDenied"),
        Case::new(HookName::BeforeAllowTraffic, "alarms cannot be read")
            .fault(Fault::always("cloudwatch:DescribeAlarms", Trouble::Malform).taking_effect())
            .fails("AwsFailed"),
        Case::new(HookName::AfterInstall, "tasks are throttled to the end")
            .fault(Fault::always("ecs:ListTasks", Trouble::Throttle))
            .fails("AwsThrottled"),
        Case::new(HookName::AfterInstall, "an alarm's state does not matter here")
            .fault(Fault::always("cloudwatch:DescribeAlarms", Trouble::Deny))
            .succeeds()
            .and(|played| same("calls of DescribeAlarms", &played.calls.get("cloudwatch:DescribeAlarms"), &None)),
    ])
    .await;
    insta::assert_snapshot!(told);
}

/// What passes while the hook has time. Each waits for some seconds of real time, since that is what a hook does.
#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes() {
    // Five attempts of one call take some two seconds.
    let for_seconds = |operation| Fault::first(13, operation, Trouble::Throttle);
    let a_rollback = |world: &mut rehearsal::world::World| world.deployment().creator = "codeDeployRollback".into();
    let told = play(vec![
        case("the service is throttled for seconds").fault(for_seconds("ecs:DescribeServices")).succeeds(),
        case("the lifecycle events are throttled for seconds")
            .fault(for_seconds("codedeploy:GetDeploymentTarget"))
            .succeeds(),
        Case::new(HookName::AfterAllowTraffic, "the group is throttled for seconds after the shift")
            .fault(for_seconds("codedeploy:GetDeploymentGroup"))
            .succeeds(),
        Case::new(HookName::BeforeAllowTraffic, "alarms are throttled for seconds")
            .fault(for_seconds("cloudwatch:DescribeAlarms"))
            .succeeds(),
        case("the role was just made, and the service is denied at first")
            .fault(Fault::first(3, "ecs:DescribeServices", Trouble::Deny))
            .succeeds(),
        case("the role was just made, and the lifecycle events are denied at first")
            .fault(Fault::first(2, "codedeploy:GetDeploymentTarget", Trouble::Deny))
            .succeeds(),
        case("the role was just made, and the deployment is denied at first")
            .fault(Fault::first(2, "codedeploy:GetDeployment", Trouble::Deny))
            .succeeds(),
        case("a rollback is throttled for longer than a check would wait")
            .world(a_rollback)
            .timeout(std::time::Duration::from_secs(20))
            .fault(Fault::first(18, "codedeploy:GetDeployment", Trouble::Throttle))
            .succeeds()
            .warns("RollbackDeployment"),
        case("the same, and rollbacks are to be checked")
            .world(a_rollback)
            .env("GREENLIGHT_ROLLBACK", "check")
            .timeout(std::time::Duration::from_secs(20))
            .fault(Fault::first(18, "codedeploy:GetDeployment", Trouble::Throttle))
            .fails("AwsThrottled"),
    ])
    .await;
    insta::assert_snapshot!(told);
}
