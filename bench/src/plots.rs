//! The results as SVG plots.

use std::path::Path;

use anyhow::anyhow;
use plotters::{coord::Shift, prelude::*};

use crate::{
    job::Transport,
    report::Results,
    scale::{Point, Series},
};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const FONT: (&str, u32) = ("sans-serif", 16);
const MARGIN: u32 = 15;
const LABELS: u32 = 60;

/// Draws a file for each series, and one that compares the functions' instructions.
pub fn draw(results: &Results, folder: &Path) -> anyhow::Result<()> {
    for series in &results.scale {
        let path = folder.join(format!("{}.svg", series.name.to_lowercase().replace(' ', "-")));
        draw_series(series, &path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    let instructions: Vec<_> = results
        .functions
        .iter()
        .filter(|it| it.transport == Transport::Tls)
        .filter_map(|it| Some((it.job.as_str(), it.instructions? as f64 / 1e6)))
        .collect();
    if !instructions.is_empty() {
        let path = folder.join("instructions.svg");
        draw_bars(&instructions, &path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Time and memory, each over the size. A straight line grows in proportion.
fn draw_series(series: &Series, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (900, 360)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(450);
    draw_line(&left, series, "ms from event to status", |point| Some(point.ms))?;
    draw_line(&right, series, "MiB peak RSS", |point| point.peak_rss_mib)?;
    root.present()?;
    Ok(())
}

fn draw_line(
    area: &Area<'_>,
    series: &Series,
    caption: &str,
    value: fn(&Point) -> Option<f64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let points: Vec<_> = series.points.iter().filter_map(|point| Some((point.size as f64, value(point)?))).collect();
    let Some((last, _)) = points.last() else { return Ok(()) };
    let top = points.iter().map(|(_, value)| *value).fold(0.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, FONT)
        .margin(MARGIN)
        .x_label_area_size(LABELS)
        .y_label_area_size(LABELS)
        .build_cartesian_2d(0.0..*last, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(series.name)
        .x_label_formatter(&|size| size.to_string())
        .draw()?;
    chart.draw_series(LineSeries::new(points.clone(), &BLUE))?;
    chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, BLUE.filled())))?;
    Ok(())
}

/// A bar for each value. The axis is logarithmic, because the values differ by a factor of a hundred.
fn draw_bars(rows: &[(&str, f64)], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (900, 360)).into_drawing_area();
    root.fill(&WHITE)?;
    let top = rows.iter().map(|(_, value)| *value).fold(0.0, f64::max) * 1.5;
    let count = rows.len();
    let mut chart = ChartBuilder::on(&root)
        .caption("million instructions from exec to the end of the first event, over TLS", FONT)
        .margin(MARGIN)
        .x_label_area_size(LABELS)
        .y_label_area_size(3 * LABELS)
        .build_cartesian_2d((1.0..top).log_scale(), (0..count - 1).into_segmented())?;
    let name = |segment: &SegmentValue<usize>| match segment {
        SegmentValue::CenterOf(index) => rows.get(*index).map_or_else(String::new, |(name, _)| (*name).to_owned()),
        _ => String::new(),
    };
    chart.configure_mesh().light_line_style(WHITE).y_labels(count + 1).y_label_formatter(&name).draw()?;
    chart.draw_series(rows.iter().enumerate().map(|(index, (_, value))| {
        let corners = [(1.0, SegmentValue::Exact(index)), (*value, SegmentValue::Exact(index + 1))];
        let mut bar = Rectangle::new(corners, BLUE.mix(0.6).filled());
        bar.set_margin(4, 4, 0, 0);
        bar
    }))?;
    root.present()?;
    Ok(())
}
