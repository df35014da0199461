//! `dcsctl watch`.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::WatchArgs,
    failure::Failure,
    output::{self, rfc3339, time_of_day},
    reader::{Loaded, Reader},
    signals::Stop,
};

/// Moves a terminal's cursor home and clears everything.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Shows the cluster whenever it changes, until it is told to stop.
pub(crate) async fn run(args: WatchArgs) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let reader = Reader::connect(&args.read)?;
    let screen = Screen { reader: &reader, json: args.read.json, terminal: output::is_terminal() };
    let ended = tokio::select! {
        ended = screen.run(args.interval) => ended,
        _ = stop.requested() => Ok(()),
    };
    reader.close().await;
    ended
}

struct Screen<'a> {
    reader: &'a Reader,
    json: bool,
    terminal: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<T> {
    time: String,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Trouble<'a> {
    error: &'a str,
}

impl Screen<'_> {
    async fn run(&self, interval: Duration) -> Result<(), Failure> {
        let mut shown = self.reader.load().await?;
        self.show(&shown)?;
        let mut trouble: Option<String> = None;
        loop {
            self.reader.dcs().watch(None, interval).await;
            match self.reader.load().await {
                Ok(loaded) => {
                    if trouble.take().is_some() || loaded != shown {
                        self.show(&loaded)?;
                        shown = loaded;
                    }
                }
                Err(Failure::Failed(problem)) => {
                    // The reasons change with every try, the fact does not.
                    if trouble.is_none() {
                        self.complain(&problem)?;
                    }
                    trouble = Some(problem);
                    tokio::time::sleep(interval).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn show(&self, loaded: &Loaded) -> Result<(), Failure> {
        let now = Timestamp::now();
        if self.json {
            return print_json(&Line { time: rfc3339(now), what: self.reader.document(loaded) });
        }
        let table = self.reader.table(loaded);
        let time = time_of_day(now);
        if self.terminal {
            output::write(&format!("{CLEAR}{table}{time}, Ctrl-C ends\n"))?;
        } else {
            output::write(&format!("{time}\n{table}"))?;
        }
        Ok(())
    }

    fn complain(&self, problem: &str) -> Result<(), Failure> {
        let now = Timestamp::now();
        if self.json {
            return print_json(&Line { time: rfc3339(now), what: Trouble { error: problem } });
        }
        Ok(output::line(&format!("{} {}", time_of_day(now), output::printable(problem)))?)
    }
}

fn print_json(line: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(line);
    let text = text.map_err(|error| Failure::Failed(format!("cannot write JSON: {error}")))?;
    Ok(output::line(&text)?)
}
