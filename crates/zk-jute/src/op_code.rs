//! What a request asks for.

codes! {
    /// What a request asks for: the `type` of a request header and of a multi header. Source: `ZooDefs.OpCode`.
    pub struct OpCode, unknown: "unknown op code";

    /// Not a request: the type of a watch notification inside the server.
    NOTIFICATION = 0 => "notification",
    /// Create a znode; the answer is its path.
    CREATE = 1 => "create",
    /// Delete a znode.
    DELETE = 2 => "delete",
    /// The stat of a znode, or no node; may arm a watch either way.
    EXISTS = 3 => "exists",
    /// Data and stat of a znode.
    GET_DATA = 4 => "getData",
    /// Replace the data of a znode.
    SET_DATA = 5 => "setData",
    /// ACL and stat of a znode.
    GET_ACL = 6 => "getACL",
    /// Replace the ACL of a znode.
    SET_ACL = 7 => "setACL",
    /// Names of a znode's children.
    GET_CHILDREN = 8 => "getChildren",
    /// Wait until the server has caught up with the leader.
    SYNC = 9 => "sync",
    /// Keep the session alive.
    PING = 11 => "ping",
    /// Names of a znode's children, and its stat.
    GET_CHILDREN2 = 12 => "getChildren2",
    /// Check a znode's version, inside a multi.
    CHECK = 13 => "check",
    /// Several writes and checks, all or none.
    MULTI = 14 => "multi",
    /// Create a znode; the answer is its path and stat.
    CREATE2 = 15 => "create2",
    /// Change the ensemble.
    RECONFIG = 16 => "reconfig",
    /// Ask whether a watch is armed.
    CHECK_WATCHES = 17 => "checkWatches",
    /// Disarm a watch.
    REMOVE_WATCHES = 18 => "removeWatches",
    /// Create a container znode.
    CREATE_CONTAINER = 19 => "createContainer",
    /// The server's own removal of an empty container.
    DELETE_CONTAINER = 20 => "deleteContainer",
    /// Create a znode with a time to live.
    CREATE_TTL = 21 => "createTTL",
    /// Several reads in one request, each with its own result.
    MULTI_READ = 22 => "multiRead",
    /// Add an identity to the connection.
    AUTH = 100 => "auth",
    /// Arm data, exist and child watches again after a reconnect.
    SET_WATCHES = 101 => "setWatches",
    /// A step of SASL.
    SASL = 102 => "sasl",
    /// Ephemeral znodes of this session.
    GET_EPHEMERALS = 103 => "getEphemerals",
    /// The number of all descendants of a znode.
    GET_ALL_CHILDREN_NUMBER = 104 => "getAllChildrenNumber",
    /// Like setWatches, with persistent watches.
    SET_WATCHES2 = 105 => "setWatches2",
    /// Arm a persistent watch.
    ADD_WATCH = 106 => "addWatch",
    /// The identities of this connection.
    WHO_AM_I = 107 => "whoAmI",
    /// The server's own creation of a session.
    CREATE_SESSION = -10 => "createSession",
    /// End the session.
    CLOSE_SESSION = -11 => "closeSession",
    /// Not a request: an error result, and the end mark, in a multi.
    ERROR = -1 => "error",
}
