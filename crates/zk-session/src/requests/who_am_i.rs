//! `whoAmI`.

use std::future::Future;

use zk_jute::{Decode, OpCode, records::WhoAmIResponse};

use crate::{client::Client, error::Error};

/// Who a connection is to a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Identity {
    /// The scheme: `ip`, `digest`, `x509`, `sasl`.
    pub scheme: String,
    /// The name within the scheme; empty if the scheme has none.
    pub user: String,
}

impl Client {
    /// Who the server takes this client for, by all the ways in which it has shown that. Secrets are not among it.
    ///
    /// Protocol: `whoAmI` → `WhoAmIResponse`. Needs a server of 3.7 or later.
    ///
    /// # Errors
    ///
    /// Those of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn who_am_i(&self) -> impl Future<Output = Result<Vec<Identity>, Error>> + Send + use<> {
        self.call(OpCode::WHO_AM_I, "/", &(), |body| {
            let response = WhoAmIResponse::from_bytes(body)?;
            let identity = |info: zk_jute::records::ClientInfo<'_>| Identity {
                scheme: info.auth_scheme.to_owned(),
                user: info.user.to_owned(),
            };
            Ok(response.client_info.into_iter().map(identity).collect())
        })
    }
}
