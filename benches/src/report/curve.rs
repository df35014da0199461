//! Pictures of how figures grow: for each panel and each compared metric a curve per contender, both scales logarithmic.

use std::{error::Error, io, path::Path};

use plotters::{coord::Shift, prelude::*};

use super::{
    Metric, Panel,
    statistics::{is_ours, median_of},
    table::number,
};

/// The size of one picture of curves in pixels.
const WIDTH: u32 = 440;
const HEIGHT: u32 = 300;
const CAPTION: u32 = 40;
/// Room for the numbers at the axes.
const NUMBERS: u32 = 60;
/// How many pictures stand beside each other where each panel has only one.
const FEW: usize = 3;

/// Contenders of this workspace, one after the other.
const OURS: [RGBColor; 3] = [RGBColor(200, 60, 30), RGBColor(230, 140, 30), RGBColor(160, 60, 120)];
/// Peers.
const PEERS: [RGBColor; 3] = [RGBColor(60, 90, 140), RGBColor(90, 140, 60), RGBColor(120, 120, 120)];

type Drawn = Result<(), Box<dyn Error>>;

/// Draws all panels into one file, a row for each.
pub(super) fn draw(file: &Path, caption: &str, metrics: &[Metric], panels: &[Panel<'_>]) -> io::Result<()> {
    draw_panels(file, caption, metrics, panels).map_err(|error| io::Error::other(error.to_string()))
}

fn draw_panels(file: &Path, caption: &str, metrics: &[Metric], panels: &[Panel<'_>]) -> Drawn {
    // One size is a figure and no curve: the table has it.
    let grown = panels.iter().filter(|panel| panel.by_size().len() > 1);
    let rows: Vec<Vec<(&Panel<'_>, &Metric)>> = grown
        .map(|panel| {
            let compared = panel.known(metrics).into_iter().filter(|metric| metric.compared);
            compared.map(|metric| (panel, metric)).collect()
        })
        .collect();
    let columns = match rows.iter().map(Vec::len).max().unwrap_or(0) {
        0 | 1 => FEW,
        metrics => metrics,
    };
    // Panels of one metric stand beside each other, others below.
    let rows: Vec<_> = if columns == FEW && rows.iter().all(|row| row.len() <= 1) {
        rows.concat().chunks(FEW).map(<[_]>::to_vec).collect()
    } else {
        rows
    };
    let size = (WIDTH * u32::try_from(columns)?, CAPTION + HEIGHT * u32::try_from(rows.len())?);
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE)?;
    let areas = root.titled(caption, ("sans-serif", 18))?.split_evenly((rows.len().max(1), columns));
    for (row, areas) in rows.iter().zip(areas.chunks(columns)) {
        for ((panel, metric), area) in row.iter().zip(areas) {
            draw_curves(area, metric, panel)?;
        }
    }
    root.present()?;
    Ok(())
}

fn draw_curves(area: &DrawingArea<SVGBackend<'_>, Shift>, metric: &Metric, panel: &Panel<'_>) -> Drawn {
    let curves: Vec<(&str, Vec<(f64, f64)>)> =
        panel.contenders.iter().map(|name| (*name, curve(panel, metric, name))).collect();
    let points = || curves.iter().flat_map(|(_, curve)| curve);
    let Some((across, up)) =
        range(points().map(|(size, _)| *size)).zip(range(points().map(|(_, value)| *value)))
    else {
        return Ok(());
    };
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{}: {}, {}", panel.server, panel.workload, metric.heading), ("sans-serif", 14))
        .margin(8)
        // Room for the figure beside the last dot.
        .margin_right(50)
        .set_label_area_size(LabelAreaPosition::Left, NUMBERS)
        .set_label_area_size(LabelAreaPosition::Bottom, 24)
        .build_cartesian_2d(across.log_scale(), up.log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_label_formatter(&|size| whole(*size))
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    let (mut ours, mut peers) = (OURS.iter().cycle(), PEERS.iter().cycle());
    for (row, (name, curve)) in (0..).zip(&curves) {
        let colours = if is_ours(name) { &mut ours } else { &mut peers };
        let colour = colours.next().unwrap_or(&BLACK);
        chart.draw_series(LineSeries::new(curve.clone(), colour.stroke_width(2)))?;
        chart.draw_series(curve.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        if let Some(last) = curve.last() {
            let figure = EmptyElement::at(*last) + Text::new(number(last.1), (6, -6), ("sans-serif", 11));
            chart.draw_series([figure])?;
        }
        let style = ("sans-serif", 12).into_font().color(colour);
        chart.plotting_area().strip_coord_spec().draw(&Text::new(*name, (8, 4 + 14 * row), style))?;
    }
    Ok(())
}

/// The medians of one contender over the sizes. What is not above nothing has no place on a logarithmic scale.
fn curve(panel: &Panel<'_>, metric: &Metric, contender: &str) -> Vec<(f64, f64)> {
    let points = panel.by_size().into_iter().filter_map(|(size, samples)| {
        let value = median_of(&samples, contender, metric)?;
        (size > 0.0 && value > 0.0).then_some((size, value))
    });
    points.collect()
}

/// A size at the axis, as short as can be.
fn whole(size: f64) -> String {
    let number = number(size);
    number.split_once('.').map_or(number.clone(), |(whole, _)| whole.to_owned())
}

/// Something more than from the least to the greatest.
fn range(values: impl Iterator<Item = f64>) -> Option<std::ops::Range<f64>> {
    let range = values.fold(None, |range, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    });
    range.map(|(low, high)| low * 0.7..high * 2.0)
}
