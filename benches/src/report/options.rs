//! The options that every program has.

use std::path::PathBuf;

use clap::Args;

/// Options of every program.
#[derive(Debug, Clone, Args)]
pub struct ReportOptions {
    /// Write every measurement to FILE, one JSON object a line, with the command, the commit and the machine
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Draw the figures to FILE, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Only these contenders, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub contenders: Vec<String>,

    /// How often everything is measured; contenders take turns in each round
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
}

impl ReportOptions {
    /// Whether this contender is wanted.
    pub fn wants(&self, contender: &str) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|wanted| wanted == contender)
    }
}
