//! Transaction ids that the protocol reserves. A request's own xid is positive; these never are.

/// A reply header with this xid carries a [`WatcherEvent`](crate::records::WatcherEvent), not a reply.
pub const WATCH_EVENT_XID: i32 = -1;

/// Pings, and the answers to them.
pub const PING_XID: i32 = -2;

/// [`AuthPacket`](crate::records::AuthPacket)s, and the answers to them.
pub const AUTH_XID: i32 = -4;

/// [`SetWatches`](crate::records::SetWatches) and [`SetWatches2`](crate::records::SetWatches2), and the answers.
///
/// A convention of clients, for requests they make themselves: servers answer whatever xid was sent. ZooKeeper's Java
/// client means to use this one and sends an ordinary xid in its place.
pub const SET_WATCHES_XID: i32 = -8;
