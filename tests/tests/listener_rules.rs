//! Each request is compared with the listener rules, in the order of their priorities: what another service or the load
//! balancer answers is no answer of the new version. Each case has a twin in which the rule is not in the way.

use greenlight_tests::{HookCase, expect_eq, run_cases};
use rehearsal::{
    HookName,
    world::{Condition, Rule, RuleAction, RuleAction::Forward, World},
};

fn green_target_group(world: &mut World) -> String {
    world.green_group().unwrap().arn.clone()
}

/// A target group of another service, which answers 200 to everything.
fn add_target_group(world: &mut World) -> String {
    green_target_group(world).replace("tg-shop-b", "tg-frontend")
}

/// A rule of the test listener, before those that are there.
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

/// With one rule to another service.
fn case_with_rule(case: HookCase, conditions: Vec<Condition>) -> HookCase {
    case.world(move |world| {
        let to = add_target_group(world);
        rule(world, conditions, Forward, Some(to));
    })
}

/// The built-in checks alone.
fn built_in(title: &str) -> HookCase {
    HookCase::new(HookName::AfterAllowTestTraffic, title)
        .gate("version: 1\nhooks: { after_allow_test_traffic: { built_in: { forwards_to: { settle: 0s }, health_check: { within: 0s, every: 100ms } } } }")
}

/// One request of the file's own.
fn own_check(title: &str, request: &str) -> HookCase {
    let gate = format!(
        "version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: none, checks: [{{ forwards_to: green, settle: 0s }},
           {{ name: mine, {request}, expect: [status == 200] }}] }} }}"
    );
    HookCase::new(HookName::AfterAllowTestTraffic, title).gate(gate)
}

fn no_requests_sent(case: HookCase) -> HookCase {
    case.assert(|played| expect_eq("the requests", &played.requests_to_service.len(), &0))
}

/// The replacement does not work; only who asks it can know.
fn with_broken_service(case: HookCase) -> HookCase {
    case.world(|world| world.versions.last_mut().unwrap().routes.entry("/health".into()).or_default().status = 503)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check() {
    let transcript = run_cases(vec![
        no_requests_sent(with_broken_service(case_with_rule(
            built_in("another service has its path"),
            vec![path("/health*")],
        )))
        .fails("HealthCheckNotRoutable"),
        with_broken_service(case_with_rule(built_in("another service has another path"), vec![path("/blog*")]))
            .fails("UnexpectedStatus"),
        case_with_rule(built_in("another path, and all is well"), vec![path("/blog*")]).succeeds(),
        no_requests_sent(with_broken_service(built_in("the load balancer answers 200 itself")))
            .world(|world| rule(world, vec![path("/health")], RuleAction::FixedResponse(200), None))
            .fails("HealthCheckNotRoutable"),
        built_in("a rule for every path leads to the service, and the default rule elsewhere")
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
            })
            .succeeds(),
        built_in("its path is under the path of the rule")
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/orders/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
                world.green_group().unwrap().health_check.path = Some("/orders/health".into());
            })
            .succeeds(),
        no_requests_sent(built_in("its path is in other letters than the path of the rule"))
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/Orders/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
                world.green_group().unwrap().health_check.path = Some("/orders/health".into());
            })
            .fails("HealthCheckNotRoutable"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_file() {
    let header = |value: &str| Condition::Header("X-Version".to_owned(), list(&[value]));
    let query = |value: &str| Condition::Query(vec![(Some("v".to_owned()), value.to_owned())]);
    let get = "http: '{{test_url}}/health?v=1', headers: { x-version: 'Old release' }";
    let transcript = run_cases(vec![
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
        case_with_rule(own_check("another value", get), vec![header("new*")]).succeeds(),
        case_with_rule(own_check("a query", get), vec![query("?")]).fails("RuleLeadsElsewhere"),
        case_with_rule(own_check("another query", get), vec![query("??")]).succeeds(),
        case_with_rule(
            own_check("who says that it is this client", get),
            vec![Condition::Header("User-Agent".into(), list(&["greenlight/*"]))],
        )
        .fails("RuleLeadsElsewhere"),
        case_with_rule(own_check("one of two conditions", get), vec![path("/health"), header("new*")]).succeeds(),
        case_with_rule(own_check("both conditions", get), vec![path("/health"), header("old*")])
            .fails("RuleLeadsElsewhere"),
        case_with_rule(own_check("an address that may be ours", get), vec![Condition::SourceIp(list(&["10.0.0.0/8"]))])
            .succeeds()
            .warns("RuleUndecided")
            .check_outcome("mine", "unverified"),
        case_with_rule(
            own_check("an address of another path", get),
            vec![path("/admin*"), Condition::SourceIp(list(&["10.0.0.0/8"]))],
        )
        .succeeds()
        .check_outcome("mine", "passed"),
        own_check("a redirect", get)
            .world(|world| {
                rule(world, vec![path("/health")], RuleAction::Redirect("https://#{host}:443/#{path}".into()), None)
            })
            .fails("RuleLeadsElsewhere"),
        own_check("a login before it", get)
            .world(|world| {
                let green = green_target_group(world);
                rule(world, vec![path("/*")], RuleAction::Authenticate, Some(green));
            })
            .fails("RuleLeadsElsewhere"),
        own_check("everything but one path goes to a page that answers 200 to all", get)
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/api/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
            })
            .fails("RuleLeadsElsewhere"),
        own_check("that one path", "http: '{{test_url}}/api/health'")
            .world(|world| {
                let (green, other) = (green_target_group(world), add_target_group(world));
                rule(world, vec![path("/api/*")], Forward, Some(green));
                world.test().unwrap().default = vec![(other, 1)];
            })
            .succeeds(),
        case_with_rule(
            own_check("a path of `answers`", "health_check: test, path: /blog, within: 0s, consecutive: 1"),
            vec![path("/blog")],
        )
        .fails("RuleLeadsElsewhere"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// A redirect stays at the address, and may meet another rule there.
#[tokio::test(flavor = "multi_thread")]
async fn redirects() {
    let case = |title: &str, to: &'static str| {
        let request = "http: '{{test_url}}/start', redirects: follow";
        case_with_rule(own_check(title, request), vec![path("/blog/*")]).world(move |world| {
            let start = world.versions.last_mut().unwrap().routes.entry("/start".into()).or_default();
            (start.status, start.location) = (302, Some(to.to_owned()));
        })
    };
    let transcript = run_cases(vec![
        case("to a path of another service", "/blog/start").fails("RuleLeadsElsewhere"),
        case("to a path of its own", "/welcome").succeeds(),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// What the later hooks will not be able to ask is known before anything is deployed.
#[tokio::test(flavor = "multi_thread")]
async fn before_install() {
    let case = |title: &str| HookCase::new(HookName::BeforeInstall, title);
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
    let transcript = run_cases(vec![
        case("all is well").succeeds().check_outcome("reachable", "passed"),
        case("HTTPS, and nobody knows the name").world(https).succeeds().warns("HostNotConfigured"),
        case("HTTPS, and the name is configured").env("GREENLIGHT_HOST", "shop.example.com").world(https).succeeds().check_outcome("reachable", "passed"),
        case("the health check has a port of its own")
            .world(|world| world.target_groups.iter_mut().for_each(|group| group.health_check.port = Some(9000)))
            .succeeds()
            .warns("HealthCheckNotRoutable"),
        case("the health check names the port of the traffic")
            .world(|world| world.target_groups.iter_mut().for_each(|group| group.health_check.port = Some(8080)))
            .succeeds()
            .check_outcome("reachable", "passed"),
        case("no rule lets the path of the health check through").world(narrow).succeeds().warns("HealthCheckNotRoutable"),
        case("no rule lets a path of the gate file through").gate(own).world(narrow).succeeds().warns("RuleLeadsElsewhere"),
        case("a rule lets all paths of the gate file through").gate(well).world(narrow).succeeds().check_outcome("reachable", "passed"),
        case("whoever has no test listener asks nobody there")
            .gate("version: 1\nhooks: { after_allow_test_traffic: { checks: [{ http: '{{test_url}}/x', expect: [status == 200] }] } }")
            .world(|world| {
                let arn = world.deployment().pair.as_mut().unwrap().test.take();
                world.group.pair.as_mut().unwrap().test = None;
                world.listeners.retain(|listener| Some(&listener.arn) != arn.as_ref());
            })
            .succeeds(),
        case("a load balancer that faces the internet lets nobody in")
            .world(|world| world.production().unwrap().port = 1)
            .succeeds()
            .warns("LoadBalancerUnreachable"),
        case("only the test listener lets nobody in")
            .world(|world| world.test().unwrap().port = 1)
            .succeeds()
            .warns("LoadBalancerUnreachable"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// The request by whose answer a version is told, and a health check of gRPC.
#[tokio::test(flavor = "multi_thread")]
async fn other_kinds() {
    let identity = |title: &str| {
        HookCase::new(HookName::AfterAllowTestTraffic, title).gate(
            "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: [{ name: who, forwards_to: green, within: 1s,
               http: '{{test_url}}/version', expect: ['json.version == {{green.image_tag}}'] }] } }",
        )
    };
    let grpc = |title: &str| {
        HookCase::new(HookName::AfterAllowTestTraffic, title).gate(
            "version: 1\nhooks: { after_allow_test_traffic: { built_in: none, checks: [{ forwards_to: green, settle: 0s },
               { name: health, grpc: '{{test_url}}' }] } }",
        )
    };
    let transcript = run_cases(vec![
        no_requests_sent(case_with_rule(identity("who answers for the version"), vec![path("/version")]))
            .fails("RuleLeadsElsewhere"),
        case_with_rule(identity("another path than that of the version"), vec![path("/versions")]).succeeds(),
        no_requests_sent(case_with_rule(
            grpc("the health service is another one's"),
            vec![path("/grpc.health.v1.Health/*")],
        ))
        .fails("RuleLeadsElsewhere"),
        no_requests_sent(case_with_rule(
            grpc("what is posted is another one's"),
            vec![Condition::Method(list(&["POST"]))],
        ))
        .fails("RuleLeadsElsewhere"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// `GREENLIGHT_HOST` counts where the service's own rules name no host, or let it through.
#[tokio::test(flavor = "multi_thread")]
async fn configured_host() {
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
    let transcript = run_cases(vec![
        asked_for(case("that of another service", "pay.example.com", &["shop.example.com"]), "shop.example.com")
            .succeeds(),
        asked_for(
            case("one of two of the service's", "www.example.com", &["shop.example.com", "www.example.com"]),
            "www.example.com",
        )
        .succeeds(),
        asked_for(case("one that a wildcard lets through", "www.example.com", &["*.example.com"]), "www.example.com")
            .succeeds(),
        no_requests_sent(case(
            "that of another service, where the own rule has a wildcard",
            "pay.example.com",
            &["shop.*.com"],
        ))
        .fails("HostNotConfigured"),
    ])
    .await;
    insta::assert_snapshot!(transcript);
}

/// Rules change while a deployment goes on: what discovery saw is old when a check sends its request.
#[tokio::test(flavor = "multi_thread")]
async fn rules_are_read_again() {
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
    // Whether the barrier had to wait depends on how fast the hook began, so there is no golden text.
    run_cases(vec![
        no_requests_sent(case("a rule in the way comes with the switch", 1)).fails("RuleLeadsElsewhere"),
        case("a rule beside it comes with the switch", 2).succeeds(),
    ])
    .await;
}
