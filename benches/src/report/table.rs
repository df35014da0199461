//! Tables for people.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::{
    Metric, Panel, Sample, Shown,
    statistics::{best_peer, is_peer, median_of, range_of, ratio},
};

/// The medians of one workload on one server, a line for each contender.
pub(super) fn table(metrics: &[Metric], panel: &Panel<'_>, shown: &Shown) -> String {
    let metrics: Vec<&Metric> = metrics.iter().collect();
    let columns = Columns::of(panel, shown);
    let mut table = begin(vec![Cell::new("contender")], &metrics, &columns);
    for contender in &panel.contenders {
        let mut row = vec![Cell::new(contender)];
        row.extend(figures(&metrics, &panel.samples, contender, &columns));
        table.add_row(row);
    }
    table.to_string()
}

/// The medians of one panel, a line for each size and contender. Figures that nothing is known of are left out.
pub(super) fn table_by_size(metrics: &[Metric], panel: &Panel<'_>, shown: &Shown) -> String {
    let metrics = panel.known(metrics);
    let columns = Columns::of(panel, shown);
    let mut table = begin(vec![right("size"), Cell::new("contender")], &metrics, &columns);
    for (size, samples) in panel.by_size() {
        let measured = |name: &&&str| samples.iter().any(|sample| sample.subject.contender == **name);
        for contender in panel.contenders.iter().filter(measured) {
            let mut row = vec![right(&format!("{size}")), Cell::new(contender)];
            row.extend(figures(&metrics, &samples, contender, &columns));
            table.add_row(row);
        }
    }
    table.to_string()
}

/// The columns of a compared metric, beside its median.
struct Columns<'a> {
    shown: &'a Shown,
    /// Whether there is anybody to compare with.
    with_ratios: bool,
}

impl<'a> Columns<'a> {
    fn of(panel: &Panel<'_>, shown: &'a Shown) -> Self {
        Self { shown, with_ratios: panel.contenders.iter().any(|name| is_peer(name)) }
    }
}

fn begin(mut head: Vec<Cell>, metrics: &[&Metric], columns: &Columns<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    for metric in metrics {
        head.push(right(metric.heading));
        if metric.compared {
            if columns.shown.with_ranges {
                head.push(right("lowest – highest"));
            }
            if columns.with_ratios {
                head.push(right("× best peer"));
            }
        }
    }
    table.set_header(head);
    table
}

fn figures(metrics: &[&Metric], samples: &[&Sample], contender: &str, columns: &Columns<'_>) -> Vec<Cell> {
    let Columns { shown, with_ratios } = columns;
    let mut cells = Vec::new();
    for metric in metrics {
        let figure = |value| shown.figure(metric, value);
        cells.push(right(&median_of(samples, contender, metric).map_or_else(String::new, figure)));
        if metric.compared {
            if shown.with_ranges {
                let range = range_of(samples, contender, metric);
                let range = range.map(|(low, high)| format!("{} – {}", figure(low), figure(high)));
                cells.push(right(&range.unwrap_or_default()));
            }
            if *with_ratios {
                let ratio =
                    best_peer(samples, metric).and_then(|best| ratio(samples, contender, best, metric));
                cells.push(right(&ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))));
            }
        }
    }
    cells
}

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Three digits that say something, and a space between thousands.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        magnitude if magnitude >= 100.0 => 0,
        magnitude if magnitude >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 && grouped != "-" {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        let shown = [0.0, 0.456, 12.34, 123.4, 1234.5, 203_456.0, -123_456.0].map(number);
        assert_eq!(shown, ["0.00", "0.46", "12.3", "123", "1 234", "203 456", "-123 456"]);
    }
}
