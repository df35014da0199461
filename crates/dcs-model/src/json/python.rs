//! What Python's conversions and Patroni's `parse_int` and `parse_bool` make of a value.

use super::digits::decimal_digit;
use super::encode::{push, write_finite_float};
use super::{Int, Object, Value};
use std::borrow::Cow;

/// Python's `int(value)` where Patroni calls it on stored data; none where it raises.
///
/// Integers, booleans, floats (cut off) and strings in decimal with surrounding space, a sign, single
/// underscores between digits and digits of any script. Numbers beyond `i64` become its nearest end.
pub(crate) fn python_int(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some((*value).into()),
        Value::Int(int) => Some(int.saturating_i64()),
        Value::Float(float) => float_to_i64(float.trunc()),
        Value::String(text) => int_of_str(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Python's `int(text)`, see [`Value::to_int`].
pub(crate) fn int_of_str(text: &str) -> Option<i64> {
    // Not `str.strip`: the separators U+001C to U+001F do not count as space here.
    let text = text.trim_matches(char::is_whitespace);
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let mut decimal = String::with_capacity(digits.len() + 1);
    if negative {
        decimal.push('-');
    }
    let mut after_digit = false;
    for c in digits.chars() {
        match decimal_digit(c) {
            Some(digit) => decimal.push(char::from(b'0' + digit)),
            None if c == '_' && after_digit => {
                after_digit = false;
                continue;
            }
            None => return None,
        }
        after_digit = true;
    }
    if !after_digit {
        return None;
    }
    Int::from_decimal(&decimal).map(|int| int.saturating_i64())
}

/// Python's `int(text)` of a string of one character.
pub(crate) fn int_of_char(c: char) -> Option<i64> {
    decimal_digit(c).map(i64::from)
}

fn float_to_i64(float: f64) -> Option<i64> {
    // `as` saturates; NaN and the infinities raise in Python.
    float.is_finite().then_some(float as i64)
}

/// Whether Python's `str.isspace` says yes.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Python's `text.strip()`.
pub(crate) fn python_strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// Patroni's `parse_int(value)` without units: a number in decimal, octal (`070`), hexadecimal (`0x1f`) or
/// with a fraction or exponent, rounded half to even. None for anything else, and where Python raises
/// (`1e999`).
///
/// Numbers beyond `i64` become its nearest end.
pub fn parse_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) => Some(int.saturating_i64()),
        Value::Float(float) => float_to_i64(float.round_ties_even()),
        Value::String(text) => parse_int_str(python_strip(text)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn parse_int_str(text: &str) -> Option<i64> {
    let (negative, body) = match text.strip_prefix(['-', '+']) {
        Some(body) => (text.starts_with('-'), body),
        None => (false, text),
    };
    let (integer, unit) = if let Some((digits, unit)) = body
        .strip_prefix("0x")
        .map(|hex| take_while(hex, |c| c.is_ascii_hexdigit()))
        .filter(|(d, _)| !d.is_empty())
    {
        (radix_i64(digits, 16, negative), unit)
    } else if body.starts_with('0') {
        let (digits, unit) = take_while(body, |c| ('0'..='7').contains(&c));
        (radix_i64(digits, 8, negative), unit)
    } else {
        let (digits, unit) = take_while(body, |c| c.is_ascii_digit());
        if digits.is_empty() {
            // `strtol` found nothing, and only a leading point makes Patroni try a float.
            return if text.starts_with('.') { parse_float_str(text) } else { None };
        }
        // More digits than Python converts raise before the unit is looked at.
        (
            Some(
                Int::from_decimal(&format!("{}{digits}", if negative { "-" } else { "" }))?.saturating_i64(),
            ),
            unit,
        )
    };
    if unit.starts_with(['.', 'e', 'E']) {
        return parse_float_str(text);
    }
    if python_strip(unit).is_empty() { integer } else { None }
}

/// Patroni's `strtod`, when nothing follows the number, then `round`.
fn parse_float_str(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = take_while(unsigned, |c| c.is_ascii_digit());
    let mut rest = rest;
    let fraction =
        rest.strip_prefix('.').map(|r| take_while(r, |c| c.is_ascii_digit())).filter(|(d, _)| !d.is_empty());
    match fraction {
        Some((_, after)) => rest = after,
        None if whole.is_empty() => return None,
        None => {}
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let (digits, after) =
            take_while(exponent.strip_prefix(['-', '+']).unwrap_or(exponent), |c| c.is_ascii_digit());
        if !digits.is_empty() {
            rest = after;
        }
    }
    if !python_strip(rest).is_empty() {
        return None;
    }
    let number = text.get(..text.len() - rest.len())?;
    float_to_i64(number.parse::<f64>().ok()?.round_ties_even())
}

fn take_while(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !accept(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn radix_i64(digits: &str, radix: u32, negative: bool) -> Option<i64> {
    let mut value: i64 = 0;
    for c in digits.chars() {
        let digit = i64::from(c.to_digit(radix)?);
        value = value.saturating_mul(radix.into());
        value = if negative { value.saturating_sub(digit) } else { value.saturating_add(digit) };
    }
    Some(value)
}

/// Patroni's `parse_bool(value)`: `on`, `true`, `yes`, `1` and `off`, `false`, `no`, `0` in any case.
pub fn parse_bool(value: &Value) -> Option<bool> {
    match value.to_python_str().to_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Patroni's `slot_name_from_member_name(name)`: lower case, `-` and `.` become `_`, any other character
/// outside `a-z`, `0-9`, `_` becomes `u` and its code in at least four decimal digits; cut after 63
/// characters.
pub fn slot_name_from_member_name(name: &str) -> String {
    let mut slot = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => slot.push(c),
            '-' | '.' => slot.push('_'),
            _ => push(&mut slot, format_args!("u{:04}", u32::from(c))),
        }
        if slot.len() >= 63 {
            break;
        }
    }
    slot.truncate(63);
    slot
}

impl Value {
    /// Python's `int(value)`; none where it raises.
    ///
    /// Integers, booleans, floats (cut off) and strings in decimal with surrounding space, a sign, single
    /// underscores between digits and digits of any script. Numbers beyond `i64` become its nearest end.
    pub fn to_int(&self) -> Option<i64> {
        python_int(self)
    }

    /// Python's `str(value)`: `None`, `True`, `1.0`, `['a', {'b': None}]`; strings are themselves.
    ///
    /// Inside arrays and objects, characters that Python's Unicode tables call unprintable are escaped only
    /// when they are control characters.
    pub fn to_python_str(&self) -> Cow<'_, str> {
        if let Self::String(text) = self {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        write_repr(self, &mut out);
        Cow::Owned(out)
    }
}

fn write_repr(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(int) => push(out, format_args!("{int}")),
        Value::Float(float) if float.is_nan() => out.push_str("nan"),
        Value::Float(float) if float.is_infinite() => out.push_str(if *float > 0.0 { "inf" } else { "-inf" }),
        Value::Float(float) => write_finite_float(*float, out),
        Value::String(text) => write_str_repr(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_repr(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => write_object_repr(object, out),
    }
}

fn write_object_repr(object: &Object, out: &mut String) {
    out.push('{');
    for (i, (key, value)) in object.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write_str_repr(key, out);
        out.push_str(": ");
        write_repr(value, out);
    }
    out.push('}');
}

fn write_str_repr(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || c == '\u{a0}' || c == '\u{ad}' => {
                push(out, format_args!("\\x{:02x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_takes_what_python_takes() {
        for (text, int) in [
            (" 12\n", Some(12)),
            ("+1_000", Some(1000)),
            ("-00", Some(0)),
            ("１٢", Some(12)),
            ("1\u{85}", Some(1)),
            ("\u{1c}1", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("+ 1", None),
            ("--1", None),
            ("", None),
            ("1.0", None),
            ("99999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(int_of_str(text), int, "{text}");
        }
        assert_eq!(Value::from(-1.9).to_int(), Some(-1));
        assert_eq!(Value::from(f64::NAN).to_int(), None);
        assert_eq!(Value::from(true).to_int(), Some(1));
    }

    #[test]
    fn parse_int_takes_what_patroni_takes() {
        for (text, int) in [
            (" 12 ", Some(12)),
            ("-0x10", Some(-16)),
            ("070", Some(56)),
            ("09", None),
            ("0.5", Some(0)),
            ("1.5", Some(2)),
            ("2.5", Some(2)),
            (".5", Some(0)),
            ("-.5", None),
            ("1.", None),
            ("1e3", Some(1000)),
            ("1e", None),
            ("1e999", None),
            ("1 MB", None),
            ("0x", None),
            ("1_0", None),
            ("", None),
            ("0xffffffffffffffffff", Some(i64::MAX)),
        ] {
            assert_eq!(parse_int(&text.into()), int, "{text}");
        }
        assert_eq!(parse_int(&true.into()), None);
        assert_eq!(parse_int(&2.5.into()), Some(2));
    }

    #[test]
    fn str_and_bool() {
        let value = Value::parse(r#"[null,true,1.0,"a'b","q\"'",{"k":"v"}]"#).unwrap();
        assert_eq!(value.to_python_str(), r#"[None, True, 1.0, "a'b", 'q"\'', {'k': 'v'}]"#);
        assert_eq!(parse_bool(&"ON".into()), Some(true));
        assert_eq!(parse_bool(&false.into()), Some(false));
        assert_eq!(parse_bool(&1i64.into()), Some(true));
        assert_eq!(parse_bool(&1.0.into()), None);
    }

    #[test]
    fn slot_names() {
        assert_eq!(slot_name_from_member_name("Node-1.é"), "node_1_u0233");
        assert_eq!(slot_name_from_member_name(&"é".repeat(20)).len(), 63);
    }
}
