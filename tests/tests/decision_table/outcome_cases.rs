//! For each kind of check, a world that leads to each outcome that the kind can have.

use std::time::Duration;

use greenlight_tests::HookCase;
use rehearsal::{FaultKind, Hook, InjectedFault, world::World};

/// A check, and a world in which it has this outcome and this code.
#[derive(Clone)]
pub struct OutcomeCase {
    pub kind: &'static str,
    pub outcome: &'static str,
    pub code: &'static str,
    pub hook: Hook,
    /// The keys of the check in YAML, without its name and its policies.
    pub check: String,
    /// Whether the check uses the test listener and so needs a barrier.
    pub needs_barrier: bool,
    pub setup: OutcomeSetup,
}

/// What is broken in the world.
#[derive(Clone, Copy)]
pub enum OutcomeSetup {
    Nothing,
    World(fn(&mut World)),
    Operation(&'static str, FaultKind),
    /// The port of the test listener.
    Port(u16),
}

impl OutcomeSetup {
    pub fn apply(self, case: HookCase) -> HookCase {
        match self {
            Self::Nothing => case,
            Self::World(change) => case.world(change),
            Self::Operation(operation, trouble) => case.with_fault(InjectedFault::always(operation, trouble)),
            Self::Port(port) => case.world(move |world| world.test().unwrap().port = port),
        }
    }
}

/// The cases of one kind.
struct OutcomeCases {
    kind: &'static str,
    hook: Hook,
    needs_barrier: bool,
    cases: Vec<OutcomeCase>,
}

/// Longer than the time of any function in the tests, so the hook does not start such a window.
const WINDOW_TOO_LONG: &str = "for: 14m";
const OTHER_APPLICATION: &str = "when: [application == another]";

impl OutcomeCases {
    fn new(kind: &'static str, hook: Hook) -> Self {
        Self { kind, hook, needs_barrier: false, cases: Vec::new() }
    }

    /// A kind that sends requests to an address of the deployment. It is not run if the address leads to the original.
    fn behind_a_barrier(kind: &'static str, check: &str) -> Self {
        Self { needs_barrier: true, ..Self::new(kind, Hook::AfterAllowTestTraffic) }.with(
            "not_run",
            "NotRun",
            check,
            OutcomeSetup::World(not_forwarding),
        )
    }

    fn with(mut self, outcome: &'static str, code: &'static str, check: &str, setup: OutcomeSetup) -> Self {
        let (kind, hook, barrier) = (self.kind, self.hook, self.needs_barrier);
        self.cases.push(OutcomeCase {
            kind,
            outcome,
            code,
            hook,
            check: check.to_owned(),
            needs_barrier: barrier,
            setup,
        });
        self
    }

    /// Adds three cases of a check: it passes in the good world, does not apply to another application, and times out
    /// because its window is too long.
    fn with_passing_check(self, check: &str) -> Self {
        self.with("passed", "", check, OutcomeSetup::Nothing)
            .with("not_applicable", "", &format!("{check}, {OTHER_APPLICATION}"), OutcomeSetup::Nothing)
            .with("timed_out", "WindowTooLong", &format!("{check}, {WINDOW_TOO_LONG}"), OutcomeSetup::Nothing)
    }
}

fn not_forwarding(world: &mut World) {
    let blue = world.blue().unwrap().target_group().unwrap().to_owned();
    world.test().unwrap().default = vec![(blue, 1)];
}

fn behind_a_network_load_balancer(world: &mut World) {
    world.listeners.iter_mut().for_each(|listener| listener.protocol = "TCP".into());
}

/// All cases of all kinds; `serving` and `not_serving` are the ports of two gRPC health servers.
pub fn all_outcome_cases(serving: u16, not_serving: u16) -> Vec<OutcomeCase> {
    use Hook::{AfterAllowTestTraffic, AfterInstall, BeforeAllowTraffic, BeforeInstall};
    use OutcomeSetup::{Nothing, Operation, Port, World};
    let ecs = "tasks: green, expect: [running == desired]";
    let image = "image: green";
    let targets = "targets: green, expect: [healthy == registered]";
    let reach = "forwards_to: green, settle: 0s, within: 0s";
    let answers = "health_check: test, within: 0s, consecutive: 1";
    let http = "http: '{{test_url}}/health', expect: [status == 200]";
    let tcp = "tcp: '{{test_url}}'";
    let grpc = "grpc: '{{test_url}}'";
    let alarms = "alarms: deployment-group, expect: [state == OK]";
    let unknown = "{{env.NOT_SET}}";
    let cases = [
        OutcomeCases::new("tasks", AfterInstall)
            .with_passing_check(ecs)
            .with(
                "not_applicable",
                "",
                "tasks: green, expect: [unhealthy_containers == 0]",
                World(without_health_checks),
            )
            .with("failed", "NotRunning", "tasks: green, expect: [running >= 99]", Nothing)
            .with("failed", "ReplacementMissing", ecs, World(without_a_replacement))
            .with(
                "no_data",
                "NotRunning",
                ecs,
                World(|world| {
                    let green = world.green().unwrap();
                    (green.desired, green.running) = (0, 0);
                }),
            )
            .with("errored", "AwsDenied", ecs, Operation("ecs:ListTasks", FaultKind::Deny)),
        OutcomeCases::new("image", AfterInstall)
            .with_passing_check(image)
            .with(
                "failed",
                "ImagesDiffer",
                image,
                World(|world| {
                    world.green_tasks().next().unwrap().containers[0].digest = Some("sha256:0".into());
                }),
            )
            .with("no_data", "ImageUnknown", "image: green, containers: [another]", Nothing)
            .with("no_data", "ReplacementMissing", image, World(without_a_replacement))
            .with("errored", "AwsDenied", image, Operation("ecs:DescribeTasks", FaultKind::Deny)),
        OutcomeCases::new("targets", BeforeAllowTraffic)
            .with_passing_check(targets)
            .with("not_applicable", "", targets, World(without_a_listener))
            .with("failed", "TargetsUnhealthy", "targets: green, expect: [healthy >= 99]", Nothing)
            .with("no_data", "NoTargets", targets, World(|world| world.green_group().unwrap().targets.clear()))
            .with(
                "errored",
                "AwsDenied",
                targets,
                Operation("elasticloadbalancing:DescribeTargetHealth", FaultKind::Deny),
            ),
        OutcomeCases::new("forwards_to", AfterAllowTestTraffic)
            .with("passed", "", reach, Nothing)
            .with("not_applicable", "", &format!("{reach}, {OTHER_APPLICATION}"), Nothing)
            .with("timed_out", "WindowTooLong", "forwards_to: green, settle: 12m", Nothing)
            .with("failed", "ListenerNotForwarding", reach, World(not_forwarding))
            .with(
                "errored",
                "FactUnknown",
                &format!("{reach}, http: '{{{{test_url}}}}/{unknown}', expect: [status == 200]"),
                Nothing,
            ),
        OutcomeCases::behind_a_barrier("health_check", answers)
            .with_passing_check(answers)
            .with("failed", "UnexpectedStatus", &format!("{answers}, expect: [status == 204]"), Nothing)
            .with(
                "errored",
                "UnexpectedReply",
                answers,
                World(|world| {
                    world.green_group().unwrap().health_check.matcher = Some("299-200".into());
                }),
            ),
        OutcomeCases::behind_a_barrier("http", http)
            .with_passing_check(http)
            .with("failed", "UnexpectedStatus", "http: '{{test_url}}/health', expect: [status == 204]", Nothing)
            .with(
                "errored",
                "FactUnknown",
                &format!("http: '{{{{test_url}}}}/{unknown}', expect: [status == 200]"),
                Nothing,
            ),
        OutcomeCases::behind_a_barrier("tcp", tcp)
            .with("passed", "", tcp, World(behind_a_network_load_balancer))
            .with("not_applicable", "", &format!("{tcp}, {OTHER_APPLICATION}"), Nothing)
            .with("timed_out", "WindowTooLong", &format!("{tcp}, {WINDOW_TOO_LONG}"), Nothing)
            .with("unverified", "ServiceUnverified", tcp, Nothing)
            .with("failed", "TooSlow", &format!("{tcp}, expect: [latency > 10m]"), Nothing)
            .with("errored", "FactUnknown", &format!("tcp: '{unknown}:80'"), Nothing),
        OutcomeCases::behind_a_barrier("grpc", grpc)
            .with("passed", "", grpc, Port(serving))
            .with("not_applicable", "", &format!("{grpc}, {OTHER_APPLICATION}"), Nothing)
            .with("timed_out", "WindowTooLong", &format!("{grpc}, {WINDOW_TOO_LONG}"), Nothing)
            .with("failed", "GrpcNotServing", grpc, Port(not_serving))
            .with("errored", "FactUnknown", &format!("{grpc}, headers: {{ X-Token: '{unknown}' }}"), Nothing),
        // Not at AfterAllowTraffic, where the first check that decides interrupts all others.
        OutcomeCases::new("alarms", BeforeAllowTraffic)
            .with_passing_check(alarms)
            .with("not_applicable", "", alarms, World(|world| world.group.alarms.names.clear()))
            .with("failed", "AlarmFiring", alarms, World(|world| world.alarms[0].state = "ALARM".into()))
            .with("no_data", "AlarmNoData", alarms, World(|world| world.alarms[0].state = "INSUFFICIENT_DATA".into()))
            .with("no_data", "AlarmMissing", "alarms: { names: [nobody] }, expect: [state == OK]", Nothing)
            .with("errored", "AwsDenied", alarms, Operation("cloudwatch:DescribeAlarms", FaultKind::Deny)),
        OutcomeCases::new("preflight", BeforeInstall)
            .with("passed", "", "preflight: [service, rollback]", Nothing)
            .with("not_applicable", "", &format!("preflight: service, {OTHER_APPLICATION}"), Nothing)
            .with(
                "unverified",
                "NotPermittedToCheck",
                "preflight: log-groups",
                Operation("logs:DescribeLogGroups", FaultKind::Deny),
            )
            .with(
                "failed",
                "RollbackNotConfigured",
                "preflight: [service, rollback]",
                World(|world| {
                    (world.deployment().auto_rollback, world.group.auto_rollback) = (None, None);
                }),
            )
            .with(
                "errored",
                "AwsRejected",
                "preflight: task-definition",
                World(|world| {
                    world.deployment().revision.format = rehearsal::world::RevisionFormat::S3;
                }),
            )
            .with(
                "timed_out",
                "RanOutOfTime",
                "preflight: log-groups",
                Operation("logs:DescribeLogGroups", FaultKind::Stall),
            ),
    ];
    cases.into_iter().flat_map(|ways| ways.cases).collect()
}

/// The deadline of the hook when a check must run out of time.
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
