//! What happened to a watched znode.

codes! {
    /// What happened to a watched znode: the `type` of a watcher event. Source: `Watcher.Event.EventType`.
    pub struct EventType, unknown: "unknown event type";

    /// Nothing happened to a znode: the event tells a state of the connection.
    NONE = -1 => "none",
    /// The znode was created.
    NODE_CREATED = 1 => "node created",
    /// The znode was deleted.
    NODE_DELETED = 2 => "node deleted",
    /// The znode's data was set.
    NODE_DATA_CHANGED = 3 => "node data changed",
    /// A child of the znode was created or deleted.
    NODE_CHILDREN_CHANGED = 4 => "node children changed",
    /// The client's data watch was removed.
    DATA_WATCH_REMOVED = 5 => "data watch removed",
    /// The client's child watch was removed.
    CHILD_WATCH_REMOVED = 6 => "child watch removed",
    /// The client's persistent watch was removed.
    PERSISTENT_WATCH_REMOVED = 7 => "persistent watch removed",
}
