//! What a run of the storm breaks, drawn from a seed: the same seed makes the same plan.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use fastrand::Rng;
use rehearsal::{
    FaultKind, FaultTiming, HookName, InjectedFault,
    world::{Health, RouteResponse, World},
};

use crate::{PUT_STATUS, operations};

/// One run: a hook at its moment, what is wrong with the service, and what goes wrong around the hook.
#[derive(Clone, Debug)]
pub struct ChaosPlan {
    /// What it was drawn from.
    pub seed: u64,
    /// The hook.
    pub hook: HookName,
    /// What is wrong with the service, if anything is.
    pub service_fault: Option<ServiceFault>,
    /// What goes wrong on the way to AWS.
    pub aws_faults: Vec<InjectedFault>,
    /// What happens to the process, if anything does.
    pub process_fault: Option<ProcessFault>,
    /// The function's time-out.
    pub timeout: Duration,
    /// How far the function's clock is behind Lambda's (or ahead, if negative), in milliseconds.
    pub clock_behind: i64,
    /// When the same event is delivered again, after the first time.
    pub redeliveries: Vec<Duration>,
}

/// What is wrong with the service, so that only Failed is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceFault {
    /// The service is gone.
    NoService,
    /// Replacement tasks are missing.
    TasksMissing,
    /// The replacement's targets are ill.
    TargetsUnhealthy,
    /// The replacement answers 503.
    Answers503,
    /// An alarm of the deployment group fires.
    AlarmFires,
}

/// What happens to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessFault {
    /// A check panics.
    Panic,
    /// A check blocks its thread.
    Block,
    /// A check waits for a thread that never ends.
    LeakThread,
    /// A check ends the process.
    Exit,
    /// A check takes more memory than the function has.
    ExhaustMemory,
    /// SIGKILL, so long after the invocation.
    Kill(Duration),
}

impl ProcessFault {
    /// The check that does it, in a gate file. None for what comes from outside.
    pub const fn chaos_check(self) -> Option<&'static str> {
        match self {
            Self::Panic => Some("panic"),
            Self::Block => Some("block"),
            Self::LeakThread => Some("leave"),
            Self::Exit => Some("exit"),
            Self::ExhaustMemory => Some("hog"),
            Self::Kill(_) => None,
        }
    }

    /// Whether the process does not outlive it.
    pub const fn kills_process(self) -> bool {
        matches!(self, Self::Exit | Self::ExhaustMemory | Self::Kill(_))
    }
}

impl ServiceFault {
    /// The flaws that a hook's built-in checks have to see.
    const fn detectable_by(hook: HookName) -> &'static [Self] {
        match hook {
            HookName::BeforeInstall => &[Self::NoService],
            HookName::AfterInstall => &[Self::NoService, Self::TasksMissing, Self::TargetsUnhealthy],
            HookName::AfterAllowTestTraffic => &[Self::NoService, Self::Answers503],
            HookName::BeforeAllowTraffic => {
                &[Self::NoService, Self::TasksMissing, Self::TargetsUnhealthy, Self::AlarmFires]
            }
            HookName::AfterAllowTraffic => &[Self::NoService, Self::Answers503, Self::AlarmFires],
        }
    }

    /// Makes the world so.
    pub fn apply(self, world: &mut World) {
        match self {
            Self::NoService => world.service = None,
            Self::TasksMissing => {
                if let Some(green) = world.green() {
                    green.running = 0;
                    green.steady = false;
                }
            }
            Self::TargetsUnhealthy => {
                for target in world.green_group().into_iter().flat_map(|group| &mut group.targets) {
                    target.health = Health::other("unhealthy", "Target.Timeout", "Request timed out");
                }
            }
            Self::Answers503 => {
                let paths: Vec<_> =
                    world.target_groups.iter().filter_map(|group| group.health_check.path.clone()).collect();
                for version in &mut world.versions {
                    for path in &paths {
                        version.routes.insert(path.clone(), RouteResponse { status: 503, ..RouteResponse::default() });
                    }
                }
            }
            Self::AlarmFires => {
                for alarm in &mut world.alarms {
                    alarm.state = "ALARM".to_owned();
                    alarm.since = SystemTime::now();
                }
            }
        }
    }
}

impl ChaosPlan {
    /// The plan of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let hook = choose(&mut rng, &HookName::ALL);
        let flaw = (rng.u8(..3) == 0).then(|| choose(&mut rng, ServiceFault::detectable_by(hook)));
        let faults = (0..rng.u8(..4)).map(|_| random_aws_fault(&mut rng, hook)).collect();
        let harm = (rng.u8(..4) == 0).then(|| random_process_fault(&mut rng));
        let timeout = Duration::from_millis(choose(&mut rng, &[1_000, 2_000, 3_000, 5_000, 8_000]));
        // Mostly it is right, as it is in Lambda.
        let clock_behind = if rng.u8(..8) == 0 { choose(&mut rng, &[-3_600_000, -2_000, 500, 3_600_000]) } else { 0 };
        let again = (0..[0, 0, 0, 1, 2][rng.usize(..5)]).map(|_| Duration::from_millis(rng.u64(..1_500))).collect();
        Self {
            seed,
            hook,
            service_fault: flaw,
            aws_faults: faults,
            process_fault: harm,
            timeout,
            clock_behind,
            redeliveries: again,
        }
    }

    /// Every plan that is this one without one of its parts, for finding the smallest that still breaks the promise.
    pub fn smaller_plans(&self) -> Vec<Self> {
        let mut plans: Vec<Self> = (0..self.aws_faults.len())
            .map(|index| {
                let mut plan = self.clone();
                plan.aws_faults.remove(index);
                plan
            })
            .collect();
        if self.process_fault.is_some() {
            plans.push(Self { process_fault: None, ..self.clone() });
        }
        if self.service_fault.is_some() {
            plans.push(Self { service_fault: None, ..self.clone() });
        }
        if self.clock_behind != 0 {
            plans.push(Self { clock_behind: 0, ..self.clone() });
        }
        if !self.redeliveries.is_empty() {
            plans.push(Self { redeliveries: Vec::new(), ..self.clone() });
        }
        plans
    }
}

fn choose<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

fn random_aws_fault(rng: &mut Rng, hook: HookName) -> InjectedFault {
    // The answer is what everything turns on.
    let operation = if rng.bool() { PUT_STATUS } else { choose(rng, operations(hook)) };
    InjectedFault {
        operation: operation.to_owned(),
        kind: choose(rng, &FaultKind::ALL),
        timing: if rng.bool() { FaultTiming::Before } else { FaultTiming::After },
        function: None,
        times: (rng.u8(..4) != 0).then(|| rng.u32(1..4)),
        after: rng.u32(..3),
    }
}

fn random_process_fault(rng: &mut Rng) -> ProcessFault {
    match rng.u8(..8) {
        0 => ProcessFault::Panic,
        1 => ProcessFault::Block,
        2 => ProcessFault::LeakThread,
        3 => ProcessFault::Exit,
        4 => ProcessFault::ExhaustMemory,
        _ => ProcessFault::Kill(Duration::from_millis(rng.u64(..1_500))),
    }
}

/// In a line, for whoever reads what a run did.
impl fmt::Display for ChaosPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}, time-out {:?}", self.seed, self.hook, self.timeout)?;
        if let Some(flaw) = self.service_fault {
            write!(f, ", {flaw:?}")?;
        }
        for InjectedFault { operation, kind: trouble, timing: effect, times, after, .. } in &self.aws_faults {
            let times = times.map_or("always".to_owned(), |times| format!("{times} times"));
            write!(f, "; {operation} {trouble}, {times} after {after}, effect {effect:?}")?;
        }
        if let Some(harm) = self.process_fault {
            write!(f, "; {harm:?}")?;
        }
        if self.clock_behind != 0 {
            write!(f, "; clock {} ms behind", self.clock_behind)?;
        }
        if !self.redeliveries.is_empty() {
            write!(f, "; delivered again after {:?}", self.redeliveries)?;
        }
        Ok(())
    }
}
