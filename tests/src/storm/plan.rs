//! What a run of the storm breaks, drawn from a seed: the same seed makes the same plan.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use fastrand::Rng;
use rehearsal::{
    Effect, Fault, HookName, Trouble,
    world::{Behaviour, Health, World},
};

use crate::{PUT, operations};

/// One run: a hook at its moment, what is wrong with the service, and what goes wrong around the hook.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// The hook.
    pub hook: HookName,
    /// What is wrong with the service, if anything is.
    pub flaw: Option<Flaw>,
    /// What goes wrong on the way to AWS.
    pub faults: Vec<Fault>,
    /// What happens to the process, if anything does.
    pub harm: Option<Harm>,
    /// The function's time-out.
    pub timeout: Duration,
    /// How far the function's clock is behind Lambda's (or ahead, if negative), in milliseconds.
    pub clock_behind: i64,
    /// When the same event is delivered again, after the first time.
    pub again: Vec<Duration>,
}

/// What is wrong with the service, so that only Failed is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The service is gone.
    NoService,
    /// Replacement tasks are missing.
    TasksMissing,
    /// The replacement's targets are ill.
    TargetsIll,
    /// The replacement answers 503.
    Answers503,
    /// An alarm of the deployment group fires.
    AlarmFires,
}

/// What happens to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// A check panics.
    Panic,
    /// A check blocks its thread.
    Block,
    /// A check waits for a thread that never ends.
    Leave,
    /// A check ends the process.
    Exit,
    /// A check takes more memory than the function has.
    Hog,
    /// SIGKILL, so long after the invocation.
    Kill(Duration),
}

impl Harm {
    /// The check that does it, in a gate file. None for what comes from outside.
    pub const fn deed(self) -> Option<&'static str> {
        match self {
            Self::Panic => Some("panic"),
            Self::Block => Some("block"),
            Self::Leave => Some("leave"),
            Self::Exit => Some("exit"),
            Self::Hog => Some("hog"),
            Self::Kill(_) => None,
        }
    }

    /// Whether the process does not outlive it.
    pub const fn is_death(self) -> bool {
        matches!(self, Self::Exit | Self::Hog | Self::Kill(_))
    }
}

impl Flaw {
    /// The flaws that a hook's built-in checks have to see.
    const fn seen_by(hook: HookName) -> &'static [Self] {
        match hook {
            HookName::BeforeInstall => &[Self::NoService],
            HookName::AfterInstall => &[Self::NoService, Self::TasksMissing, Self::TargetsIll],
            HookName::AfterAllowTestTraffic => &[Self::NoService, Self::Answers503],
            HookName::BeforeAllowTraffic => &[Self::NoService, Self::TasksMissing, Self::TargetsIll, Self::AlarmFires],
            HookName::AfterAllowTraffic => &[Self::NoService, Self::Answers503, Self::AlarmFires],
        }
    }

    /// Makes the world so.
    pub fn make(self, world: &mut World) {
        match self {
            Self::NoService => world.service = None,
            Self::TasksMissing => {
                if let Some(green) = world.green() {
                    green.running = 0;
                    green.steady = false;
                }
            }
            Self::TargetsIll => {
                for target in world.green_group().into_iter().flat_map(|group| &mut group.targets) {
                    target.health = Health::other("unhealthy", "Target.Timeout", "Request timed out");
                }
            }
            Self::Answers503 => {
                let paths: Vec<_> =
                    world.target_groups.iter().filter_map(|group| group.health_check.path.clone()).collect();
                for version in &mut world.versions {
                    for path in &paths {
                        version.routes.insert(path.clone(), Behaviour { status: 503, ..Behaviour::default() });
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

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let hook = pick(&mut rng, &HookName::ALL);
        let flaw = (rng.u8(..3) == 0).then(|| pick(&mut rng, Flaw::seen_by(hook)));
        let faults = (0..rng.u8(..4)).map(|_| fault(&mut rng, hook)).collect();
        let harm = (rng.u8(..4) == 0).then(|| harm(&mut rng));
        let timeout = Duration::from_millis(pick(&mut rng, &[1_000, 2_000, 3_000, 5_000, 8_000]));
        // Mostly it is right, as it is in Lambda.
        let clock_behind = if rng.u8(..8) == 0 { pick(&mut rng, &[-3_600_000, -2_000, 500, 3_600_000]) } else { 0 };
        let again = (0..[0, 0, 0, 1, 2][rng.usize(..5)]).map(|_| Duration::from_millis(rng.u64(..1_500))).collect();
        Self { seed, hook, flaw, faults, harm, timeout, clock_behind, again }
    }

    /// Every plan that is this one without one of its parts, for finding the smallest that still breaks the promise.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all: Vec<Self> = (0..self.faults.len())
            .map(|index| {
                let mut plan = self.clone();
                plan.faults.remove(index);
                plan
            })
            .collect();
        if self.harm.is_some() {
            all.push(Self { harm: None, ..self.clone() });
        }
        if self.flaw.is_some() {
            all.push(Self { flaw: None, ..self.clone() });
        }
        if self.clock_behind != 0 {
            all.push(Self { clock_behind: 0, ..self.clone() });
        }
        if !self.again.is_empty() {
            all.push(Self { again: Vec::new(), ..self.clone() });
        }
        all
    }
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

fn fault(rng: &mut Rng, hook: HookName) -> Fault {
    // The answer is what everything turns on.
    let operation = if rng.bool() { PUT } else { pick(rng, operations(hook)) };
    Fault {
        operation: operation.to_owned(),
        trouble: pick(rng, &Trouble::ALL),
        effect: if rng.bool() { Effect::Before } else { Effect::After },
        function: None,
        times: (rng.u8(..4) != 0).then(|| rng.u32(1..4)),
        after: rng.u32(..3),
    }
}

fn harm(rng: &mut Rng) -> Harm {
    match rng.u8(..8) {
        0 => Harm::Panic,
        1 => Harm::Block,
        2 => Harm::Leave,
        3 => Harm::Exit,
        4 => Harm::Hog,
        _ => Harm::Kill(Duration::from_millis(rng.u64(..1_500))),
    }
}

/// In a line, for whoever reads what a run did.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}, time-out {:?}", self.seed, self.hook, self.timeout)?;
        if let Some(flaw) = self.flaw {
            write!(f, ", {flaw:?}")?;
        }
        for Fault { operation, trouble, effect, times, after, .. } in &self.faults {
            let times = times.map_or("always".to_owned(), |times| format!("{times} times"));
            write!(f, "; {operation} {trouble}, {times} after {after}, effect {effect:?}")?;
        }
        if let Some(harm) = self.harm {
            write!(f, "; {harm:?}")?;
        }
        if self.clock_behind != 0 {
            write!(f, "; clock {} ms behind", self.clock_behind)?;
        }
        if !self.again.is_empty() {
            write!(f, "; delivered again after {:?}", self.again)?;
        }
        Ok(())
    }
}
