//! Patroni's JSON, which is Python's: the one place that knows its leniencies.
//!
//! Every key of a Patroni cluster but `leader` and `initialize` is read with Python's `json.loads` and
//! written with `json.dumps(value, separators=(',', ':'))`. Both differ from RFC 8259 in ways that end up in
//! stored data:
//!
//! | | Python, and this module |
//! | --- | --- |
//! | `NaN`, `Infinity`, `-Infinity` | read and written as floats |
//! | integers | of any size, kept exactly ([`Int`]); more than 4300 digits are an error |
//! | `1e400` | a float: infinity |
//! | a key that occurs twice | keeps its first place and takes the last value |
//! | control characters in strings | an error below U+0020, also tab and newline |
//! | byte order mark | an error |
//! | text after the document | an error, except space, tab, newline and carriage return |
//! | what is written | ASCII only: `\u00e9`, surrogate pairs above U+FFFF; floats as Python prints them |
//!
//! Three things are decided here and not by Python:
//!
//! * `"\ud800"`, half of a surrogate pair, is a valid Python string, but not Unicode. It is read as U+FFFD.
//! * A document deeper than [`Limits::max_depth`] or longer than [`Limits::max_len`] is an error. Python
//!   gives up near a depth of one thousand with `RecursionError`, which Patroni does not catch for most keys.
//! * Bytes that are not UTF-8 are an error.
//!
//! What Python's own `int()`, `str()`, `bool()` and Patroni's `parse_int` and `parse_bool` make of a
//! [`Value`] is in methods of [`Value`] and in [`parse_int`], [`parse_bool`], [`deep_compare`].

mod compare;
mod convert;
mod digits;
mod encode;
mod int;
mod object;
mod parse;
mod python;
mod value;

pub use compare::deep_compare;
pub use int::Int;
pub use object::Object;
pub use parse::{Limits, ParseError};
pub use python::{parse_bool, parse_int, slot_name_from_member_name};
pub use value::Value;

pub(crate) use python::{int_of_char, int_of_str, python_strip};
