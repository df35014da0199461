//! The command line.

use std::{convert::Infallible, error::Error, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, Parser, Subcommand};
use fault_schedules::{
    checker::{self, Requirements},
    expiries, history,
    ledger::Ledger,
    roles::{self, RoleOptions},
    rolling,
    run::{Options, REQUIREMENTS},
    schedule::Schedule,
    soak::{self, Soak},
    watches,
};
use serde::Serialize;

/// Seeded faults on real ensembles of three servers, with five contenders for a leader key, writers and watchers; what they saw
/// is judged: never two that believe to lead, no acknowledged write lost or doubled, order kept, no watch silent.
#[derive(Debug, Parser)]
#[command(name = "fault-schedule", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Carry out the schedules of one or more seeds
    Run(Run),
    /// Have many sessions of leaders expire: each belief must have ended before its key vanishes
    Expiries(Count),
    /// Restart all servers in turn, many times, under load: no session may end, nothing be lost
    Rolling(Count),
    /// Restart servers under ten thousand watches each time, while everything changes: none may be silent
    Watches(Count),
    /// Print the schedules of one or more seeds
    Plan(Seeds),
    /// Judge a history that was kept
    Check {
        /// The file
        history: PathBuf,
        /// Print the verdict as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Be one of the processes of a run
    #[command(hide = true)]
    Role(RoleOptions),
}

#[derive(Debug, Args)]
struct Seeds {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds
    #[arg(long, default_value_t = 1)]
    count: u64,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    seeds: Seeds,
    /// How many schedules at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Begin none after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Keep every history here; without it, only those that show something wrong are kept, in the temporary directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Count {
    /// How many
    #[arg(long, default_value_t = 1)]
    count: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Output {
    /// Add a line to this file
    #[arg(long, value_name = "FILE", value_parser = ledger_at)]
    ledger: Option<Ledger>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

impl Cli {
    /// Does what was asked; `false` when something is wrong with what is tested.
    pub(crate) async fn run(self) -> Result<bool, Box<dyn Error>> {
        match self.command {
            Command::Run(run) => run.run().await,
            Command::Expiries(Count { count, output }) => {
                let told = |so_far| eprintln!("{so_far} expiries");
                let seen = expiries::expire(count, &options(None)?, told).await?;
                output.tell("expiries", &seen)?;
                Ok(seen.is_good(count))
            }
            Command::Rolling(Count { count, output }) => {
                let told = |so_far| eprintln!("{so_far} rolling restarts");
                let seen = rolling::roll(count, &options(None)?, told).await?;
                output.tell("rolling restarts", &seen)?;
                Ok(seen.is_good())
            }
            Command::Watches(Count { count, output }) => {
                let told =
                    |seen: &watches::Watches| eprintln!("{} of {} watches told", seen.told, seen.watches);
                let seen = watches::watch(count, told).await?;
                output.tell("watches", &seen)?;
                Ok(seen.is_good())
            }
            Command::Plan(seeds) => {
                for seed in seeds.seed..seeds.seed.saturating_add(seeds.count) {
                    print!("{}", Schedule::plan(seed));
                }
                Ok(true)
            }
            Command::Check { history, json } => check(&history, json),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "fault-schedule", &mut script);
                print!("{}", String::from_utf8_lossy(&script));
                Ok(true)
            }
            Command::Role(options) => roles::run(options).await.map(|()| true),
        }
    }
}

impl Run {
    async fn run(self) -> Result<bool, Box<dyn Error>> {
        let Seeds { seed, count } = self.seeds;
        let options = options(self.keep)?;
        let soak = Soak {
            seeds: seed..seed.saturating_add(count),
            jobs: self.jobs,
            limit: self.seconds.map(Duration::from_secs),
        };
        let summary = soak::soak(&soak, &options, &REQUIREMENTS, |seed, outcome| {
            eprintln!("{}", soak::describe(seed, outcome));
        })
        .await;
        let good = summary.is_good();
        self.output.tell("schedules", &summary)?;
        Ok(good)
    }
}

fn ledger_at(path: &str) -> Result<Ledger, Infallible> {
    Ok(Ledger::begin(path.as_ref()))
}

impl Output {
    fn tell(&self, what: &str, figures: &impl Serialize) -> Result<(), Box<dyn Error>> {
        if self.json {
            println!("{}", serde_json::to_string(figures)?);
        } else {
            println!("{what}: {}", serde_json::to_string_pretty(figures)?);
        }
        if let Some(ledger) = &self.ledger {
            ledger.add(what, figures)?;
        }
        Ok(())
    }
}

fn options(keep: Option<PathBuf>) -> std::io::Result<Options> {
    Ok(Options { program: std::env::current_exe()?, keep, margin: Duration::from_secs(1) })
}

fn check(path: &std::path::Path, json: bool) -> Result<bool, Box<dyn Error>> {
    let records = history::read(path)?;
    let verdict = checker::check(&records, &Requirements::default());
    if json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        for violation in &verdict.violations {
            println!("{violation}");
            for record in violation.evidence(&records) {
                println!("    {}", serde_json::to_string(record)?);
            }
        }
        println!("{} records, {} violations", verdict.totals.records, verdict.violations.len());
    }
    Ok(verdict.is_good())
}
