//! Authentication, between the grant of the session and the restoration of its watches.
//!
//! ```text
//!  granted ─▶ SASL exchange (if configured) ─▶ addauth of every credential, with SetWatches behind them ─▶ ready
//! ```
//!
//! It is done anew on every connection, and nothing of the user's is sent before it has succeeded. A failure ends the
//! connection and is told; the next attempt comes after a pause, because it may heal: a password changes, a Kerberos
//! server comes back.

use std::sync::Arc;

use bytes::Bytes;
use zk_jute::{
    Decode, ErrorCode, OpCode,
    records::{AuthPacket, GetSASLRequest, ReplyHeader, RequestHeader, SetSASLResponse},
    xid::AUTH_XID,
};

use super::link::Link;
use crate::{
    auth::{Credential, Sasl},
    error::{Cause, ProtocolError, RequestError},
    event::{Event, Reply},
    outbound::put_frame,
    sasl::{DigestMd5, SaslError, Step},
    session::Session,
    set_watches::write_set_watches,
    time::Timestamp,
};

/// The SASL exchange of a connection.
#[derive(Debug)]
pub(super) struct Exchange {
    mechanism: DigestMd5,
    /// The request that is unanswered.
    xid: i32,
}

/// An `addauth` that is unanswered.
#[derive(Debug)]
pub(super) struct Unanswered<T> {
    scheme: String,
    /// One that was added while connected: it is kept once the server has accepted it.
    added: Option<(Credential, T)>,
}

/// Commands.
impl<T> Session<T> {
    /// Adds an identity to the live connection, and to each that follows once the server has accepted it. The outcome comes
    /// as [`Event::Reply`]. Without a connection it fails at once and nothing is kept: identities for every connection belong
    /// into [`Config::credentials`](crate::Config).
    pub fn add_auth(&mut self, credential: Credential, token: T) {
        let established = match &mut self.link {
            Link::Established(established) if established.ready_since.is_some() => established,
            _ => {
                let cause = self.last_cause.clone().unwrap_or(Cause::NotConnected);
                let outcome = Err(RequestError::NotSent(cause));
                self.events.push_back(Event::Reply { token, outcome });
                return;
            }
        };
        write_auth(&mut self.out, &credential);
        let scheme = credential.scheme.clone();
        established.authenticating.push_back(Unanswered { scheme, added: Some((credential, token)) });
    }
}

/// Steps.
impl<T> Session<T> {
    /// The session is granted: says who we are.
    pub(super) fn authenticate(&mut self, now: Timestamp) {
        let Some(Sasl::DigestMd5 { user, password, host }) = self.config.sasl.clone() else {
            self.add_credentials_and_restore(now);
            return;
        };
        let cnonce: String = (0..24).map(|_| self.rng.alphanumeric()).collect();
        let mechanism = DigestMd5::new(user, password, &host, cnonce);
        let xid = self.send_sasl(Bytes::new());
        if let Link::Established(established) = &mut self.link {
            established.sasl = Some(Exchange { mechanism, xid });
        }
    }

    fn send_sasl(&mut self, token: Bytes) -> i32 {
        let xid = self.xids.next_xid();
        put_frame(
            &mut self.out,
            &RequestHeader { xid, op: OpCode::SASL },
            &GetSASLRequest { token: Some(token) },
        );
        xid
    }

    /// Whether this is the answer that the SASL exchange waits for.
    pub(super) fn is_sasl_reply(&self, xid: i32) -> bool {
        matches!(&self.link, Link::Established(established) if established.sasl.as_ref().is_some_and(|sasl| sasl.xid == xid))
    }

    pub(super) fn sasl_reply(
        &mut self,
        now: Timestamp,
        header: &ReplyHeader,
        body: &Bytes,
    ) -> Result<(), Cause> {
        if header.err != ErrorCode::OK {
            return Err(self.auth_failed("sasl", &header.err.to_string()));
        }
        let response = SetSASLResponse::from_bytes(body)
            .map_err(|source| ProtocolError::Decode { what: "SASL response", source })?;
        let token = response.token.unwrap_or_default();
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let step =
            established.sasl.as_mut().map_or(Err(SaslError::Challenge), |sasl| sasl.mechanism.step(&token));
        match step {
            Ok(Step::Send(answer)) => {
                let xid = self.send_sasl(answer.into());
                if let Link::Established(established) = &mut self.link
                    && let Some(sasl) = &mut established.sasl
                {
                    sasl.xid = xid;
                }
                Ok(())
            }
            Ok(Step::Done) => {
                established.sasl = None;
                self.add_credentials_and_restore(now);
                Ok(())
            }
            Err(error) => Err(self.auth_failed("sasl", &error.to_string())),
        }
    }

    /// The server takes an `addauth` into account before it looks at what follows, so that the watches need not wait for the
    /// answers. Ready comes after all of them.
    fn add_credentials_and_restore(&mut self, now: Timestamp) {
        let Link::Established(established) = &mut self.link else { return };
        for credential in &self.config.credentials {
            write_auth(&mut self.out, credential);
            established
                .authenticating
                .push_back(Unanswered { scheme: credential.scheme.clone(), added: None });
        }
        established.restoring = write_set_watches(&self.watches, self.watches_zxid, &mut self.out);
        self.ready_if_restored(now);
    }

    /// Answers to `addauth` come in their own order: servers give them at once, past the queue of requests.
    pub(super) fn auth_reply(&mut self, now: Timestamp, header: &ReplyHeader) -> Result<(), Cause> {
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let Some(Unanswered { scheme, added }) = established.authenticating.pop_front() else {
            return Err(ProtocolError::Unsolicited { xid: AUTH_XID }.into());
        };
        let refused = header.err != ErrorCode::OK;
        if let Some((credential, token)) = added {
            if !refused {
                self.config.credentials.push(credential);
            }
            let reply = Reply {
                err: header.err,
                zxid: header.zxid,
                body: Bytes::new(),
                sent_at: now,
                generation: self.generation,
                connection: self.connection,
            };
            self.events.push_back(Event::Reply { token, outcome: Ok(reply) });
        }
        if refused {
            return Err(self.auth_failed(&scheme, &header.err.to_string()));
        }
        self.ready_if_restored(now);
        Ok(())
    }

    fn auth_failed(&mut self, scheme: &str, reason: &str) -> Cause {
        let (scheme, reason) = (Arc::from(scheme), Arc::from(reason));
        Cause::AuthFailed { scheme, reason }
    }

    /// The connection ended: whoever waits for an `addauth` is told that the answer is lost.
    pub(super) fn auth_lost(&mut self, unanswered: impl IntoIterator<Item = Unanswered<T>>, cause: &Cause) {
        for (_, token) in unanswered.into_iter().filter_map(|unanswered| unanswered.added) {
            let outcome = Err(RequestError::Unknown(cause.clone()));
            self.events.push_back(Event::Reply { token, outcome });
        }
    }
}

fn write_auth(out: &mut bytes::BytesMut, credential: &Credential) {
    let packet =
        AuthPacket { auth_type: 0, scheme: &credential.scheme, auth: Some(credential.auth.to_wire()) };
    put_frame(out, &RequestHeader { xid: AUTH_XID, op: OpCode::AUTH }, &packet);
}
