//! To and from serde: for `--json` output and for agents that build values with `serde_json`.

use super::{Int, Object, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};

impl Serialize for Int {
    /// As a number in the range of `i64`, as a string of digits beyond it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_i64() {
            Some(value) => serializer.serialize_i64(value),
            None => serializer.collect_str(self),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(int) => int.serialize(serializer),
            Self::Float(float) => serializer.serialize_f64(*float),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl From<serde_json::Value> for Value {
    /// Exact, but for integers that `serde_json` itself keeps as floats.
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => value.into(),
                (None, Some(value)) => value.into(),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Float),
            },
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => Self::Object(map.into_iter().collect()),
        }
    }
}

impl From<&Value> for serde_json::Value {
    /// `NaN` and the infinities become `null`, integers beyond `i64` a string of digits.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(int) => int.as_i64().map_or_else(|| Self::String(int.to_string()), Self::from),
            Value::Float(float) => Self::from(*float),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(object) => {
                Self::Object(object.iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = r#"{"a":[null,true,-1,1.5,"é"],"b":{}}"#;
        let value = Value::parse(text).unwrap();
        let through: serde_json::Value = (&value).into();
        assert_eq!(Value::from(through), value);
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn what_serde_json_cannot_say() {
        let value = Value::parse("[NaN,99999999999999999999]").unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"[null,"99999999999999999999"]"#);
        assert_eq!(serde_json::Value::from(&value).to_string(), r#"[null,"99999999999999999999"]"#);
    }
}
