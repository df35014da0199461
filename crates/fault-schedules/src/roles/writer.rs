//! Writes and reads of every kind, several at a time.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::{FutureExt, future::join_all};

use super::{
    COMING_AND_GOING, EPHEMERALS, Order, Orders, QUEUE, RoleOptions, SHARED, calls,
    sessions::{self, close},
};
use crate::{
    history::{Call, Outcome},
    record::Recorder,
};

/// Between two flights of calls.
const PAUSE: Duration = Duration::from_millis(15);
/// Nodes of the writer's own that it keeps.
const KEPT: usize = 20;

pub(super) async fn run(
    options: &RoleOptions,
    recorder: &Arc<Recorder>,
    orders: &Orders,
) -> Result<(), Box<dyn Error>> {
    let client = sessions::client(options, recorder)?;
    let mut writer = Writer { rng: Rng::with_seed(options.seed), known: BTreeMap::new(), own: Vec::new() };
    while orders.now() == Order::Work {
        let flight: Vec<_> = (0..writer.rng.usize(1..=4))
            .map(|_| {
                let op = recorder.next_op();
                let call = writer.draw(recorder, op);
                let path = call.path().to_owned();
                calls::make(&client, recorder, op, call).map(|outcome| outcome.map(|outcome| (path, outcome)))
            })
            .collect();
        for (path, outcome) in join_all(flight).await.into_iter().flatten() {
            writer.learn(path, outcome);
        }
        tokio::time::sleep(PAUSE).await;
    }
    close(&client, recorder).await;
    Ok(())
}

struct Writer {
    rng: Rng,
    /// The versions that were last seen.
    known: BTreeMap<String, i32>,
    /// Nodes that this writer made and has not deleted.
    own: Vec<String>,
}

impl Writer {
    fn draw(&mut self, recorder: &Recorder, op: u64) -> Call {
        let value = recorder.value(op);
        let shared = SHARED[self.rng.usize(..SHARED.len())].to_owned();
        let create =
            |path: String, value, sequential, ephemeral| Call::Create { path, value, sequential, ephemeral };
        let process = recorder.process();
        if self.own.len() > KEPT {
            return self.delete();
        }
        match self.rng.u8(..20) {
            0..=3 => create(format!("{QUEUE}/n-"), value, true, false),
            4..=5 => create(format!("{COMING_AND_GOING}/{process}-{op}"), value, false, false),
            6 => create(format!("{EPHEMERALS}/{process}-{op}"), value, false, true),
            7..=9 => Call::Set { path: shared, value, version: None, token: None },
            10..=12 => {
                let version = Some(self.known.get(&shared).copied().unwrap_or_default());
                Call::Set { path: shared, value, version, token: None }
            }
            13..=14 if !self.own.is_empty() => {
                let path = self.own[self.rng.usize(..self.own.len())].clone();
                Call::Set { path, value, version: None, token: None }
            }
            15 if !self.own.is_empty() => self.delete(),
            16..=17 => Call::Read { path: shared, synced: true },
            _ => Call::Read { path: shared, synced: false },
        }
    }

    fn delete(&mut self) -> Call {
        let path = self.own.swap_remove(self.rng.usize(..self.own.len()));
        let version = self.known.remove(&path).filter(|_| self.rng.bool());
        Call::Delete { path, version }
    }

    fn learn(&mut self, asked: String, outcome: Outcome) {
        match outcome {
            Outcome::Written { path, version: Some(version), .. } => {
                if version == 0 && !path.starts_with(EPHEMERALS) && !SHARED.contains(&path.as_str()) {
                    self.own.push(path.clone());
                }
                self.known.insert(path, version);
            }
            Outcome::Value { node: Some(node), .. } => drop(self.known.insert(asked, node.version)),
            Outcome::Written { .. } | Outcome::Value { .. } => {}
        }
    }
}
