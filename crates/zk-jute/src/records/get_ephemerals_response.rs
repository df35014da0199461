//! Jute record `GetEphemeralsResponse`.

record! {
    /// The answer to getEphemerals. Jute record `GetEphemeralsResponse`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GetEphemeralsResponse<'a> {
        /// Their paths.
        pub ephemerals: Vec<&'a str>,
    }
}
