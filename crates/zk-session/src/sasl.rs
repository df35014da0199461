//! SASL: who a client is, and the steps of mechanisms that may block.

use std::{
    fmt,
    future::{Future, pending},
    pin::Pin,
    sync::Arc,
};

use tokio::{sync::Semaphore, task::spawn_blocking};
use zk_proto::{Host, SaslStep, Secret};

#[cfg(feature = "gssapi")]
use crate::gssapi::Gssapi;

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
    /// GSSAPI (RFC 4752), which is Kerberos.
    #[cfg(feature = "gssapi")]
    Gssapi(Gssapi),
}

impl Sasl {
    /// The host name in every ZooKeeper digest, whatever the server is called.
    pub const DIGEST_HOST: &str = zk_proto::Sasl::DIGEST_HOST;

    /// DIGEST-MD5 as ZooKeeper's servers expect it.
    pub fn digest_md5(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::DigestMd5 { user: user.into(), password: password.into(), host: Self::DIGEST_HOST.to_owned() }
    }

    /// What the session is to do, and what it leaves to the driver.
    pub(crate) fn divide(self) -> (zk_proto::Sasl, Option<Arc<dyn Mechanism>>) {
        match self {
            Self::DigestMd5 { user, password, host } => {
                (zk_proto::Sasl::DigestMd5 { user, password, host }, None)
            }
            #[cfg(feature = "gssapi")]
            Self::Gssapi(gssapi) => (zk_proto::Sasl::ByDriver, Some(Arc::new(gssapi))),
        }
    }
}

#[cfg(feature = "gssapi")]
impl From<Gssapi> for Sasl {
    fn from(gssapi: Gssapi) -> Self {
        Self::Gssapi(gssapi)
    }
}

/// A mechanism whose steps may block.
pub(crate) trait Mechanism: fmt::Debug + Send + Sync {
    /// A new exchange with this server. Must not block.
    fn begin(&self, server: &Host) -> Box<dyn Exchange>;
}

/// The client's side of one exchange.
pub(crate) trait Exchange: Send {
    /// Takes a token of the server, `None` for the first step. An error says what to do next, for people.
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<SaslStep, String>;
}

/// A step's exchange, unless it is lost, and its outcome.
type Stepped = (Option<Box<dyn Exchange>>, Result<SaslStep, String>);

type Stepping = Pin<Box<dyn Future<Output = Stepped> + Send>>;

/// The exchange of the live connection.
///
/// ```text
///  none ── step: begin ──▶ running ── next ──▶ waiting for the server's token ── step ──▶ running …
/// ```
///
/// [`drop_all`](Self::drop_all) leads back to the beginning. A step that runs cannot be stopped; it is forgotten. The next one
/// waits for it, so that at most one thread is ever blocked, however long Kerberos's servers are silent.
pub(crate) struct SaslSteps {
    mechanism: Option<Arc<dyn Mechanism>>,
    turn: Arc<Semaphore>,
    waiting: Option<Box<dyn Exchange>>,
    running: Option<(u64, Stepping)>,
}

impl SaslSteps {
    pub(crate) fn new(mechanism: Option<Arc<dyn Mechanism>>) -> Self {
        Self { mechanism, turn: Arc::new(Semaphore::new(1)), waiting: None, running: None }
    }

    /// Starts the step that the session asks for.
    pub(crate) fn step(&mut self, server: &Host, connection: u64, challenge: Option<Secret>) {
        let exchange = match challenge {
            None => self.mechanism.as_ref().map(|mechanism| mechanism.begin(server)),
            Some(_) => self.waiting.take(),
        };
        let turn = Arc::clone(&self.turn);
        let stepping = async move {
            let lost = |why: &str| (None, Err(why.to_owned()));
            let Some(mut exchange) = exchange else { return lost("no exchange is under way") };
            let Ok(turn) = turn.acquire_owned().await else { return lost("the client ends") };
            let blocking = move || {
                let outcome = exchange.step(challenge.as_ref().map(Secret::expose));
                drop(turn);
                (Some(exchange), outcome)
            };
            spawn_blocking(blocking).await.unwrap_or_else(|error| lost(&error.to_string()))
        };
        self.running = Some((connection, Box::pin(stepping)));
    }

    /// Forgets the exchange: its connection is gone.
    pub(crate) fn drop_all(&mut self) {
        self.waiting = None;
        self.running = None;
    }

    /// Waits for the outcome of the step, and says for which connection it is; for ever while none is under way.
    pub(crate) async fn next(&mut self) -> (u64, Result<SaslStep, String>) {
        let Some((connection, running)) = &mut self.running else { return pending().await };
        let (exchange, outcome) = running.await;
        let connection = *connection;
        self.running = None;
        self.waiting = exchange;
        (connection, outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
            mpsc::{Receiver, Sender, channel},
        },
        time::Duration,
    };

    use futures_util::FutureExt;

    use super::*;

    /// Steps that end when they are told to, and give what they were given.
    #[derive(Debug)]
    struct Slow {
        begun: Arc<AtomicUsize>,
        go: Arc<Mutex<Receiver<()>>>,
    }

    struct SlowExchange(Arc<AtomicUsize>, Arc<Mutex<Receiver<()>>>);

    impl Mechanism for Slow {
        fn begin(&self, _: &Host) -> Box<dyn Exchange> {
            Box::new(SlowExchange(Arc::clone(&self.begun), Arc::clone(&self.go)))
        }
    }

    impl Exchange for SlowExchange {
        fn step(&mut self, challenge: Option<&[u8]>) -> Result<SaslStep, String> {
            self.0.fetch_add(1, Ordering::SeqCst);
            self.1.lock().unwrap().recv().unwrap();
            Ok(challenge.map_or(SaslStep::Done, |token| SaslStep::Respond(token.into())))
        }
    }

    fn slow() -> (SaslSteps, Arc<AtomicUsize>, Sender<()>) {
        let (go, wait) = channel();
        let begun = Arc::new(AtomicUsize::new(0));
        let mechanism = Slow { begun: Arc::clone(&begun), go: Arc::new(Mutex::new(wait)) };
        (SaslSteps::new(Some(Arc::new(mechanism))), begun, go)
    }

    #[tokio::test]
    async fn an_exchange_goes_from_step_to_step() {
        let (mut steps, _, go) = slow();
        let server = Host::new("zk1", 2181);
        go.send(()).unwrap();
        steps.step(&server, 7, None);
        assert_eq!(steps.next().await, (7, Ok(SaslStep::Done)));
        go.send(()).unwrap();
        steps.step(&server, 7, Some("token".into()));
        assert_eq!(steps.next().await, (7, Ok(SaslStep::Respond("token".into()))));
        steps.drop_all();
        steps.step(&server, 7, Some("late".into()));
        assert!(steps.next().await.1.is_err(), "its exchange is forgotten");
    }

    #[tokio::test]
    async fn no_more_than_one_step_blocks_a_thread() {
        let (mut steps, begun, go) = slow();
        let server = Host::new("zk1", 2181);
        for connection in 0..3 {
            steps.drop_all();
            steps.step(&server, connection, None);
            // The first poll hands the step to a thread, or lets it queue.
            assert!(steps.next().now_or_never().is_none());
            while begun.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        go.send(()).unwrap();
        go.send(()).unwrap();
        // The one between was never begun, and has taken neither.
        let last = tokio::time::timeout(Duration::from_secs(10), steps.next()).await;
        assert_eq!(last.unwrap(), (2, Ok(SaslStep::Done)));
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
