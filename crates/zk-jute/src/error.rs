//! Why bytes are not the record they should be.

use crate::OpCode;

/// Why bytes could not be decoded.
///
/// `what` names the record and field (`"Stat.czxid"`), or the primitive when there is no record around it
/// (`"int"`). No variant carries bytes of the input, so an error may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends before the value does.
    #[error("{what} is cut short: it needs {needed} bytes and {left} are left")]
    Truncated {
        /// The field or primitive.
        what: &'static str,
        /// Bytes that were needed.
        needed: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// A length or count is negative where the protocol does not give that a meaning.
    #[error("{what} has the negative length {len}")]
    NegativeLength {
        /// The field or primitive.
        what: &'static str,
        /// The length as read.
        len: i32,
    },
    /// Text is not UTF-8.
    #[error("{what} is not UTF-8 after {valid_up_to} bytes")]
    Utf8 {
        /// The field or primitive.
        what: &'static str,
        /// How many bytes of it were good.
        valid_up_to: usize,
    },
    /// A vector announces more elements than the bytes that are left can hold.
    #[error("{what} announces {count} elements in {left} bytes")]
    CountTooLarge {
        /// The field or primitive.
        what: &'static str,
        /// The count as read.
        count: usize,
        /// Bytes that were left for them.
        left: usize,
    },
    /// A boolean is neither 0 nor 1.
    #[error("{what} is a boolean with the value {value}")]
    BadBool {
        /// The field or primitive.
        what: &'static str,
        /// The byte as read.
        value: u8,
    },
    /// An op code that cannot stand at this place in a multi.
    #[error("{what} contains the op {op}, which has no place there")]
    UnexpectedOp {
        /// The record.
        what: &'static str,
        /// The op as read.
        op: OpCode,
    },
    /// A multi is answered with more results than it had ops.
    #[error("more than {most} results of a multi of {most} ops")]
    TooManyResults {
        /// How many ops there were.
        most: usize,
    },
    /// The node that the server says to have created is not the one that it was asked for.
    #[error("{what} is not what was asked for")]
    OtherPath {
        /// The record and field.
        what: &'static str,
    },
    /// Bytes are left after a complete record.
    #[error("{left} bytes follow a complete record")]
    TrailingBytes {
        /// How many.
        left: usize,
    },
}

impl DecodeError {
    /// Says which field of which record failed, unless a record further in has said so already.
    pub(crate) fn at(mut self, field: &'static str) -> Self {
        match &mut self {
            Self::Truncated { what, .. }
            | Self::NegativeLength { what, .. }
            | Self::Utf8 { what, .. }
            | Self::CountTooLarge { what, .. }
            | Self::BadBool { what, .. } => {
                // A primitive's name has no dot; a field's has one.
                if !what.contains('.') {
                    *what = field;
                }
            }
            Self::UnexpectedOp { .. }
            | Self::TooManyResults { .. }
            | Self::OtherPath { .. }
            | Self::TrailingBytes { .. } => {}
        }
        self
    }
}
