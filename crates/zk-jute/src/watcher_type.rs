//! Which watches a request means.

codes! {
    /// Which watches to check or remove: the `type` of checkWatches and removeWatches. Source: `Watcher.WatcherType`.
    ///
    /// Servers before 3.9 know only the first three.
    pub struct WatcherType, unknown: "unknown watcher type";

    /// Child watches.
    CHILDREN = 1 => "children",
    /// Data watches.
    DATA = 2 => "data",
    /// Watches of every kind.
    ANY = 3 => "any",
    /// Persistent watches.
    PERSISTENT = 4 => "persistent",
    /// Persistent recursive watches.
    PERSISTENT_RECURSIVE = 5 => "persistent recursive",
}
