//! Who a client says it is.

use crate::secret::Secret;

/// An identity to add to every connection (`addauth`), before anything else is asked on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The scheme; ZooKeeper's own with a credential is `digest`.
    pub scheme: String,
    /// What the scheme wants: `user:password` for `digest`.
    pub auth: Secret,
}

impl Credential {
    /// A credential of a scheme.
    pub fn new(scheme: impl Into<String>, auth: impl Into<Secret>) -> Self {
        Self { scheme: scheme.into(), auth: auth.into() }
    }
}

/// How to authenticate with SASL, before anything else is asked on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sasl {
    /// DIGEST-MD5 (RFC 2831) with a user of the server's JAAS file.
    DigestMd5 {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
        /// The host part of the digest URI. ZooKeeper's servers expect the fixed name [`Sasl::DIGEST_HOST`].
        host: String,
    },
    /// A mechanism that the driver knows: the session asks it for every step ([`Event::SaslStep`](crate::Event::SaslStep)).
    /// For mechanisms whose steps read files or ask other servers, as Kerberos's do.
    ByDriver,
}

impl Sasl {
    /// The host name in every ZooKeeper digest, whatever the server is called.
    pub const DIGEST_HOST: &str = "zk-sasl-md5";

    /// DIGEST-MD5 as ZooKeeper's servers expect it.
    pub fn digest_md5(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::DigestMd5 { user: user.into(), password: password.into(), host: Self::DIGEST_HOST.to_owned() }
    }
}
