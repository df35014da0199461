//! What every program shares: options, tables, JSON lines, pictures, and how figures are condensed.
//!
//! A program makes a [`Report`] of its [`Metric`]s, [`add`](Report::add)s a [`Sample`] for each measurement and ends with
//! [`finish`](Report::finish). Absolute figures are noise on a shared machine; what counts are ratios of what was measured in
//! the same round.

mod curve;
mod machine;
mod options;
mod plot;
mod progress;
mod sample;
mod statistics;
mod table;

use std::{
    fs::File,
    io::{self, Write},
};

use serde_json::json;

pub use self::{
    machine::{Machine, Provenance},
    options::ReportOptions,
    progress::{Progress, note},
    sample::{Better, Metric, SIZE, Sample, Subject},
    statistics::{DCS_ZK, LIMIT, OURS, ZK_JUTE, is_ours, median, quantile},
};

/// The measurements of one run of one program.
#[derive(Debug)]
pub struct Report {
    title: &'static str,
    metrics: &'static [Metric],
    options: ReportOptions,
    provenance: Provenance,
    json: Option<File>,
    samples: Vec<Sample>,
    shown: Shown,
}

/// How figures are shown.
#[derive(Debug, Default)]
struct Shown {
    /// Whether with the lowest and the highest.
    with_ranges: bool,
    /// A metric's key and where it was given up: a figure that reaches this was not measured to its end.
    ceiling: Option<(&'static str, f64)>,
}

impl Shown {
    /// A figure in words.
    fn figure(&self, metric: &Metric, value: f64) -> String {
        match self.ceiling {
            Some((key, ceiling)) if key == metric.key && value >= ceiling => {
                format!("> {}", table::number(ceiling))
            }
            _ => table::number(value),
        }
    }
}

impl Report {
    /// An empty report. `title` stands above pictures and in JSON.
    ///
    /// # Errors
    ///
    /// The file for JSON cannot be written.
    pub fn new(title: &'static str, metrics: &'static [Metric], options: ReportOptions) -> io::Result<Self> {
        let json = options.json.as_ref().map(File::create).transpose()?;
        Ok(Self {
            title,
            metrics,
            options,
            provenance: Provenance::now(),
            json,
            samples: Vec::new(),
            shown: Shown::default(),
        })
    }

    /// Shows the lowest and the highest figure of compared metrics besides the median.
    #[must_use]
    pub fn with_ranges(mut self) -> Self {
        self.shown.with_ranges = true;
        self
    }

    /// Shows figures of a metric that reach this as "more than this": that is where measuring ends.
    #[must_use]
    pub fn with_ceiling(mut self, key: &'static str, ceiling: f64) -> Self {
        self.shown.ceiling = Some((key, ceiling));
        self
    }

    /// Takes a measurement, and writes it to the JSON file at once: what a run has measured outlives it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn add(&mut self, sample: Sample) -> io::Result<()> {
        if let Some(json) = &mut self.json {
            let Subject { server, workload, contender } = &sample.subject;
            let line = json!({
                "program": self.title,
                "server": server,
                "workload": workload,
                "contender": contender,
                "round": sample.round,
                "values": sample.values,
                "command": self.provenance.command,
                "commit": self.provenance.commit,
                "machine": self.provenance.machine,
            });
            writeln!(json, "{line}")?;
        }
        self.samples.push(sample);
        Ok(())
    }

    /// Prints the tables and draws the picture.
    ///
    /// # Errors
    ///
    /// The picture cannot be drawn, or standard output cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.print(|panel| table::table(self.metrics, panel, &self.shown))?;
        if let Some(file) = &self.options.plot {
            plot::draw(file, &self.caption(), self.metrics, &self.panels(), &self.shown)?;
        }
        Ok(())
    }

    /// The same for measurements that have a [`SIZE`]: a row for each, and curves.
    ///
    /// # Errors
    ///
    /// The picture cannot be drawn, or standard output cannot be written.
    pub fn finish_by_size(self) -> io::Result<()> {
        self.print(|panel| table::table_by_size(self.metrics, panel, &self.shown))?;
        if let Some(file) = &self.options.plot {
            curve::draw(file, &self.caption(), self.metrics, &self.panels())?;
        }
        Ok(())
    }

    fn print(&self, table: impl Fn(&Panel<'_>) -> String) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let Machine { cores, cpu, kernel, load } = &self.provenance.machine;
        let commit = &self.provenance.commit;
        writeln!(out, "{} at {commit}: {cores} × {cpu}, Linux {kernel}, load {load}", self.title)?;
        for panel in self.panels() {
            writeln!(out, "\n{}: {} (medians)", panel.server, panel.workload)?;
            writeln!(out, "{}", table(&panel))?;
        }
        Ok(())
    }

    fn caption(&self) -> String {
        let Machine { cores, cpu, .. } = &self.provenance.machine;
        format!("{} – {cores} × {cpu}, {}", self.title, self.provenance.commit)
    }

    /// The samples by server and workload, in the order in which they came.
    fn panels(&self) -> Vec<Panel<'_>> {
        let mut panels: Vec<Panel<'_>> = Vec::new();
        for sample in &self.samples {
            let Subject { server, workload, contender } = &sample.subject;
            let at = panels.iter().position(|panel| (panel.server, panel.workload) == (server, workload));
            let at = at.unwrap_or_else(|| {
                panels.push(Panel { server, workload, contenders: Vec::new(), samples: Vec::new() });
                panels.len() - 1
            });
            let panel = &mut panels[at];
            if !panel.contenders.contains(&contender.as_str()) {
                panel.contenders.push(contender);
            }
            panel.samples.push(sample);
        }
        panels
    }
}

/// What was measured of one workload on one server.
struct Panel<'a> {
    server: &'a str,
    workload: &'a str,
    contenders: Vec<&'a str>,
    samples: Vec<&'a Sample>,
}

impl<'a> Panel<'a> {
    /// The metrics that anything was measured of.
    fn known<'b>(&self, metrics: &'b [Metric]) -> Vec<&'b Metric> {
        let is_known =
            |metric: &&Metric| self.samples.iter().any(|sample| sample.values.contains_key(metric.key));
        metrics.iter().filter(is_known).collect()
    }

    /// The samples of each size, the smallest first.
    fn by_size(&self) -> Vec<(f64, Vec<&'a Sample>)> {
        let mut sizes: Vec<(f64, Vec<&Sample>)> = Vec::new();
        for sample in &self.samples {
            let Some(size) = sample.values.get(SIZE) else { continue };
            match sizes.iter_mut().find(|(known, _)| known == size) {
                Some((_, samples)) => samples.push(sample),
                None => sizes.push((*size, vec![sample])),
            }
        }
        sizes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        sizes
    }
}
