//! The reader: Python's `json.loads`, with limits.

use super::{Int, Object, Value};

/// How much a document may ask of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest document, in bytes. By default 8 MiB; a ZooKeeper server takes 1 MiB unless told otherwise.
    pub max_len: usize,
    /// How deep arrays and objects may nest. By default 512; `[]` has depth 1.
    ///
    /// Clones, comparisons and drops of a [`Value`] use the stack in proportion to its depth.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_len: 8 << 20, max_depth: 512 }
    }
}

/// Why bytes are not a document of Python's JSON dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes are not UTF-8. Patroni fails to load the whole cluster.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where the first invalid sequence begins.
        at: usize,
    },
    /// Not JSON, as Python's `ValueError`.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Where reading stopped.
        at: usize,
    },
    /// Longer than [`Limits::max_len`].
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Deeper than [`Limits::max_depth`], as Python's `RecursionError`.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
}

impl Value {
    /// Reads a document with the default [`Limits`]; answers to Python's `json.loads(bytes.decode('utf-8'))`.
    ///
    /// # Errors
    ///
    /// Every kind of [`ParseError`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::from_slice_with(bytes, Limits::default())
    }

    /// Reads a document with the given limits.
    ///
    /// # Errors
    ///
    /// Every kind of [`ParseError`].
    pub fn from_slice_with(bytes: &[u8], limits: Limits) -> Result<Self, ParseError> {
        if bytes.len() > limits.max_len {
            return Err(ParseError::TooLong { limit: limits.max_len });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| ParseError::NotUtf8 { at: error.valid_up_to() })?;
        let mut reader = Reader { text, at: 0, max_depth: limits.max_depth };
        let value = reader.document()?;
        reader.space();
        if reader.at == text.len() { Ok(value) } else { Err(reader.error()) }
    }

    /// Reads a document with the default [`Limits`]; answers to Python's `json.loads(text)`.
    ///
    /// # Errors
    ///
    /// Every kind of [`ParseError`] but [`ParseError::NotUtf8`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::from_slice(text.as_bytes())
    }
}

/// An array or object whose end has not been read yet.
enum Open {
    Array(Vec<Value>),
    /// The keys so far, and the key whose value comes next.
    Object(Object, String),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    max_depth: usize,
}

impl Reader<'_> {
    /// One value, without recursion: what is open waits in a list no longer than the limit of depth.
    fn document(&mut self) -> Result<Value, ParseError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.space();
            let mut value = match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    self.check_depth(open.len())?;
                    self.space();
                    if self.eat(b']') {
                        Value::Array(Vec::new())
                    } else {
                        open.push(Open::Array(Vec::new()));
                        continue;
                    }
                }
                Some(b'{') => {
                    self.at += 1;
                    self.check_depth(open.len())?;
                    self.space();
                    if self.eat(b'}') {
                        Value::Object(Object::new())
                    } else {
                        let key = self.key()?;
                        open.push(Open::Object(Object::new(), key));
                        continue;
                    }
                }
                _ => self.scalar()?,
            };
            // Hand the value to what it is in, and close whatever ends after it.
            loop {
                match open.pop() {
                    None => return Ok(value),
                    Some(Open::Array(mut items)) => {
                        items.push(value);
                        self.space();
                        if self.eat(b',') {
                            open.push(Open::Array(items));
                            break;
                        }
                        self.expect(b']')?;
                        value = Value::Array(items);
                    }
                    Some(Open::Object(mut object, key)) => {
                        object.insert(key, value);
                        self.space();
                        if self.eat(b',') {
                            self.space();
                            let key = self.key()?;
                            open.push(Open::Object(object, key));
                            break;
                        }
                        self.expect(b'}')?;
                        value = Value::Object(object);
                    }
                }
            }
        }
    }

    fn check_depth(&self, open: usize) -> Result<(), ParseError> {
        if open < self.max_depth { Ok(()) } else { Err(ParseError::TooDeep { limit: self.max_depth }) }
    }

    /// `"key" :`
    fn key(&mut self) -> Result<String, ParseError> {
        self.expect(b'"')?;
        let key = self.string()?;
        self.space();
        self.expect(b':')?;
        Ok(key)
    }

    fn scalar(&mut self) -> Result<Value, ParseError> {
        if self.eat(b'"') {
            return self.string().map(Value::String);
        }
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        self.eat(b'-');
        // A leading zero stands alone; digits after it are left for whoever reads on, who will not want them.
        if !self.eat(b'0') && self.digits() == 0 {
            return Err(self.error());
        }
        let mut integer = true;
        let mut mark = self.at;
        if self.eat(b'.') {
            if self.digits() > 0 {
                integer = false;
                mark = self.at;
            }
            self.at = mark;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'-') {
                self.eat(b'+');
            }
            if self.digits() > 0 {
                integer = false;
                mark = self.at;
            }
            self.at = mark;
        }
        let text = self.text.get(start..mark).unwrap_or_default();
        let number = if integer {
            Int::from_decimal(text).map(Value::Int)
        } else {
            text.parse::<f64>().ok().map(Value::Float)
        };
        number.ok_or(ParseError::Syntax { at: start })
    }

    /// The rest of a string after its opening quote.
    fn string(&mut self) -> Result<String, ParseError> {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .ok_or(ParseError::Syntax { at: self.text.len() })?;
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            if self.eat(b'"') {
                return Ok(out);
            }
            if !self.eat(b'\\') {
                return Err(self.error());
            }
            let escape = self.peek().ok_or_else(|| self.error())?;
            self.at += 1;
            out.push(match escape {
                b'"' => '"',
                b'\\' => '\\',
                b'/' => '/',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.unicode_escape()?,
                _ => return Err(ParseError::Syntax { at: self.at - 1 }),
            });
        }
    }

    /// What follows `\u`: one unit, or two when they are a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let mark = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = mark;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, ParseError> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or_else(|| self.error())?;
        let unit = u32::from_str_radix(digits, 16).map_err(|_| self.error())?;
        self.at += 4;
        Ok(unit)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error()) }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self) -> ParseError {
        ParseError::Syntax { at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> String {
        Value::parse(text).unwrap().to_json()
    }

    #[test]
    fn pythons_dialect() {
        assert_eq!(
            ok(" [NaN, Infinity,-Infinity, 1e400, -0, -0.0, 1E2] "),
            "[NaN,Infinity,-Infinity,Infinity,0,-0.0,100.0]"
        );
        assert_eq!(ok(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
        assert_eq!(ok(r#""\ud83d\ude00\ud800x\udc00\u00e9""#), r#""\ud83d\ude00\ufffdx\ufffd\u00e9""#);
        assert_eq!(ok(r#""\ud800\ud83d\ude00""#), r#""\ufffd\ud83d\ude00""#);
        assert_eq!(ok(&"9".repeat(4300)), "9".repeat(4300));
    }

    #[test]
    fn what_python_refuses() {
        let bad = [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,1]",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "-",
            "nul",
            "\u{feff}1",
            "1 2",
            "'a'",
            "\"a",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\\ud800\\u12\"",
            "\u{a0}1",
            "{1:2}",
            "{\"a\" 1}",
            "[1}",
            "nan",
        ];
        for text in bad {
            assert!(matches!(Value::parse(text), Err(ParseError::Syntax { .. })), "{text}");
        }
        assert!(matches!(Value::parse(&"9".repeat(4301)), Err(ParseError::Syntax { at: 0 })));
        assert_eq!(Value::from_slice(b"\"\xff\""), Err(ParseError::NotUtf8 { at: 1 }));
    }

    #[test]
    fn limits_hold() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let value = Value::parse(&nested(512)).unwrap();
        assert_eq!(value.clone(), value);
        assert_eq!(value.to_json(), nested(512));
        assert_eq!(Value::parse(&nested(513)), Err(ParseError::TooDeep { limit: 512 }));
        assert_eq!(Value::parse(&"{\"\":".repeat(1 << 20)), Err(ParseError::TooDeep { limit: 512 }));
        let limits = Limits { max_len: 3, max_depth: 0 };
        assert_eq!(Value::from_slice_with(b"1234", limits), Err(ParseError::TooLong { limit: 3 }));
        assert_eq!(Value::from_slice_with(b"[]", limits), Err(ParseError::TooDeep { limit: 0 }));
        assert_eq!(Value::from_slice_with(b"123", limits), Ok(Value::from(123i64)));
    }
}
