//! A client in a process of its own, which may hang, die, or take what memory it likes. It talks with its parent in lines of
//! JSON: a [`Task`] in, `ready` out; anything in, an [`Ending`] out; anything in, an [`Again`] out.

#[cfg(feature = "peers")]
mod kezhuw;
mod ours;

use std::{
    error::Error,
    io::{self, BufRead, Write},
    net::SocketAddr,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How long a client may take before it counts as hanging.
pub(crate) const HANGS: Duration = Duration::from_secs(5);

/// How long a client may take to work again.
pub(crate) const RECOVERS: Duration = Duration::from_secs(7);

/// How long a new client may take in place of one that does not work again.
pub(crate) const NEW_CLIENT: Duration = Duration::from_secs(3);

/// What a client is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The name of the case.
    pub(crate) case: String,
    /// The hostile server.
    pub(crate) bad: SocketAddr,
    /// The honest one, behind a gate that is shut at first.
    pub(crate) gate: SocketAddr,
    /// The honest one, to warm up.
    pub(crate) honest: SocketAddr,
    /// What to ask: `Ask::word`.
    pub(crate) ask: String,
    /// What comes behind the hosts in a connect string.
    pub(crate) chroot: String,
    /// Whether a session is granted first.
    pub(crate) in_the_session: bool,
    /// The CA's certificate, a certificate and its key, for a client of TLS.
    pub(crate) tls: Option<[String; 3]>,
}

impl Task {
    /// The bad server and the gate.
    #[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "our client is built from the case"))]
    pub(crate) fn hosts(&self) -> String {
        format!("{},{}{}", self.bad, self.gate, self.chroot)
    }
}

/// What a request ended with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// `error`, `answer`, `panics`, `hangs`, or `cannot` where the client does not know the request.
    pub(crate) outcome: String,
    /// The error, in the client's words.
    pub(crate) detail: String,
    /// After how long.
    pub(crate) ms: u64,
}

impl Ending {
    fn new(outcome: &str, detail: impl ToString, after: Duration) -> Self {
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Self { outcome: outcome.to_owned(), detail: detail.to_string(), ms }
    }
}

/// Whether the honest server is used in the end: `yes`, `new client`, or `no`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Again {
    pub(crate) again: String,
}

impl Again {
    fn new(again: &str) -> Self {
        Self { again: again.to_owned() }
    }
}

/// Plays the part of a client.
pub(crate) async fn run(client: &str) -> Result<(), Box<dyn Error>> {
    let task: Task = hear()?;
    match client {
        "ours" => ours::run(&task).await,
        #[cfg(feature = "peers")]
        "zookeeper-client" => kezhuw::run(&task).await,
        _ => Err(format!("no client {client} in this program").into()),
    }
}

/// The next line of the parent.
fn hear<T: DeserializeOwned>() -> Result<T, Box<dyn Error>> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// A line to the parent.
fn say(what: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(what)?)?;
    Ok(out.flush()?)
}

/// Says that the measure may begin, and waits until it has.
fn ready() -> Result<(), Box<dyn Error>> {
    say(&"ready")?;
    hear::<serde_json::Value>().map(drop)
}
