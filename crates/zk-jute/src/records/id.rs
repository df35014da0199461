//! Jute record `Id`.

record! {
    /// An identity: a scheme and what the scheme calls it. Jute record `Id`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Id<'a> {
        /// The scheme: `world`, `digest`, `ip`, `x509`, `sasl`, `auth`.
        pub scheme: &'a str,
        /// The identity within the scheme.
        pub id: &'a str,
    }
}
