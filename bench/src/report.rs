//! The results as tables and as JSON.

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use serde::Serialize;

use crate::{
    budgets::{self, Budget, Unit},
    functions::FunctionResult,
    job::Transport,
    scale::{Point, Series},
    size::Size,
};

/// Everything that a run measured. A part that did not run is empty.
#[derive(Debug, Default, Serialize)]
pub struct Results {
    pub functions: Vec<FunctionResult>,
    pub sizes: Vec<Size>,
    pub scale: Vec<Series>,
    /// What this machine cannot measure, and why.
    pub skipped: Vec<String>,
}

impl Results {
    pub fn function(&self, job: &str, transport: Transport) -> Option<&FunctionResult> {
        self.functions.iter().find(|it| it.job == job && it.transport == transport)
    }

    pub fn series(&self, name: &str) -> Option<&Series> {
        self.scale.iter().find(|it| it.name == name)
    }

    pub fn point(&self, series: &str, size: usize) -> Option<&Point> {
        self.series(series)?.points.iter().find(|point| point.size == size)
    }
}

#[derive(Serialize)]
pub struct Report<'a> {
    pub budgets: Vec<Budget>,
    #[serde(flatten)]
    pub results: &'a Results,
}

impl<'a> Report<'a> {
    pub fn new(results: &'a Results) -> Self {
        Self { budgets: budgets::compare(results), results }
    }

    /// All tables, in Markdown, the ratios first.
    pub fn tables(&self) -> String {
        let results = self.results;
        let mut parts = vec![self.budget_table()];
        if !results.functions.is_empty() {
            parts.push(function_table(&results.functions));
        }
        if !results.sizes.is_empty() {
            parts.push(size_table(&results.sizes));
        }
        if !results.scale.is_empty() {
            parts.push(scale_table(&results.scale));
        }
        parts.extend(results.skipped.iter().map(|skipped| format!("skipped: {skipped}")));
        parts.join("\n\n")
    }

    fn budget_table(&self) -> String {
        let rows = self.budgets.iter().map(|budget| {
            let measured = budget.measured.map_or_else(|| "not measured".to_owned(), |it| budget.unit.format(it));
            let is_met = budget.is_met().map_or("", |is_met| if is_met { "yes" } else { "NO" });
            [budget.name.to_owned(), budget.limit_text(), measured, is_met.to_owned()]
        });
        table(["budget", "limit", "measured", "met"], rows)
    }
}

fn function_table(functions: &[FunctionResult]) -> String {
    let header = [
        "function",
        "AWS",
        "M instr.",
        "exec to poll",
        "exec to status",
        "event to status, cold",
        "warm",
        "cold at 7 %",
        "check to status",
        "peak RSS",
    ];
    let times = |value: Option<f64>| value.map_or_else(String::new, |value| Unit::Milliseconds.format(value));
    let rows = functions.iter().map(|it| {
        [
            it.job.clone(),
            it.transport.to_string(),
            it.instructions.map_or_else(String::new, |count| format!("{:.2}", count as f64 / 1e6)),
            times(it.start_to_poll_ms),
            times(it.start_to_status_ms),
            times(it.cold_ms),
            times(it.warm_ms),
            times(it.small_cpu_ms),
            times(it.reply_to_status_ms),
            it.peak_rss_mib.map_or_else(String::new, |value| Unit::Mebibytes.format(value)),
        ]
    });
    table(header, rows)
}

fn size_table(sizes: &[Size]) -> String {
    let megabytes = |bytes: usize| Unit::Megabytes.format(bytes as f64 / 1e6);
    let rows = sizes.iter().map(|it| {
        let stripped = it.stripped_bytes.map_or_else(String::new, megabytes);
        let (raw, zipped) = (megabytes(it.raw_bytes), megabytes(it.zipped_bytes));
        [it.program.clone(), it.architecture.to_owned(), raw, stripped, zipped]
    });
    table(["program", "architecture", "raw", "stripped", "zipped"], rows)
}

fn scale_table(scale: &[Series]) -> String {
    let rows = scale.iter().flat_map(|series| {
        let last = series.points.len().saturating_sub(1);
        series.points.iter().enumerate().map(move |(index, point)| {
            let memory_growth = series.memory_growth.map_or_else(String::new, |it| format!(", memory n^{it:.2}"));
            let growth = format!("time n^{:.2}{memory_growth}", series.time_growth);
            [
                format!("{} {}", point.size, series.name),
                Unit::Milliseconds.format(point.ms),
                point.peak_rss_mib.map_or_else(String::new, |value| Unit::Mebibytes.format(value)),
                point.aws_calls.to_string(),
                point.requests.to_string(),
                point.requests_at_a_time.to_string(),
                if index == last { growth } else { String::new() },
            ]
        })
    });
    table(["size", "event to status", "peak RSS", "AWS calls", "requests", "at a time", "growth at the end"], rows)
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header).add_rows(rows);
    table.to_string()
}
