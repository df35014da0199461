//! `addauth`.

use std::future::Future;

use zk_jute::{ErrorCode, OpCode};
use zk_proto::{Cause, Credential, RequestError, Secret};

use crate::{client::Client, driver::Command, error::Error};

impl Client {
    /// Adds an identity to the connection, and to each that follows: for `digest` the credential is `user:password`.
    ///
    /// Without a connection it fails at once. An identity for every connection, from the first on, belongs into
    /// [`ClientBuilder::credential`](crate::ClientBuilder::credential).
    ///
    /// Protocol: `auth`, `AuthPacket`.
    ///
    /// # Errors
    ///
    /// `AuthFailed` if the server does not accept it: the connection ends, another follows without it. And the others of
    /// [`Error`].
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn add_auth<A: Into<Secret>>(
        &self,
        scheme: &str,
        auth: A,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<A> {
        let sent = self.reply_to(OpCode::AUTH).and_then(|(reply, outcome)| {
            let command = Command::AddAuth(Credential::new(scheme, auth), reply);
            self.command(command).map(|()| outcome)
        });
        let (scheme, deadline) = (scheme.to_owned(), self.deadline());
        async move {
            let left = deadline.since(crate::now());
            let outcome = match tokio::time::timeout(left, sent?).await {
                Ok(outcome) => outcome.unwrap_or(Err(RequestError::Closed)),
                Err(_) => Err(RequestError::Unknown(Cause::Deadline)),
            };
            match outcome?.err {
                ErrorCode::OK => Ok(()),
                code => Err(Error::AuthFailed { scheme, reason: code.to_string() }),
            }
        }
    }
}
