//! The configuration of the ensemble: reading and changing it.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    Decode, OpCode,
    records::{GetDataRequest, GetDataResponse, ReconfigRequest, Stat},
};
use zk_proto::WatchOn;

use crate::{client::Client, error::Error, watcher::OneshotWatcher};

/// The node with the configuration, whatever the chroot.
const CONFIG_PATH: &str = "/zookeeper/config";

/// A change of the ensemble's members. Servers are written as in a configuration file:
/// `server.1=host:2888:3888;2181`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconfig {
    /// Some join and some leave.
    Incremental {
        /// Servers to add or to change.
        joining: Vec<String>,
        /// The numbers of the servers to remove.
        leaving: Vec<u64>,
    },
    /// These and no others.
    Members(Vec<String>),
}

impl Client {
    /// The configuration of the ensemble, as the lines of a configuration file, and the stat of its node. The last line,
    /// `version=…`, is what [`reconfig`](Self::reconfig) can be made to depend on, in hexadecimal.
    ///
    /// Protocol: `getData` of `/zookeeper/config`, outside any chroot.
    ///
    /// # Errors
    ///
    /// Those of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn get_config(&self) -> impl Future<Output = Result<(Bytes, Stat), Error>> + Send + use<> {
        let request = GetDataRequest { path: CONFIG_PATH, watch: false };
        self.call(OpCode::GET_DATA, CONFIG_PATH, &request, decode)
    }

    /// Like [`get_config`](Self::get_config), and leaves a watch for changes. Its event names `/zookeeper/config`, whatever
    /// the chroot.
    ///
    /// # Errors
    ///
    /// As [`get_config`](Self::get_config); no watch is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the watch up.
    pub fn get_config_and_watch(
        &self,
    ) -> impl Future<Output = Result<(Bytes, Stat, OneshotWatcher), Error>> + Send + use<> {
        let (watch, watcher) = self.new_watch(WatchOn::Data(CONFIG_PATH.to_owned()));
        let request = GetDataRequest { path: CONFIG_PATH, watch: true };
        let outcome = self.submit(OpCode::GET_DATA, &request, Some(watch));
        let client = self.clone();
        async move {
            let (data, stat) = client.decode_ok(outcome.await?, CONFIG_PATH.to_owned(), decode)?;
            Ok((data, stat, watcher))
        }
    }

    /// Changes the members of the ensemble, if the version of its configuration is `from_config`; `None` for any. Returns
    /// the new configuration, as [`get_config`](Self::get_config) does.
    ///
    /// Protocol: `reconfig`, `ReconfigRequest` → `GetDataResponse`. Needs servers of 3.5 or later that are set up with
    /// `reconfigEnabled`, and the right to write `/zookeeper/config`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `RECONFIG_DISABLED`, `NO_AUTH`, `BAD_VERSION`, `BAD_ARGUMENTS`, `NEW_CONFIG_NO_QUORUM`,
    /// `RECONFIG_IN_PROGRESS`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn reconfig(
        &self,
        change: &Reconfig,
        from_config: Option<i64>,
    ) -> impl Future<Output = Result<(Bytes, Stat), Error>> + Send + use<> {
        let (joining, leaving, members) = match change {
            Reconfig::Incremental { joining, leaving } => {
                let leaving: Vec<String> = leaving.iter().map(u64::to_string).collect();
                (listed(joining), listed(&leaving), None)
            }
            Reconfig::Members(members) => (None, None, listed(members)),
        };
        let request = ReconfigRequest {
            joining_servers: joining.as_deref(),
            leaving_servers: leaving.as_deref(),
            new_members: members.as_deref(),
            cur_config_id: from_config.unwrap_or(-1),
        };
        self.call(OpCode::RECONFIG, CONFIG_PATH, &request, decode)
    }
}

/// A list as the protocol carries it; null for an empty one.
fn listed(entries: &[String]) -> Option<String> {
    (!entries.is_empty()).then(|| entries.join(","))
}

fn decode(body: &Bytes) -> Result<(Bytes, Stat), zk_jute::DecodeError> {
    let response = GetDataResponse::from_bytes(body)?;
    Ok((response.data.unwrap_or_default(), response.stat))
}
