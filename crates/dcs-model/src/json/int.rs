//! Integers of any size, as Python has them.

use std::fmt;

/// An integer of any size, kept exactly as Python's `int` keeps it.
///
/// Arithmetic is not offered: a value that is counted with is asked for with [`Int::as_i64`] or
/// [`Int::saturating_i64`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Int(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    /// Decimal digits with an optional minus sign, outside the range of `i64`.
    Big(Box<str>),
}

impl Int {
    /// Most digits that Python's `int()` converts from decimal (`sys.get_int_max_str_digits()`).
    pub const MAX_DIGITS: usize = 4300;

    /// The integer written as `-?digits`, or none for more than [`Int::MAX_DIGITS`] digits or any other text.
    pub fn from_decimal(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || digits.len() > Self::MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        if let Ok(small) = text.parse::<i64>() {
            return Some(Self(Repr::Small(small)));
        }
        let digits = digits.trim_start_matches('0');
        let sign = if text.starts_with('-') { "-" } else { "" };
        Some(Self(Repr::Big(format!("{sign}{digits}").into_boxed_str())))
    }

    /// The value, if it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(value) => Some(value),
            Repr::Big(_) => None,
        }
    }

    /// The value, or the end of the range of `i64` that is nearest to it.
    pub fn saturating_i64(&self) -> i64 {
        match &self.0 {
            Repr::Small(value) => *value,
            Repr::Big(text) if text.starts_with('-') => i64::MIN,
            Repr::Big(_) => i64::MAX,
        }
    }

    /// Whether this is zero, which is what Python calls false.
    pub fn is_zero(&self) -> bool {
        self.0 == Repr::Small(0)
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(value) => write!(f, "{value}"),
            Repr::Big(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<i64> for Int {
    fn from(value: i64) -> Self {
        Self(Repr::Small(value))
    }
}

impl From<i32> for Int {
    fn from(value: i32) -> Self {
        Self(Repr::Small(value.into()))
    }
}

impl From<u32> for Int {
    fn from(value: u32) -> Self {
        Self(Repr::Small(value.into()))
    }
}

impl From<u64> for Int {
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(small) => Self(Repr::Small(small)),
            Err(_) => Self(Repr::Big(value.to_string().into_boxed_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_each_number() {
        assert_eq!(Int::from_decimal("-0"), Some(Int::from(0i64)));
        assert_eq!(
            Int::from_decimal("0009223372036854775808"),
            Some(Int::from(9_223_372_036_854_775_808u64))
        );
        assert_eq!(Int::from_decimal("-9223372036854775808"), Some(Int::from(i64::MIN)));
        assert_eq!(Int::from_decimal("-9223372036854775809").unwrap().saturating_i64(), i64::MIN);
        assert_eq!(Int::from_decimal("99999999999999999999").unwrap().as_i64(), None);
    }

    #[test]
    fn refuses_what_is_not_a_number_or_too_long() {
        for text in ["", "-", "+1", "1a", " 1", &"1".repeat(4301)] {
            assert_eq!(Int::from_decimal(text), None, "{text}");
        }
        assert!(Int::from_decimal(&format!("-{}", "1".repeat(4300))).is_some());
    }
}
