//! Every rule of every kind of check, tested with the real programs.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq, truncate_long_verdict};
use rehearsal::{
    Hook, HookRunReport, HookTestBed,
    world::{Change, Health, TasksStop, World},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("ecs", ecs)
        .cases("image", image)
        .cases("alarms", alarms)
        .cases("tcp", tcp)
        .cases("http_requests", http_requests)
        .cases("http_answers", http_answers)
        .cases("reach", reach)
        .cases("targets", targets)
        .cases("preflight_of_the_wiring", preflight_of_the_wiring)
        .cases("preflight_of_what_the_task_definition_names", preflight_of_what_the_task_definition_names)
        .run()
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A gate file in which a hook runs one check and no built-in checks.
macro_rules! only {
    ($hook:literal, $check:expr) => {
        concat!("version: 1\nhooks: { ", $hook, ": { built_in: none, checks: [", $check, "] } }")
    };
}

/// The requests that the service received, one line each.
fn request_lines(played: &HookRunReport) -> Vec<String> {
    played.requests_to_service.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

fn route<'a>(world: &'a mut World, path: &str) -> &'a mut rehearsal::world::RouteResponse {
    world.versions.last_mut().unwrap().routes.entry(path.to_owned()).or_default()
}

/// Stops a task of the replacement `times` times, every half second. ECS starts another task in its place at once.
fn crash_tasks(world: &mut World, times: u32) {
    let set = world.green().unwrap().id.clone();
    let stop = TasksStop {
        code: "EssentialContainerExited".into(),
        reason: "Essential container in task exited".into(),
        exit_code: Some(1),
        container_reason: None,
    };
    for lap in 1..=times {
        world.schedule(
            SystemTime::now() + SECOND / 2 * lap,
            Change::TaskCrashes { set: set.clone(), stop: stop.clone() },
        );
    }
}

fn ecs() -> CaseGroup {
    let case = |title: &str, gate| HookCase::new(Hook::AfterInstall, title).gate(gate);
    let stable =
        only!("after_install", "{ tasks: green, stable_for: 300ms, every: 100ms, expect: [running == desired] }");
    CaseGroup::from(vec![
        case("the condition stays true for the whole window", stable).succeeds(),
        case(
            "a task is replaced during the window",
            only!("after_install", "{ tasks: green, stable_for: 3s, every: 100ms, within: 0s, expect: [pending == 0] }"),
        )
        // 60 crashes cover the window even if the program starts late. The number of stopped tasks depends on timing,
        // so no condition reads it.
        .world(|world| crash_tasks(world, 60))
        .fails("TasksReplaced"),
        case(
            "a task is replaced, and then no task is replaced for a whole window",
            only!("after_install", "{ tasks: green, stable_for: 2s, every: 100ms, within: 20s, expect: [pending == 0] }"),
        )
        .world(|world| crash_tasks(world, 3))
        .succeeds(),
        case(
            "the service is scaled in during the window",
            only!(
                "after_install",
                "{ tasks: green, stable_for: 3s, every: 100ms, within: 0s, expect: [running == desired] }"
            ),
        )
        .world(|world| {
            let set = world.green().unwrap().id.clone();
            world.schedule(SystemTime::now() + SECOND, Change::ScaledIn { set, by: 1 });
        })
        .succeeds(),
        case(
            "the condition never becomes true",
            only!(
                "after_install",
                "{ tasks: green, stable_for: 300ms, every: 100ms, within: 300ms, expect: [running == desired] }"
            ),
        )
        .world(|world| world.green().unwrap().running = 1)
        .fails("NotRunning"),
        case(
            "both `for` and `stable_for`",
            only!("after_install", "{ tasks: green, stable_for: 1s, for: 1s, expect: [running == desired] }"),
        )
        .fails("GateInvalid"),
        case(
            "no health check, and one task is not running",
            only!(
                "after_install",
                "{ tasks: green, expect: [running == desired, pending == 0, unhealthy_containers == 0, crashed_since_start == 0] }"
            ),
        )
        .world(|world| {
            next_task_definition(world).containers[0].health_check = None;
            world.green().unwrap().running = 1;
        })
        .fails("NotRunning"),
        case(
            "no health check, and the other condition is true",
            only!("after_install", "{ name: mine, tasks: green, expect: [running == desired, unhealthy_containers == 0] }"),
        )
        .world(|world| next_task_definition(world).containers[0].health_check = None)
        .succeeds()
        .check_outcome("mine", "passed"),
        case(
            "no health check, and no other condition",
            only!("after_install", "{ name: mine, tasks: green, expect: [unhealthy_containers == 0] }"),
        )
        .world(|world| next_task_definition(world).containers[0].health_check = None)
        .fails("NothingChecked")
        .check_outcome("mine", "not_applicable"),
        case(
            "unhealthy containers of a task set without tasks",
            only!("after_install", "{ name: mine, tasks: green, expect: [unhealthy_containers == 0] }"),
        )
        .world(|world| {
            world.tasks.clear();
            world.green().unwrap().running = 0;
        })
        .fails("NotRunning")
        .check_outcome("mine", "no_data"),
        case(
            "a task is much younger than its task set, and ECS no longer lists a stopped task",
            only!("after_install", "{ tasks: green, expect: [crashed_since_start == 0] }"),
        )
        .world(|world| {
            let long_ago = SystemTime::now() - 70 * MINUTE;
            world.green().unwrap().created = long_ago;
            world.green_tasks().next().unwrap().created = long_ago;
        })
        .succeeds(),
        case(
            "all tasks are as old as their task set",
            only!("after_install", "{ tasks: green, expect: [crashed_since_start == 0] }"),
        )
        .world(|world| {
            let long_ago = SystemTime::now() - 70 * MINUTE;
            world.green().unwrap().created = long_ago;
            world.green_tasks().for_each(|task| task.created = long_ago);
        })
        .succeeds(),
    ])
    // The number of tasks that have crashed when an attempt runs depends on timing.
    .edit_text(|mut text| {
        let one = "task stopped: web exit code 1; Essential container in task exited; EssentialContainerExited (task 0a1b2c3d); ";
        while text.contains(&one.repeat(2)) {
            text = text.replace(&one.repeat(2), one);
        }
        text
    })
}

const PINNED_IMAGE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Makes the replacement's task definition name its image by digest.
fn pin_image(world: &mut World) {
    world.definitions.last_mut().unwrap().containers[0].image = PINNED_IMAGE.into();
}

fn set_running_digest(world: &mut World, digest: Option<&str>) {
    world.green_tasks().for_each(|task| task.containers[0].digest = digest.map(str::to_owned));
}

fn image() -> Vec<HookCase> {
    let case = |title: &str| {
        HookCase::new(Hook::AfterInstall, title).gate(only!("after_install", "{ name: image, image: green }"))
    };
    let digest = PINNED_IMAGE.split_once('@').unwrap().1;
    vec![
        case("by tag, and all tasks run the same image").succeeds().check_outcome("image", "passed"),
        case("the tag was moved while ECS started the tasks")
            .world(|world| {
                let task = world.green_tasks().next().unwrap();
                task.containers[0].digest = Some(format!("sha256:{}", "b".repeat(64)));
            })
            .fails("ImagesDiffer"),
        case("by digest, and that image runs")
            .world(move |world| {
                pin_image(world);
                set_running_digest(world, Some(digest));
            })
            .succeeds(),
        case("by digest, and another image runs").world(pin_image).fails("WrongImage"),
        case("ECS reports no digest yet")
            .world(|world| set_running_digest(world, None))
            .fails("ImageUnknown")
            .check_outcome("image", "no_data"),
        case("no task runs").world(|world| world.tasks.clear()).fails("NotRunning").check_outcome("image", "no_data"),
        case("not every task is listed")
            .world(|world| {
                let last = world.green_tasks().last().unwrap().arn.clone();
                world.tasks.retain(|task| task.arn != last);
            })
            .fails("ImageUnknown")
            .check_outcome("image", "no_data"),
        case("a fact that needs all tasks, and not every task is listed")
            .gate(only!(
                "after_install",
                "{ name: image, http: 'http://shop.invalid/{{green.image_digest}}', expect: [status == 200] }"
            ))
            .world(|world| {
                let last = world.green_tasks().last().unwrap().arn.clone();
                world.tasks.retain(|task| task.arn != last);
            })
            .fails("FactUnknown"),
        case("the task definition has no container")
            .world(|world| next_task_definition(world).containers.clear())
            .fails("ImageUnknown")
            .check_outcome("image", "no_data"),
        case("ECS reports no digest for an image from another registry")
            .world(|world| {
                next_task_definition(world).containers[0].image = "public.ecr.aws/nginx/nginx:1.29".into();
                set_running_digest(world, None);
            })
            .fails("ImageUnknown"),
        case("no replacement task set")
            .world(|world| world.service.as_mut().unwrap().task_sets.truncate(1))
            .fails("ReplacementMissing"),
        case("a container that does not exist")
            .gate(only!("after_install", "{ name: image, image: green, containers: [wbe] }"))
            .fails("ImageUnknown"),
        case("only one named container")
            .gate(only!("after_install", "{ name: image, image: green, containers: web }"))
            .succeeds(),
        case("the original's image").gate(only!("after_install", "{ name: image, image: blue }")).succeeds(),
    ]
}

fn tag_alarm(world: &mut World, alarm: usize) {
    world.alarms[alarm].tags.insert("gate".into(), "true".into());
}

fn fire_alarm(world: &mut World, alarm: usize, since: SystemTime) {
    let alarm = &mut world.alarms[alarm];
    (alarm.state, alarm.reason, alarm.since) = ("ALARM".into(), "Threshold Crossed".into(), since);
}

fn alarms() -> Vec<HookCase> {
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

fn tcp() -> Vec<HookCase> {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    let listener = only!("after_allow_test_traffic", "{ name: port, tcp: '{{test_url}}' }");
    vec![
        case("the test listener of a network load balancer", listener)
            .world(|world| world.test().unwrap().protocol = "TCP".into())
            .succeeds()
            .check_outcome("port", "passed"),
        case("the test listener of an application load balancer, which itself accepts the connection", listener)
            .succeeds()
            .check_outcome("port", "unverified")
            .warns("ServiceUnverified"),
        case(
            "the check waits for the barrier",
            only!(
                "after_allow_test_traffic",
                "{ forwards_to: green, within: 200ms, every: 50ms }, { name: port, tcp: '{{test_url}}' }"
            ),
        )
        .world(|world| {
            let blue = world.blue().unwrap().target_group().unwrap().to_owned();
            world.test().unwrap().default = vec![(blue, 1)];
        })
        .fails("ListenerNotForwarding")
        .check_outcome("port", "not_run"),
        case("nothing listens", only!("after_allow_test_traffic", "{ name: port, tcp: 'localhost:1' }"))
            .fails("ConnectRefused"),
        case(
            "a name that cannot be resolved",
            only!("after_allow_test_traffic", "{ name: port, tcp: 'db.invalid:5432' }"),
        )
        .fails("NameNotResolved"),
        case("the address is a variable", only!("after_allow_test_traffic", "{ name: port, tcp: '{{env.DB}}' }"))
            .env("DB", "localhost:1")
            .fails("ConnectRefused"),
        case(
            "the address is a variable that is not set",
            only!("after_allow_test_traffic", "{ name: port, tcp: '{{env.DB}}' }"),
        )
        .fails("FactUnknown"),
        case(
            "the connection is fast enough",
            only!("after_allow_test_traffic", "{ name: port, tcp: '{{test_url}}', expect: [latency < 2s] }"),
        )
        .succeeds(),
        case(
            "the connection is too slow",
            only!("after_allow_test_traffic", "{ name: port, tcp: '{{test_url}}', expect: [latency < 1ns] }"),
        )
        .fails("TooSlow"),
        case("an address without a port", only!("after_allow_test_traffic", "{ tcp: localhost }")).fails("GateInvalid"),
    ]
}

/// A gate file with one request, after a barrier that does not wait.
macro_rules! request {
    ($keys:literal) => {
        only!(
            "after_allow_test_traffic",
            concat!("{ name: forwards_to, forwards_to: green, settle: 0s }, { name: mine, ", $keys, " }")
        )
    };
}

/// Checks that the last request has these values: each key is the name of a header, or `body`.
fn request_has(what: &'static [(&'static str, &'static str)]) -> impl Fn(&HookRunReport) -> Result<(), String> {
    move |played| {
        let last = played.requests_to_service.last().ok_or("the service received no request")?;
        for (name, value) in what {
            let seen = match *name {
                "body" => last.body.as_str(),
                name => last.headers.get(name).map_or("", String::as_str),
            };
            expect_eq(name, seen, value)?;
        }
        Ok(())
    }
}

fn http_requests() -> Vec<HookCase> {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    vec![
        case(
            "a JSON body with facts",
            request!(
                "http: 'POST {{test_url}}/orders', json: { sku: SMOKE-1, qty: 1, dry_run: true, of: ['{{green.image_tag}}'] },
                 expect: [status == 200]"
            ),
        )
        .succeeds()
        .assert(request_has(&[
            ("content-type", "application/json"),
            ("body", r#"{"dry_run":true,"of":["1.42.0"],"qty":1,"sku":"SMOKE-1"}"#),
        ])),
        case(
            "a form body",
            request!("http: 'POST {{test_url}}/orders', form: { a: 'x y&z', of: '{{service}}' }, expect: [status == 200]"),
        )
        .succeeds()
        .assert(request_has(&[("content-type", "application/x-www-form-urlencoded"), ("body", "a=x+y%26z&of=web")])),
        case(
            "a text body, and a content type from the gate file",
            request!(
                "http: 'PUT {{test_url}}/orders', text: 'hello {{cluster}}', headers: { Content-Type: text/x, X-Of: '{{env.STAGE}}' },
                 expect: [status == 200]"
            ),
        )
        .env("STAGE", "beta")
        .succeeds()
        .assert(request_has(&[("content-type", "text/x"), ("x-of", "beta"), ("body", "hello shop")])),
        case("two bodies", request!("http: 'PUT {{test_url}}/', text: a, json: {}, expect: [status == 200]"))
            .fails("GateInvalid"),
        case(
            "`host` in the headers",
            request!("http: '{{test_url}}/', headers: { Host: shop.example.com }, expect: [status == 200]"),
        )
        .succeeds()
        .assert(request_has(&[("host", "shop.example.com")])),
        case(
            "the key `host`",
            request!("http: '{{test_url}}/x', host: shop.example.com, expect: [status == 200]"),
        )
        .succeeds()
        .assert(|played| {
            let host = &played.requests_to_service.last().ok_or("the service received no request")?.headers["host"];
            if host.starts_with("shop.example.com:") { Ok(()) } else { Err(format!("the host was {host}")) }
        }),
        case(
            "a fact of the deployment in the path",
            request!("http: '{{test_url}}/{{green.task_definition}}/{{green.revision}}', expect: [status == 200]"),
        )
        .succeeds()
        .assert(|played| expect_eq("the requests", &request_lines(played)[..], &["GET /shop:42/42".to_owned()][..])),
        case(
            "a fact that does not exist",
            request!("http: '{{test_url}}/{{green.image_tag}}', expect: [status == 200]"),
        )
        .world(pin_image)
        .fails("FactUnknown")
        .check_outcome("mine", "errored"),
        case("a variable that is not set", request!("http: '{{test_url}}/{{env.NOT}}', expect: [status == 200]"))
            .fails("FactUnknown"),
        case(
            "the log does not contain what is sent",
            request!("http: '{{test_url}}/x?token=sesame', headers: { Authorization: 'Bearer sesame' }, expect: [status == 201]"),
        )
        .fails("UnexpectedStatus")
        .assert(|played| match played.raw_log.iter().find(|line| line.contains("sesame")) {
            Some(line) => Err(format!("it is in {line}")),
            None => Ok(()),
        }),
    ]
}

/// A check of a literal URL that redirects to the same listener by another name, which counts as another host.
fn with_request(stage: HookTestBed, keys: &str) -> HookTestBed {
    let port = stage.test_port();
    let check =
        format!("{{ http: 'http://localhost:{port}/away', redirects: follow, {keys}, expect: [status == 200] }}");
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: none, checks: [{{ forwards_to: green, settle: 0s }}, {check}] }} }}"
    );
    stage.gate(&gate).world(move |world| {
        let away = route(world, "/away");
        (away.status, away.location) = (307, Some(format!("http://127.0.0.1:{port}/")));
    })
}

fn http_answers() -> Vec<HookCase> {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    vec![
        case(
            "conditions on every part of the response",
            request!(
                "http: '{{test_url}}/version', expect: ['status in 200, 201', 'status == 2xx', 'latency < 5s',
                 'header.x-version == {{green.image_tag}}', 'json.version == \"1.42.0\"', 'body contains colour',
                 'header.content-type matches ^application/']"
            ),
        )
        .succeeds(),
        case("redirects are followed", request!("http: '{{test_url}}/a', redirects: follow, expect: [status == 200]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").location) = (302, Some("/b".into())))
            .succeeds()
            .assert(|played| {
                expect_eq("the requests", &request_lines(played)[..], &["GET /a".to_owned(), "GET /b".to_owned()][..])
            }),
        case("redirects are not followed", request!("http: '{{test_url}}/a', redirects: no, expect: [status == 302]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").location) = (302, Some("/b".into())))
            .succeeds(),
        case("an endless redirect", request!("http: '{{test_url}}/a', redirects: 3, expect: [status == 200]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").location) = (302, Some("/a".into())))
            .fails("UnexpectedStatus")
            .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &4)),
        case(
            "a redirect to another address is not followed",
            request!("http: '{{test_url}}/a', redirects: follow, expect: [status == 200]"),
        )
        .world(|world| {
            (route(world, "/a").status, route(world, "/a").location) = (302, Some("http://shop.invalid/b".into()));
        })
        .fails("UnexpectedStatus"),
        case("a redirect to another host, and the check sets headers", "")
            .with(|stage| with_request(stage, "headers: { X-Key: sesame }"))
            .fails("UnexpectedStatus")
            .assert(|played| expect_eq("the requests", &request_lines(played)[..], &["GET /away".to_owned()][..])),
        case("a redirect to another host, and the check sends a body", "")
            .with(|stage| with_request(stage, "text: sesame"))
            .fails("UnexpectedStatus"),
        case("a redirect to another host, and the check sets neither headers nor a body", "")
            .with(|stage| with_request(stage, "timeout: 5s"))
            .succeeds()
            .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &2)),
        case(
            "the log does not contain a variable's value",
            request!("http: '{{test_url}}/{{env.KEY}}', expect: ['header.x-version == {{env.KEY}}', status == 404]"),
        )
        .env("KEY", "sesame-open")
        .fails("UnexpectedHeader")
        .assert(|played| {
            expect_eq(
                "whether the log contains the value",
                &played.raw_log.iter().any(|line| line.contains("sesame-open")),
                &false,
            )
        }),
        case(
            "the connection fails twice and is retried",
            request!("http: '{{test_url}}/a', retry: { transport: 3, backoff: 10ms..20ms }, expect: [status == 200]"),
        )
        .world(|world| {
            world.test().unwrap().protocol = "TCP".into();
            (route(world, "/a").hang_up, route(world, "/a").first) = (true, Some(2));
        })
        .succeeds()
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &3)),
        case(
            "the connection fails more often than it is retried",
            request!("http: '{{test_url}}/a', retry: { transport: 1, backoff: 10ms..20ms }, expect: [status == 200]"),
        )
        .world(|world| {
            world.test().unwrap().protocol = "TCP".into();
            route(world, "/a").hang_up = true;
        })
        .fails("ConnectionReset")
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &2)),
        case(
            "a wrong response is not retried",
            request!("http: '{{test_url}}/a', retry: { transport: 3, backoff: 10ms..20ms }, expect: [status == 200]"),
        )
        .world(|world| route(world, "/a").status = 503)
        .fails("UnexpectedStatus")
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &1)),
        case(
            "retries from the defaults of the gate file",
            "version: 1
defaults: { http: { retry: { transport: 2, backoff: 10ms..20ms } } }
hooks: { after_allow_test_traffic: { built_in: none, checks: [{ http: '{{test_url}}/a', expect: [status == 200] }] } }",
        )
        .world(|world| {
            world.test().unwrap().protocol = "TCP".into();
            (route(world, "/a").hang_up, route(world, "/a").first) = (true, Some(2));
        })
        .succeeds(),
        case(
            "polled until the condition is true",
            request!("http: '{{test_url}}/a', within: 20s, every: 50ms, expect: [status == 200]"),
        )
        .world(|world| (route(world, "/a").status, route(world, "/a").first) = (503, Some(3)))
        .succeeds()
        .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &4)),
        case(
            "polled until the time ends",
            request!("http: '{{test_url}}/a', within: 200ms, every: 50ms, expect: [status == 200]"),
        )
        .world(|world| route(world, "/a").status = 503)
        .fails("UnexpectedStatus"),
        case("warm-up requests do not count", request!("http: '{{test_url}}/a', warmup: 5, expect: [status == 200]"))
            .world(|world| (route(world, "/a").status, route(world, "/a").first) = (500, Some(5)))
            .succeeds()
            .assert(|played| expect_eq("the number of requests", &request_lines(played).len(), &6)),
        case("a response that is too slow", request!("http: '{{test_url}}/a', expect: [latency < 100ms]"))
            .world(|world| route(world, "/a").delay = Duration::from_millis(300))
            .fails("TooSlow"),
        case("no response in time", request!("http: '{{test_url}}/a', timeout: 100ms, expect: [status == 200]"))
            .world(|world| route(world, "/a").delay = Duration::from_millis(800))
            .fails("ReadTimedOut"),
    ]
}

fn reach() -> CaseGroup {
    let case = |title: &str, gate| HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate);
    let identity = only!(
        "after_allow_test_traffic",
        "{ name: forwards_to, forwards_to: green, within: 10s, every: 50ms, http: '{{test_url}}/version',
           expect: ['json.version == {{green.image_tag}}'], consecutive: 4 },
         { name: mine, http: '{{test_url}}/', expect: [status == 200] }"
    );
    let impatient = only!(
        "after_allow_test_traffic",
        "{ name: forwards_to, forwards_to: green, within: 200ms, every: 50ms, http: '{{test_url}}/version',
           expect: ['json.version == {{green.image_tag}}'] },
         { name: mine, http: '{{test_url}}/', expect: [status == 200] }"
    );
    CaseGroup::from(vec![
        case("the replacement answers", identity).succeeds().assert(|played| {
            let versions = request_lines(played).iter().filter(|request| *request == "GET /version").count();
            expect_eq("the requests for the version", &versions, &4)
        }),
        case("the original answers at first", identity)
            .world(|world| {
                let version = route(world, "/version");
                (version.body, version.first) = (Some(r#"{"version":"1.41.0"}"#.into()), Some(2));
            })
            .succeeds(),
        case("one in three responses comes from another version", impatient)
            .world(|world| {
                let version = route(world, "/version");
                (version.body, version.one_in) = (Some(r#"{"version":"1.41.0"}"#.into()), 3);
            })
            .fails("WrongVersionServed")
            .check_outcome("mine", "not_run"),
        case("the image holds another version", impatient)
            .world(|world| world.versions.last_mut().unwrap().name = "1.41.0".into())
            .fails("WrongVersionServed")
            .check_outcome("mine", "not_run"),
        case("the response does not contain a version", impatient)
            .world(|world| route(world, "/version").body = Some("ok".into()))
            .fails("UnexpectedBody")
            .check_outcome("forwards_to", "errored"),
        case("only the conditions of the gate file count", impatient)
            .world(|world| route(world, "/version").status = 500)
            .succeeds(),
        case("the listener does not forward", impatient)
            .world(|world| {
                let blue = world.blue().unwrap().target_group().unwrap().to_owned();
                world.test().unwrap().default = vec![(blue, 1)];
            })
            .fails("ListenerNotForwarding")
            .check_outcome("mine", "not_run")
            .assert(|played| expect_eq("the requests", &request_lines(played)[..], &[][..])),
        case(
            "the weights must stay the same for the settle time",
            only!(
                "after_allow_test_traffic",
                "{ name: forwards_to, forwards_to: green, within: 5s, every: 50ms, settle: 300ms }, { http: '{{test_url}}/', expect: [status == 200] }"
            ),
        )
        .succeeds(),
        case(
            "conditions without a request",
            only!("after_allow_test_traffic", "{ forwards_to: green, expect: [status == 200], consecutive: 3 }"),
        )
        .fails("GateInvalid"),
        case(
            "the request goes to the other listener",
            only!(
                "after_allow_test_traffic",
                "{ forwards_to: green, http: '{{production_url}}/version', expect: [status == 200] }"
            ),
        )
        .fails("GateInvalid"),
        case("ALB_URL leads to another listener", impatient)
            .env("ALB_URL", "localhost:1")
            .fails("ConnectRefused"),
        case(
            "ALB_URL leads to another listener, and no request verifies the version",
            only!("after_allow_test_traffic", "{ forwards_to: green, settle: 0s }, { name: mine, http: '{{test_url}}/', expect: [status == 200] }"),
        )
        .env("ALB_URL", "localhost:1")
        .fails("SettingsInvalid")
        .check_outcome("mine", "not_run"),
    ])
    .edit_text(truncate_long_verdict)
}

/// `targets` works on the original as it does on the replacement.
fn targets() -> Vec<HookCase> {
    let blue = only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired, registered >= 1] }");
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title).gate(blue);
    fn green_group(world: &mut World) -> &mut rehearsal::world::TargetGroup {
        let arn = world.blue().unwrap().target_group().unwrap().to_owned();
        world.target_group(&arn).unwrap()
    }
    fn unused(world: &mut World) {
        for target in &mut green_group(world).targets {
            target.health = Health::other("unused", "Target.NotInUse", "Target group is not used");
        }
    }
    fn no_listener(world: &mut World) {
        world.listeners.iter_mut().for_each(|listener| listener.default = vec![(UNRELATED.to_owned(), 1)]);
    }
    vec![
        case("the original's targets are healthy").succeeds(),
        case("a target of the original is unhealthy")
            .world(|world| {
                green_group(world).targets[0].health =
                    Health::other("unhealthy", "Target.Timeout", "Request timed out");
            })
            .fails("TargetsUnhealthy"),
        case("the targets are unused, and a listener names their group")
            .world(unused)
            .gate(only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired] }"))
            .fails("TargetsUnhealthy"),
        case("no listener names the group, and health is the only condition")
            .gate(only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired] }"))
            .world(unused)
            .world(no_listener)
            .fails("NothingChecked")
            .check_outcome("mine", "not_applicable"),
        case("no listener names the group, health is the only condition, and `no_data` only warns")
            .gate(only!("before_install", "{ name: mine, targets: blue, expect: [healthy == desired], no_data: warn }"))
            .world(unused)
            .world(no_listener)
            .succeeds()
            .check_outcome("mine", "not_applicable"),
        case("no listener names the group, and all targets are registered")
            .world(unused)
            .world(no_listener)
            .succeeds()
            .check_outcome("mine", "passed"),
        case("no listener names the group, and too few targets are registered")
            .world(unused)
            .world(no_listener)
            .world(|world| green_group(world).targets.truncate(1))
            .fails("NoTargets"),
        case("the original has no target").world(|world| green_group(world).targets.clear()).fails("NoTargets"),
    ]
}

/// Another service's target group.
const UNRELATED: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/tg-other/0123456789abcdef";

/// The task definition that the deployment deploys.
fn next_task_definition(world: &mut World) -> &mut rehearsal::world::TaskDefinition {
    world.definitions.last_mut().unwrap()
}

fn preflight_of_the_wiring() -> Vec<HookCase> {
    let gate = only!(
        "before_install",
        "{ name: preflight, preflight: [service, group, listener-wiring, test-listener, rollback, reachable] }"
    );
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title).gate(gate);
    vec![
        case("everything is in order").succeeds().check_outcome("preflight", "passed"),
        case("no test listener")
            .world(|world| world.deployment().pair.as_mut().unwrap().test = None)
            .world(|world| world.group.pair.as_mut().unwrap().test = None)
            .fails("NoListener"),
        case("the production listener forwards to another service")
            .world(|world| world.production().unwrap().default = vec![(UNRELATED.into(), 1)])
            .fails("ListenerMisconfigured"),
        case("the production listener also forwards to another service")
            .world(|world| world.production().unwrap().default.push((UNRELATED.into(), 10)))
            .fails("ListenerMisconfigured"),
        case("the production and the test listener are the same")
            .world(|world| {
                let pair = world.deployment().pair.as_mut().unwrap();
                pair.test = pair.production.clone();
            })
            .fails("ListenerMisconfigured"),
        case("the pair has only one target group")
            .world(|world| world.deployment().pair.as_mut().unwrap().target_groups.truncate(1))
            .fails("ListenerMisconfigured"),
        case("several things are wrong, and all are reported")
            .world(|world| {
                world.deployment().auto_rollback = None;
                world.group.auto_rollback = None;
                world.production().unwrap().default = vec![(UNRELATED.into(), 1)];
            })
            .fails("ListenerMisconfigured"),
        case("an empty list of items").gate(only!("before_install", "{ preflight: [] }")).fails("GateInvalid"),
        case("items that do not exist")
            .gate(only!("before_install", "{ preflight: [listener-wirings, purple] }"))
            .fails("GateInvalid"),
    ]
}

fn preflight_of_what_the_task_definition_names() -> Vec<HookCase> {
    use rehearsal::{FaultKind, InjectedFault, world::RevisionFormat};
    let gate = only!(
        "before_install",
        "{ name: preflight, preflight: [task-definition, log-groups, roles, secrets, images] }"
    );
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title).gate(gate);
    let each = |word: &'static str| match word {
        "log-groups" => only!("before_install", "{ preflight: log-groups }"),
        "roles" => only!("before_install", "{ preflight: roles }"),
        "secrets" => only!("before_install", "{ preflight: secrets }"),
        _ => only!("before_install", "{ preflight: images }"),
    };
    let mut cases = vec![
        case("everything exists").succeeds().check_outcome("preflight", "passed"),
        case("CodeDeploy reports the AppSpec file by its hash")
            .world(|world| world.deployment().revision.format = RevisionFormat::Hash)
            .succeeds(),
        case("the AppSpec file is a revision of the type String, which is read once")
            .world(|world| world.deployment().revision.format = RevisionFormat::RawString)
            .with_fault(InjectedFault::always("codedeploy:GetApplicationRevision", FaultKind::Deny))
            .succeeds()
            .check_outcome("preflight", "passed"),
        case("the AppSpec file is in S3")
            .world(|world| {
                let revision = &mut world.deployment().revision;
                revision.format = RevisionFormat::S3;
                let (bucket, key) = rehearsal::world::Revision::APP_SPEC_OBJECT;
                let text = revision.app_spec.clone();
                world.account.objects.insert(format!("{bucket}/{key}"), text);
            })
            .succeeds(),
        case("the AppSpec file is an older version of an object")
            .world(|world| {
                let revision = &mut world.deployment().revision;
                (revision.format, revision.version) =
                    (RevisionFormat::S3, Some("3HL4k qtJlc/pXroDTDmJ+rmSpXd3".into()));
                let (bucket, key) = rehearsal::world::Revision::APP_SPEC_OBJECT;
                let text = revision.app_spec.clone();
                let objects = &mut world.account.objects;
                objects.insert(format!("{bucket}/{key}?versionId=3HL4k qtJlc/pXroDTDmJ+rmSpXd3"), text);
                objects.insert(format!("{bucket}/{key}"), "version: 0.0".into());
            })
            .succeeds(),
        case("the role is not allowed to read that version")
            .world(|world| {
                let revision = &mut world.deployment().revision;
                (revision.format, revision.version) = (RevisionFormat::S3, Some("2".into()));
            })
            .with_fault(InjectedFault::always("s3:GetObject", FaultKind::Deny))
            .succeeds()
            .warns("NotPermittedToCheck"),
        case("the AppSpec file is missing in S3")
            .world(|world| world.deployment().revision.format = RevisionFormat::S3)
            .fails("AwsRejected")
            .check_outcome("preflight", "errored"),
        case("the AppSpec file names no task definition")
            .world(|world| world.deployment().revision.app_spec = "version: 0.0".into())
            .fails("TaskDefinitionNotActive"),
        case("the role is not allowed to read the AppSpec file")
            .world(|world| world.deployment().revision.format = RevisionFormat::Hash)
            .with_fault(InjectedFault::always("codedeploy:GetApplicationRevision", FaultKind::Deny))
            .succeeds()
            .warns("NotPermittedToCheck"),
        case("the task definition does not exist")
            .world(|world| drop(world.definitions.pop()))
            .fails("TaskDefinitionNotActive"),
        case("the task definition was deregistered")
            .world(|world| next_task_definition(world).status = "INACTIVE".into())
            .fails("TaskDefinitionNotActive"),
        case("the log group is missing").world(|world| world.account.log_groups.clear()).fails("LogGroupMissing"),
        case("only a log group whose name starts with the same text exists")
            .world(|world| world.account.log_groups = ["/ecs/web-old".to_owned()].into())
            .fails("LogGroupMissing"),
        case("the role is missing").world(|world| drop(world.account.roles.pop_last())).fails("RoleMissing"),
        case("the parameter is missing").world(|world| world.account.parameters.clear()).fails("SecretMissing"),
        case("the secret is missing").world(|world| world.account.secrets.clear()).fails("SecretMissing"),
        case("the secret is scheduled for deletion")
            .world(|world| {
                let now = SystemTime::now();
                world.account.secrets.values_mut().for_each(|secret| secret.deleted = Some(now));
            })
            .fails("SecretMissing"),
        case("the secret of a private registry, by name")
            .world(|world| {
                world.account.put_secret("shop/registry", "sesame");
                next_task_definition(world).containers[0].registry = Some("shop/registry".into());
            })
            .succeeds(),
        case("the secret of a private registry is missing")
            .world(|world| next_task_definition(world).containers[0].registry = Some("shop/registry".into()))
            .fails("SecretMissing"),
        case("a failed item decides, although another item cannot be checked")
            .gate(only!(
                "before_install",
                "{ name: preflight, preflight: [rollback, images], on_fail: warn, on_error: fail }"
            ))
            .world(|world| {
                world.deployment().auto_rollback = None;
                world.group.auto_rollback = None;
            })
            .with_fault(InjectedFault::always("ecr:DescribeImages", FaultKind::Throttle))
            .fails("RollbackNotConfigured")
            .check_outcome("preflight", "failed"),
        case("the image is missing")
            .world(|world| world.account.images.retain(|name, _| !name.ends_with("1.42.0")))
            .fails("ImageMissing"),
        case("the repository is missing").world(|world| world.account.images.clear()).fails("ImageMissing"),
        case("an image of a pull-through cache that was never pulled")
            .world(|world| {
                let name = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx:1.29";
                next_task_definition(world).containers[0].image = name.into();
            })
            .succeeds()
            .warns("NotPermittedToCheck"),
        case("an image of a pull-through cache, and another image is missing")
            .world(|world| {
                let mut other = next_task_definition(world).containers[0].clone();
                other.name = "proxy".into();
                other.image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx:1.29".into();
                next_task_definition(world).containers.push(other);
                world.account.images.retain(|name, _| !name.ends_with("1.42.0"));
            })
            .fails("ImageMissing"),
        case("an image of a public registry")
            .world(|world| next_task_definition(world).containers[0].image = "public.ecr.aws/nginx/nginx:1.29".into())
            .succeeds(),
        case("several things are missing, and all are reported")
            .world(|world| {
                world.account.log_groups.clear();
                world.account.parameters.clear();
            })
            .fails("LogGroupMissing"),
        case("a missing item decides, although the role is not allowed to check another item")
            .world(|world| world.account.log_groups.clear())
            .with_fault(InjectedFault::always("iam:GetRole", FaultKind::Deny))
            .fails("LogGroupMissing"),
        case("AWS throttles every first call").with_fault(InjectedFault::first(1, "*", FaultKind::Throttle)).succeeds(),
        HookCase::new(Hook::AfterInstall, "after Install, the task set's task definition counts")
            .gate(only!("after_install", "{ preflight: [task-definition, images] }"))
            .world(|world| world.deployment().revision.app_spec.clear())
            .succeeds(),
    ];
    for (word, operation) in [
        ("log-groups", "logs:DescribeLogGroups"),
        ("roles", "iam:GetRole"),
        ("secrets", "ssm:GetParameters"),
        ("secrets", "secretsmanager:DescribeSecret"),
        ("images", "ecr:DescribeImages"),
    ] {
        let denied = HookCase::new(Hook::BeforeInstall, &format!("not permitted: {operation}")).gate(each(word));
        cases.push(
            denied
                .with_fault(InjectedFault::always(operation, FaultKind::Deny))
                .succeeds()
                .warns("NotPermittedToCheck"),
        );
        let fails = HookCase::new(Hook::BeforeInstall, &format!("AWS fails: {operation}")).gate(each(word));
        // The check reads two roles one after the other, each with retries. That takes longer than the usual timeout.
        let fails =
            fails.with_fault(InjectedFault::always(operation, FaultKind::Fail)).timeout(Duration::from_secs(20));
        cases.push(fails.fails("AwsFailed"));
        let lost = HookCase::new(Hook::BeforeInstall, &format!("one reply is cut off: {operation}")).gate(each(word));
        cases.push(lost.with_fault(InjectedFault::first(1, operation, FaultKind::Truncate)).succeeds());
        let page = HookCase::new(Hook::BeforeInstall, &format!("a proxy's page instead of a reply: {operation}"))
            .gate(each(word));
        let page =
            page.with_fault(InjectedFault::always(operation, FaultKind::WrongType)).timeout(Duration::from_secs(20));
        cases.push(page.fails("AwsFailed"));
    }
    cases
}
