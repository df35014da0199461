//! What is measured, and one measurement of it.

use std::collections::BTreeMap;

/// The key of how much there was of what a program has ever more of.
pub const SIZE: &str = "size";

/// A figure that every measurement of a program has.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in JSON.
    pub key: &'static str,
    /// Its heading in tables, with the unit.
    pub heading: &'static str,
    /// Which end is the good one.
    pub better: Better,
    /// Whether contenders are compared by it: tables then show the ratio to the best peer.
    pub compared: bool,
}

/// Which end of a scale is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// Where something was measured, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What the contenders talked to.
    pub server: String,
    /// What they did.
    pub workload: String,
    /// Who did it.
    pub contender: String,
}

/// One measurement.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Of whom.
    pub subject: Subject,
    /// In which round, from 1. Contenders of one round ran close after each other.
    pub round: usize,
    /// The figures, by [`Metric::key`]. One that cannot be had of a contender is missing.
    pub values: BTreeMap<&'static str, f64>,
}
