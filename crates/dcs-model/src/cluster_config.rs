//! The dynamic configuration of the cluster.

use crate::json::{Object, Value};
use serde::Serialize;

/// What the `config` key says; answers to `patroni.dcs.ClusterConfig`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClusterConfig {
    /// The version of the znode, for conditional writes.
    pub version: i32,
    /// The configuration; empty when the stored value is not a JSON object.
    pub data: Object,
    /// The zxid of the last change (`mzxid`), or 0 when the stored value is not a JSON object.
    pub modify_version: i64,
}

impl ClusterConfig {
    /// Reads the znode `config`; answers to `ClusterConfig.from_node`.
    pub fn from_node(version: i32, value: &[u8], mzxid: i64) -> Self {
        match Value::from_slice(value) {
            Ok(Value::Object(data)) => Self { version, data, modify_version: mzxid },
            _ => Self { version, ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_has_no_modify_version() {
        let config = ClusterConfig::from_node(2, br#"{"ttl":30}"#, 77);
        assert_eq!((config.version, config.modify_version, config.data.len()), (2, 77, 1));
        for value in [&b""[..], b"[]", b"{", b"\xff"] {
            assert_eq!(
                ClusterConfig::from_node(2, value, 77),
                ClusterConfig { version: 2, ..Default::default() }
            );
        }
    }
}
