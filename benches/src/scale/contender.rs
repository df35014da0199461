//! A client with many sessions, or many watches.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::sleep,
};

use super::{PARENT, Used, node};
use crate::{
    contender::{
        answer,
        rust::{self, Peer},
    },
    process::{cpu_time, resident_bytes},
    report::OURS,
    servers::AnyError,
};

/// Tells how many bytes the process has allocated and not freed.
pub type Heap = fn() -> i64;

/// Sessions that are begun at a time: a server lets 50 wait at its door, and the next one tries again after a second.
const CONNECTS: usize = 32;
/// Watches that are left at a time.
const WATCHES: usize = 1_000;
/// Between two calls of a client that does not wait for its connection itself.
const RETRY: Duration = Duration::from_millis(1);

/// Is the contender of this name until standard input ends. All clients run on one thread of tokio.
///
/// # Errors
///
/// A session cannot be begun, or a call fails.
pub fn serve(name: &str, connect_string: &str, heap: Option<Heap>) -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match name {
            OURS => carry_out(async || rust::ours::connect(name, connect_string).await, heap).await,
            #[cfg(feature = "peers")]
            "zookeeper-client" => {
                carry_out(async || rust::zookeeper_client::connect(connect_string).await, heap).await
            }
            other => Err(format!("no contender of this build: {other}").into()),
        }
    })
}

async fn carry_out<C: Peer>(
    connect: impl AsyncFn() -> Result<C, AnyError>,
    heap: Option<Heap>,
) -> Result<(), AnyError> {
    answer("ready")?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut clients: Vec<C> = Vec::new();
    let mut watches: Vec<C::Watch> = Vec::new();
    let mut rest = Before::now(heap)?;
    while let Some(order) = orders.next_line().await? {
        let (word, number) = order.split_once(' ').unwrap_or((&order, "0"));
        let number: usize = number.parse()?;
        if word == "watches" {
            clients.push(connect().await?);
            watches.reserve_exact(number);
        } else {
            clients.reserve_exact(if word == "sessions" { number } else { 0 });
        }
        // The connection was cut before the order came: what it takes to restore it begins there.
        let before = if word == "restored" { rest } else { Before::now(heap)? };
        match word {
            "sessions" => {
                let mut connecting = stream::iter(0..number).map(|_| connect()).buffer_unordered(CONNECTS);
                while let Some(client) = connecting.try_next().await? {
                    clients.push(client);
                }
            }
            "watches" => {
                let client = &clients[0];
                let mut arming = stream::iter(0..number)
                    .map(async |number| client.watch(&node(number)).await)
                    .buffer_unordered(WATCHES);
                while let Some(watch) = arming.try_next().await? {
                    watches.push(watch);
                }
            }
            "idle" => sleep(Duration::from_millis(number as u64)).await,
            // Who is answered has another connection.
            "restored" => {
                while clients[0].get(PARENT).await.is_err() {
                    sleep(RETRY).await;
                }
            }
            _ => return Err(format!("no order: {order}").into()),
        }
        answer(&serde_json::to_string(&before.used()?)?)?;
        rest = Before::now(heap)?;
    }
    Ok(())
}

/// What was in use when an order came, or the last one was carried out.
#[derive(Clone, Copy)]
struct Before {
    heap: Option<(Heap, i64)>,
    resident: i64,
    at: Instant,
    cpu: f64,
}

impl Before {
    fn now(heap: Option<Heap>) -> Result<Self, AnyError> {
        let heap = heap.map(|heap| (heap, heap()));
        Ok(Self { heap, resident: resident_bytes()?, at: Instant::now(), cpu: cpu_time() })
    }

    fn used(self) -> Result<Used, AnyError> {
        Ok(Used {
            seconds: self.at.elapsed().as_secs_f64(),
            cpu_seconds: cpu_time() - self.cpu,
            heap_bytes: self.heap.map(|(heap, before)| heap() - before),
            resident_bytes: resident_bytes()? - self.resident,
        })
    }
}
