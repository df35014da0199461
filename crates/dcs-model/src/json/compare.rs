//! Whether two objects say the same.

use super::{Object, Value};

/// Patroni's `deep_compare(a, b)`: the same keys in any order, and values that print alike.
///
/// Objects inside objects are compared the same way; everything else by Python's `str()`, so that `2` equals
/// `"2"` and `[1]` equals `"[1]"` but not `["1"]`, and an object inside an array has to keep the order of its
/// keys. NaN equals NaN. `touch_member` and the writers of `status` and `failsafe` skip a write when this
/// says that nothing changed.
pub fn deep_compare(a: &Object, b: &Object) -> bool {
    a.len() == b.len()
        && a.iter().all(|(key, a)| {
            b.get(key).is_some_and(|b| match (a, b) {
                (Value::Object(a), Value::Object(b)) => deep_compare(a, b),
                (Value::Object(_), _) => false,
                _ => a.to_python_str() == b.to_python_str(),
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let object = |text: &str| Value::parse(text).unwrap().as_object().unwrap().clone();
        deep_compare(&object(a), &object(b))
    }

    #[test]
    fn values_that_print_alike_are_equal() {
        assert!(same(r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"b":{"c":"[1, 2]"},"a":"1"}"#));
        assert!(same(r#"{"a":NaN,"b":null,"c":"{}"}"#, r#"{"a":NaN,"b":"None","c":{}}"#));
        assert!(!same(r#"{"c":{}}"#, r#"{"c":"{}"}"#));
        assert!(!same(r#"{"a":[1]}"#, r#"{"a":["1"]}"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":1.0}"#));
        assert!(!same(r#"{"a":null}"#, "{}"));
        assert!(!same(r#"{"a":[{"x":1,"y":2}]}"#, r#"{"a":[{"y":2,"x":1}]}"#));
    }
}
