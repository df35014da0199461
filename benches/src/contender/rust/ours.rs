//! zk-session, this workspace's client, as it comes and as Patroni's timings have it.

use bytes::Bytes;
use dcs_zk::{Timings, config::ConnectBasis};
use zk_session::{Acl, Client, ClientBuilder, CreateMode, OneshotWatcher, WhenDisconnected};

use super::{AnyError, Peer, SESSION_TIMEOUT};
use crate::{
    contender::{OURS_NO_SUSPICION, OURS_PATRONI},
    report::OURS,
};

/// A connected client with the settings of this contender.
pub(crate) async fn connect(name: &str, connect_string: &str) -> Result<Client, AnyError> {
    let builder = Client::builder(connect_string)?;
    let client = match name {
        OURS => builder.session_timeout(SESSION_TIMEOUT),
        OURS_PATRONI => as_dcs_zk(builder),
        OURS_NO_SUSPICION => as_dcs_zk(builder).suspicion(false),
        other => return Err(format!("no contender: {other}").into()),
    };
    let client = client.build();
    client.connected().await?;
    Ok(client)
}

/// What `dcs-zk` derives from Patroni's default times (ttl 30, loop_wait 10, retry_timeout 10).
fn as_dcs_zk(builder: ClientBuilder) -> ClientBuilder {
    let timings = Timings::default();
    builder
        .session_timeout(timings.ttl())
        .read_timeout(timings.read_timeout())
        .connect_timeout(timings.connect_timeout(ConnectBasis::default()))
        .when_disconnected(WhenDisconnected::Fail)
}

impl Peer for Client {
    type Watch = OneshotWatcher;

    fn session(&self) -> Option<i64> {
        Some(self.status().session?.session_id)
    }

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
