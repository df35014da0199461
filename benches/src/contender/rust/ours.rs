//! zk-session, this workspace's client.

use bytes::Bytes;
use zk_session::{Acl, Client, CreateMode, OneshotWatcher};

use super::{AnyError, Peer, SESSION_TIMEOUT};

/// A connected client.
pub(crate) async fn connect(connect_string: &str) -> Result<Client, AnyError> {
    let client = Client::builder(connect_string)?.session_timeout(SESSION_TIMEOUT).build();
    client.connected().await?;
    Ok(client)
}

impl Peer for Client {
    type Watch = OneshotWatcher;

    async fn get(&self, path: &str) -> Result<usize, AnyError> {
        Ok(self.get_data(path).await?.0.len())
    }

    async fn set(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.set_data(path, Bytes::copy_from_slice(data), None).await?;
        Ok(())
    }

    async fn create_ephemeral(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.create(path, Bytes::copy_from_slice(data), CreateMode::EPHEMERAL, &Acl::open()).await?;
        Ok(())
    }

    async fn delete(&self, path: &str) -> Result<(), AnyError> {
        Ok(Self::delete(self, path, None).await?)
    }

    async fn watch(&self, path: &str) -> Result<OneshotWatcher, AnyError> {
        Ok(self.get_data_and_watch(path).await?.2)
    }

    async fn fired(watch: OneshotWatcher) -> Result<(), AnyError> {
        watch.await;
        Ok(())
    }
}
