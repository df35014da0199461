//! The writer: Python's `json.dumps(value, separators=(',', ':'))`.

use super::{Object, Value};
use std::fmt::Write;

impl Value {
    /// The document as Patroni writes it: compact, ASCII only, keys in their order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_value(self, &mut out);
        out
    }
}

impl Object {
    /// The document as Patroni writes it: compact, ASCII only, keys in their order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_object(self, &mut out);
        out
    }
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(int) => push(out, format_args!("{int}")),
        Value::Float(float) if float.is_nan() => out.push_str("NaN"),
        Value::Float(float) if *float == f64::INFINITY => out.push_str("Infinity"),
        Value::Float(float) if *float == f64::NEG_INFINITY => out.push_str("-Infinity"),
        Value::Float(float) => write_finite_float(*float, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => write_object(object, out),
    }
}

fn write_object(object: &Object, out: &mut String) {
    out.push('{');
    for (i, (key, value)) in object.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(key, out);
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    push(out, format_args!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// Python's `float.__repr__`: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on.
pub(super) fn write_finite_float(float: f64, out: &mut String) {
    let magnitude = float.abs();
    let scientific = shortest(float);
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        // The shortest digits without exponent; how many there are after the point follows from the exponent.
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
        let places =
            i64::try_from(digits).unwrap_or_default() - 1 - exponent.parse::<i64>().unwrap_or_default();
        let places = usize::try_from(places).unwrap_or_default().max(1);
        push(out, format_args!("{float:.places$}"));
    } else {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        push(out, format_args!("{mantissa}e{sign}{digits:0>2}"));
    }
}

/// The shortest digits that read back, in scientific notation.
///
/// Where two of the same length are as near, Rust takes the upper one and Python the even one, which is also how Rust
/// rounds to a given number of digits.
fn shortest(float: f64) -> String {
    let shortest = format!("{float:e}");
    let digits = shortest
        .split_once('e')
        .map_or(1, |(mantissa, _)| mantissa.bytes().filter(u8::is_ascii_digit).count());
    let even = format!("{float:.*e}", digits.saturating_sub(1));
    if even.parse() == Ok(float) { even } else { shortest }
}

/// Writing to a `String` cannot fail.
pub(super) fn push(out: &mut String, args: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(args);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_prints_them() {
        for (float, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1.5e300, "1.5e+300"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (5e-324, "5e-324"),
            (-1.25e-7, "-1.25e-07"),
            (8_531_878_548_170_249.0 / 4.0, "2132969637042562.2"),
            (8_531_878_548_170_251.0 / 4.0, "2132969637042562.8"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (9_007_199_254_740_992.0, "9007199254740992.0"),
            (100.0, "100.0"),
            (0.000_123, "0.000123"),
        ] {
            assert_eq!(Value::from(float).to_json(), text);
        }
    }

    #[test]
    fn strings_are_ascii() {
        assert_eq!(
            Value::from("a\"\\/\u{1}\u{7f}é😀\n").to_json(),
            r#""a\"\\/\u0001\u007f\u00e9\ud83d\ude00\n""#
        );
    }
}
