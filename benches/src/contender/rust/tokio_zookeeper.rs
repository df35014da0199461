//! tokio-zookeeper, by jonhoo. It knows one server alone.

use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use tokio_zookeeper::{Acl, CreateMode, ZooKeeper, ZooKeeperBuilder};

use super::{AnyError, Peer, SESSION_TIMEOUT};

/// A client connected to the first server.
pub(crate) async fn connect(connect_string: &str) -> Result<ZooKeeper, AnyError> {
    let first = connect_string.split(',').next().unwrap_or_default();
    let mut builder = ZooKeeperBuilder::default();
    builder.set_timeout(SESSION_TIMEOUT);
    let (client, events) = builder.connect(&first.parse()?).await?;
    // Events of the session: read, so that they do not pile up.
    tokio::spawn(events.for_each(|_| async {}));
    Ok(client)
}

impl Peer for ZooKeeper {
    /// The channel's own type is of a crate that is not re-exported.
    type Watch = BoxFuture<'static, Result<(), AnyError>>;

    async fn get(&self, path: &str) -> Result<usize, AnyError> {
        let (data, _) = self.get_data(path).await?.ok_or("no node")?;
        Ok(data.len())
    }

    async fn set(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.set_data(path, None, data.to_vec()).await??;
        Ok(())
    }

    async fn create_ephemeral(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.create(path, data.to_vec(), Acl::open_unsafe(), CreateMode::Ephemeral).await??;
        Ok(())
    }

    async fn delete(&self, path: &str) -> Result<(), AnyError> {
        Ok(Self::delete(self, path, None).await??)
    }

    async fn watch(&self, path: &str) -> Result<Self::Watch, AnyError> {
        let (watch, _, _) = self.with_watcher().get_data(path).await?.ok_or("no node")?;
        Ok(watch.map(|event| event.map(drop).map_err(AnyError::from)).boxed())
    }

    async fn fired(watch: Self::Watch) -> Result<(), AnyError> {
        watch.await
    }
}
