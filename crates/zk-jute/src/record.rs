//! The macro behind the records that are a plain sequence of fields.

/// Declares a record and derives [`Encode`](crate::Encode) and [`Decode`](crate::Decode) field by field, in order.
///
/// Errors name the innermost record and field that could not be read.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(<$lt:lifetime>)? {
            $($(#[$field_meta:meta])* pub $field:ident: $ty:ty,)+
        }
    ) => {
        $(#[$meta])*
        pub struct $name $(<$lt>)? {
            $($(#[$field_meta])* pub $field: $ty,)+
        }

        impl $(<$lt>)? $crate::Encode for $name $(<$lt>)? {
            fn encoded_len(&self) -> usize {
                0usize$(.saturating_add($crate::Encode::encoded_len(&self.$field)))+
            }

            fn encode(&self, buf: &mut bytes::BytesMut) {
                $($crate::Encode::encode(&self.$field, buf);)+
            }
        }

        record!(@decode [$($lt)?] $name { $($field: $ty,)+ });
    };
    (@decode [] $name:ident $fields:tt) => {
        record!(@decode ['a] $name, $name $fields);
    };
    (@decode [$lt:lifetime] $name:ident $fields:tt) => {
        record!(@decode [$lt] $name, $name<$lt> $fields);
    };
    (@decode [$lt:lifetime] $name:ident, $type:ty { $($field:ident: $ty:ty,)+ }) => {
        impl<$lt> $crate::Decode<$lt> for $type {
            const MIN_LEN: usize = 0 $(+ <$ty as $crate::Decode<$lt>>::MIN_LEN)+;

            fn decode(reader: &mut $crate::Reader<$lt>) -> Result<Self, $crate::DecodeError> {
                Ok($name {
                    $($field: <$ty as $crate::Decode<$lt>>::decode(reader)
                        .map_err(|error| error.at(concat!(stringify!($name), ".", stringify!($field))))?,)+
                })
            }
        }
    };
}
