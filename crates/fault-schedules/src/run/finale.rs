//! The end of a run: all calls end, watchers say what they believe, and then it is looked what there is.

use std::time::Duration;

use super::{
    RunError,
    lines::PLACES,
    witness,
    world::{PATIENCE, World},
};
use crate::{
    history::Event,
    roles::Order,
    schedule::{CONTENDERS, SESSION, WRITERS},
};

impl World {
    /// Ends the run, and puts into the history what there is.
    ///
    /// # Errors
    ///
    /// Something did not end in time.
    pub async fn end(&self) -> Result<(), RunError> {
        let world = self;
        let (busy, watching) = (0..CONTENDERS + WRITERS, CONTENDERS + WRITERS..PLACES);
        for place in busy.clone() {
            world.at(place).await.0.order(Order::Stop).await;
        }
        for place in busy {
            world.at(place).await.0.ended(PATIENCE).await?;
        }
        // Sessions of processes that were killed, and of writers that lost theirs.
        witness::wait_for_ephemerals(&world.ensemble, SESSION * 2 + Duration::from_secs(10)).await?;
        for place in watching.clone() {
            world.at(place).await.0.order(Order::Finish).await;
        }
        for place in watching {
            world.at(place).await.0.ended(PATIENCE).await?;
        }
        let nodes = witness::everything(&world.ensemble).await?;
        world.history().run_tells(Event::Final { nodes });
        Ok(())
    }
}
