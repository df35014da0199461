//! Pictures: for each workload and each compared metric a panel with a line per contender, from its worst round to its best,
//! and a dot at its median.

use std::{error::Error, io, path::Path};

use plotters::{
    coord::{
        Shift,
        ranged1d::{SegmentedCoord, ValueFormatter},
        types::RangedCoordusize,
    },
    prelude::*,
};

use super::{
    LIMIT, Metric, Panel, Shown, is_ours,
    statistics::{median_of, range_of},
    table::number,
};

/// The size of a panel in pixels, but for its contenders.
const PANEL_WIDTH: u32 = 520;
const PANEL_MARGIN: u32 = 90;
/// Height for each contender.
const ROW: u32 = 26;
const CAPTION: u32 = 40;
/// Room for names.
const NAMES: u32 = 160;

/// From this ratio of the largest to the smallest value on, the scale is logarithmic.
const ORDERS: f64 = 20.0;

type Drawn = Result<(), Box<dyn Error>>;

/// Draws all panels into one file.
pub(super) fn draw(
    file: &Path,
    caption: &str,
    metrics: &[Metric],
    panels: &[Panel<'_>],
    shown: &Shown,
) -> io::Result<()> {
    let compared: Vec<&Metric> = metrics.iter().filter(|metric| metric.compared).collect();
    draw_panels(file, caption, &compared, panels, shown).map_err(|error| io::Error::other(error.to_string()))
}

fn draw_panels(
    file: &Path,
    caption: &str,
    metrics: &[&Metric],
    panels: &[Panel<'_>],
    shown: &Shown,
) -> Drawn {
    let heights: Vec<u32> =
        panels.iter().map(|panel| PANEL_MARGIN + ROW * count(&panel.contenders)).collect();
    let size = (PANEL_WIDTH * count(metrics).max(1), CAPTION + heights.iter().sum::<u32>());
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE)?;
    let mut rest = root.titled(caption, ("sans-serif", 18))?;
    for (panel, height) in panels.iter().zip(heights) {
        let (row, below) = rest.split_vertically(height);
        for (area, metric) in row.split_evenly((1, metrics.len().max(1))).iter().zip(metrics) {
            draw_panel(area, metric, panel, shown)?;
        }
        rest = below;
    }
    root.present()?;
    Ok(())
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    metric: &Metric,
    panel: &Panel<'_>,
    shown: &Shown,
) -> Drawn {
    // The scale begins at the bottom, the table at the top.
    let names = panel.contenders.iter().rev();
    let spans: Vec<Span<'_>> = names.filter_map(|name| Span::of(panel, metric, name, shown)).collect();
    let low = spans.iter().map(|span| span.low).fold(f64::INFINITY, f64::min);
    let high = spans.iter().map(|span| span.high).fold(0.0, f64::max);
    // Nothing was measured, or nothing that a scale could show.
    if spans.is_empty() || high <= 0.0 {
        return Ok(());
    }
    let rows = (0..spans.len()).into_segmented();
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(format!("{}: {}, {}", panel.server, panel.workload, metric.heading), ("sans-serif", 14))
        .margin(8)
        // Room for the figure beside the last dot.
        .margin_right(60)
        .set_label_area_size(LabelAreaPosition::Left, NAMES)
        .set_label_area_size(LabelAreaPosition::Bottom, 24);
    if low > 0.0 && high / low >= ORDERS {
        fill(&mut builder.build_cartesian_2d((low * 0.8..high * 1.25).log_scale(), rows)?, &spans)
    } else {
        fill(&mut builder.build_cartesian_2d(0.0..high * 1.1, rows)?, &spans)
    }
}

/// Draws axes and contenders.
fn fill<X>(chart: &mut Chart<'_, X>, spans: &[Span<'_>]) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let name_of = |row: &SegmentValue<usize>| match row {
        SegmentValue::CenterOf(row) => spans.get(*row).map_or("", |span| span.name).to_owned(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_labels(6)
        .x_label_formatter(&|value| number(*value))
        .y_labels(spans.len())
        .y_label_formatter(&name_of)
        .draw()?;
    for (row, span) in spans.iter().enumerate() {
        let colour = match span.name {
            name if is_ours(name) => RGBColor(200, 60, 30),
            LIMIT => RGBColor(130, 130, 130),
            _ => RGBColor(60, 90, 140),
        };
        let at = |value| (value, SegmentValue::CenterOf(row));
        let dot = EmptyElement::at(at(span.median))
            + Circle::new((0, 0), 4, colour.filled())
            + Text::new(span.label.clone(), (7, -14), ("sans-serif", 11));
        chart.draw_series(LineSeries::new([at(span.low), at(span.high)], colour.stroke_width(2)))?;
        chart.draw_series([dot])?;
    }
    Ok(())
}

type Chart<'a, X> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, SegmentedCoord<RangedCoordusize>>>;

/// The rounds of one contender.
struct Span<'a> {
    name: &'a str,
    low: f64,
    median: f64,
    high: f64,
    /// The median in words.
    label: String,
}

impl<'a> Span<'a> {
    fn of(panel: &Panel<'a>, metric: &Metric, name: &'a str, shown: &Shown) -> Option<Self> {
        let (low, high) = range_of(&panel.samples, name, metric)?;
        let median = median_of(&panel.samples, name, metric)?;
        Some(Self { name, low, median, high, label: shown.figure(metric, median) })
    }
}

fn count<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).unwrap_or(u32::MAX)
}
