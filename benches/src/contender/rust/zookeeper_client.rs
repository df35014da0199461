//! zookeeper-client, by kezhuw.

use zookeeper_client::{Acls, Client, CreateMode, OneshotWatcher};

use super::{AnyError, Peer, SESSION_TIMEOUT};

/// A connected client.
pub(crate) async fn connect(connect_string: &str) -> Result<Client, AnyError> {
    Ok(Client::connector().with_session_timeout(SESSION_TIMEOUT).connect(connect_string).await?)
}

impl Peer for Client {
    type Watch = OneshotWatcher;

    fn session(&self) -> Option<i64> {
        Some(self.session_id().0)
    }

    async fn get(&self, path: &str) -> Result<usize, AnyError> {
        Ok(self.get_data(path).await?.0.len())
    }

    async fn set(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        self.set_data(path, data, None).await?;
        Ok(())
    }

    async fn create_ephemeral(&self, path: &str, data: &[u8]) -> Result<(), AnyError> {
        let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        self.create(path, data, &options).await?;
        Ok(())
    }

    async fn delete(&self, path: &str) -> Result<(), AnyError> {
        Ok(Self::delete(self, path, None).await?)
    }

    async fn watch(&self, path: &str) -> Result<OneshotWatcher, AnyError> {
        Ok(self.get_and_watch_data(path).await?.2)
    }

    async fn fired(watch: OneshotWatcher) -> Result<(), AnyError> {
        watch.changed().await;
        Ok(())
    }
}
