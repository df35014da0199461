//! The state of a session that comes with an event.

codes! {
    /// The state of a session that comes with a watcher event. Source: `Watcher.Event.KeeperState`.
    ///
    /// Servers send [`SYNC_CONNECTED`](Self::SYNC_CONNECTED) with events of znodes; clients make most of the others.
    pub struct KeeperState, unknown: "unknown keeper state";

    /// Deprecated by the protocol: the state is not known.
    UNKNOWN = -1 => "unknown",
    /// No connection.
    DISCONNECTED = 0 => "disconnected",
    /// Deprecated by the protocol: connected without being in sync.
    NO_SYNC_CONNECTED = 1 => "no-sync connected",
    /// Connected to a server that is part of the quorum.
    SYNC_CONNECTED = 3 => "sync connected",
    /// The identity was not accepted.
    AUTH_FAILED = 4 => "authentication failed",
    /// Connected to a server that is cut off from the quorum and only reads.
    CONNECTED_READ_ONLY = 5 => "connected read-only",
    /// Authenticated by SASL.
    SASL_AUTHENTICATED = 6 => "SASL authenticated",
    /// The session was closed by its client.
    CLOSED = 7 => "closed",
    /// The session has expired.
    EXPIRED = -112 => "expired",
}
