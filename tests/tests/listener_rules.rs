//! Hooks compare each request with the listener rules in the order of their priorities, because a response of another
//! service or of the load balancer proves nothing about the new version. Each case has a twin in which no rule
//! interferes.

use std::process::ExitCode;

use greenlight_tests::{CaseGroup, HookCase, Suite, expect_eq};
use rehearsal::{
    Hook,
    world::{Condition, Rule, RuleAction, RuleAction::Forward, World},
};

fn main() -> ExitCode {
    Suite::new(env!("CARGO_CRATE_NAME"))
        .cases("the_health_check", the_health_check)
        .cases("requests_of_the_file", requests_of_the_file)
        .cases("redirects", redirects)
        .cases("before_install", before_install)
        .cases("other_kinds", other_kinds)
        .cases("configured_host", configured_host)
        .cases("rules_are_read_again_before_a_request", rules_are_read_again_before_a_request)
        .run()
}

fn green_target_group(world: &mut World) -> String {
    world.green_group().unwrap().arn.clone()
}

/// The ARN of another service's target group. That service responds with 200 to every request.
fn add_target_group(world: &mut World) -> String {
    green_target_group(world).replace("tg-shop-b", "tg-frontend")
}

/// Adds a rule to the test listener, before the existing rules.
fn rule(world: &mut World, conditions: Vec<Condition>, action: RuleAction, to: Option<String>) {
    let test = world.test().unwrap();
    let priority = u32::try_from(test.rules.len()).unwrap() + 1;
    let arn = format!("{}/{priority:016}", test.arn.replace(":listener/", ":listener-rule/"));
    let forward = to.into_iter().map(|arn| (arn, 1)).collect();
    test.rules.push(Rule { arn, priority, conditions, forward, action });
}

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn path(pattern: &str) -> Condition {
    Condition::Path(list(&[pattern]))
}

/// Adds one rule that forwards to another service.
fn case_with_rule(case: HookCase, conditions: Vec<Condition>) -> HookCase {
    case.world(move |world| {
        let to = add_target_group(world);
        rule(world, conditions, Forward, Some(to));
    })
}

/// A case with the built-in checks only.
fn built_in(title: &str) -> HookCase {
    HookCase::new(Hook::AfterAllowTestTraffic, title)
        .gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: { forwards_to: { settle: 0s }, health_check: { within: 0s, every: 100ms } } } }")
}

/// A case with one request from the gate file.
fn own_check(title: &str, request: &str) -> HookCase {
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: none, checks: [{{ forwards_to: green, settle: 0s }},
           {{ name: mine, {request}, expect: [status == 200] }}] }} }}"
    );
    HookCase::new(Hook::AfterAllowTestTraffic, title).gate(gate)
}

fn no_requests_sent(case: HookCase) -> HookCase {
    case.assert(|played| expect_eq("the requests", &played.requests_to_service.len(), &0))
}

/// Makes the replacement fail its health check, which shows only in a response from the replacement itself.
fn with_broken_service(case: HookCase) -> HookCase {
    case.world(|world| world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 503)
}

fn the_health_check() -> Vec<HookCase> {
    vec![
        no_requests_sent(with_broken_service(case_with_rule(
            built_in("another service has the health check's path"),
            vec![path("/health*")],
        )))
        .fails("HealthCheckNotRoutable"),
        with_broken_service(case_with_rule(built_in("another service has another path"), vec![path("/blog*")]))
            .fails("UnexpectedStatus"),
        case_with_rule(built_in("another service has another path, and the service is healthy"), vec![path("/blog*")])
            .succeeds(),
        no_requests_sent(with_broken_service(built_in("the load balancer itself responds with 200")))
            .world(|world| rule(world, vec![path("/health")], RuleAction::FixedResponse(200), None))
            .fails("HealthCheckNotRoutable"),
        built_in("a rule forwards every path to the service, and the default rule forwards to another service")
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
            })
            .succeeds(),
        built_in("the health check's path matches the rule of the service")
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/orders/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
                world.green_group().unwrap().health_check.path = Some("/orders/health".into());
            })
            .succeeds(),
        no_requests_sent(built_in(
            "the health check's path matches the rule of the service except for upper and lower case",
        ))
        .world(|world| {
            let (green, other) = (green_target_group(world), add_target_group(world));
            rule(world, vec![path("/Orders/*")], Forward, Some(green));
            world.test().unwrap().default = vec![(other, 1)];
            world.green_group().unwrap().health_check.path = Some("/orders/health".into());
        })
        .fails("HealthCheckNotRoutable"),
    ]
}

fn requests_of_the_file() -> Vec<HookCase> {
    let header = |value: &str| Condition::Header("X-Version".to_owned(), list(&[value]));
    let query = |value: &str| Condition::Query(vec![(Some("v".to_owned()), value.to_owned())]);
    let get = "http: '{{test_url}}/health?v=1', headers: { x-version: 'Old release' }";
    vec![
        case_with_rule(
            own_check("a host", "http: '{{test_url}}/', host: shop.example.com"),
            vec![Condition::Host(list(&["*.Example.com"]))],
        )
        .fails("RuleLeadsElsewhere"),
        case_with_rule(
            own_check("another host", "http: '{{test_url}}/', host: shop.example.com"),
            vec![Condition::Host(list(&["*.shop.Example.com"]))],
        )
        .succeeds(),
        case_with_rule(own_check("a method", "http: 'POST {{test_url}}/'"), vec![Condition::Method(list(&["POST"]))])
            .fails("RuleLeadsElsewhere"),
        case_with_rule(
            own_check("another method", "http: 'HEAD {{test_url}}/'"),
            vec![Condition::Method(list(&["GET"]))],
        )
        .succeeds(),
        case_with_rule(own_check("a header", get), vec![header("old*")]).fails("RuleLeadsElsewhere"),
        case_with_rule(own_check("a header with another value", get), vec![header("new*")]).succeeds(),
        case_with_rule(own_check("a query parameter", get), vec![query("?")]).fails("RuleLeadsElsewhere"),
        case_with_rule(own_check("a query parameter with another value", get), vec![query("??")]).succeeds(),
        case_with_rule(
            own_check("the hook's own User-Agent", get),
            vec![Condition::Header("User-Agent".into(), list(&["greenlight/*"]))],
        )
        .fails("RuleLeadsElsewhere"),
        case_with_rule(own_check("one of two conditions", get), vec![path("/health"), header("new*")]).succeeds(),
        case_with_rule(own_check("both conditions", get), vec![path("/health"), header("old*")])
            .fails("RuleLeadsElsewhere"),
        case_with_rule(
            own_check("a source address that can be the hook's", get),
            vec![Condition::SourceIp(list(&["10.0.0.0/8"]))],
        )
        .succeeds()
        .warns("RuleUndecided")
        .check_outcome("mine", "unverified"),
        case_with_rule(
            own_check("a source address, and another path", get),
            vec![path("/admin*"), Condition::SourceIp(list(&["10.0.0.0/8"]))],
        )
        .succeeds()
        .check_outcome("mine", "passed"),
        own_check("a redirect", get)
            .world(|world| {
                rule(world, vec![path("/health")], RuleAction::Redirect("https://#{host}:443/#{path}".into()), None)
            })
            .fails("RuleLeadsElsewhere"),
        own_check("a login before the service", get)
            .world(|world| {
                let green = green_target_group(world);
                rule(world, vec![path("/*")], RuleAction::Authenticate, Some(green));
            })
            .fails("RuleLeadsElsewhere"),
        own_check("another service gets every path except one", get)
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/api/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
            })
            .fails("RuleLeadsElsewhere"),
        own_check("the path that the service gets", "http: '{{test_url}}/api/health'")
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/api/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
            })
            .succeeds(),
        case_with_rule(
            own_check("a path of `health_check`", "health_check: test, path: /blog, within: 0s, consecutive: 1"),
            vec![path("/blog")],
        )
        .fails("RuleLeadsElsewhere"),
    ]
}

/// A redirect that stays at the address can match another rule there.
fn redirects() -> Vec<HookCase> {
    let case = |title: &str, to: &'static str| {
        let request = "http: '{{test_url}}/start', redirects: follow";
        case_with_rule(own_check(title, request), vec![path("/blog/*")]).world(move |world| {
            let start = world.versions.last_mut().unwrap().routes.entry("/start".into()).or_default();
            (start.status, start.location) = (302, Some(to.to_owned()));
        })
    };
    vec![
        case("a redirect to a path of another service", "/blog/start").fails("RuleLeadsElsewhere"),
        case("a redirect to a path of the same service", "/welcome").succeeds(),
    ]
}

/// Requests that a later hook could not send are reported before anything is deployed.
fn before_install() -> Vec<HookCase> {
    let case = |title: &str| HookCase::new(Hook::BeforeInstall, title);
    let https = |world: &mut World| world.listeners.iter_mut().for_each(|listener| listener.protocol = "HTTPS".into());
    let narrow = |world: &mut World| {
        let pair = world.blue().unwrap().target_group().unwrap().to_owned();
        for listener in &mut world.listeners {
            let arn = format!("{}/0000000000000001", listener.arn.replace(":listener/", ":listener-rule/"));
            let forward = vec![(pair.clone(), 1)];
            listener.rules =
                vec![Rule { arn, priority: 1, conditions: vec![path("/api/*")], forward, action: Forward }];
            listener.default = vec![(pair.replace("tg-shop-a", "tg-frontend"), 1)];
        }
    };
    let own = "version: 1
hooks:
  after_allow_test_traffic:
    built_in: { health_check: { path: /api/health } }
    checks: [{ name: mine, http: '{{test_url}}/health', expect: [status == 200] },
             { name: known later, http: '{{test_url}}/{{green.image_tag}}', expect: [status == 200] }]
  after_allow_traffic: { built_in: { health_check: { path: /api/health } } }
";
    let well = own.replace("/health', expect", "/api/health', expect");
    vec![
        case("everything is in order").succeeds().check_outcome("reachable", "passed"),
        case("HTTPS without a known host name").world(https).succeeds().warns("HostNotConfigured"),
        case("HTTPS with a configured host name").env("GREENLIGHT_HOST", "shop.example.com").world(https).succeeds().check_outcome("reachable", "passed"),
        case("the health check uses another port than the traffic")
            .world(|world| world.target_groups.iter_mut().for_each(|group| group.health_check.port = Some(9000)))
            .succeeds()
            .warns("HealthCheckNotRoutable"),
        case("the health check uses the port of the traffic")
            .world(|world| world.target_groups.iter_mut().for_each(|group| group.health_check.port = Some(8080)))
            .succeeds()
            .check_outcome("reachable", "passed"),
        case("no rule forwards the path of the health check").world(narrow).succeeds().warns("HealthCheckNotRoutable"),
        case("no rule forwards one path of the gate file").gate(own).world(narrow).succeeds().warns("RuleLeadsElsewhere"),
        case("a rule forwards all paths of the gate file").gate(well).world(narrow).succeeds().check_outcome("reachable", "passed"),
        case("a request to the test listener, which does not exist")
            .gate("version: 1\nhooks: { after_allow_test_traffic: { checks: [{ http: '{{test_url}}/x', expect: [status == 200] }] } }")
            .world(|world| {
                let arn = world.deployment().pair.as_mut().unwrap().test.take();
                world.group.pair.as_mut().unwrap().test = None;
                world.listeners.retain(|listener| Some(&listener.arn) != arn.as_ref());
            })
            .succeeds(),
        case("an internet-facing load balancer does not accept connections")
            .world(|world| world.production().unwrap().port = 1)
            .succeeds()
            .warns("LoadBalancerUnreachable"),
        case("only the test listener does not accept connections")
            .world(|world| world.test().unwrap().port = 1)
            .succeeds()
            .warns("LoadBalancerUnreachable"),
    ]
}

/// The request that verifies the version, and gRPC health checks.
fn other_kinds() -> Vec<HookCase> {
    let identity = |title: &str| {
        HookCase::new(Hook::AfterAllowTestTraffic, title).gate(
            "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: [{ name: who, forwards_to: green, within: 1s,
               http: '{{test_url}}/version', expect: ['json.version == {{green.image_tag}}'] }] } }",
        )
    };
    let grpc = |title: &str| {
        HookCase::new(Hook::AfterAllowTestTraffic, title).gate(
            "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: [{ forwards_to: green, settle: 0s },
               { name: health, grpc: '{{test_url}}' }] } }",
        )
    };
    vec![
        no_requests_sent(case_with_rule(
            identity("another service has the path of the version"),
            vec![path("/version")],
        ))
        .fails("RuleLeadsElsewhere"),
        case_with_rule(identity("another service has another path than that of the version"), vec![path("/versions")])
            .succeeds(),
        no_requests_sent(case_with_rule(
            grpc("another service has the path of gRPC's health service"),
            vec![path("/grpc.health.v1.Health/*")],
        ))
        .fails("RuleLeadsElsewhere"),
        no_requests_sent(case_with_rule(
            grpc("another service gets every POST request"),
            vec![Condition::Method(list(&["POST"]))],
        ))
        .fails("RuleLeadsElsewhere"),
    ]
}

/// `GREENLIGHT_HOST` counts if the service's own rules name no host or accept this one.
fn configured_host() -> Vec<HookCase> {
    let case = |title: &str, host: &'static str, own: &'static [&'static str]| {
        built_in(title).env("GREENLIGHT_HOST", host).world(move |world| {
            let (green, other) = (green_target_group(world), add_target_group(world));
            rule(world, vec![Condition::Host(list(own))], Forward, Some(green));
            rule(world, vec![Condition::Host(list(&["pay.example.com"]))], Forward, Some(other.clone()));
            world.test().unwrap().default = vec![(other, 1)];
        })
    };
    let asked_for = |case: HookCase, host: &'static str| {
        case.assert(move |played| {
            let seen = played.requests_to_service.last().and_then(|request| request.headers.get("host").cloned());
            let seen = seen.unwrap_or_default();
            expect_eq("the host", seen.split(':').next().unwrap_or_default(), host)
        })
    };
    vec![
        asked_for(
            case("GREENLIGHT_HOST is another service's host", "pay.example.com", &["shop.example.com"]),
            "shop.example.com",
        )
        .succeeds(),
        asked_for(
            case(
                "GREENLIGHT_HOST is one of two hosts of the service",
                "www.example.com",
                &["shop.example.com", "www.example.com"],
            ),
            "www.example.com",
        )
        .succeeds(),
        asked_for(
            case("GREENLIGHT_HOST matches a wildcard of the service", "www.example.com", &["*.example.com"]),
            "www.example.com",
        )
        .succeeds(),
        no_requests_sent(case(
            "GREENLIGHT_HOST is another service's host, and the service's own rule has a wildcard",
            "pay.example.com",
            &["shop.*.com"],
        ))
        .fails("HostNotConfigured"),
    ]
}

/// Rules change during a deployment, so the hook reads them again before it sends a request.
fn rules_are_read_again_before_a_request() -> CaseGroup {
    let case = |title: &str, priority: u32| {
        own_check(title, "http: '{{test_url}}/health'").world(move |world| {
            let (blue, green) = (world.blue().unwrap().target_group().unwrap().to_owned(), green_target_group(world));
            let now = world.deployment().created;
            let test = world.test().unwrap();
            test.default = vec![(blue, 1)];
            let listener = test.arn.clone();
            let soon = std::time::SystemTime::now().max(now) + std::time::Duration::from_secs(4);
            let other = green.replace("tg-shop-b", "tg-frontend");
            let conditions = vec![path(if priority == 1 { "/health" } else { "/blog" })];
            let rule = Rule { arn: "arn:new".into(), priority, conditions, forward: vec![(other, 1)], action: Forward };
            world.schedule(soon, rehearsal::world::Change::RuleAdded { listener: listener.clone(), rule });
            world.schedule(soon, rehearsal::world::Change::ListenerForwards { listener, to: vec![(green, 1)] });
        })
    };
    // There is no golden text, because the time that the barrier waits depends on how fast the hook starts.
    CaseGroup::from(vec![
        no_requests_sent(case("a rule for the request's path is added when the listener switches", 1))
            .fails("RuleLeadsElsewhere"),
        case("a rule for another path is added when the listener switches", 2).succeeds(),
    ])
    .without_golden_text()
}
