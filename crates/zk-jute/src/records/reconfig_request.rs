//! Jute record `ReconfigRequest`.

record! {
    /// Change the ensemble. The answer is a [`GetDataResponse`](super::GetDataResponse). Jute record `ReconfigRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReconfigRequest<'a> {
        /// Servers to add, for an incremental change.
        pub joining_servers: Option<&'a str>,
        /// Ids of servers to remove, for an incremental change.
        pub leaving_servers: Option<&'a str>,
        /// All servers, for a change that is not incremental.
        pub new_members: Option<&'a str>,
        /// The version of the configuration in force, or −1 for any.
        pub cur_config_id: i64,
    }
}
