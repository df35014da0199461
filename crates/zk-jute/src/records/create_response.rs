//! Jute record `CreateResponse`.

record! {
    /// The answer to create. Jute record `CreateResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CreateResponse<'a> {
        /// The path that was created.
        pub path: &'a str,
    }
}
