//! Authentication, between the grant of the session and the restoration of its watches.
//!
//! ```text
//!  granted ─▶ SASL exchange (if configured) ─▶ addauth of every credential, with SetWatches behind them ─▶ ready
//! ```
//!
//! The exchange, whose mechanism is DIGEST-MD5 or one that the driver knows:
//!
//! ```text
//!  DIGEST-MD5: an empty token                 by the driver: it speaks first
//!        │                                          │
//!        ▼                   a token                ▼
//!  awaiting the server ───────────────────▶ awaiting the step ── Done ─▶ addauth, SetWatches
//!        │   ▲                                  │   │
//!        │   └────────── Respond: a token ──────┘   │ failed; not taken by the deadline
//!        │ refused, silent                          │
//!        └─────────▶ the connection ends ◀──────────┘
//! ```
//!
//! A step of DIGEST-MD5 is taken at once. One of the driver's may block (Kerberos asks its own servers): it comes as
//! [`Event::SaslStep`], and [`Session::sasl_stepped`] takes its outcome. Nothing is sent meanwhile, not even pings: a server
//! that insists on SASL closes the connection on anything else. The steps of an exchange have a read timeout together, and no
//! more than half a session timeout.
//!
//! It is done anew on every connection, and nothing of the user's is sent before it has succeeded. A failure ends the
//! connection and is told; the next attempt comes after a pause, because it may heal: a password changes, a Kerberos
//! server comes back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use zk_jute::{
    Decode, ErrorCode, OpCode,
    records::{AuthPacket, GetSASLRequest, ReplyHeader, RequestHeader, SetSASLResponse},
    xid::AUTH_XID,
};

use super::link::{Established, Link};
use crate::{
    auth::{Credential, Sasl},
    error::{Cause, ProtocolError, RequestError},
    event::{Event, Reply},
    outbound::put_frame,
    sasl::{DigestMd5, Mechanism, SaslStep},
    secret::Secret,
    session::Session,
    time::Timestamp,
};

/// The SASL exchange of a connection.
#[derive(Debug)]
pub(super) struct Exchange {
    mechanism: Mechanism,
    awaiting: Awaiting,
    /// What the steps of the driver may take together.
    limit: Duration,
    /// When that is over.
    deadline: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// The answer to this request.
    Server { xid: i32 },
    /// [`Session::sasl_stepped`].
    Driver,
}

impl<T> Established<T> {
    /// Whether nobody but the driver can go on.
    pub(super) fn awaits_driver(&self) -> bool {
        self.sasl.as_ref().is_some_and(|sasl| sasl.awaiting == Awaiting::Driver)
    }

    /// When the step that the driver takes must be there.
    pub(super) fn step_due(&self) -> Option<Timestamp> {
        self.sasl.as_ref().filter(|_| self.awaits_driver()).map(|sasl| sasl.deadline)
    }

    /// When a ping is due; never during the exchange.
    pub(super) fn ping_at(&self) -> Option<Timestamp> {
        self.sasl.is_none().then(|| self.liveness.ping_at())
    }
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

    /// Replaces the identities of every connection. The live one takes those that are added. It cannot forget any: if one is
    /// gone, it is dropped, and the session goes on with another connection.
    pub fn set_credentials(&mut self, now: Timestamp, credentials: Vec<Credential>) {
        let before = std::mem::replace(&mut self.config.credentials, credentials);
        // One that was added and is not accepted yet counts: it would be kept once it is.
        let unanswered = match &self.link {
            Link::Established(established) => Some(&established.authenticating),
            _ => None,
        };
        let asked = unanswered.into_iter().flatten().filter_map(|unanswered| unanswered.added.as_ref());
        let retained = before
            .iter()
            .chain(asked.map(|(credential, _)| credential))
            .all(|credential| self.config.credentials.contains(credential));
        let added = self.config.credentials.iter().filter(|credential| !before.contains(credential));
        match &mut self.link {
            // The credentials come after the SASL exchange.
            Link::Established(established) if established.sasl.is_some() => {}
            Link::Established(established) if retained => {
                for credential in added {
                    write_auth(&mut self.out, credential);
                    let scheme = credential.scheme.clone();
                    established.authenticating.push_back(Unanswered { scheme, added: None });
                }
            }
            Link::Established(_) => self.lose_link(now, Cause::Reconfigured),
            // Nothing was said yet on this connection, or there is none.
            Link::Idle { .. } | Link::Dialing { .. } | Link::Handshaking { .. } | Link::Closed => {}
        }
    }
}

/// Inputs.
impl<T> Session<T> {
    /// The step of [`Event::SaslStep`] is taken: what to tell the server, or why it failed, for people. A late word about an
    /// earlier connection is ignored.
    pub fn sasl_stepped(&mut self, now: Timestamp, connection: u64, outcome: Result<SaslStep, String>) {
        let awaited = matches!(&self.link, Link::Established(established) if established.awaits_driver());
        if !awaited || connection != self.connection {
            return;
        }
        match outcome {
            Ok(step) => self.take_step(now, step),
            Err(reason) => self.lose_link(now, auth_failed("sasl", &reason)),
        }
    }
}

/// Steps.
impl<T> Session<T> {
    /// The session is granted: says who we are.
    pub(super) fn authenticate(&mut self, now: Timestamp, negotiated: Duration) {
        let Some(sasl) = self.config.sasl.clone() else {
            self.add_credentials_and_restore(now);
            return;
        };
        let half = negotiated.checked_div(2).unwrap_or(negotiated);
        let limit = self.read_timeout(negotiated).min(half);
        let deadline = now.after(limit);
        let (mechanism, awaiting) = match sasl {
            Sasl::DigestMd5 { user, password, host } => {
                let cnonce: String = (0..24).map(|_| self.rng.alphanumeric()).collect();
                let mechanism = DigestMd5::new(user, password, &host, cnonce);
                (Mechanism::DigestMd5(mechanism), Awaiting::Server { xid: self.send_sasl(Bytes::new()) })
            }
            Sasl::ByDriver => {
                self.ask_driver(None);
                (Mechanism::ByDriver, Awaiting::Driver)
            }
        };
        if let Link::Established(established) = &mut self.link {
            established.sasl = Some(Exchange { mechanism, awaiting, limit, deadline });
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

    fn ask_driver(&mut self, challenge: Option<Secret>) {
        if let Some(host) = self.link.host().cloned() {
            self.events.push_back(Event::SaslStep { host, connection: self.connection, challenge });
        }
    }

    /// Whether this is the answer that the SASL exchange waits for.
    pub(super) fn is_sasl_reply(&self, xid: i32) -> bool {
        let Link::Established(established) = &self.link else { return false };
        established.sasl.as_ref().is_some_and(|sasl| sasl.awaiting == Awaiting::Server { xid })
    }

    pub(super) fn sasl_reply(
        &mut self,
        now: Timestamp,
        header: &ReplyHeader,
        body: &Bytes,
    ) -> Result<(), Cause> {
        if header.err != ErrorCode::OK {
            return Err(auth_failed("sasl", &format!("{}; the server's log says why", header.err)));
        }
        let response = SetSASLResponse::from_bytes(body)
            .map_err(|source| ProtocolError::Decode { what: "SASL response", source })?;
        let token = response.token.unwrap_or_default();
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let Some(sasl) = &mut established.sasl else { return Ok(()) };
        match &mut sasl.mechanism {
            Mechanism::DigestMd5(digest) => {
                let step = digest.step(&token).map_err(|error| auth_failed("sasl", &error.to_string()))?;
                self.take_step(now, step);
            }
            Mechanism::ByDriver => {
                sasl.awaiting = Awaiting::Driver;
                self.ask_driver(Some(Secret::new(token)));
            }
        }
        Ok(())
    }

    fn take_step(&mut self, now: Timestamp, step: SaslStep) {
        match step {
            SaslStep::Respond(token) => {
                let xid = self.send_sasl(token.to_wire());
                let Link::Established(established) = &mut self.link else { return };
                established.asked_at = now;
                if let Some(sasl) = &mut established.sasl {
                    sasl.awaiting = Awaiting::Server { xid };
                }
            }
            SaslStep::Done => {
                if let Link::Established(established) = &mut self.link {
                    established.sasl = None;
                }
                self.add_credentials_and_restore(now);
            }
        }
    }

    /// Why the connection ends if the driver has not taken its step by now.
    pub(super) fn step_overdue(&self, now: Timestamp) -> Option<Cause> {
        let Link::Established(established) = &self.link else { return None };
        established.step_due().filter(|due| *due <= now)?;
        let limit = established.sasl.as_ref()?.limit.as_millis();
        let reason = format!(
            "a step of the mechanism was not done within {limit} ms: do the servers that it asks, such as a KDC, answer?"
        );
        Some(auth_failed("sasl", &reason))
    }

    /// The server takes an `addauth` into account before it looks at what follows, so that the watches need not wait for the
    /// answers. Ready comes after all of them.
    fn add_credentials_and_restore(&mut self, now: Timestamp) {
        let Link::Established(established) = &mut self.link else { return };
        established.asked_at = now;
        for credential in &self.config.credentials {
            write_auth(&mut self.out, credential);
            established
                .authenticating
                .push_back(Unanswered { scheme: credential.scheme.clone(), added: None });
        }
        self.restore_watches(now);
    }

    /// Answers to `addauth` come in their own order: servers give them at once, past the queue of requests.
    pub(super) fn auth_reply(&mut self, now: Timestamp, header: &ReplyHeader) -> Result<(), Cause> {
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let Some(Unanswered { scheme, added }) = established.authenticating.pop_front() else {
            return Err(ProtocolError::Unsolicited { xid: AUTH_XID }.into());
        };
        let refused = header.err != ErrorCode::OK;
        if let Some((credential, token)) = added {
            // Whoever adds the same again and again is not to send it so often to every server that follows.
            if !refused && !self.config.credentials.contains(&credential) {
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
            return Err(auth_failed(&scheme, &header.err.to_string()));
        }
        self.ready_if_restored(now);
        Ok(())
    }

    /// The connection ends: whoever waits for an `addauth` is told that the answer is lost.
    pub(super) fn auth_lost(&mut self, cause: &Cause) {
        let Link::Established(established) = &mut self.link else { return };
        let unanswered = std::mem::take(&mut established.authenticating);
        for (_, token) in unanswered.into_iter().filter_map(|unanswered| unanswered.added) {
            let outcome = Err(RequestError::Unknown(cause.clone()));
            self.events.push_back(Event::Reply { token, outcome });
        }
    }
}

fn auth_failed(scheme: &str, reason: &str) -> Cause {
    Cause::AuthFailed { scheme: Arc::from(scheme), reason: Arc::from(reason) }
}

fn write_auth(out: &mut bytes::BytesMut, credential: &Credential) {
    let packet =
        AuthPacket { auth_type: 0, scheme: &credential.scheme, auth: Some(credential.auth.to_wire()) };
    put_frame(out, &RequestHeader { xid: AUTH_XID, op: OpCode::AUTH }, &packet);
}
