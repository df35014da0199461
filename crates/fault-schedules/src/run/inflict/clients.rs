//! What happens to processes.

use std::time::Duration;

use super::super::world::World;

/// Landed when the process was seen to stand still.
pub(super) async fn freeze(world: &World, place: usize, lasts: Duration) -> bool {
    let landed = world.at(place).await.0.freeze().await;
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    world.at(place).await.0.thaw();
    landed
}

/// Landed when the process ran and is gone.
pub(super) async fn kill(world: &World, place: usize, lasts: Duration) -> bool {
    let killed = world.at(place).await.0.kill().await;
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    killed && world.replace(place).await.is_ok()
}
