//! How a znode is created, and how a watch is added.

codes! {
    /// How a znode is created: the `flags` of the create records. Source: `CreateMode`.
    pub struct CreateMode, unknown: "unknown create mode";

    /// The znode stays until it is deleted.
    PERSISTENT = 0 => "persistent",
    /// The znode goes with the session.
    EPHEMERAL = 1 => "ephemeral",
    /// Persistent; the server appends a counter to the name.
    PERSISTENT_SEQUENTIAL = 2 => "persistent sequential",
    /// Ephemeral; the server appends a counter to the name.
    EPHEMERAL_SEQUENTIAL = 3 => "ephemeral sequential",
    /// The server deletes the znode some time after its last child (op createContainer).
    CONTAINER = 4 => "container",
    /// The server deletes the znode when it has been unchanged and childless for its time to live (op createTTL).
    PERSISTENT_WITH_TTL = 5 => "persistent with TTL",
    /// With a time to live; the server appends a counter to the name.
    PERSISTENT_SEQUENTIAL_WITH_TTL = 6 => "persistent sequential with TTL",
}

impl CreateMode {
    /// The number as it stands in the `flags` of a create record.
    pub const fn flags(self) -> i32 {
        self.get()
    }
}

codes! {
    /// How far a persistent watch reaches: the `mode` of addWatch. Source: `ZooDefs.AddWatchModes`.
    pub struct AddWatchMode, unknown: "unknown add-watch mode";

    /// The znode and its list of children.
    PERSISTENT = 0 => "persistent",
    /// The znode and all its descendants.
    PERSISTENT_RECURSIVE = 1 => "persistent recursive",
}
