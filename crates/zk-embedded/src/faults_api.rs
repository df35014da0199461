//! Making things go wrong.

use std::{io, time::Duration};

use tokio::sync::oneshot;

use crate::{Fault, FaultId, Match, Server, engine::Engine};

/// What can be made to go wrong with a [`Server`]; from [`Server::faults`].
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use zk_embedded::{Fault, Match, OpCode, Server};
/// use zk_session::{Acl, Client, CreateMode};
///
/// let server = Server::start().await?;
/// let client = Client::builder(&server.connect_string())?.build();
/// // The create is carried out, and its answer is lost: the client cannot know.
/// server.faults().next(Match::any().op(OpCode::CREATE2), Fault::LoseReply);
/// let created = client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await;
/// assert!(created.is_err_and(|error| error.is_ambiguous()));
/// assert!(client.exists("/a").await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Faults<'s> {
    pub(crate) server: &'s Server,
}

impl Faults<'_> {
    /// For the next request of this kind.
    pub fn next(&self, matching: Match, fault: Fault) -> FaultId {
        self.times(1, matching, fault)
    }

    /// For the next `count` requests of this kind. A request is hit by one fault only: the one asked for first.
    pub fn times(&self, count: u32, matching: Match, fault: Fault) -> FaultId {
        self.engine(|engine| engine.add_fault(matching, fault, Some(count)))
    }

    /// For every request of this kind, until it is [ended](Self::end).
    pub fn every(&self, matching: Match, fault: Fault) -> FaultId {
        self.engine(|engine| engine.add_fault(matching, fault, None))
    }

    /// Ends a fault before its time.
    pub fn end(&self, id: FaultId) {
        self.engine(|engine| engine.end_fault(id));
    }

    /// Ends all faults of requests and connects. Stalls, closed ports, and servers that are frozen or read-only stay as they are.
    pub fn clear(&self) {
        self.engine(Engine::clear_faults);
    }

    /// How many requests a fault has hit so far.
    pub fn hits(&self, id: FaultId) -> u32 {
        self.engine(|engine| engine.fault_hits(id))
    }

    /// Expires a session now, with its ephemeral znodes and its connections; `false` if there is none.
    pub fn expire(&self, session_id: i64) -> bool {
        self.server.hub.with(|engine, now| engine.expire_session(now, session_id))
    }

    /// Ends the connections of a session; returns how many. The session lives on.
    pub fn disconnect(&self, session_id: i64) -> usize {
        self.engine(|engine| engine.drop_connections(Some(session_id)))
    }

    /// Ends all connections; returns how many. The sessions live on.
    pub fn disconnect_all(&self) -> usize {
        self.engine(|engine| engine.drop_connections(None))
    }

    /// Silences the connections of a session in both directions; returns how many. The session is no more touched.
    pub fn stall(&self, session_id: i64) -> usize {
        self.engine(|engine| engine.stall(Some(session_id), true))
    }

    /// Lets the connections of a session go on; returns how many.
    pub fn resume(&self, session_id: i64) -> usize {
        self.engine(|engine| engine.stall(Some(session_id), false))
    }

    /// Silences all connections there are, as a server does that is frozen; returns how many. New ones are served.
    pub fn stall_all(&self) -> usize {
        self.engine(|engine| engine.stall(None, true))
    }

    /// Lets all connections go on; returns how many.
    pub fn resume_all(&self) -> usize {
        self.engine(|engine| engine.stall(None, false))
    }

    /// Refuses connections: the port is closed when this returns. Connections that stand are not ended.
    ///
    /// # Cancel safety
    ///
    /// The order has been given once this has been polled; only the waiting is given up.
    pub async fn refuse_connects(&self) {
        // Closing a port cannot fail.
        let _ = self.open(false).await;
    }

    /// Takes connections again, on the same port: it is open when this returns.
    ///
    /// # Errors
    ///
    /// Somebody else has taken the port meanwhile.
    ///
    /// # Cancel safety
    ///
    /// As [`refuse_connects`](Self::refuse_connects).
    pub async fn accept_connects(&self) -> io::Result<()> {
        self.open(true).await
    }

    /// Is gone, as a server that is stopped or killed: connections end, and new ones are refused. Tree and sessions are kept for
    /// the [start](Self::start), and nothing expires meanwhile.
    ///
    /// # Cancel safety
    ///
    /// As [`refuse_connects`](Self::refuse_connects).
    pub async fn stop(&self) {
        self.refuse_connects().await;
        self.server.hub.with(|engine, now| {
            engine.freeze(now, true);
            engine.drop_connections(None);
        });
    }

    /// Is back, as a server that is started again with the data it had: every session has its full timeout once more.
    ///
    /// # Errors
    ///
    /// Somebody else has taken the port meanwhile: it is still gone then.
    ///
    /// # Cancel safety
    ///
    /// Giving up the wait may leave it either gone or back.
    pub async fn start(&self) -> io::Result<()> {
        self.server.hub.with(|engine, now| {
            engine.touch_all(now);
            engine.freeze(now, false);
        });
        self.accept_connects().await
    }

    /// Stands still, as a process that got a SIGSTOP: connections stand and are taken, nothing is read, answered or counted.
    pub fn freeze(&self) {
        self.server.hub.with(|engine, now| engine.freeze(now, true));
    }

    /// Goes on. Sessions whose time went by meanwhile expire.
    pub fn thaw(&self) {
        self.server.hub.with(|engine, now| engine.freeze(now, false));
    }

    /// Tells the next client whose connect request is granted that its session has this id.
    pub fn answer_connect_with(&self, session_id: i64) {
        self.engine(|engine| engine.tell_session_id(session_id));
    }

    /// Becomes a read-only server, or a real one again. All connections end; only clients that asked for it are let in while it
    /// is read-only. Of an ensemble, this is the leader.
    pub fn read_only(&self, read_only: bool) {
        self.server.hub.with(|engine, now| engine.set_read_only(now, read_only));
    }

    /// Delays every reply by so much until [ended](Self::end): a server that is slow, and still answers in order.
    pub fn slow(&self, by: Duration) -> FaultId {
        self.every(Match::any(), Fault::DelayReply(by))
    }

    async fn open(&self, open: bool) -> io::Result<()> {
        for port in &self.server.ports {
            let (done, outcome) = oneshot::channel();
            let gone = || io::Error::other("the runtime that the server was started on has ended");
            port.orders.send((open, done)).map_err(|_| gone())?;
            outcome.await.map_err(|_| gone())??;
        }
        Ok(())
    }

    fn engine<R>(&self, act: impl FnOnce(&mut Engine) -> R) -> R {
        self.server.hub.with(|engine, _| act(engine))
    }
}
