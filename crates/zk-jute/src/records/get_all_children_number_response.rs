//! Jute record `GetAllChildrenNumberResponse`.

record! {
    /// The answer to getAllChildrenNumber. Jute record `GetAllChildrenNumberResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetAllChildrenNumberResponse {
        /// How many descendants there are, at any depth.
        pub total_number: i32,
    }
}
