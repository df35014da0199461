#![doc = include_str!("telemetry/page.md")]

mod log;

pub(crate) use log::{FailedAttempt, Log, answered, host_failed, request_span};
use tracing::Level;

/// The target of every span and event: `zk_session=info` in a filter means all of them.
pub const TARGET: &str = "zk_session";

/// A span or an event of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Name {
    /// The name in its metadata. The message of an event is the same in words.
    pub name: &'static str,
    /// The level; the higher one, where it is told once and then repeated for those who look closer.
    pub level: Level,
    /// Its fields.
    pub fields: &'static [&'static str],
    /// What it says, in a sentence.
    pub meaning: &'static str,
}

macro_rules! names {
    ($(#[$meta:meta])* $all:ident; $($constant:ident: $level:ident $name:literal, $fields:expr, $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            #[doc = concat!("\n\n", stringify!($level), " `", $name, "`; fields: ", stringify!($fields), ".")]
            pub const $constant: Name =
                Name { name: $name, level: Level::$level, fields: &$fields, meaning: $meaning };
        )+

        $(#[$meta])*
        pub const $all: &[Name] = &[$($constant),+];
    };
}

names! {
    /// Every span.
    SPANS;
    SESSION: INFO "zk.session", ["client", "session_id", "generation"],
        "One session, from the first attempt to get it to its expiry or close. It has no parent: it outlives its maker.";
    CONNECT: DEBUG "zk.connect", ["cause", "hosts", "budget_ms"],
        "One attempt to connect, inside its session.";
    REQUEST: TRACE "zk.request", ["client", "op"],
        "One request while it is awaited, inside the span of the caller.";
}

names! {
    /// Every event.
    EVENTS;
    CONNECTING: DEBUG "zk.connecting", ["cause", "hosts", "budget_ms"],
        "A round of connects begins.";
    HOST_FAILED: DEBUG "zk.host_failed", ["server", "reason"],
        "A host of a round, or of a spare, could not be reached.";
    OPENED: DEBUG "zk.opened", ["server"],
        "A transport is open; the session is asked for on it.";
    CONNECT_FAILED: INFO "zk.connect_failed", ["cause", "reason", "server", "phase", "elapsed_ms"],
        "An attempt to connect failed. Told once for each cause while there is no connection; repetitions are DEBUG.";
    CONNECTED: INFO "zk.connected", ["server", "session_id", "generation", "cause", "elapsed_ms"],
        "The session is connected, `elapsed_ms` after its connection was lost by `cause` (`start`: there was none).";
    WATCHES_RESTORED: DEBUG "zk.watches_restored", ["watches"],
        "The watches are with the server again.";
    DISCONNECTED: INFO "zk.disconnected", ["cause", "reason", "server", "phase", "session_id", "elapsed_ms"],
        "The connection is lost after `elapsed_ms`. The session is kept, and connecting goes on.";
    LOST: WARN "zk.lost", ["cause", "reason", "session_id", "elapsed_ms"],
        "No server was reached for the negotiated timeout: presume the session expired.";
    ESTABLISHED: INFO "zk.established", ["session_id", "generation", "timeout_ms"],
        "A session begins.";
    TIMEOUT_CLAMPED: WARN "zk.timeout_clamped", ["asked_ms", "granted_ms"],
        "The server grants another session timeout than was asked for: see its `minSessionTimeout` and `maxSessionTimeout`.";
    EXPIRED: WARN "zk.expired", ["cause", "reason", "session_id", "generation"],
        "The session is over for certain, and its ephemeral nodes are gone or will be. The next one follows.";
    AUTH_FAILED: WARN "zk.auth_failed", ["scheme", "reason", "server"],
        "The server does not accept who we say we are. Told once while there is no connection; repetitions are DEBUG.";
    SUSPECTED: DEBUG "zk.suspected", ["server"],
        "The server is silent and is being probed.";
    PROBE_ANSWERED: DEBUG "zk.probe_answered", [],
        "The server has answered the probe: it is its quorum that is slow.";
    SPARE_OPENED: DEBUG "zk.spare_opened", ["server"],
        "Another server is ready to be moved to.";
    SPARE_FAILED: DEBUG "zk.spare_failed", [],
        "No other server is ready to be moved to.";
    MOVED: INFO "zk.moved", ["server", "cause"],
        "The session moves to the server that was ready.";
    HOSTS_REPLACED: DEBUG "zk.hosts_replaced", ["hosts"],
        "The list of servers was replaced.";
    TLS_RELOADED: DEBUG "zk.tls_reloaded", [],
        "The TLS settings were replaced.";
    CLOSED: INFO "zk.closed", ["session_id", "elapsed_ms"],
        "The client has ended.";
    ANSWERED: TRACE "zk.answered", ["error", "zxid"],
        "A request was answered, with ZooKeeper's name of the error code.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    const PAGE: &str = include_str!("telemetry/page.md");

    /// The cells of the row that begins with this name.
    fn row(name: &str) -> Vec<&'static str> {
        let begin = format!("| [`{name}`]");
        let line = PAGE.lines().find(|line| line.starts_with(&begin));
        line.unwrap_or_else(|| panic!("no row for {name}"))
            .trim_matches('|')
            .split(" | ")
            .map(str::trim)
            .collect()
    }

    fn listed(names: &[&str]) -> String {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        if quoted.is_empty() { "–".to_owned() } else { quoted.join(", ") }
    }

    #[test]
    fn the_page_shows_every_name_as_it_is_and_no_other() {
        for name in SPANS.iter().chain(EVENTS) {
            let expected = [name.level.to_string(), listed(name.fields), name.meaning.to_owned()];
            assert_eq!(row(name.name)[1..], expected, "{}", name.name);
        }
        for metric in metrics::ALL {
            let kind = format!("{:?}, {}", metric.kind, metric.unit).to_lowercase();
            let expected = [kind, listed(metric.labels), metric.meaning.to_owned()];
            assert_eq!(row(metric.name)[1..], expected, "{}", metric.name);
        }
        let rows = PAGE.lines().filter(|line| line.starts_with("| [`")).count();
        assert_eq!(rows, SPANS.len() + EVENTS.len() + metrics::ALL.len());
    }
}
