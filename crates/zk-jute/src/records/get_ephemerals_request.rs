//! Jute record `GetEphemeralsRequest`.

record! {
    /// Ask for this session's ephemeral znodes. Jute record `GetEphemeralsRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetEphemeralsRequest<'a> {
        /// What their paths start with.
        pub prefix_path: &'a str,
    }
}
