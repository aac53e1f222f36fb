//! What goes wrong in one chaos run. A plan is derived from a seed: the same seed gives the same plan.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use fastrand::Rng;
use rehearsal::{
    FaultKind, FaultTiming, Hook, InjectedFault,
    world::{Health, RouteResponse, World},
};

use crate::{PUT_STATUS, operations};

/// One run: a hook, what is wrong with the service, and what goes wrong around the hook.
#[derive(Clone, Debug)]
pub struct ChaosPlan {
    /// The seed that the plan is derived from.
    pub seed: u64,
    /// The hook that runs.
    pub hook: Hook,
    /// What is wrong with the service, if anything is.
    pub service_fault: Option<ServiceFault>,
    /// What goes wrong between the functions and AWS.
    pub aws_faults: Vec<InjectedFault>,
    /// What happens to the hook's process, if anything does.
    pub process_fault: Option<ProcessFault>,
    /// The function's timeout.
    pub timeout: Duration,
    /// How far the function's clock is behind Lambda's (or ahead, if negative), in milliseconds.
    pub clock_behind: i64,
    /// When Lambda delivers the same event again, measured from the first delivery.
    pub redeliveries: Vec<Duration>,
}

/// What is wrong with the service. With each of these, only *Failed* is correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceFault {
    /// The service was deleted.
    NoService,
    /// Replacement tasks are missing.
    TasksMissing,
    /// The replacement's targets are unhealthy.
    TargetsUnhealthy,
    /// The replacement responds with 503.
    Answers503,
    /// An alarm of the deployment group fires.
    AlarmFires,
}

/// What happens to the hook's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessFault {
    /// A check panics.
    Panic,
    /// A check blocks its thread.
    Block,
    /// A check waits for a thread that does not end.
    LeakThread,
    /// A check ends the process.
    Exit,
    /// A check allocates more memory than the function has.
    ExhaustMemory,
    /// SIGKILL, this long after the invocation.
    Kill(Duration),
}

impl ProcessFault {
    /// The value of the `sabotage` check that does this, in a gate file. `None` for a fault from outside the process.
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

    /// Whether the process ends because of this.
    pub const fn kills_process(self) -> bool {
        matches!(self, Self::Exit | Self::ExhaustMemory | Self::Kill(_))
    }
}

impl ServiceFault {
    /// The faults that a hook's built-in checks must find.
    const fn detectable_by(hook: Hook) -> &'static [Self] {
        match hook {
            Hook::BeforeInstall => &[Self::NoService],
            Hook::AfterInstall => &[Self::NoService, Self::TasksMissing, Self::TargetsUnhealthy],
            Hook::AfterAllowTestTraffic => &[Self::NoService, Self::Answers503],
            Hook::BeforeAllowTraffic => {
                &[Self::NoService, Self::TasksMissing, Self::TargetsUnhealthy, Self::AlarmFires]
            }
            Hook::AfterAllowTraffic => &[Self::NoService, Self::Answers503, Self::AlarmFires],
        }
    }

    /// Puts the fault into the world.
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
    /// Derives a plan from a seed: the same seed gives the same plan.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let hook = choose(&mut rng, &Hook::ALL);
        let flaw = (rng.u8(..3) == 0).then(|| choose(&mut rng, ServiceFault::detectable_by(hook)));
        let faults = (0..rng.u8(..4)).map(|_| random_aws_fault(&mut rng, hook)).collect();
        let harm = (rng.u8(..4) == 0).then(|| random_process_fault(&mut rng));
        let timeout = Duration::from_millis(choose(&mut rng, &[1_000, 2_000, 3_000, 5_000, 8_000]));
        // In Lambda the clock is right, so in most plans it is.
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

    /// Every plan that lacks one part of this one. Used to find the smallest plan that still violates the guarantee.
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

fn random_aws_fault(rng: &mut Rng, hook: Hook) -> InjectedFault {
    // Every second fault affects the status, because the guarantee depends on it.
    let operation = if rng.bool() { PUT_STATUS } else { choose(rng, &operations(hook)) };
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

/// In one line, for the report of a failed run.
impl fmt::Display for ChaosPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}, timeout {:?}", self.seed, self.hook, self.timeout)?;
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
