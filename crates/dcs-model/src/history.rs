//! The history of timelines.

use crate::json::{Value, int_of_char};
use serde::Serialize;

/// What the `history` key says; answers to `patroni.dcs.TimelineHistory`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TimelineHistory {
    /// The zxid of the last change (`mzxid`), which Patroni takes for the version.
    pub version: i64,
    /// The stored text.
    pub value: String,
    /// The lines as they are stored, usually arrays of three to five items; see [`TimelineHistory::entries`].
    pub lines: Vec<Value>,
}

/// One line of the history: a timeline and where it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryLine {
    /// The timeline that ended.
    pub timeline: i64,
    /// The WAL position where it ended, in bytes.
    pub lsn: i64,
    /// Why it ended, as PostgreSQL's history file says.
    pub reason: String,
    /// When it ended, in ISO 8601, if it is known.
    pub timestamp: Option<String>,
    /// Who became leader, if it is known.
    pub new_leader: Option<String>,
}

impl TimelineHistory {
    /// Reads the znode `history`; answers to `TimelineHistory.from_node`. What is not a JSON array has no
    /// lines.
    pub fn from_node(mzxid: i64, value: &[u8]) -> Self {
        let lines = match Value::from_slice(value) {
            Ok(Value::Array(lines)) => lines,
            _ => Vec::new(),
        };
        Self { version: mzxid, value: String::from_utf8_lossy(value).into_owned(), lines }
    }

    /// The lines that are what Patroni writes; others are left out.
    pub fn entries(&self) -> impl Iterator<Item = HistoryLine> {
        self.lines.iter().filter_map(HistoryLine::from_value)
    }

    /// The value to write; Patroni's `json.dumps` of the lines.
    pub fn encode(lines: &[HistoryLine]) -> String {
        Value::Array(lines.iter().map(HistoryLine::to_value).collect()).to_json()
    }

    /// The current timeline, see [`Cluster::timeline`](crate::Cluster::timeline).
    pub(crate) fn timeline(&self) -> i64 {
        let last = match self.lines.last() {
            None => return i64::from(self.value == "[]"),
            // A line that is a string is indexed as well, and gives its first character.
            Some(Value::String(text)) => text.chars().next().and_then(int_of_char),
            Some(Value::Array(items)) => items.first().and_then(Value::to_int),
            Some(_) => None,
        };
        match last {
            None => 0,
            // Already the end of the range for something below it.
            Some(i64::MIN) => i64::MIN,
            Some(timeline) => timeline.saturating_add(1),
        }
    }
}

impl HistoryLine {
    /// Reads a line; none unless it begins with a timeline, a position and a reason.
    pub fn from_value(line: &Value) -> Option<Self> {
        let items = line.as_array()?;
        let text = |i: usize| items.get(i).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            timeline: items.first()?.to_int()?,
            lsn: items.get(1)?.to_int()?,
            reason: text(2)?,
            timestamp: text(3),
            new_leader: text(4),
        })
    }

    /// The line as it is stored: an array of three, four or five items. A new leader without a timestamp is
    /// left out.
    pub fn to_value(&self) -> Value {
        let mut items = vec![self.timeline.into(), self.lsn.into(), self.reason.as_str().into()];
        if let Some(timestamp) = &self.timestamp {
            items.push(timestamp.as_str().into());
            items.extend(self.new_leader.as_deref().map(Value::from));
        }
        Value::Array(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(value: &str) -> TimelineHistory {
        TimelineHistory::from_node(9, value.as_bytes())
    }

    #[test]
    fn timelines() {
        for (value, timeline) in [
            ("[]", 1),
            ("[ ]", 0),
            ("", 0),
            ("{}", 0),
            (r#"[[1,2,"x"],[2,3,"y"]]"#, 3),
            (r#"[["3","2","1"]]"#, 4),
            (r#"[["a"]]"#, 0),
            ("[[]]", 0),
            (r#"["7abc"]"#, 8),
            (r#"[{"0":1}]"#, 0),
            ("[[9223372036854775807]]", i64::MAX),
        ] {
            assert_eq!(history(value).timeline(), timeline, "{value}");
        }
    }

    #[test]
    fn lines_there_and_back() {
        let text =
            r#"[[1,25623960,"no recovery target specified","2026-11-22T10:00:00+00:00","a"],[2,3,"x"]]"#;
        let entries: Vec<_> = history(text).entries().collect();
        assert_eq!(entries[0].new_leader.as_deref(), Some("a"));
        assert_eq!(TimelineHistory::encode(&entries), text);
        assert_eq!(history("[1,[1,2],[1,2,3]]").entries().count(), 0);
    }
}
