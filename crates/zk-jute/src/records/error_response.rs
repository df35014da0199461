//! Jute record `ErrorResponse`.

use crate::ErrorCode;

record! {
    /// An error as a record: in the results of a multi, and in the answer to addWatch. Jute record `ErrorResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ErrorResponse {
        /// The code.
        pub err: ErrorCode,
    }
}
