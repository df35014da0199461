//! One member, as the table shows it.

use dcs_model::json::{Object, Value};

/// The longest reason for a restart that is shown.
const LONGEST_REASON: usize = 50;

/// What is shown of a member.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) host: String,
    pub(super) role: String,
    pub(super) state: String,
    pub(super) timeline: String,
    pub(super) receive_lsn: String,
    pub(super) receive_lag: String,
    pub(super) replay_lsn: String,
    pub(super) replay_lag: String,
    pub(super) pending_restart: String,
    pub(super) pending_restart_reason: String,
    pub(super) scheduled_restart: String,
    pub(super) tags: String,
}

impl Row {
    pub(super) fn new(group: u32, member: &Object, append_port: bool) -> Self {
        let mut host = text(member, "host");
        if append_port && !host.is_empty() && member.contains_key("port") {
            host = format!("{host}:{}", text(member, "port"));
        }
        let (receive, replay) = positions(member);
        let truthy = |key: &str| member.get(key).filter(|value| value.is_truthy());
        Self {
            group: group.to_string(),
            name: text(member, "name"),
            host,
            role: title_case(&text(member, "role")),
            state: text(member, "state"),
            timeline: text(member, "timeline"),
            receive_lsn: receive.lsn,
            receive_lag: receive.lag,
            replay_lsn: replay.lsn,
            replay_lag: replay.lag,
            pending_restart: truthy("pending_restart").map_or(String::new(), |_| "*".to_owned()),
            pending_restart_reason: truthy("pending_restart_reason").map_or_else(String::new, restart_reason),
            scheduled_restart: member.get("scheduled_restart").map_or_else(String::new, scheduled_restart),
            tags: truthy("tags").map_or_else(String::new, tags),
        }
    }
}

/// A WAL position and how many MB it lags behind.
#[derive(Debug, Default)]
struct Position {
    lsn: String,
    lag: String,
}

fn positions(member: &Object) -> (Position, Position) {
    let position = |location: &str| Position {
        lsn: text(member, &format!("{location}lsn")),
        lag: lag(member.get(&format!("{location}lag"))),
    };
    let (receive, replay, old) = (position("receive_"), position("replay_"), position(""));
    // Members of old versions give one position only; what it means depends on the state.
    let only_old =
        receive.lsn == "unknown" && replay.lsn == "unknown" && !matches!(old.lsn.as_str(), "" | "unknown");
    match (only_old, member.get_str("state")) {
        (false, _) => (receive, replay),
        (true, Some("streaming")) => (old, replay),
        (true, _) => (receive, old),
    }
}

fn lag(value: Option<&Value>) -> String {
    const MB: f64 = 1024.0 * 1024.0;
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to megabytes")]
    let in_mb = |bytes: i64| (bytes as f64 / MB).round_ties_even().to_string();
    match value {
        None => String::new(),
        Some(value) => match value.as_i64() {
            Some(bytes) => in_mb(bytes),
            None if value.as_str() == Some("unknown") => String::new(),
            None => value.to_python_str().into_owned(),
        },
    }
}

fn restart_reason(reasons: &Value) -> String {
    let Value::Object(reasons) = reasons else { return reasons.to_python_str().into_owned() };
    let lines = reasons.iter().map(|(parameter, values)| {
        let value = |key| {
            values
                .as_object()
                .and_then(|values| values.get(key))
                .map_or_else(String::new, |value| value.to_python_str().into_owned())
        };
        let difference = format!("{parameter}: {}->{}", value("old_value"), value("new_value"));
        if difference.chars().count() > LONGEST_REASON {
            return format!("{parameter}: [hidden - too long]");
        }
        difference
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn scheduled_restart(restart: &Value) -> String {
    let Value::Object(restart) = restart else { return restart.to_python_str().into_owned() };
    let schedule = text(restart, "schedule");
    match restart.get("postgres_version") {
        None => schedule,
        Some(version) => format!("{schedule} if version < {}", version.to_python_str()),
    }
}

/// One tag a line, sorted, as YAML writes them.
fn tags(tags: &Value) -> String {
    let Value::Object(tags) = tags else { return tags.to_python_str().into_owned() };
    let mut lines: Vec<String> = tags
        .iter()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
            format!("{name}: {value}")
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// A value as Python prints it; nothing if there is none.
pub(super) fn text(object: &Object, key: &str) -> String {
    object.get(key).map_or_else(String::new, |value| value.to_python_str().into_owned())
}

/// `sync_standby` becomes `Sync Standby`.
fn title_case(role: &str) -> String {
    let words = role.split('_').map(|word| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_rounded_as_python_rounds() {
        let half_mb = 512 * 1024;
        for (bytes, mb) in [(0, "0"), (half_mb, "0"), (3 * half_mb, "2"), (5 * half_mb, "2"), (-1, "-0")] {
            assert_eq!(lag(Some(&Value::from(bytes))).trim_start_matches('-'), mb.trim_start_matches('-'));
        }
        assert_eq!(lag(Some(&Value::from("unknown"))), "");
    }
}
