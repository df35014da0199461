//! Rolling restarts of the ensemble under load, with nothing else going wrong: no session ends, and nothing is lost.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::{
    checker::{self, Requirements, Totals},
    history::Event,
    run::{Options, REQUIREMENTS, RunError, World},
    schedule::Schedule,
};

/// Sessions long enough for the restart of any server, on a busy machine.
const SESSION: Duration = Duration::from_secs(20);

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    /// How often all servers were restarted, one after the other.
    pub rolling_restarts: u64,
    /// Sessions that ended meanwhile.
    pub sessions_lost: u64,
    /// What the history holds.
    pub totals: Totals,
    /// How long it took.
    pub seconds: u64,
    /// What is wrong with the history.
    pub violations: Vec<String>,
}

impl Rolling {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.sessions_lost == 0 && self.violations.is_empty()
    }
}

/// Restarts the whole ensemble so many times. `progress` is told after each.
///
/// # Errors
///
/// When it cannot be carried out.
pub async fn roll(
    restarts: u64,
    options: &Options,
    mut progress: impl FnMut(u64),
) -> Result<Rolling, RunError> {
    let began = Instant::now();
    let schedule = Schedule { faults: Vec::new(), session: SESSION, sync_limit: 10, ..Schedule::plan(0) };
    let world = World::start(&schedule, options).await?;
    world.wait_for_work().await?;
    for restart in 0..restarts {
        world.restart_all().await?;
        progress(restart + 1);
    }
    // Sessions end by being closed from here on.
    let sessions_lost = world.history().count(|record| matches!(record.event, Event::SessionEnded { .. }));
    world.end().await?;
    let required = Requirements { faults_landed: 0, ..REQUIREMENTS };
    let verdict = checker::check(&world.history().records(), &required);
    Ok(Rolling {
        rolling_restarts: restarts,
        sessions_lost: sessions_lost as u64,
        totals: verdict.totals,
        seconds: began.elapsed().as_secs(),
        violations: verdict.violations.iter().map(ToString::to_string).collect(),
    })
}
