//! `alarms`.

use std::time::SystemTime;

use greenlight_tests::HookCase;
use rehearsal::{Hook, world::World};

use super::support::{MINUTE, SECOND};

fn tag_alarm(world: &mut World, alarm: usize) {
    world.alarms[alarm].tags.insert("gate".into(), "true".into());
}

fn fire_alarm(world: &mut World, alarm: usize, since: SystemTime) {
    let alarm = &mut world.alarms[alarm];
    (alarm.state, alarm.reason, alarm.since) = ("ALARM".into(), "Threshold Crossed".into(), since);
}

pub fn cases() -> Vec<HookCase> {
    let case = |title: &str, gate| HookCase::new(Hook::BeforeAllowTraffic, title).gate(gate);
    let prefix = only!("before_allow_traffic", "{ name: alarms, alarms: { prefix: shop- }, expect: [state == OK] }");
    let tagged =
        only!("before_allow_traffic", "{ name: alarms, alarms: { tags: { gate: true } }, expect: [state == OK] }");
    let union = only!(
        "before_allow_traffic",
        "{ name: alarms, alarms: { deployment_group: true, names: [shop-db, shop-web-5xx], prefix: checkout- },
          expect: [state == OK] }"
    );
    let other = |world: &mut World, name: &str| {
        let mut alarm = world.alarms[0].clone();
        alarm.name = name.to_owned();
        world.alarms.push(alarm);
    };
    vec![
        case("by prefix", prefix).succeeds().check_outcome("alarms", "passed"),
        case("by prefix, page by page", prefix)
            .world(|world| {
                let alarm = world.alarms[0].clone();
                for number in 0..150 {
                    let mut alarm = alarm.clone();
                    alarm.name = format!("shop-{number:03}");
                    world.alarms.insert(0, alarm);
                }
                // The alarm on the last page.
                let last = world.alarms.len() - 1;
                fire_alarm(world, last, SystemTime::now());
            })
            .fails("AlarmFiring"),
        case("by prefix, and a composite alarm fires", prefix)
            .world(move |world| {
                world.alarms[1].kind = rehearsal::world::AlarmKind::Composite;
                fire_alarm(world, 1, SystemTime::now());
            })
            .fails("AlarmFiring"),
        case(
            "one alarm fires, and the role is not allowed to read tags",
            only!(
                "before_allow_traffic",
                "{ name: alarms, alarms: { names: [shop-web-5xx], tags: { gate: true } }, expect: [state == OK], on_error: warn }"
            ),
        )
        .world(move |world| fire_alarm(world, 0, SystemTime::now()))
        .with_fault(rehearsal::InjectedFault::always("tag:GetResources", rehearsal::FaultKind::Deny))
        .fails("AlarmFiring")
        .check_outcome("alarms", "failed"),
        case(
            "one alarm is OK, and the role is not allowed to read tags",
            only!(
                "before_allow_traffic",
                "{ name: alarms, alarms: { names: [shop-web-5xx], tags: { gate: true } }, expect: [state == OK], for: 300ms, every: 100ms }"
            ),
        )
        .with_fault(rehearsal::InjectedFault::always("tag:GetResources", rehearsal::FaultKind::Deny))
        .fails("AwsDenied")
        .check_outcome("alarms", "errored"),
        case(
            "one alarm fires, which only warns, and another alarm is missing",
            only!(
                "before_allow_traffic",
                "{ name: alarms, alarms: { names: [shop-web-5xx, shop-gone] }, expect: [state == OK], on_fail: warn }"
            ),
        )
        .world(move |world| fire_alarm(world, 0, SystemTime::now()))
        .fails("AlarmFiring"),
        case("by prefix, and no alarm matches", prefix)
            .world(|world| world.alarms.clear())
            .fails("AlarmMissing")
            .check_outcome("alarms", "no_data"),
        case("by tag", tagged).world(|world| tag_alarm(world, 1)).succeeds().check_outcome("alarms", "passed"),
        case("by tag, and an alarm without the tag fires", tagged)
            .world(move |world| {
                tag_alarm(world, 1);
                fire_alarm(world, 0, SystemTime::now());
            })
            .succeeds(),
        case("by tag, page by page, and the last alarm fires", tagged)
            .world(move |world| {
                tag_alarm(world, 0);
                tag_alarm(world, 1);
                fire_alarm(world, 1, SystemTime::now());
                world.page_size = 1;
            })
            .fails("AlarmFiring"),
        case("by tag, and no alarm matches", tagged).fails("AlarmMissing").check_outcome("alarms", "no_data"),
        case("by tag, and the role is not allowed to read tags", tagged)
            .with_fault(rehearsal::InjectedFault::always("tag:GetResources", rehearsal::FaultKind::Deny))
            .fails("AwsDenied")
            .check_outcome("alarms", "errored"),
        case("by tag, throttled at first", tagged)
            .world(|world| tag_alarm(world, 1))
            .with_fault(rehearsal::InjectedFault::first(2, "tag:GetResources", rehearsal::FaultKind::Throttle))
            .succeeds(),
        case("by group, name and prefix, and all alarms are OK", union)
            .world(move |world| {
                other(world, "shop-db");
                other(world, "checkout-5xx");
            })
            .succeeds(),
        case("by group, name and prefix, and one of the last alarms fires", union)
            .world(move |world| {
                other(world, "shop-db");
                other(world, "checkout-5xx");
                fire_alarm(world, 3, SystemTime::now());
            })
            .fails("AlarmFiring"),
        case("by group, name and prefix, and the name and the prefix match no alarm", union).fails("AlarmMissing"),
        case("an alarm without data", prefix)
            .world(|world| world.alarms[0].state = "INSUFFICIENT_DATA".into())
            .fails("AlarmNoData")
            .check_outcome("alarms", "no_data"),
        case(
            "new alarms only, and an alarm has been firing since before the deployment",
            only!(
                "before_allow_traffic",
                "{ name: alarms, alarms: { prefix: shop- }, new_only: true, expect: [state == OK] }"
            ),
        )
        .world(|world| fire_alarm(world, 0, SystemTime::now() - 60 * MINUTE))
        .succeeds(),
        case(
            "new alarms only, and an alarm started to fire during the deployment",
            only!(
                "before_allow_traffic",
                "{ name: alarms, alarms: { prefix: shop- }, new_only: true, expect: [state == OK] }"
            ),
        )
        .world(|world| {
            let again = world.deployment().created + SECOND;
            fire_alarm(world, 0, again);
        })
        .fails("AlarmFiring"),
        case("an empty list of names", only!("before_allow_traffic", "{ alarms: { names: [] }, expect: [state == OK] }"))
            .fails("GateInvalid"),
        case("an empty prefix", only!("before_allow_traffic", "{ alarms: { prefix: '' }, expect: [state == OK] }"))
            .fails("GateInvalid"),
    ]
}
