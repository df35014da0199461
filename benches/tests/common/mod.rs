//! A program of this package, run as its users run it.

use std::process::Command;

use serde_json::Value;

/// What a program has left.
pub(crate) struct Ran {
    /// What it has printed.
    pub(crate) table: String,
    /// What it has measured, an object each.
    pub(crate) samples: Vec<Value>,
}

/// Runs a program with these options to its good end, with measurements in a file and a picture.
pub(crate) fn run(program: &str, options: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let (json, plot) = (directory.path().join("samples.jsonl"), directory.path().join("plot.svg"));
    let mut command = Command::new(program);
    command.args(options).arg("--json").arg(&json).arg("--plot").arg(&plot);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read_to_string(&plot).unwrap().contains("</svg>"));
    let lines = std::fs::read_to_string(&json).unwrap();
    Ran {
        table: String::from_utf8(output.stdout).unwrap(),
        samples: lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

impl Ran {
    /// The figures of the first sample that has these fields.
    pub(crate) fn values(&self, is_it: impl Fn(&Value) -> bool, what: &str) -> &Value {
        let sample = self.samples.iter().find(|sample| is_it(sample));
        &sample.unwrap_or_else(|| panic!("{what} was not measured: {:#?}", self.samples))["values"]
    }
}
