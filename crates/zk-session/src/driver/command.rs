//! What a client asks of the task, and how the task does it.

#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
#[cfg(feature = "tls")]
use zk_proto::Cause;
use zk_proto::{Credential, Host, Request, SessionCredentials, Timestamp, WatchId};

use super::Driver;
use crate::client::{NewWatch, ReplyTo, RequestCommand};
#[cfg(feature = "tls")]
use crate::connect::Security;

/// What a client asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Request(RequestCommand),
    ForgetWatch(WatchId),
    /// Add an identity.
    AddAuth(Credential, ReplyTo),
    /// A reply of this connection did not decode.
    Malformed {
        connection: u64,
        error: zk_jute::DecodeError,
    },
    /// Connect to other servers.
    SetHosts(Vec<Host>),
    SetReadTimeout(Option<Duration>),
    SetConnectTimeout(Duration),
    /// Replace the identities of every connection.
    SetCredentials(Vec<Credential>),
    /// End the client, but not the session.
    Detach(oneshot::Sender<Option<SessionCredentials>>),
    /// How connections are secured now, and what the live one was made with.
    #[cfg(feature = "tls")]
    Security(oneshot::Sender<(Security, Option<crate::tls::InUse>)>),
    /// Secures connections in another way from now on, the live one included.
    #[cfg(feature = "tls")]
    Secure(Security, oneshot::Sender<()>),
    /// Makes the live connection anew if this is still how connections are secured.
    #[cfg(feature = "tls")]
    Refresh(Arc<crate::tls::Connector>, oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

impl Driver {
    pub(super) fn obey(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Request(request) => {
                let RequestCommand { op, body, watch, deadline, when_disconnected, reply } = request;
                let watch = watch.map(|NewWatch { on, id, sender }| {
                    self.watchers.insert(id, sender);
                    (on, id)
                });
                self.session
                    .submit(now, Request { op, body, watch, deadline, when_disconnected, token: reply });
            }
            Command::ForgetWatch(id) => {
                self.watchers.remove(&id);
                self.session.forget_watch(id);
            }
            Command::AddAuth(credential, reply) => self.session.add_auth(credential, reply),
            Command::Malformed { connection, error } => self.session.malformed_reply(now, connection, error),
            Command::SetReadTimeout(read_timeout) => self.session.set_read_timeout(now, read_timeout),
            Command::SetHosts(hosts) => {
                self.board.hosts_replaced(hosts.len());
                self.session.set_hosts(now, hosts);
            }
            Command::SetConnectTimeout(connect_timeout) => self.session.set_connect_timeout(connect_timeout),
            Command::SetCredentials(credentials) => self.session.set_credentials(now, credentials),
            Command::Detach(done) => {
                let _ = done.send(self.session.detach(now));
            }
            #[cfg(feature = "tls")]
            Command::Security(reply) => {
                let in_use = self.transport.as_ref().and_then(|transport| transport.tls.clone());
                let _ = reply.send((self.security.clone(), in_use));
            }
            #[cfg(feature = "tls")]
            Command::Secure(security, done) => {
                self.security = security;
                self.secure_anew(now);
                let _ = done.send(());
            }
            #[cfg(feature = "tls")]
            Command::Refresh(connector, done) => {
                if matches!(&self.security, Security::Tls(current) if Arc::ptr_eq(current, &connector)) {
                    self.secure_anew(now);
                }
                let _ = done.send(());
            }
            Command::Close(done) => {
                self.closing.push(done);
                self.session.close(now);
            }
        }
    }

    /// Gives up what was made, or is being made, with settings or files that hold no more.
    #[cfg(feature = "tls")]
    fn secure_anew(&mut self, now: Timestamp) {
        self.board.tls_reloaded();
        self.session.forget_spare();
        self.spare.drop_all();
        if self.transport.is_some() {
            self.lost(now, Cause::Reconfigured);
        } else if self.dialling.take().is_some() {
            self.board.attempt_failed(now, &Cause::Reconfigured);
            self.session.dial_failed(now, &Cause::Reconfigured.to_string());
        }
        // Whoever waits is to find the change in the status.
        self.settle();
    }
}
