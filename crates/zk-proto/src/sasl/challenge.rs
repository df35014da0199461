//! The `key=value` lists of RFC 2831.

use std::collections::BTreeMap;

/// Parses `key=value,key="quoted value",…`. Keys are compared in lower case; of a repeated key the first counts. `None` if
/// the text is something else.
pub(crate) fn parse(text: &str) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => match after.find(',') {
                Some(end) => {
                    let (value, after) = after.split_at(end);
                    (value.trim().to_owned(), after)
                }
                None => (after.trim().to_owned(), ""),
            },
        };
        pairs.entry(key.trim().to_ascii_lowercase()).or_insert(value);
        rest = match after.trim_start() {
            "" => "",
            after => after.strip_prefix(',')?.trim_start_matches([',', ' ', '\t']),
        };
    }
    Some(pairs)
}

/// The value before the closing quote, and what follows it. A backslash takes the next character as it is.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at.checked_add(1)?..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// The value in quotes.
pub(crate) fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_servers_write_them() {
        let parsed =
            parse(r#"realm="zk, \"x\"",nonce="a=b",  qop=auth , Charset=utf-8,qop="other""#).unwrap();
        let get = |key: &str| parsed.get(key).map(String::as_str);
        assert_eq!(get("realm"), Some("zk, \"x\""));
        assert_eq!(get("nonce"), Some("a=b"));
        assert_eq!(get("qop"), Some("auth"));
        assert_eq!(get("charset"), Some("utf-8"));
        assert_eq!(parse("").unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in ["x", r#"a="b"#, r#"a="b\"#, r#"a="b"c"#] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn quoting_comes_back() {
        for value in ["", "a", r#"a"b\c"#, "ü,="] {
            let text = format!("k={},l=1", quote(value));
            assert_eq!(parse(&text).unwrap().get("k").map(String::as_str), Some(value));
        }
    }
}
