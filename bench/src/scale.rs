//! How time, memory and calls grow with the number of checks, tasks, alarms, and bytes of the gate file.

use std::{fmt::Write as _, time::Duration};

use anyhow::Context;
use rehearsal::{
    Hook,
    world::{Alarm, Health, Target, Task, World},
};
use serde::Serialize;

use crate::{
    function::Function,
    functions::{mib, ms},
    job::{Job, SERVICE, Transport},
    laboratory::{Delays, Laboratory, Stage},
    statistics::{growth, median},
};

/// How often each point is measured.
const RUNS: usize = 5;
/// The delay of each AWS reply for tasks and alarms, unless the caller wants a longer one. It makes the number of calls
/// that wait for each other visible.
const AWS_DELAY: Duration = Duration::from_millis(20);
const SERVICE_DELAY: Duration = Duration::from_millis(5);

#[derive(Debug, Serialize)]
pub struct Series {
    /// What there are more and more of.
    pub name: &'static str,
    /// The delay of each AWS reply.
    pub aws_delay_ms: f64,
    pub points: Vec<Point>,
    /// The exponents with which time and memory grow between the last two points; 1 is in proportion.
    pub time_growth: f64,
    pub memory_growth: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct Point {
    pub size: usize,
    /// From the event to the status; the median.
    pub ms: f64,
    pub peak_rss_mib: Option<f64>,
    pub aws_calls: u64,
    pub requests: u32,
    /// The largest number of requests that waited for the service at the same time.
    pub requests_at_a_time: u32,
    /// The time that the service itself took for a request.
    pub request_ms: f64,
}

pub const HTTP: &str = "HTTP checks";
pub const TASKS: &str = "tasks";
pub const ALARMS: &str = "alarms";
pub const GATE: &str = "bytes of the gate file";

/// Measures every series. One that fails, for example for want of its program, is noted in `skipped`.
pub async fn measure(laboratory: &Laboratory, delay: Duration, skipped: &mut Vec<String>) -> Vec<Series> {
    let fast = Delays { aws: delay, service: SERVICE_DELAY };
    let slow = Delays { aws: delay.max(AWS_DELAY), service: SERVICE_DELAY };
    let http = |count| Job::default_hook(Hook::AfterAllowTestTraffic).with_gate(http_gate(count));
    let tasks = |_| Job::default_hook(Hook::AfterInstall);
    let alarms = |_| Job::default_hook(Hook::BeforeAllowTraffic).with_gate(ALARMS_GATE);
    let gate = |bytes| Job::default_hook(Hook::AfterInstall).with_gate(large_gate(bytes));
    let sizes = [4 << 10, 16 << 10, 64 << 10, 256 << 10];
    let all = [
        series(laboratory, HTTP, &[1, 10, 100, 300, 1000], fast, http, |_, _| {}).await,
        series(laboratory, TASKS, &[2, 100, 500, 1000, 5000], slow, tasks, add_tasks).await,
        series(laboratory, ALARMS, &[10, 100, 500, 1000, 5000], slow, alarms, add_alarms).await,
        series(laboratory, GATE, &sizes, fast, gate, |_, _| {}).await,
    ];
    let mut note = |error: anyhow::Error| skipped.push(format!("{error:#}"));
    all.into_iter().filter_map(|series| series.map_err(&mut note).ok()).collect()
}

async fn series(
    laboratory: &Laboratory,
    name: &'static str,
    sizes: &[usize],
    delays: Delays,
    job: impl Fn(usize) -> Job,
    change: impl Fn(&mut World, usize),
) -> anyhow::Result<Series> {
    let mut points = Vec::new();
    for size in sizes {
        eprintln!("scale: {size} {name}");
        let point = point(laboratory, *size, delays, &job(*size), &change).await;
        points.push(point.with_context(|| format!("{size} {name}"))?);
    }
    let ends = points.windows(2).next_back();
    let (time_growth, memory_growth) = ends.map_or((f64::NAN, None), |ends| {
        let of = |value: fn(&Point) -> Option<f64>| {
            Some(growth((ends[0].size as f64, value(&ends[0])?), (ends[1].size as f64, value(&ends[1])?)))
        };
        (of(|point| Some(point.ms)).unwrap_or(f64::NAN), of(|point| point.peak_rss_mib))
    });
    Ok(Series { name, aws_delay_ms: ms(delays.aws), points, time_growth, memory_growth })
}

async fn point(
    laboratory: &Laboratory,
    size: usize,
    delays: Delays,
    job: &Job,
    change: impl Fn(&mut World, usize),
) -> anyhow::Result<Point> {
    // Lambda's limit for file descriptors. A shell sets it, and then becomes the program.
    let wrapper = ["sh", "-c", "ulimit -n 1024 && exec \"$0\""].map(str::to_owned);
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..RUNS {
        let stage = Stage::open(laboratory, job, Transport::Plain, delays, |world| change(world, size)).await?;
        let mut function = Function::start(&stage, &wrapper)?;
        function.polled().await?;
        times.push(ms(function.invoke(&stage).await?.to_status));
        memory.extend(function.peak_memory().map(mib));
        last = Some((stage.bed.calls().values().sum(), stage.service.seen()));
        function.stop().await?;
    }
    let (aws_calls, seen) = last.unwrap_or_default();
    Ok(Point {
        size,
        ms: median(&times).unwrap_or(f64::NAN),
        peak_rss_mib: median(&memory),
        aws_calls,
        requests: seen.replies,
        requests_at_a_time: seen.most_waiting,
        request_ms: if seen.replies == 0 { 0.0 } else { ms(seen.busy / seen.replies) },
    })
}

fn http_gate(count: usize) -> String {
    let mut gate = "version: 1\nhooks:\n  after_allow_test_traffic:\n    built_in: none\n    checks:\n".to_owned();
    for index in 0..count {
        let check = format!("http: '{SERVICE}/{index}', any_version: true, expect: [status == 200]");
        let _ = writeln!(gate, "      - {{ name: c{index}, {check} }}");
    }
    gate
}

const ALARMS_GATE: &str = "version: 1
hooks:
  before_allow_traffic:
    built_in: none
    checks:
      - { alarms: { prefix: bench- }, expect: [state == OK] }
";

/// A gate file of exactly this size. Its checks belong to another hook, so that only reading the file takes longer.
fn large_gate(bytes: usize) -> String {
    let mut gate = "version: 1\nhooks:\n  before_allow_traffic:\n    checks:\n".to_owned();
    for index in 0.. {
        let check = format!(
            "      - name: smoke test {index}\n        http: 'https://shop.example.com/orders/{index}'\n        \
             any_version: true\n        expect: [status == 2xx, latency < 300ms, 'json.items count >= 1']\n"
        );
        if gate.len() + check.len() > bytes {
            break;
        }
        gate += &check;
    }
    let rest = bytes - gate.len();
    gate + &"#".repeat(rest)
}

/// Adds healthy tasks, with their targets, until the replacement has this many.
fn add_tasks(world: &mut World, count: usize) {
    let Some(sample) = world.green_tasks().next().cloned() else { return };
    for index in world.green_tasks().count()..count {
        let address = format!("10.200.{}.{}", index / 250, 4 + index % 250);
        let (path, _) = sample.arn.rsplit_once('/').unwrap_or_default();
        let arn = format!("{path}/{index:032x}");
        if let Some(group) = world.green_group()
            && let Some(target) = group.targets.first().cloned()
        {
            let health = Health::healthy();
            group.targets.push(Target { id: address.clone(), health, ..target });
        }
        world.tasks.push(Task { arn, address, ..sample.clone() });
    }
    if let Some(green) = world.green() {
        green.desired = i32::try_from(count).unwrap_or(i32::MAX);
        green.running = green.desired;
    }
}

fn add_alarms(world: &mut World, count: usize) {
    let Some(sample) = world.alarms.first().cloned() else { return };
    let more = (0..count).map(|index| Alarm { name: format!("bench-{index:04}"), ..sample.clone() });
    world.alarms.extend(more);
}
