//! `tcp`.

use greenlight_tests::HookCase;
use rehearsal::Hook;

pub fn cases() -> Vec<HookCase> {
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
