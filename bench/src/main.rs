//! `make bench`: measures each function, next to a hook as the article describes it. docs/PERFORMANCE.md says what is
//! measured, and has the budgets.
//!
//! The measured programs are child processes, unmodified. The stand-ins for AWS, the service and the Lambda Runtime API
//! run in this process and take the times.

mod authority;
mod budgets;
mod callgrind;
mod committed;
mod front;
mod function;
mod functions;
mod http_server;
mod job;
mod laboratory;
mod plots;
mod report;
mod runtime_api;
mod scale;
mod service;
mod size;
mod small_cpu;
mod statistics;

use std::{fs, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use rehearsal::FunctionName;
use tempfile::TempDir;

use crate::{
    authority::Authority,
    job::BASELINE,
    laboratory::Laboratory,
    report::{Report, Results},
    size::Size,
};

/// Measures speed, memory and size of the functions. Prints tables, and writes them as JSON and as plots.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// The folder with the functions' programs. A missing program is not measured.
    #[arg(long, value_name = "DIR", default_value = "target/release")]
    binaries: PathBuf,
    /// The program to compare with. Without it there are no ratios.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// A folder with the functions' programs for another architecture. Only their sizes are measured.
    #[arg(long, value_name = "DIR")]
    other_architecture: Option<PathBuf>,
    /// The folder for bench.json, bench.md and the plots.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// How many processes are started for each function and transport.
    #[arg(long, value_name = "N", default_value_t = 15)]
    runs: usize,
    /// The delay of each AWS reply.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// Measures only these parts.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Sizes, Part::Functions, Part::Scale])]
    only: Vec<Part>,
    /// Compares sizes, instructions and crates with the values in this file, and does nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "baseline"])]
    check: Option<PathBuf>,
    /// Writes the measured values to the file of `--check` in place of comparing them.
    #[arg(long, requires = "check")]
    record: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The sizes of the programs.
    Sizes,
    /// Instructions, times and memory of each function.
    Functions,
    /// How time, memory and calls grow.
    Scale,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let folder = TempDir::new()?;
    let authority = Authority::create(folder.path())?;
    let delay = Duration::from_millis(args.delay);
    let laboratory = Laboratory { binaries: args.binaries.clone(), baseline: args.baseline.clone(), authority, folder };
    if let Some(file) = &args.check {
        return committed::check(&laboratory, file, args.record).await;
    }
    let mut results = Results::default();
    if args.only.contains(&Part::Sizes) {
        results.sizes = sizes(&args)?;
    }
    if args.only.contains(&Part::Functions) {
        results.functions = functions::measure(&laboratory, delay, args.runs, &mut results.skipped).await?;
    }
    if args.only.contains(&Part::Scale) {
        results.scale = scale::measure(&laboratory, delay, &mut results.skipped).await;
    }
    let report = Report::new(&results);
    let tables = report.tables();
    println!("{tables}");
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join("bench.md"), tables + "\n")?;
    fs::write(args.out.join("bench.json"), serde_json::to_vec_pretty(&report)?)?;
    plots::draw(&results, &args.out)
}

fn sizes(args: &Args) -> anyhow::Result<Vec<Size>> {
    let mut programs: Vec<_> = args.baseline.iter().map(|path| (BASELINE, path.clone())).collect();
    for folder in [Some(&args.binaries), args.other_architecture.as_ref()].into_iter().flatten() {
        programs.extend(FunctionName::all_functions().map(|it| (it.program_name(), folder.join(it.program_name()))));
    }
    programs.retain(|(_, path)| path.is_file());
    programs.iter().map(|(name, path)| Size::measure(name, path)).collect()
}
