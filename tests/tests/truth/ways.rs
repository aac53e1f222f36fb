//! How each kind of check comes to each outcome that it can have.

use std::time::Duration;

use greenlight_tests::Case;
use rehearsal::{Fault, HookName, Trouble, world::World};

/// A check, and a world in which it comes out so.
#[derive(Clone)]
pub struct Way {
    pub kind: &'static str,
    pub outcome: &'static str,
    pub code: &'static str,
    pub hook: HookName,
    /// The check's own keys, without name and policies.
    pub check: String,
    /// Whether it needs the test listener, and so has a barrier before it.
    pub barrier: bool,
    /// What is broken.
    pub breaks: Breaks,
}

/// What is broken in the world.
#[derive(Clone, Copy)]
pub enum Breaks {
    Nothing,
    World(fn(&mut World)),
    Operation(&'static str, Trouble),
    /// The test listener leads to this port.
    Port(u16),
}

impl Breaks {
    pub fn apply(self, case: Case) -> Case {
        match self {
            Self::Nothing => case,
            Self::World(change) => case.world(change),
            Self::Operation(operation, trouble) => case.fault(Fault::always(operation, trouble)),
            Self::Port(port) => case.world(move |world| world.test().unwrap().port = port),
        }
    }
}

/// The ways of one kind.
struct Ways {
    kind: &'static str,
    hook: HookName,
    barrier: bool,
    all: Vec<Way>,
}

/// Longer than any function of the tests has time for: such a window is not begun.
const TOO_LONG: &str = "for: 14m";
const ELSEWHERE: &str = "when: [application == another]";

impl Ways {
    fn of(kind: &'static str, hook: HookName) -> Self {
        Self { kind, hook, barrier: false, all: Vec::new() }
    }

    /// A kind that asks an address of the deployment: it is not run where that leads to the original.
    fn behind_a_barrier(kind: &'static str, check: &str) -> Self {
        Self { barrier: true, ..Self::of(kind, HookName::AfterAllowTestTraffic) }.and(
            "not_run",
            "NotRun",
            check,
            Breaks::World(not_forwarding),
        )
    }

    fn and(mut self, outcome: &'static str, code: &'static str, check: &str, breaks: Breaks) -> Self {
        let (kind, hook, barrier) = (self.kind, self.hook, self.barrier);
        self.all.push(Way { kind, outcome, code, hook, check: check.to_owned(), barrier, breaks });
        self
    }

    /// A check that passes in the good world, that does not apply to another application, and that has no time for a
    /// window.
    fn good(self, check: &str) -> Self {
        self.and("passed", "", check, Breaks::Nothing)
            .and("not_applicable", "", &format!("{check}, {ELSEWHERE}"), Breaks::Nothing)
            .and("timed_out", "WindowTooLong", &format!("{check}, {TOO_LONG}"), Breaks::Nothing)
    }
}

fn not_forwarding(world: &mut World) {
    let blue = world.blue().unwrap().target_group().unwrap().to_owned();
    world.test().unwrap().default = vec![(blue, 1)];
}

fn behind_a_network_load_balancer(world: &mut World) {
    world.listeners.iter_mut().for_each(|listener| listener.protocol = "TCP".into());
}

/// Every way; `serving` and `not_serving` are ports of a health service of gRPC.
pub fn all(serving: u16, not_serving: u16) -> Vec<Way> {
    use Breaks::{Nothing, Operation, Port, World};
    use HookName::{AfterAllowTestTraffic, AfterInstall, BeforeAllowTraffic, BeforeInstall};
    let ecs = "ecs: green, expect: [running == desired]";
    let image = "image: green";
    let targets = "targets: green, expect: [healthy == registered]";
    let reach = "reach: green, settle: 0s, within: 0s";
    let answers = "answers: test, within: 0s, consecutive: 1";
    let http = "http: '{{test_url}}/health', expect: [status == 200]";
    let tcp = "tcp: '{{test_url}}'";
    let grpc = "grpc: '{{test_url}}'";
    let alarms = "alarms: deployment-group, expect: [state == OK]";
    let unknown = "{{env.NOT_SET}}";
    let ways = [
        Ways::of("ecs", AfterInstall)
            .good(ecs)
            .and("not_applicable", "", "ecs: green, expect: [unhealthy_containers == 0]", World(without_health_checks))
            .and("failed", "NotRunning", "ecs: green, expect: [running >= 99]", Nothing)
            .and("failed", "ReplacementMissing", ecs, World(without_a_replacement))
            .and(
                "no_data",
                "NotRunning",
                ecs,
                World(|world| {
                    let green = world.green().unwrap();
                    (green.desired, green.running) = (0, 0);
                }),
            )
            .and("errored", "AwsDenied", ecs, Operation("ecs:ListTasks", Trouble::Deny)),
        Ways::of("image", AfterInstall)
            .good(image)
            .and(
                "failed",
                "ImagesDiffer",
                image,
                World(|world| {
                    world.green_tasks().next().unwrap().containers[0].digest = Some("sha256:0".into());
                }),
            )
            .and("no_data", "ImageUnknown", "image: green, containers: [another]", Nothing)
            .and("no_data", "ReplacementMissing", image, World(without_a_replacement))
            .and("errored", "AwsDenied", image, Operation("ecs:DescribeTasks", Trouble::Deny)),
        Ways::of("targets", BeforeAllowTraffic)
            .good(targets)
            .and("not_applicable", "", targets, World(without_a_listener))
            .and("failed", "TargetsUnhealthy", "targets: green, expect: [healthy >= 99]", Nothing)
            .and("no_data", "NoTargets", targets, World(|world| world.green_group().unwrap().targets.clear()))
            .and(
                "errored",
                "AwsDenied",
                targets,
                Operation("elasticloadbalancing:DescribeTargetHealth", Trouble::Deny),
            ),
        Ways::of("reach", AfterAllowTestTraffic)
            .and("passed", "", reach, Nothing)
            .and("not_applicable", "", &format!("{reach}, {ELSEWHERE}"), Nothing)
            .and("timed_out", "WindowTooLong", "reach: green, settle: 12m", Nothing)
            .and("failed", "ListenerNotForwarding", reach, World(not_forwarding))
            .and(
                "errored",
                "FactUnknown",
                &format!("{reach}, http: '{{{{test_url}}}}/{unknown}', expect: [status == 200]"),
                Nothing,
            ),
        Ways::behind_a_barrier("answers", answers)
            .good(answers)
            .and("failed", "UnexpectedStatus", &format!("{answers}, expect: [status == 204]"), Nothing)
            .and(
                "errored",
                "UnexpectedReply",
                answers,
                World(|world| {
                    world.green_group().unwrap().health_check.matcher = Some("299-200".into());
                }),
            ),
        Ways::behind_a_barrier("http", http)
            .good(http)
            .and("failed", "UnexpectedStatus", "http: '{{test_url}}/health', expect: [status == 204]", Nothing)
            .and(
                "errored",
                "FactUnknown",
                &format!("http: '{{{{test_url}}}}/{unknown}', expect: [status == 200]"),
                Nothing,
            ),
        Ways::behind_a_barrier("tcp", tcp)
            .and("passed", "", tcp, World(behind_a_network_load_balancer))
            .and("not_applicable", "", &format!("{tcp}, {ELSEWHERE}"), Nothing)
            .and("timed_out", "WindowTooLong", &format!("{tcp}, {TOO_LONG}"), Nothing)
            .and("doubtful", "ServiceUnverified", tcp, Nothing)
            .and("failed", "TooSlow", &format!("{tcp}, expect: [latency > 10m]"), Nothing)
            .and("errored", "FactUnknown", &format!("tcp: '{unknown}:80'"), Nothing),
        Ways::behind_a_barrier("grpc", grpc)
            .and("passed", "", grpc, Port(serving))
            .and("not_applicable", "", &format!("{grpc}, {ELSEWHERE}"), Nothing)
            .and("timed_out", "WindowTooLong", &format!("{grpc}, {TOO_LONG}"), Nothing)
            .and("failed", "GrpcNotServing", grpc, Port(not_serving))
            .and("errored", "FactUnknown", &format!("{grpc}, headers: {{ X-Token: '{unknown}' }}"), Nothing),
        // Not AfterAllowTraffic, where the first check that decides cuts off all others.
        Ways::of("alarms", BeforeAllowTraffic)
            .good(alarms)
            .and("not_applicable", "", alarms, World(|world| world.group.alarms.names.clear()))
            .and("failed", "AlarmFiring", alarms, World(|world| world.alarms[0].state = "ALARM".into()))
            .and("no_data", "AlarmNoData", alarms, World(|world| world.alarms[0].state = "INSUFFICIENT_DATA".into()))
            .and("no_data", "AlarmMissing", "alarms: { names: [nobody] }, expect: [state == OK]", Nothing)
            .and("errored", "AwsDenied", alarms, Operation("cloudwatch:DescribeAlarms", Trouble::Deny)),
        Ways::of("preflight", BeforeInstall)
            .and("passed", "", "preflight: [service, rollback]", Nothing)
            .and("not_applicable", "", &format!("preflight: service, {ELSEWHERE}"), Nothing)
            .and("doubtful", "NotLookedAt", "preflight: log-groups", Operation("logs:DescribeLogGroups", Trouble::Deny))
            .and(
                "failed",
                "RollbackNotConfigured",
                "preflight: [service, rollback]",
                World(|world| {
                    (world.deployment().auto_rollback, world.group.auto_rollback) = (None, None);
                }),
            )
            .and(
                "errored",
                "AwsRefused",
                "preflight: task-definition",
                World(|world| {
                    world.deployment().revision.told = rehearsal::world::Told::S3;
                }),
            )
            .and(
                "timed_out",
                "RanOutOfTime",
                "preflight: log-groups",
                Operation("logs:DescribeLogGroups", Trouble::Stall),
            ),
    ];
    ways.into_iter().flat_map(|ways| ways.all).collect()
}

/// For a check that has to be cut off.
pub const DEADLINE: Duration = Duration::from_secs(5);

fn without_health_checks(world: &mut World) {
    let containers = world.definitions.iter_mut().flat_map(|definition| &mut definition.containers);
    containers.for_each(|container| container.health_check = None);
    world.green_tasks().for_each(|task| task.containers[0].health = "UNKNOWN".into());
}

fn without_a_replacement(world: &mut World) {
    let green = world.green().unwrap().id.clone();
    world.service.as_mut().unwrap().task_sets.retain(|set| set.id != green);
}

fn without_a_listener(world: &mut World) {
    let green = world.green().unwrap().target_group().unwrap().to_owned();
    world.listeners.iter_mut().for_each(|listener| listener.default.retain(|(arn, _)| *arn != green));
    let unused = rehearsal::world::Health::other("unused", "Target.NotInUse", "Target group is not used");
    world.green_group().unwrap().targets.iter_mut().for_each(|target| target.health = unused.clone());
}
