//! Tests of who responds on a listener, with the requests of an ordinary client.

use std::time::SystemTime;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::world::{DeploymentBehaviour, Health, InitialState, TargetsUnhealthy, World, WorldOptions};

struct Shop {
    aws: Arc<FakeAws>,
    listeners: ServiceListeners,
    production: u16,
    test: u16,
}

/// A deployment whose replacement runs and has no traffic yet.
async fn shop(behaviour: &DeploymentBehaviour) -> Shop {
    let ports = [Port::reserve().unwrap(), Port::reserve().unwrap()];
    let (production, test) = (ports[0].number, ports[1].number);
    let now = SystemTime::now() - std::time::Duration::from_secs(60);
    let mut world = World::new(now, WorldOptions { production, test, seed: 1 }, &InitialState::default());
    world.create_deployment(now, "user");
    world.run_event("Install", behaviour, now);
    let cloud = Arc::new(FakeAws::new(world, Vec::new()));
    let front = ServiceListeners::open(&cloud, ports.into()).unwrap();
    Shop { aws: cloud, listeners: front, production, test }
}

/// Returns the status and the body, or `None` if the connection was closed.
async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("localhost", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nx-mine: 1\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.ok()?;
    let status = reply.split(' ').nth(1)?.parse().unwrap();
    Some((status, reply.split_once("\r\n\r\n")?.1.to_owned()))
}

#[tokio::test]
async fn the_listener_decides_who_answers() {
    let shop = shop(&DeploymentBehaviour::default()).await;
    assert!(get(shop.test, "/").await.unwrap().1.contains("1.41.0"));
    let green = shop.aws.world().green_group().unwrap().arn.clone();
    shop.aws.world().test().unwrap().default = vec![(green.clone(), 100)];
    assert_eq!(get(shop.test, "/a?b=c").await.unwrap(), (200, r#"{"colour":"green","version":"1.42.0"}"#.to_owned()));
    assert!(get(shop.production, "/").await.unwrap().1.contains("1.41.0"));
    let seen = shop.listeners.requests();
    let colours: Vec<_> = seen.iter().map(|request| request.colour.unwrap()).collect();
    assert_eq!(colours, [Colour::Blue, Colour::Green, Colour::Blue]);
    assert_eq!((seen[1].path.as_str(), seen[1].headers["x-mine"].as_str(), seen[1].status), ("/a?b=c", "1", Some(200)));
}

#[tokio::test]
async fn a_target_group_without_running_tasks_is_unavailable() {
    let shop = shop(&DeploymentBehaviour::default()).await;
    shop.aws.world().blue().unwrap().running = 0;
    assert_eq!(get(shop.production, "/").await.unwrap().0, 503);
    assert_eq!(shop.listeners.requests()[0].colour, None);
}

#[tokio::test]
async fn a_version_answers_as_the_scenario_says() {
    let routes = [
        ("/checkout".to_owned(), RouteResponse { status: 503, body: Some("no".into()), ..RouteResponse::default() }),
        ("/gone".to_owned(), RouteResponse { hang_up: true, ..RouteResponse::default() }),
    ];
    let shop = shop(&DeploymentBehaviour { routes: routes.into(), ..DeploymentBehaviour::default() }).await;
    let green = shop.aws.world().green_group().unwrap().arn.clone();
    shop.aws.world().test().unwrap().default = vec![(green, 1)];
    assert_eq!(get(shop.test, "/checkout?x").await.unwrap(), (503, "no".to_owned()));
    assert_eq!(
        get(shop.test, "/gone").await.unwrap().0,
        502,
        "an HTTP listener responds itself if a target closes the connection"
    );
    shop.aws.world().test().unwrap().protocol = "TCP".into();
    assert_eq!(get(shop.test, "/gone").await, None, "a TCP listener cannot");
    assert_eq!(shop.listeners.requests().last().unwrap().status, None);
    assert_eq!(get(shop.production, "/checkout").await.unwrap().0, 200, "the original is not the replacement");
}

#[tokio::test]
async fn a_service_that_warms_up_and_one_bad_task() {
    let routes = [
        ("/cold".to_owned(), RouteResponse { status: 503, first: Some(2), ..RouteResponse::default() }),
        ("/half".to_owned(), RouteResponse { status: 500, one_in: 2, ..RouteResponse::default() }),
    ];
    let shop = shop(&DeploymentBehaviour { routes: routes.into(), ..DeploymentBehaviour::default() }).await;
    let green = shop.aws.world().green_group().unwrap().arn.clone();
    shop.aws.world().test().unwrap().default = vec![(green, 1)];
    let mut seen = Vec::new();
    for path in ["/cold", "/cold", "/cold", "/half", "/half", "/half"] {
        seen.push(get(shop.test, path).await.unwrap().0);
    }
    assert_eq!(seen, [503, 503, 200, 500, 200, 500]);
}

#[tokio::test]
async fn what_no_rule_is_about_and_what_leads_elsewhere() {
    let shop = shop(&DeploymentBehaviour::default()).await;
    shop.aws.world().test().unwrap().default = Vec::new();
    assert_eq!(get(shop.test, "/").await.unwrap(), (404, "Not found".to_owned()));
    shop.aws.world().test().unwrap().default = vec![("arn:of-another-service".into(), 1)];
    assert!(get(shop.test, "/").await.unwrap().1.contains("another"));
}

#[tokio::test]
async fn a_door_is_closed_or_silent() {
    let ports = [Port::reserve().unwrap(), Port::reserve().unwrap()];
    let (closed, silent) = (ports[0].number, ports[1].number);
    let options = WorldOptions { production: closed, test: silent, seed: 1 };
    let cloud = Arc::new(FakeAws::new(World::new(SystemTime::now(), options, &InitialState::default()), Vec::new()));
    let states = [PortState::Closed, PortState::Blackhole];
    let listeners = ports.into_iter().zip(states).map(|(port, state)| ListenerPort { port, state, has_tls: false });
    let _front = ServiceListeners::open_with_state(&cloud, listeners.collect(), None).await.unwrap();
    let refused = TcpStream::connect(("localhost", closed)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let knock = TcpStream::connect(("127.0.0.1", silent));
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(300), knock).await.is_err(),
        "a silent port must not respond"
    );
}

#[tokio::test]
async fn targets_that_do_not_respond_are_a_gateway_error_on_every_listener() {
    for (reason, status) in [("Target.Timeout", 504), ("Target.FailedHealthChecks", 502)] {
        let ill = TargetsUnhealthy { reason: reason.into(), description: "Health checks failed".into() };
        let shop = shop(&DeploymentBehaviour { targets_unhealthy: Some(ill), ..DeploymentBehaviour::default() }).await;
        assert_eq!(get(shop.test, "/").await.unwrap().0, 200, "the original responds");
        let green = shop.aws.world().green_group().unwrap().arn.clone();
        shop.aws.world().test().unwrap().default = vec![(green.clone(), 1)];
        shop.aws.world().production().unwrap().default = vec![(green, 1)];
        for port in [shop.test, shop.production] {
            assert_eq!(get(port, "/").await.unwrap().0, status);
        }
        assert_eq!(shop.listeners.requests().last().unwrap().version, None);
        shop.aws.world().test().unwrap().protocol = "TCP".into();
        assert_eq!(get(shop.test, "/").await, None, "a TCP listener cannot respond itself");
        // One target that responds is enough.
        shop.aws.world().green_group().unwrap().targets[0].health = Health::healthy();
        assert_eq!(get(shop.production, "/").await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn tasks_that_are_not_registered_get_no_request() {
    let shop =
        shop(&DeploymentBehaviour { targets: false, targets_left_over: 1, ..DeploymentBehaviour::default() }).await;
    let green = shop.aws.world().green_group().unwrap().arn.clone();
    shop.aws.world().test().unwrap().default = vec![(green, 1)];
    assert_eq!(get(shop.test, "/").await.unwrap().0, 503, "the only target is draining");
}

#[tokio::test]
async fn targets_that_fail_their_health_check_by_its_status_respond() {
    let ill = TargetsUnhealthy { reason: "Target.ResponseCodeMismatch".into(), description: "[503]".into() };
    let shop = shop(&DeploymentBehaviour { targets_unhealthy: Some(ill), ..DeploymentBehaviour::default() }).await;
    let green = shop.aws.world().green_group().unwrap().arn.clone();
    shop.aws.world().test().unwrap().default = vec![(green, 1)];
    assert_eq!(get(shop.test, "/").await.unwrap().0, 200);
}
