//! Jute record `GetChildrenResponse`.

record! {
    /// The answer to getChildren. Jute record `GetChildrenResponse`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GetChildrenResponse<'a> {
        /// The names, in no order.
        pub children: Vec<&'a str>,
    }
}
