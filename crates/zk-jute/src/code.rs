//! The macro behind the protocol's numbered names: a number that keeps values nobody has named yet.

/// Declares a newtype over `i32` with one constant, and one name in plain words, per number the protocol knows.
///
/// Every `i32` is a valid value: a number without a name round-trips, compares and prints, because a newer server may
/// send it and must not be an error of the codec.
macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub struct $type:ident, unknown: $unknown:literal;
        $($(#[$code_meta:meta])* $constant:ident = $number:literal => $name:literal,)+
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(i32);

        impl $type {
            $($(#[$code_meta])* pub const $constant: Self = Self($number);)+

            /// Every value that has a name, in the order of the constants.
            pub const NAMED: &[Self] = &[$(Self::$constant),+];

            /// The value for a number from the wire, named or not.
            pub const fn new(number: i32) -> Self {
                Self(number)
            }

            /// The number as it stands on the wire.
            pub const fn get(self) -> i32 {
                self.0
            }

            /// The protocol's name, or `None` for a number this crate does not know.
            pub const fn known_name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)+
                    _ => None,
                }
            }

            /// The protocol's name, or a fixed text that says the number is unknown (the `Display` form gives it).
            pub const fn name(self) -> &'static str {
                match self.known_name() {
                    Some(name) => name,
                    None => $unknown,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.known_name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!($unknown, " {}"), self.0),
                }
            }
        }

        impl From<i32> for $type {
            fn from(number: i32) -> Self {
                Self(number)
            }
        }

        impl From<$type> for i32 {
            fn from(code: $type) -> Self {
                code.0
            }
        }

        wire_i32!($type);
    };
}

/// Lets a newtype over `i32` travel as a jute `int`.
macro_rules! wire_i32 {
    ($type:ident) => {
        impl $crate::Encode for $type {
            fn encoded_len(&self) -> usize {
                self.0.encoded_len()
            }

            fn encode(&self, buf: &mut bytes::BytesMut) {
                self.0.encode(buf);
            }
        }

        impl<'a> $crate::Decode<'a> for $type {
            const MIN_LEN: usize = 4;

            fn decode(reader: &mut $crate::Reader<'a>) -> Result<Self, $crate::DecodeError> {
                reader.read_i32().map(Self)
            }
        }
    };
}
