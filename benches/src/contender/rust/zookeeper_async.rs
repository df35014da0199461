//! zookeeper-async, by krojew.

use std::sync::Arc;

use tokio::sync::oneshot;
use zookeeper_async::{Acl, CreateMode, WatchedEvent, ZooKeeper};

use super::{AnyError, Peer, SESSION_TIMEOUT};

/// A connected client.
pub(crate) async fn connect(connect_string: &str) -> Result<Arc<ZooKeeper>, AnyError> {
    let client = ZooKeeper::connect(connect_string, SESSION_TIMEOUT, |_: WatchedEvent| {}).await?;
    Ok(Arc::new(client))
}

impl Peer for Arc<ZooKeeper> {
    type Watch = oneshot::Receiver<WatchedEvent>;

    async fn get(&self, path: &str) -> Result<usize, AnyError> {
        Ok(self.get_data(path, false).await?.0.len())
    }

    async fn set(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.set_data(path, data.to_vec(), None).await?;
        Ok(())
    }

    async fn create_ephemeral(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.create(path, data.to_vec(), Acl::open_unsafe().clone(), CreateMode::Ephemeral).await?;
        Ok(())
    }

    async fn delete(&self, path: &str) -> Result<(), AnyError> {
        Ok(ZooKeeper::delete(self, path, None).await?)
    }

    async fn watch(&self, path: &str) -> Result<Self::Watch, AnyError> {
        let (fire, fired) = oneshot::channel();
        let tell = |event| {
            // Nobody waits any more when the run is over.
            let _ = fire.send(event);
        };
        self.get_data_w(path, tell).await?;
        Ok(fired)
    }

    async fn fired(watch: Self::Watch) -> Result<(), AnyError> {
        watch.await?;
        Ok(())
    }
}
