//! The process of a contender in Rust.

use std::{
    error::Error,
    io::{self, Write},
    time::Duration,
};

use clap::ValueEnum;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{Pace, Workload, lanes, probe, rust};
use crate::report::is_ours;

/// An error of any client.
pub(super) type AnyError = Box<dyn Error + Send + Sync>;

/// Tells how many allocations the process has made.
pub type Allocations = fn() -> u64;

/// Is the contender of this name until standard input ends. All clients run on one thread of tokio, so that none gains by
/// waking a second core.
///
/// # Errors
///
/// The client cannot connect, or one of its calls fails, but for those of a probe: a figure with failures in it would mean
/// nothing.
pub fn serve(
    name: &str,
    connect_string: &str,
    payload: usize,
    allocations: Option<Allocations>,
) -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let payload = vec![b'x'; payload];
    runtime.block_on(async {
        match name {
            ours if is_ours(ours) => {
                carry_out(rust::ours::connect(name, connect_string).await?, payload, allocations).await
            }
            #[cfg(feature = "peers")]
            "zookeeper-client" => {
                carry_out(rust::zookeeper_client::connect(connect_string).await?, payload, allocations).await
            }
            #[cfg(feature = "peers")]
            "zookeeper-async" => {
                carry_out(rust::zookeeper_async::connect(connect_string).await?, payload, allocations).await
            }
            #[cfg(feature = "peers")]
            "tokio-zookeeper" => {
                carry_out(rust::tokio_zookeeper::connect(connect_string).await?, payload, allocations).await
            }
            other => Err(format!("no contender of this build: {other}").into()),
        }
    })
}

async fn carry_out<C: rust::Peer>(
    client: C,
    payload: Vec<u8>,
    allocations: Option<Allocations>,
) -> Result<(), AnyError> {
    answer("ready")?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        if let Some(pace) = Pace::of(&order) {
            // Its standard input ends when nobody looks any more.
            return tokio::select! {
                ended = probe::run(&client, pace) => ended,
                _ = orders.next_line() => Ok(()),
            };
        }
        let words: Vec<&str> = order.split_whitespace().collect();
        let [workload, lanes, milliseconds] = words[..] else {
            return Err(format!("no order: {order}").into());
        };
        let workload = Workload::from_str(workload, false)?;
        let time = Duration::from_millis(milliseconds.parse()?);
        let mut figures = None;
        let before = allocations.map(|count| count());
        let measured = lanes::run(&client, workload, lanes.parse()?, time, &payload).await?;
        if let (Some(count), Some(before)) = (allocations, before) {
            figures = Some(count() - before);
        }
        answer(&serde_json::to_string(&super::Figures { allocations: figures, ..measured })?)?;
    }
    Ok(())
}

pub(crate) fn answer(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
