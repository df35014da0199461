//! Which requests the servers were found not to know.
//!
//! ZooKeeper answers an op code that it does not know with `UNIMPLEMENTED` and closes the connection behind the answer;
//! ClickHouse Keeper closes it without one. A closed connection may have other reasons, so it takes two in a row. What is
//! found out holds until a new session begins: other servers may serve by then.

use zk_jute::ErrorCode;

/// Closed connections in a row, with this request the one that was due an answer, that mean that it is not known.
const CLOSED_IN_A_ROW: u32 = 2;

/// The requests that the session makes by itself and can do without.
#[derive(Debug, Default)]
pub(super) struct OpSupport {
    /// `SetWatches` and `SetWatches2`.
    pub(super) set_watches: Support,
    /// `addWatch`, to restore a persistent watch.
    pub(super) add_watch: Support,
    pub(super) remove_watches: Support,
}

/// What is known of one request.
#[derive(Debug, Default)]
pub(super) struct Support {
    missing: bool,
    closed: u32,
}

impl Support {
    pub(super) fn is_missing(&self) -> bool {
        self.missing
    }

    pub(super) fn answered(&mut self, err: ErrorCode) {
        self.missing |= err == ErrorCode::UNIMPLEMENTED;
        self.closed = 0;
    }

    /// The connection was closed where the answer was due.
    pub(super) fn closed(&mut self) {
        self.closed = self.closed.saturating_add(1);
        self.missing |= self.closed >= CLOSED_IN_A_ROW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_closed_connection_proves_nothing() {
        let mut support = Support::default();
        support.closed();
        support.answered(ErrorCode::OK);
        support.closed();
        assert!(!support.is_missing());
        support.closed();
        assert!(support.is_missing());
        support.answered(ErrorCode::OK);
        assert!(support.is_missing(), "what is found out holds");
    }

    #[test]
    fn unimplemented_is_believed_at_once() {
        let mut support = Support::default();
        support.answered(ErrorCode::NO_NODE);
        assert!(!support.is_missing());
        support.answered(ErrorCode::UNIMPLEMENTED);
        assert!(support.is_missing());
    }
}
