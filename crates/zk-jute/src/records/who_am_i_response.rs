//! Jute record `WhoAmIResponse`.

use super::ClientInfo;

record! {
    /// The answer to whoAmI, whose request has no body. Jute record `WhoAmIResponse`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WhoAmIResponse<'a> {
        /// The connection's identities.
        pub client_info: Vec<ClientInfo<'a>>,
    }
}
