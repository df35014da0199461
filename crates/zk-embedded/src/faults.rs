//! What a server can be told to do wrong with a request.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::{
    Decode, ErrorCode, OpCode, Reader,
    records::{MultiOp, MultiRequest},
};

/// What is done to a request instead of answering it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not run, and answered with this error. [`ErrorCode::THROTTLED`] is what an overloaded server says.
    Answer(ErrorCode),
    /// It is run, and its reply, with everything the server sends on the connection after it, comes so much later.
    DelayReply(Duration),
    /// It is run, and the connection ends without its reply: the client cannot know.
    LoseReply,
    /// It is not run, and the connection ends.
    Drop,
    /// It is not run, and from here on the connection is silent in both directions, until it is
    /// [resumed](crate::Faults::resume) or ended by somebody.
    Stall,
}

/// Which requests a fault is for: those that have all that is asked for.
///
/// ```
/// use zk_embedded::{Match, OpCode};
///
/// let leader_writes = Match::any().op(OpCode::SET_DATA).path("/service/batman/leader");
/// # let _ = leader_writes;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    op: Option<OpCode>,
    path: Option<String>,
    below: Option<String>,
    session: Option<i64>,
    server: Option<usize>,
}

impl Match {
    /// Every request, pings included; connect requests and authentication are none.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of this op code. The operations inside a multi are not looked at: match [`OpCode::MULTI`] by path.
    #[must_use]
    pub fn op(mut self, op: OpCode) -> Self {
        self.op = Some(op);
        self
    }

    /// Requests for this path, and multis with an operation on it.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Requests for paths that begin so.
    #[must_use]
    pub fn path_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.below = Some(prefix.into());
        self
    }

    /// Requests of this session.
    #[must_use]
    pub fn session(mut self, session_id: i64) -> Self {
        self.session = Some(session_id);
        self
    }

    /// Requests to this server of an ensemble, counted from 0.
    #[must_use]
    pub fn server(mut self, index: usize) -> Self {
        self.server = Some(index);
        self
    }

    fn matches(&self, request: &Seen<'_>) -> bool {
        self.op.is_none_or(|op| op == request.op)
            && self.session.is_none_or(|session| session == request.session)
            && self.server.is_none_or(|server| server == request.server)
            && self.path.as_ref().is_none_or(|path| request.any_path(|other| other == path))
            && self.below.as_ref().is_none_or(|prefix| request.any_path(|other| other.starts_with(prefix)))
    }
}

/// A fault that was asked for, to ask later how often it has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

/// A request, as far as a match looks at it.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) server: usize,
    pub(crate) session: i64,
    pub(crate) op: OpCode,
    pub(crate) body: &'a Bytes,
}

impl Seen<'_> {
    /// Whether a path of the request is such. Requests with a path begin with it.
    fn any_path(&self, is_such: impl Fn(&str) -> bool) -> bool {
        match self.op {
            OpCode::MULTI | OpCode::MULTI_READ => MultiRequest::decode(&mut Reader::new(self.body))
                .is_ok_and(|multi| multi.ops.iter().map(MultiOp::path).any(is_such)),
            OpCode::PING | OpCode::SET_WATCHES | OpCode::SET_WATCHES2 | OpCode::RECONFIG => false,
            _ => Reader::new(self.body).read_str().is_ok_and(is_such),
        }
    }
}

#[derive(Debug)]
struct Armed {
    id: FaultId,
    matching: Match,
    fault: Fault,
    /// How many more requests it is for; `None` for all.
    left: Option<u32>,
    hits: u32,
}

/// The faults that wait for their requests, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    armed: Vec<Armed>,
    next: u64,
}

impl Plan {
    pub(crate) fn add(&mut self, matching: Match, fault: Fault, times: Option<u32>) -> FaultId {
        let id = FaultId(self.next);
        self.next = self.next.wrapping_add(1);
        self.armed.push(Armed { id, matching, fault, left: times, hits: 0 });
        id
    }

    /// What is to be done to this request, if anything.
    pub(crate) fn strike(&mut self, request: &Seen<'_>) -> Option<Fault> {
        let armed =
            self.armed.iter_mut().find(|armed| armed.left != Some(0) && armed.matching.matches(request))?;
        armed.hits = armed.hits.saturating_add(1);
        armed.left = armed.left.map(|left| left.saturating_sub(1));
        Some(armed.fault.clone())
    }

    /// How many requests a fault has hit.
    pub(crate) fn hits(&self, id: FaultId) -> u32 {
        self.armed.iter().find(|armed| armed.id == id).map_or(0, |armed| armed.hits)
    }

    /// Nothing more goes wrong. What has been counted is kept.
    pub(crate) fn clear(&mut self) {
        for armed in &mut self.armed {
            armed.left = Some(0);
        }
    }

    pub(crate) fn end(&mut self, id: FaultId) {
        for armed in self.armed.iter_mut().filter(|armed| armed.id == id) {
            armed.left = Some(0);
        }
    }
}
