//! Jute record `Stat`.

record! {
    /// What a server knows about a znode beside its data. Jute record `Stat`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Stat {
        /// The zxid that created it.
        pub czxid: i64,
        /// The zxid that last set its data.
        pub mzxid: i64,
        /// When it was created: milliseconds since 1970 by the server's clock.
        pub ctime: i64,
        /// When its data was last set: milliseconds since 1970 by the server's clock.
        pub mtime: i64,
        /// How often its data has been set.
        pub version: i32,
        /// How often its list of children has changed.
        pub cversion: i32,
        /// How often its ACL has been set.
        pub aversion: i32,
        /// The session it goes with, 0 if none; containers and znodes with a time to live keep marks in the high bits.
        pub ephemeral_owner: i64,
        /// The length of its data in bytes.
        pub data_length: i32,
        /// How many children it has.
        pub num_children: i32,
        /// The zxid that last changed its list of children.
        pub pzxid: i64,
    }
}
