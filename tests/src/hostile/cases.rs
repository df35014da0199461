//! The cases, as data: what a server does, at which stage, and what a request must end with.

mod before_the_session;
mod replies;
mod stream;
mod tls;

use std::sync::Arc;

use super::server::Step;

/// What must be in the table: each case names the item that it belongs to, and each item has a case.
pub const ITEMS: [&str; 43] = [
    // The answer to the connect request.
    "connect response: empty",
    "connect response: short",
    "connect response: huge",
    "connect response: length -1",
    "connect response: wrong version",
    "connect response: timeout -1",
    "connect response: password of 0",
    "connect response: password of 17",
    "connect response: password of 2^31-1",
    "connect response: trailing bytes",
    "connect response: session id 0",
    "connect response: another session id",
    "connect response: no read-only byte",
    "connect response: never sent",
    "connect response: one byte a second",
    // Replies.
    "reply: unknown xid",
    "reply: repeated xid",
    "reply: xid out of order",
    "reply: xid -2 unasked",
    "reply: xid -1 with a bad event",
    "reply: unknown error code",
    "reply: short body",
    "reply: long body",
    "reply: vector of -2 or 2^31-1",
    "reply: buffer of -7 or 2^31-1",
    "reply: invalid UTF-8",
    "reply: deep multi",
    "reply: multi with fewer results",
    "reply: path outside the chroot",
    // The stream.
    "stream: frame of 0",
    "stream: frame of -1",
    "stream: frame of 2^31-1",
    "stream: frame at the limit",
    "stream: frame of the limit + 1",
    "stream: slices of one byte",
    "stream: closed in the header or the body",
    "stream: reset",
    "stream: half close",
    "stream: endless pings",
    "stream: a million events",
    "stream: silence",
    "stream: TLS alert",
    "stream: TLS on one side only",
];

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// `getData`.
    GetData,
    /// Two `getData` at once.
    TwoReads,
    /// `getChildren2`.
    GetChildren,
    /// A `multi` of two checks.
    Multi,
    /// `create2` below a chroot.
    Create,
    /// A `multi` of a create below a chroot.
    MultiCreate,
    /// A persistent, recursive watch that nobody reads, and then `getData`.
    Watched,
}

impl Ask {
    /// The chroot of the client that asks, as it stands in a connect string.
    pub fn chroot(self) -> &'static str {
        match self {
            Self::Create | Self::MultiCreate => "/app",
            _ => "",
        }
    }

    /// What stands for it on a command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::GetData => "get-data",
            Self::TwoReads => "two-reads",
            Self::GetChildren => "get-children",
            Self::Multi => "multi",
            Self::Create => "create",
            Self::MultiCreate => "multi-create",
            Self::Watched => "watched",
        }
    }
}

/// When the server begins to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Instead of granting a session.
    BeforeTheSession,
    /// When it has granted one.
    InTheSession,
    /// While the client, which is one of TLS, shakes hands.
    Tls,
}

/// What this workspace's client must make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An answer: nothing is wrong with it, or not with this part of it.
    Answer,
    /// The server's own error code.
    Code(i32),
    /// Nothing was sent.
    NotSent,
    /// The answer is lost: the protocol was broken.
    Protocol,
    /// … a body that does not decode.
    Malformed,
    /// … a reply to another request.
    Mismatch,
    /// … a reply to nothing.
    Unsolicited,
    /// … the length of a frame.
    BadFrame,
    /// The answer is lost: the connection ended.
    Closed,
    /// The answer is lost: it did not come in time.
    Late,
    /// An answer or none in time: which of them is a question of speed.
    AnswerOrLate,
}

/// One way to misbehave.
#[derive(Debug, Clone)]
pub struct Case {
    /// What happens, in a few words.
    pub name: &'static str,
    /// One of [`ITEMS`].
    pub item: &'static str,
    /// When.
    pub stage: Stage,
    /// What is asked meanwhile.
    pub ask: Ask,
    /// What the server does with each connection.
    pub script: Arc<[Step]>,
    /// What must come of it.
    pub expected: Expected,
}

impl Case {
    /// Whether the server sends as much as it can: that takes processors away from whatever else runs.
    pub fn is_loud(&self) -> bool {
        self.script.iter().any(|step| matches!(step, Step::Flood(_) | Step::Repeat(..)))
    }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    [before_the_session::cases(), replies::cases(), stream::cases(), tls::cases()].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_item_has_a_case_and_every_case_an_item() {
        let cases = cases();
        let items: BTreeSet<&str> = cases.iter().map(|case| case.item).collect();
        assert_eq!(items, BTreeSet::from(ITEMS));
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len(), "a name for each");
    }
}
