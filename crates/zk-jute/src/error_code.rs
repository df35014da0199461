//! What a server answers.

codes! {
    /// What a server answers: the `err` of a reply header. Source: `KeeperException.Code`.
    ///
    /// A server may send any number; one without a name is an ordinary error.
    pub struct ErrorCode, unknown: "unknown error code";

    /// No error.
    OK = 0 => "ok",
    /// An error of the server that is none of the others.
    SYSTEM_ERROR = -1 => "system error",
    /// The server found its state inconsistent; in a multi: not run because an earlier op failed.
    RUNTIME_INCONSISTENCY = -2 => "runtime inconsistency",
    /// The server found its data inconsistent.
    DATA_INCONSISTENCY = -3 => "data inconsistency",
    /// The connection was lost (made by clients; no server sends it).
    CONNECTION_LOSS = -4 => "connection loss",
    /// The server could not decode the request.
    MARSHALLING_ERROR = -5 => "marshalling error",
    /// The server does not know the op.
    UNIMPLEMENTED = -6 => "unimplemented",
    /// The operation took too long (made by clients).
    OPERATION_TIMEOUT = -7 => "operation timeout",
    /// The arguments of the request are invalid.
    BAD_ARGUMENTS = -8 => "bad arguments",
    /// The server does not know the session.
    UNKNOWN_SESSION = -12 => "unknown session",
    /// No quorum of the new ensemble is up to date.
    NEW_CONFIG_NO_QUORUM = -13 => "no quorum of the new config",
    /// Another change of the ensemble is under way.
    RECONFIG_IN_PROGRESS = -14 => "reconfig in progress",
    /// The start of the range of errors that a caller causes; not sent itself.
    API_ERROR = -100 => "API error",
    /// The znode, or the parent of the znode to create, does not exist.
    NO_NODE = -101 => "no node",
    /// The ACL does not allow it.
    NO_AUTH = -102 => "not authorized",
    /// The version is not the one expected.
    BAD_VERSION = -103 => "bad version",
    /// Ephemeral znodes have no children.
    NO_CHILDREN_FOR_EPHEMERALS = -108 => "no children for ephemerals",
    /// The znode exists.
    NODE_EXISTS = -110 => "node exists",
    /// The znode has children.
    NOT_EMPTY = -111 => "not empty",
    /// The session has expired.
    SESSION_EXPIRED = -112 => "session expired",
    /// A callback is invalid (made by clients).
    INVALID_CALLBACK = -113 => "invalid callback",
    /// The ACL is invalid.
    INVALID_ACL = -114 => "invalid ACL",
    /// The identity was not accepted.
    AUTH_FAILED = -115 => "authentication failed",
    /// The session lives on another connection by now.
    SESSION_MOVED = -118 => "session moved",
    /// A write reached a server that is read-only.
    NOT_READ_ONLY = -119 => "not a read-only call",
    /// A local session may not create ephemeral znodes.
    EPHEMERAL_ON_LOCAL_SESSION = -120 => "ephemeral on local session",
    /// There is no such watch.
    NO_WATCHER = -121 => "no watcher",
    /// The server did not finish the request in its own time limit.
    REQUEST_TIMEOUT = -122 => "request timeout",
    /// Changes of the ensemble are switched off.
    RECONFIG_DISABLED = -123 => "reconfig disabled",
    /// The server wants SASL and closes the session that does without.
    SASL_REQUIRED = -124 => "session closed: SASL authentication required",
    /// The quota of a path is used up.
    QUOTA_EXCEEDED = -125 => "quota exceeded",
    /// The server is overloaded and has not run the request.
    THROTTLED = -127 => "throttled",
}

impl ErrorCode {
    /// Whether this is [`ErrorCode::OK`].
    pub const fn is_ok(self) -> bool {
        self.get() == Self::OK.get()
    }
}
