//! Clients in Rust behind one trait. Each is used as its documentation shows it.

pub(crate) mod ours;
#[cfg(feature = "peers")]
pub(crate) mod tokio_zookeeper;
#[cfg(feature = "peers")]
pub(crate) mod zookeeper_async;
#[cfg(feature = "peers")]
pub(crate) mod zookeeper_client;

use std::{future::Future, time::Duration};

use crate::servers::AnyError;

/// The session timeout that every client asks for: no contender loses its session while the others have their turns.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

/// What the workloads ask of a client.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// A watch that was left.
    type Watch: Send + 'static;

    /// The session, where the client tells it.
    fn session(&self) -> Option<i64> {
        None
    }

    /// Reads a node; the length of its data.
    fn get(&self, path: &str) -> impl Future<Output = Result<usize, AnyError>> + Send;

    /// Sets a node's data, whatever its version.
    fn set(&self, path: &str, data: &[u8]) -> impl Future<Output = Result<(), AnyError>> + Send;

    /// Creates an ephemeral node that is open to anyone.
    fn create_ephemeral(&self, path: &str, data: &[u8]) -> impl Future<Output = Result<(), AnyError>> + Send;

    /// Deletes a node, whatever its version.
    fn delete(&self, path: &str) -> impl Future<Output = Result<(), AnyError>> + Send;

    /// Reads a node and leaves a watch for its data.
    fn watch(&self, path: &str) -> impl Future<Output = Result<Self::Watch, AnyError>> + Send;

    /// Waits for the event of a watch.
    fn fired(watch: Self::Watch) -> impl Future<Output = Result<(), AnyError>> + Send;
}
