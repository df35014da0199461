//! What a Patroni cluster is: members, leader, sync state, history and the rest of what is kept in a DCS.
//!
//! Decoding is as lenient as Patroni 4.1.5, and never fails: what is stored may be old, half written or
//! garbage, and an agent still has to say who leads. Encoding is exact to the byte. Nothing here does I/O;
//! `dcs-zk` reads and writes the znodes.
//!
//! ```
//! use dcs_model::{Cluster, Leader, Member, MemberData, SyncState};
//!
//! let session = 0x1000;
//! let data = MemberData::new("postgres://10.0.0.1/postgres", "http://10.0.0.1:8008/patroni").role("primary");
//! let members = vec![
//!     Member::from_node(0, "a", session, data.to_json().as_bytes()),
//!     Member::from_node(0, "b", session + 1, b"{\"half writ"),
//! ];
//! let cluster = Cluster {
//!     leader: Some(Leader::from_node(0, session, b"a", &members)),
//!     sync: SyncState::from_node(Some(3), Some(br#"{"leader":"a","sync_standby":"B","quorum":0}"#)),
//!     members,
//!     ..Cluster::empty()
//! };
//! assert_eq!(cluster.leader_name(), Some("a"));
//! assert_eq!(cluster.leader.as_ref().and_then(|leader| leader.member.role()), Some("primary"));
//! assert!(cluster.members[1].data.is_empty());
//! assert!(cluster.sync.matches(Some("b"), false));
//! ```
//!
//! # Differences from Patroni
//!
//! `tests/patroni_oracle.rs` feeds the same values to Patroni and to this crate, and nothing
//! may differ but this:
//!
//! * **Types.** A field has one type here. A name, URL or tag that is stored as something else than a string
//!   is none, the state is `unknown`; a `failsafe` that is not an object and a `timeline` that is not an
//!   integer are none, and tags that are not an object are no tags. Only the leader of a [`SyncState`]
//!   becomes its text, so that the state stays valid. Patroni keeps the value, and raises later where it is
//!   used.
//! * **Size.** Numbers that are counted with are `i64`; a bigger one becomes the nearest end of that range.
//!   Stored data keeps it exactly ([`json::Int`]).
//! * **Where Patroni raises.** Some values make Patroni fail to load the whole cluster, upon which a primary
//!   demotes itself. Here they are lenient values: bytes that are not UTF-8, documents nested near a thousand
//!   levels deep, a `quorum` of `Infinity`, a legacy member value that is not a URL, and a `scheduled_at`
//!   that is not a time. The last one makes the whole [`Failover`] empty, for what was meant for later must
//!   not happen at once.
//! * **Depth.** Documents nested deeper than [`json::Limits::max_depth`] are garbage here a little earlier
//!   than in Python, and so are those longer than [`json::Limits::max_len`].
//! * **Time.** [`ScheduledAt`] reads ISO 8601, Patroni whatever `dateutil` can guess at; see there.
//! * **Surrogates.** Half of a surrogate pair, possible in Python's strings, is U+FFFD.
//! * **Printing.** Where values are compared by how they print, a character that Python calls unprintable is
//!   escaped in Python inside arrays and objects. Here only control characters are.
//! * **State.** Patroni's `conn_url` and `conn_kwargs` store what they find in the member's data. Here data
//!   stays as read.

pub mod json;

mod cluster;
mod cluster_config;
mod failover;
mod failsafe;
mod history;
mod leader;
mod member;
mod member_data;
mod scheduled_at;
mod status;
mod sync_state;
mod tags;
mod url;

pub use cluster::Cluster;
pub use cluster_config::ClusterConfig;
pub use failover::Failover;
pub use failsafe::Failsafe;
pub use history::{HistoryLine, TimelineHistory};
pub use leader::Leader;
pub use member::Member;
pub use member_data::MemberData;
pub use scheduled_at::ScheduledAt;
pub use status::{Status, StatusField, StatusUpdate};
pub use sync_state::SyncState;
pub use tags::Tags;
