//! What happens to single requests.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::watch;
use zk_jute::{Decode, OpCode, records::RequestHeader};

/// A request as it passes the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Its number in the connection.
    pub xid: i32,
    /// What it asks for.
    pub op: OpCode,
    /// What follows the header.
    pub body: Bytes,
}

impl Request {
    /// Bytes of the header: xid and op code.
    pub(super) const HEADER: usize = 8;

    pub(super) fn from_frame(frame: &Bytes) -> Option<Self> {
        let header = RequestHeader::from_bytes(&frame.slice(..frame.len().min(Self::HEADER))).ok()?;
        Some(Self { xid: header.xid, op: header.op, body: frame.slice(Self::HEADER..) })
    }

    /// Whether these bytes occur in the body: a path, say.
    pub fn mentions(&self, bytes: &str) -> bool {
        self.body.windows(bytes.len()).any(|window| window == bytes.as_bytes())
    }
}

/// A fault that was ordered for single requests.
#[derive(Debug, Clone)]
pub struct Fault(watch::Receiver<u64>);

impl Fault {
    /// Waits until it has happened.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only waits.
    pub async fn happened(&self) {
        // An error means that the proxy is gone, and no fault can come.
        let _ = self.0.clone().wait_for(|count| *count > 0).await;
    }

    /// How often it has happened.
    pub fn count(&self) -> u64 {
        *self.0.borrow()
    }
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    LoseRequest,
    LoseReply,
    Hold,
    ReplaceOp(OpCode),
}

struct Rule {
    when: Box<dyn Fn(&Request) -> bool + Send>,
    then: Then,
    count: watch::Sender<u64>,
}

/// The faults that are ordered, the oldest first.
#[derive(Default)]
pub(super) struct Rules(Mutex<Vec<Rule>>);

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules")
    }
}

/// A rule that a request has met, to be counted when it is carried out.
pub(super) struct Ordered {
    pub(super) then: Then,
    count: watch::Sender<u64>,
}

impl Ordered {
    pub(super) fn carried_out(&self) {
        self.count.send_modify(|count| *count += 1);
    }
}

impl Rules {
    pub(super) fn add(&self, when: impl Fn(&Request) -> bool + Send + 'static, then: Then) -> Fault {
        let (count, fault) = watch::channel(0);
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.push(Rule { when: Box::new(when), then, count });
        Fault(fault)
    }

    /// The first rule for this request. All but those that replace op codes are used up by it.
    pub(super) fn meet(&self, request: &Request) -> Option<Ordered> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = rules.iter().position(|rule| (rule.when)(request))?;
        let rule = &rules[index];
        let ordered = Ordered { then: rule.then, count: rule.count.clone() };
        if !matches!(ordered.then, Then::ReplaceOp(_)) {
            rules.remove(index);
        }
        Some(ordered)
    }
}
