//! Each function, from its start to its status: times, memory and instructions.

use std::{fs, time::Duration};

use anyhow::Context;
use rehearsal::Hook;
use serde::Serialize;

use crate::{
    callgrind,
    function::{Function, Invocation},
    job::{Job, Program, Transport},
    laboratory::{Delays, Laboratory, Stage},
    small_cpu::SmallCpu,
    statistics::median,
};

/// The number of warm events in each process.
const WARM_EVENTS: usize = 5;

/// Medians for one program and transport.
#[derive(Debug, Serialize)]
pub struct FunctionResult {
    pub job: String,
    pub transport: Transport,
    pub instructions: Option<u64>,
    /// From exec to the first poll for an event.
    pub start_to_poll_ms: Option<f64>,
    /// From exec to the first status.
    pub start_to_status_ms: Option<f64>,
    /// From the delivery of the first event to its status.
    pub cold_ms: Option<f64>,
    /// The same for later events in the same process.
    pub warm_ms: Option<f64>,
    /// From the delivery of the first event to its status, at 7 % of a core.
    pub small_cpu_ms: Option<f64>,
    /// From the service's last reply to the status, in a warm process.
    pub reply_to_status_ms: Option<f64>,
    /// The largest resident memory after all events.
    pub peak_rss_mib: Option<f64>,
}

#[derive(Default)]
struct Samples {
    start_to_poll: Vec<f64>,
    start_to_status: Vec<f64>,
    cold: Vec<f64>,
    warm: Vec<f64>,
    small_cpu: Vec<f64>,
    reply_to_status: Vec<f64>,
    peak_rss: Vec<f64>,
}

/// Measures every program with every transport. Runs of different programs alternate, so that a slow moment of the
/// machine is in all of them.
pub async fn measure(
    laboratory: &Laboratory,
    delay: Duration,
    runs: usize,
    skipped: &mut Vec<String>,
) -> anyhow::Result<Vec<FunctionResult>> {
    let small_cpu = SmallCpu::create().map_err(|error| skipped.push(format!("7 % of a core: {error:#}"))).ok();
    let delays = Delays { aws: delay, ..Delays::default() };
    let jobs = jobs(laboratory);
    let measured: Vec<_> =
        jobs.iter().flat_map(|job| [Transport::Tls, Transport::Plain].map(|transport| (job, transport))).collect();
    let mut samples: Vec<_> = measured.iter().map(|_| Samples::default()).collect();
    for run in 1..=runs {
        eprintln!("functions: run {run} of {runs}");
        for ((job, transport), samples) in measured.iter().zip(&mut samples) {
            let stage = Stage::open(laboratory, job, *transport, delays, |_| {}).await?;
            run_once(&stage, samples).await?;
            if let Some(small_cpu) = small_cpu.as_ref().filter(|_| *transport == Transport::Tls) {
                samples.small_cpu.push(run_on_small_cpu(&stage, small_cpu).await?);
            }
        }
    }
    let mut results: Vec<_> =
        measured.iter().zip(&samples).map(|((job, transport), samples)| result(job, *transport, samples)).collect();
    if callgrind::is_installed() {
        count_instructions(laboratory, &jobs, &mut results, skipped).await?;
    } else {
        skipped.push("instructions: valgrind is not installed".to_owned());
    }
    Ok(results)
}

/// The programs, the two that do the article's job first.
fn jobs(laboratory: &Laboratory) -> Vec<Job> {
    let baseline = laboratory.baseline.is_some().then(|| Job::article(Program::Baseline));
    let article = Job::article(Program::Function(Hook::AfterAllowTestTraffic.into()));
    let hooks = Hook::ALL.map(|hook| {
        let job = Job::default_hook(hook);
        if Job::pauses(hook) { job.with_short_pauses() } else { job }
    });
    let all = baseline.into_iter().chain([article]).chain(hooks).chain([Job::on_failure()]);
    all.filter(|job| job.path(laboratory).inspect_err(|error| eprintln!("{error}")).is_ok()).collect()
}

async fn run_once(stage: &Stage, samples: &mut Samples) -> anyhow::Result<()> {
    let mut function = Function::start(stage, &[])?;
    samples.start_to_poll.push(ms(function.polled().await? - function.started));
    let cold = function.invoke(stage).await?;
    samples.cold.push(ms(cold.to_status));
    samples.start_to_status.push(ms(cold.delivered + cold.to_status - function.started));
    for _ in 0..WARM_EVENTS {
        function.polled().await?;
        let Invocation { to_status, reply_to_status, .. } = function.invoke(stage).await?;
        samples.warm.push(ms(to_status));
        samples.reply_to_status.extend(reply_to_status.map(ms));
    }
    samples.peak_rss.extend(function.peak_memory().map(mib));
    function.stop().await
}

async fn run_on_small_cpu(stage: &Stage, small_cpu: &SmallCpu) -> anyhow::Result<f64> {
    let mut function = Function::start(stage, &[])?;
    function.polled().await?;
    small_cpu.add(function.pid().context("the program has ended")?)?;
    let cold = function.invoke(stage).await?;
    function.stop().await?;
    Ok(ms(cold.to_status))
}

fn result(job: &Job, transport: Transport, samples: &Samples) -> FunctionResult {
    FunctionResult {
        job: job.name.clone(),
        transport,
        instructions: None,
        start_to_poll_ms: median(&samples.start_to_poll),
        start_to_status_ms: median(&samples.start_to_status),
        cold_ms: median(&samples.cold),
        warm_ms: median(&samples.warm),
        small_cpu_ms: median(&samples.small_cpu),
        reply_to_status_ms: median(&samples.reply_to_status),
        peak_rss_mib: median(&samples.peak_rss),
    }
}

/// Adds the instructions from exec to the end of the first event. Counts repeat nearly exactly, so one run is enough.
async fn count_instructions(
    laboratory: &Laboratory,
    jobs: &[Job],
    results: &mut Vec<FunctionResult>,
    skipped: &mut Vec<String>,
) -> anyhow::Result<()> {
    for job in jobs {
        eprintln!("instructions: {}", job.name);
        for transport in [Transport::Tls, Transport::Plain] {
            let instructions = instructions(laboratory, job, transport).await?;
            let result = results.iter_mut().find(|it| it.job == job.name && it.transport == transport);
            result.context("a job without a result")?.instructions = Some(instructions);
        }
    }
    if laboratory.authority.large_bundle.is_none() {
        skipped.push("a bundle of 150 certificates: this system has no bundle to take them from".to_owned());
        return Ok(());
    }
    for job in jobs.iter().filter(|job| job.name == Hook::AfterInstall.program_name()) {
        let transport = Transport::TlsLargeBundle;
        let instructions = Some(instructions(laboratory, job, transport).await?);
        results.push(FunctionResult { instructions, ..result(job, transport, &Samples::default()) });
    }
    Ok(())
}

/// The instructions from exec to the end of the first event.
pub async fn instructions(laboratory: &Laboratory, job: &Job, transport: Transport) -> anyhow::Result<u64> {
    let output = laboratory.folder.path().join("callgrind.out");
    // Pauses cost no instructions. Only AfterAllowTraffic needs short ones here too: its pauses take minutes.
    let gate = job.gate.clone().filter(|_| job.hook == Hook::AfterAllowTraffic);
    let job = Job { gate, ..job.clone() };
    let stage = Stage::open(laboratory, &job, transport, Delays::default(), |_| {}).await?;
    let mut function = Function::start(&stage, &callgrind::command(&output))?;
    function.polled().await?;
    function.invoke(&stage).await?;
    function.stop().await?;
    callgrind::parse(&fs::read_to_string(&output)?).context("callgrind's output has no totals")
}

pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
