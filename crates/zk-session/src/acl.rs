//! Access control lists.

use zk_jute::{Permissions, records};

/// One entry of an access control list: who may do what with a znode. ACLs are not inherited.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    /// What is allowed.
    pub permissions: Permissions,
    /// The scheme: `world`, `digest`, `ip`, `x509`, `sasl`, `auth`.
    pub scheme: String,
    /// The identity within the scheme.
    pub id: String,
}

impl Acl {
    /// An entry.
    pub fn new(permissions: Permissions, scheme: impl Into<String>, id: impl Into<String>) -> Self {
        Self { permissions, scheme: scheme.into(), id: id.into() }
    }

    /// Everything allowed to anyone: `world:anyone:cdrwa`, ZooKeeper's own default.
    pub fn open() -> Vec<Self> {
        vec![Self::new(Permissions::ALL, "world", "anyone")]
    }

    pub(crate) fn from_record(record: &records::Acl<'_>) -> Self {
        Self::new(record.perms, record.id.scheme, record.id.id)
    }

    pub(crate) fn records(acl: &[Self]) -> Vec<records::Acl<'_>> {
        acl.iter()
            .map(|entry| records::Acl {
                perms: entry.permissions,
                id: records::Id { scheme: &entry.scheme, id: &entry.id },
            })
            .collect()
    }
}
