//! Many sessions that expire: processes full of leaders are frozen for longer than their sessions. Whether each belief had ended
//! before its leader key vanished is judged by the leases that were told and by a witness that watches the keys.

mod keys;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use zk_testkit::Ensemble;

use crate::{
    history::{Event, Nanos, Record},
    roles::{HOLDER_TTL, Role, RoleOptions},
    run::{History, Options, Process, RunError, wait},
};
use keys::{Key, Keys};

/// Sessions of a process.
const SESSIONS: usize = 50;
/// Processes that are frozen together.
const PROCESSES: usize = 4;

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expiries {
    /// Leader keys that vanished with their sessions, and whose leases were told.
    pub expiries: u64,
    /// Those of them whose lease had ended before.
    pub belief_ended_before: u64,
    /// The shortest time from the end of a lease to the end of its key, in milliseconds, as the witness saw it.
    pub least_gap_ms: f64,
    /// How often the processes were frozen.
    pub freezes: u64,
    /// How long it took.
    pub seconds: u64,
    /// Keys that vanished before their lease had ended.
    pub violations: Vec<String>,
}

impl Expiries {
    /// Whether nothing is wrong, and so many were seen.
    pub fn is_good(&self, wanted: u64) -> bool {
        self.violations.is_empty() && self.belief_ended_before == self.expiries && self.expiries >= wanted
    }
}

/// Has at least so many sessions expire. `progress` is told how many there were, now and then.
///
/// # Errors
///
/// When it cannot be carried out.
pub async fn expire(
    wanted: u64,
    options: &Options,
    mut progress: impl FnMut(u64),
) -> Result<Expiries, RunError> {
    let began = Instant::now();
    let ensemble = Ensemble::builder().servers(3).max_session_timeout(HOLDER_TTL * 4).start().await?;
    let scopes = (0..PROCESSES * SESSIONS)
        .map(|number| format!("{}-{}", holder(number / SESSIONS), number % SESSIONS));
    let keys = Keys::watch(&ensemble, scopes);
    let history = Arc::new(History::default());
    let mut processes = Vec::new();
    for number in 0..PROCESSES {
        let name = holder(number);
        let role = RoleOptions {
            role: Role::Holder,
            member: name.clone(),
            name,
            hosts: ensemble.connect_string(),
            seed: 0,
            session_ms: 0,
            sessions: SESSIONS,
        };
        processes.push(Process::start(&options.program, &role, &history)?);
    }
    let mut seen = Expiries::default();
    while (keys.vanished().len() as u64) < wanted {
        let most = SESSIONS * PROCESSES * 9 / 10;
        wait("leaders in nine of ten scopes", || keys.held().len() >= most).await?;
        // At another time of their rounds each time.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..200))).await;
        for process in &processes {
            process.freeze().await;
        }
        seen.freezes += 1;
        let gone = wait("the end of all sessions", || keys.held().is_empty()).await;
        for process in &processes {
            process.thaw();
        }
        gone?;
        progress(keys.vanished().len() as u64);
    }
    drop(processes);
    judge(&history.records(), &keys.vanished(), &mut seen);
    seen.seconds = began.elapsed().as_secs();
    Ok(seen)
}

/// A process; its scopes are numbered.
fn holder(number: usize) -> String {
    format!("holder-{number}")
}

/// Compares the end of each key with the latest end of its leases.
fn judge(records: &[Record], vanished: &[(Key, Nanos)], seen: &mut Expiries) {
    let mut ends: BTreeMap<(&str, i64), Nanos> = BTreeMap::new();
    for record in records {
        if let Event::Lease { until, token, .. } = record.event {
            let end = ends.entry((&record.process, token)).or_default();
            *end = until.max(*end);
        }
    }
    seen.least_gap_ms = f64::MAX;
    for (key, at) in vanished {
        // A process that was frozen before it told of its lease has said nothing that could be judged.
        let Some(until) = ends.get(&(key.scope.as_str(), key.token)) else { continue };
        seen.expiries += 1;
        let gap = Duration::from_nanos(at.saturating_sub(*until)).as_secs_f64() * 1_000.0;
        seen.least_gap_ms = seen.least_gap_ms.min(gap);
        if at > until {
            seen.belief_ended_before += 1;
        } else {
            let early = Duration::from_nanos(until - at);
            seen.violations.push(format!(
                "the key of {} (token {:#x}) vanished {early:?} before its lease had ended",
                key.scope, key.token
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(scope: &str, token: i64, until: Nanos) -> Record {
        Record { at: 0, process: scope.to_owned(), event: Event::Lease { until, token, session: 1 } }
    }

    #[test]
    fn a_key_that_vanishes_before_the_last_of_its_leases_is_found() {
        let leases = [lease("a", 1, 10), lease("a", 1, 30), lease("b", 2, 15), lease("a", 3, 99)];
        let key = |scope: &str, token| Key { scope: scope.to_owned(), token };
        let mut seen = Expiries::default();
        judge(&leases, &[(key("a", 1), 29), (key("b", 2), 16), (key("c", 7), 1)], &mut seen);
        assert_eq!((seen.expiries, seen.belief_ended_before), (2, 1));
        assert!(seen.violations[0].contains("of a (token 0x1)"), "{:?}", seen.violations);
        assert!(!seen.is_good(1));
    }
}
