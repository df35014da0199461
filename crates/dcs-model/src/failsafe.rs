//! The topology for the failsafe mode.

use crate::json::{Object, Value, deep_compare};
use serde::Serialize;

/// What the `failsafe` key says: the REST API of every member that must agree before a primary carries on
/// without a DCS; answers to `Cluster.failsafe`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Failsafe(pub Object);

impl Failsafe {
    /// Reads the znode `failsafe`. What is not a JSON object is none.
    pub fn from_node(value: &[u8]) -> Option<Self> {
        match Value::from_slice(value) {
            Ok(Value::Object(members)) => Some(Self(members)),
            _ => None,
        }
    }

    /// The URL of a member's REST API, if the member is listed with a string.
    pub fn api_url(&self, member: &str) -> Option<&str> {
        self.0.get_str(member)
    }

    /// Names and URLs in order; members whose value is not a string are left out.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, url)| url.as_str().map(|url| (name, url)))
    }

    /// Whether `other` says the same, so that a write can be skipped; answers to
    /// `AbstractDCS.write_failsafe`.
    pub fn same_as(&self, other: &Self) -> bool {
        deep_compare(&self.0, &other.0)
    }

    /// The value to write.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

impl<N: Into<String>, U: Into<String>> FromIterator<(N, U)> for Failsafe {
    fn from_iter<I: IntoIterator<Item = (N, U)>>(members: I) -> Self {
        Self(members.into_iter().map(|(name, url)| (name, url.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_urls() {
        let failsafe = Failsafe::from_node(br#"{"b":"http://b","a":"http://a","c":1}"#).unwrap();
        assert_eq!(failsafe.iter().collect::<Vec<_>>(), [("b", "http://b"), ("a", "http://a")]);
        assert_eq!(failsafe.api_url("a"), Some("http://a"));
        let written: Failsafe = [("a", "http://a"), ("b", "http://b"), ("c", "1")].into_iter().collect();
        assert!(written.same_as(&failsafe));
        assert_eq!(written.to_json(), r#"{"a":"http://a","b":"http://b","c":"1"}"#);
        assert_eq!(Failsafe::from_node(b"[]"), None);
    }
}
