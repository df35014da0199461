//! Jute record `ClientInfo`.

record! {
    /// An identity of a connection, as whoAmI tells it. Jute record `ClientInfo`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ClientInfo<'a> {
        /// The scheme.
        pub auth_scheme: &'a str,
        /// The name within the scheme; empty if the scheme has none.
        pub user: &'a str,
    }
}
