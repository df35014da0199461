//! A contender's process, as the program that measures holds it.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
    time::timeout,
};

use serde::de::DeserializeOwned;

use super::{Calls, Figures, Pace, Workload};

/// How long a contender may take to connect: a JVM starts meanwhile, on a busy machine.
const START: Duration = Duration::from_secs(30);
/// How long an order may take beyond its time.
const SLACK: Duration = Duration::from_secs(30);

/// A running contender; killed when it is dropped.
#[derive(Debug)]
pub struct Child {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    process: tokio::process::Child,
}

impl Child {
    /// Starts it and waits until it is connected.
    ///
    /// # Errors
    ///
    /// In words: it cannot be started, ends, or does not connect.
    pub async fn start(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
        let (Some(orders), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("has no standard input and output".to_owned());
        };
        let answers = BufReader::new(answers).lines();
        let mut child = Self { orders, answers, process };
        match child.line(START).await?.as_str() {
            "ready" => Ok(child),
            other => Err(format!("is not ready, but says: {other}")),
        }
    }

    /// Has it work, and waits for what it has measured.
    ///
    /// # Errors
    ///
    /// In words: it ended, was silent for too long, or says something else.
    pub async fn run(&mut self, workload: Workload, time: Duration) -> Result<Figures, String> {
        let order = format!("{} {} {}", workload.name(), workload.lanes(), time.as_millis());
        let figures: Figures = self.ask(&order, time + SLACK).await?;
        if figures.ops == 0 { Err("did nothing".to_owned()) } else { Ok(figures) }
    }

    /// Gives it a line and waits for a line of JSON.
    ///
    /// # Errors
    ///
    /// In words: it ended, was silent for too long, or says something else.
    pub async fn ask<T: DeserializeOwned>(&mut self, order: &str, within: Duration) -> Result<T, String> {
        self.order(&format!("{order}\n")).await?;
        let answer = self.line(within).await?;
        serde_json::from_str(&answer).map_err(|_| format!("says: {answer}"))
    }

    /// Has it call again and again until that is dropped.
    ///
    /// # Errors
    ///
    /// In words: it takes no orders.
    pub async fn probe(mut self, pace: Pace) -> Result<Calls, String> {
        self.order(&pace.order()).await?;
        Ok(Calls::new(self.orders, self.answers, self.process))
    }

    async fn order(&mut self, order: &str) -> Result<(), String> {
        self.orders.write_all(order.as_bytes()).await.map_err(|error| format!("takes no orders: {error}"))
    }

    async fn line(&mut self, within: Duration) -> Result<String, String> {
        match timeout(within, self.answers.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err("has ended".to_owned()),
            Ok(Err(error)) => Err(format!("cannot be read: {error}")),
            Err(_) => Err(format!("was silent for {} s", within.as_secs())),
        }
    }
}
