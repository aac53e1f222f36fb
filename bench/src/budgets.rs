//! The budgets of docs/PERFORMANCE.md, compared with a run.

use rehearsal::Hook;
use serde::Serialize;

use crate::{
    functions::FunctionResult,
    job::{ARTICLE, BASELINE, Transport},
    report::Results,
    scale::{self, Point, Series},
};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A part of the baseline's value: `1/80`.
    OfBaseline,
    /// A multiple of a bound.
    Times,
    Milliseconds,
    Mebibytes,
    Megabytes,
    MillionInstructions,
    Requests,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Debug, Serialize)]
pub struct Budget {
    pub name: &'static str,
    pub limit: Limit,
    pub unit: Unit,
    /// `None` if it was not measured.
    pub measured: Option<f64>,
}

impl Budget {
    /// Whether the measured value is within the limit.
    pub fn is_met(&self) -> Option<bool> {
        self.measured.map(|measured| match self.limit {
            Limit::AtMost(limit) => measured <= limit,
            Limit::AtLeast(limit) => measured >= limit,
        })
    }

    pub fn limit_text(&self) -> String {
        match self.limit {
            Limit::AtMost(limit) => format!("≤ {}", self.unit.format(limit)),
            Limit::AtLeast(limit) => format!("≥ {}", self.unit.format(limit)),
        }
    }
}

impl Unit {
    pub fn format(self, value: f64) -> String {
        match self {
            Self::OfBaseline => format!("1/{} of the baseline", short(1.0 / value)),
            Self::Times => format!("{} ×", short(value)),
            Self::Milliseconds => format!("{} ms", short(value)),
            Self::Mebibytes => format!("{} MiB", short(value)),
            Self::Megabytes => format!("{} MB", short(value)),
            Self::MillionInstructions => format!("{} M", short(value)),
            Self::Requests => short(value),
        }
    }
}

/// At most two decimals, without zeros at the end.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub fn compare(results: &Results) -> Vec<Budget> {
    let of_baseline = |job: &str, value: fn(&FunctionResult) -> Option<f64>| {
        let value = |job: &str| results.function(job, Transport::Tls).and_then(value);
        Some(value(job)? / value(BASELINE)?)
    };
    let instructions = |it: &FunctionResult| it.instructions.map(|count| count as f64);
    let at_most = |name, limit, unit, measured| Budget { name, limit: Limit::AtMost(limit), unit, measured };
    let share = |name, part: f64, measured| at_most(name, 1.0 / part, Unit::OfBaseline, measured);
    let hooks = || Hook::ALL.into_iter().map(Hook::program_name);

    // AfterAllowTraffic watches the service, and its count depends on how long.
    let once = hooks().filter(|hook| *hook != Hook::AfterAllowTraffic.program_name());
    let default_hooks = max(once.filter_map(|hook| of_baseline(hook, instructions)));
    let after_install = |transport| results.function("after-install", transport).and_then(instructions);
    let more_for_bundle = || Some((after_install(Transport::TlsLargeBundle)? - after_install(Transport::Tls)?) / 1e6);
    let reply_to_status = results.function(ARTICLE, Transport::Tls).and_then(|it| it.reply_to_status_ms);
    let peak = max(hooks().filter_map(|hook| results.function(hook, Transport::Tls)?.peak_rss_mib));
    let many = [(scale::HTTP, 1000), (scale::TASKS, 5000)];
    let many = max(many.into_iter().filter_map(|(name, size)| results.point(name, size)?.peak_rss_mib));
    let zip = |architecture| {
        let of_hooks =
            results.sizes.iter().filter(|size| size.architecture == architecture && size.program != BASELINE);
        max(of_hooks.map(|size| size.zipped_bytes as f64 / 1e6))
    };
    let requests = results.point(scale::HTTP, 1000);
    vec![
        share("instructions, article's job, cold", 80.0, of_baseline(ARTICLE, instructions)),
        share("instructions, default hook (the most), cold", 22.0, default_hooks),
        at_most("instructions, for a bundle of 150 certificates", 10.0, Unit::MillionInstructions, more_for_bundle()),
        share("start to status, article's job", 1.0 / 0.16, of_baseline(ARTICLE, |it| it.start_to_status_ms)),
        share("event to status at 7 % of a core, article's job", 100.0, of_baseline(ARTICLE, |it| it.small_cpu_ms)),
        share("event to status, warm, article's job", 8.0, of_baseline(ARTICLE, |it| it.warm_ms)),
        at_most("last check's end to status, warm connection", 3.0, Unit::Milliseconds, reply_to_status),
        at_most("peak RSS, default hook (the most)", 10.0, Unit::Mebibytes, peak),
        at_most("peak RSS, 1,000 HTTP checks or 5,000 tasks", 40.0, Unit::Mebibytes, many),
        at_most("zip, x86_64 (the largest)", 3.3, Unit::Megabytes, zip("x86_64")),
        at_most("zip, arm64 (the largest)", 3.3, Unit::Megabytes, zip("arm64")),
        at_most("1,000 HTTP checks, 5 ms each", 250.0, Unit::Milliseconds, requests.map(|it| it.ms)),
        at_most("1,000 HTTP checks, of the bound", 1.4, Unit::Times, requests.map(of_concurrency_bound)),
        Budget {
            name: "1,000 HTTP checks, requests at a time",
            limit: Limit::AtLeast(64.0),
            unit: Unit::Requests,
            measured: requests.map(|it| f64::from(it.requests_at_a_time)),
        },
        at_most("5,000 tasks, of the bound", 1.3, Unit::Times, results.series(scale::TASKS).and_then(of_paging_bound)),
    ]
}

/// The time of a point as a multiple of what it takes at least with this concurrency: the service's own time for each
/// round of requests.
fn of_concurrency_bound(point: &Point) -> f64 {
    point.ms / (f64::from(point.requests.div_ceil(point.requests_at_a_time.max(1))) * point.request_ms)
}

/// The number of tasks on a page of ListTasks.
const PAGE: usize = 100;

/// The time for the most tasks as a multiple of what it takes at least. A page of ListTasks starts with the token of the
/// page before, so each page after the first adds one delay to the time for a few tasks.
fn of_paging_bound(series: &Series) -> Option<f64> {
    let (few, most) = (series.points.first()?, series.points.last()?);
    let more_pages = most.size.div_ceil(PAGE) - few.size.div_ceil(PAGE);
    Some(most.ms / (few.ms + more_pages as f64 * series.aws_delay_ms))
}

fn max(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.max_by(f64::total_cmp)
}
