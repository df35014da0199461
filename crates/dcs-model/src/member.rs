//! A member of the cluster.

use crate::json::{Object, Value, int_of_str, parse_int};
use crate::tags::Tags;
use crate::url::Url;
use serde::Serialize;
use std::borrow::Cow;

/// The port of PostgreSQL when a connection string names none.
const POSTGRES_PORT: i64 = 5432;

/// One member: what it last said about itself; answers to `patroni.dcs.Member`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// The version of the znode, or -1 for a leader that has no member key.
    pub version: i32,
    /// The member's name: the last part of the znode's path.
    pub name: String,
    /// The ZooKeeper session that owns the znode (0 when it is not ephemeral); none for a leader without
    /// member key.
    pub session: Option<i64>,
    /// What the member published, in its order. Empty when the stored value is not understood.
    pub data: Object,
}

impl Member {
    /// Reads the znode `members/NAME`; answers to `Member.from_node`.
    ///
    /// A value that begins with `postgres` is the legacy form, a connection string with the URL of the REST
    /// API in its parameter `application_name`. Anything else that is not a JSON object leaves `data` empty.
    pub fn from_node(version: i32, name: &str, session: i64, value: &[u8]) -> Self {
        let data = if value.starts_with(b"postgres") {
            parse_connection_string(value)
        } else {
            match Value::from_slice(value) {
                Ok(Value::Object(object)) => object,
                _ => Object::new(),
            }
        };
        Self { version, name: name.to_owned(), session: Some(session), data }
    }

    /// A leader that has no member key: only its name is known.
    pub fn bare(name: &str) -> Self {
        Self { version: -1, name: name.to_owned(), session: None, data: Object::new() }
    }

    /// The connection URL: `conn_url`, or one made from `conn_kwargs`.
    pub fn conn_url(&self) -> Option<Cow<'_, str>> {
        match self.data.get("conn_url") {
            Some(Value::String(url)) if !url.is_empty() => Some(Cow::Borrowed(url)),
            Some(other) if other.is_truthy() => None,
            _ => match self.data.get("conn_kwargs") {
                Some(Value::Object(kwargs)) if !kwargs.is_empty() => url_of_kwargs(kwargs).map(Cow::Owned),
                _ => None,
            },
        }
    }

    /// The parameters to connect with: `host`, `port` and `dbname`, and what `auth` adds; answers to
    /// `Member.conn_kwargs`.
    ///
    /// They come from `conn_kwargs` in the data or else from [`Member::conn_url`], where the port is 5432
    /// when it names none. Empty when neither is there or the URL cannot be taken apart. From `auth`, the
    /// keys `options` and `connect_timeout` and those with `null` are not taken, and `username` becomes
    /// `user`.
    pub fn conn_kwargs(&self, auth: Option<&Object>) -> Object {
        let mut kwargs = match self.data.get("conn_kwargs") {
            Some(Value::Object(kwargs)) if !kwargs.is_empty() => {
                let mut all: Object =
                    ["host", "port", "dbname"].map(|key| (key, Value::Null)).into_iter().collect();
                all.extend(kwargs.clone());
                all
            }
            Some(other) if other.is_truthy() => return Object::new(),
            _ => match self.conn_url().and_then(|url| kwargs_of_url(&url)) {
                Some(kwargs) => kwargs,
                None => return Object::new(),
            },
        };
        for (key, value) in auth.into_iter().flat_map(Object::iter) {
            if !matches!(key, "options" | "connect_timeout") && !value.is_null() {
                kwargs.insert(key, value.clone());
            }
        }
        if auth.is_some_and(|auth| auth.contains_key("username"))
            && let Some(user) = kwargs.remove("username")
        {
            kwargs.insert("user", user);
        }
        kwargs
    }

    /// The URL of the member's REST API.
    pub fn api_url(&self) -> Option<&str> {
        self.data.get_str("api_url")
    }

    /// The URL of an endpoint of the REST API, or of the API itself; answers to `Member.get_endpoint_url`.
    ///
    /// Without `api_url` it is the endpoint alone, and empty when `api_url` is not a URL.
    pub fn get_endpoint_url(&self, endpoint: Option<&str>) -> String {
        let url = match self.data.get("api_url").filter(|url| url.is_truthy()) {
            None => "",
            Some(Value::String(url)) => url,
            Some(_) => return String::new(),
        };
        match endpoint {
            Some(endpoint) if !endpoint.is_empty() => {
                Url::parse(url).map(|url| url.with_path(endpoint).to_string()).unwrap_or_default()
            }
            _ => url.to_owned(),
        }
    }

    /// The role, `primary`, `replica`, `standby_leader` and so on, if it is a string.
    pub fn role(&self) -> Option<&str> {
        self.data.get_str("role")
    }

    /// The state of PostgreSQL, `running`, `starting`, `stopped` and so on; `unknown` if it is not a string.
    pub fn state(&self) -> &str {
        self.data.get_str("state").unwrap_or("unknown")
    }

    /// Whether the state is `running`.
    pub fn is_running(&self) -> bool {
        self.state() == "running"
    }

    /// The version of the member's agent, as it is stored.
    pub fn version_string(&self) -> Option<&str> {
        self.data.get_str("version")
    }

    /// The version of the member's agent in numbers; none when one of its parts is not a number. Compares as
    /// Patroni compares: part by part, and a prefix is less.
    pub fn patroni_version(&self) -> Option<Vec<i64>> {
        let version = self.version_string().filter(|version| !version.is_empty())?;
        version.split('.').map(int_of_str).collect()
    }

    /// The timeline, if it is an integer.
    pub fn timeline(&self) -> Option<i64> {
        self.data.get("timeline").and_then(|value| match value {
            Value::Int(int) => Some(int.saturating_i64()),
            _ => None,
        })
    }

    /// The WAL position `xlog_location`, in bytes, if it is a number.
    pub fn lsn(&self) -> Option<i64> {
        self.data.get("xlog_location").and_then(parse_int)
    }

    /// The WAL position received, in bytes, if it is a number.
    pub fn receive_lsn(&self) -> Option<i64> {
        self.data.get("receive_lsn").and_then(parse_int)
    }

    /// The WAL position replayed, in bytes, if it is a number.
    pub fn replay_lsn(&self) -> Option<i64> {
        self.data.get("replay_lsn").and_then(parse_int)
    }

    /// The tags.
    pub fn tags(&self) -> Tags<'_> {
        Tags::of_member(&self.data)
    }

    /// Whether the member may serve as the source of new replicas: tagged so, and with a connection URL.
    pub fn clonefrom(&self) -> bool {
        self.tags().clonefrom()
            && (self.conn_url().is_some() || self.data.get("conn_url").is_some_and(Value::is_truthy))
    }

    /// See [`Tags::nofailover`].
    pub fn nofailover(&self) -> bool {
        self.tags().nofailover()
    }

    /// See [`Tags::failover_priority`].
    pub fn failover_priority(&self) -> i64 {
        self.tags().failover_priority()
    }

    /// See [`Tags::noloadbalance`].
    pub fn noloadbalance(&self) -> bool {
        self.tags().noloadbalance()
    }

    /// See [`Tags::nosync`].
    pub fn nosync(&self) -> bool {
        self.tags().nosync()
    }

    /// See [`Tags::sync_priority`].
    pub fn sync_priority(&self) -> i64 {
        self.tags().sync_priority()
    }

    /// See [`Tags::replicatefrom`].
    pub fn replicatefrom(&self) -> Option<&str> {
        self.tags().replicatefrom()
    }

    /// See [`Tags::nostream`].
    pub fn nostream(&self) -> bool {
        self.tags().nostream()
    }
}

/// The legacy value: the connection string without its query, and the URL in `application_name`.
fn parse_connection_string(value: &[u8]) -> Object {
    let url = std::str::from_utf8(value).ok().and_then(Url::parse);
    url.map_or_else(Object::new, |url| {
        let api_url = url.query_value("application_name");
        [("conn_url", url.without_query().to_string().into()), ("api_url", Value::from(api_url))]
            .into_iter()
            .collect()
    })
}

/// Answers to `patroni.utils.uri('postgresql', (host, port))`; none if the host is not a string or
/// the port neither a string nor a number.
fn url_of_kwargs(kwargs: &Object) -> Option<String> {
    let host = kwargs.get("host").unwrap_or(&Value::Null);
    if host.is_truthy() && host.as_str().is_none() {
        return None;
    }
    let mut host = host.to_python_str().into_owned();
    if host.contains(':') && !host.starts_with('[') && !host.ends_with(']') {
        host = format!("[{host}]");
    }
    let default = Value::from(POSTGRES_PORT);
    Some(match kwargs.get("port").unwrap_or(&default) {
        Value::Array(_) | Value::Object(_) => return None,
        port if port.is_truthy() => format!("postgresql://{host}:{}", port.to_python_str()),
        _ => format!("postgresql://{host}"),
    })
}

fn kwargs_of_url(url: &str) -> Option<Object> {
    let url = Url::parse(url)?;
    let port = url.port().ok()?.map_or(POSTGRES_PORT, i64::from);
    let port = if port == 0 { POSTGRES_PORT } else { port };
    let mut dbname = url.path().chars();
    dbname.next();
    Some(
        [("host", Value::from(url.host())), ("port", port.into()), ("dbname", dbname.as_str().into())]
            .into_iter()
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(value: &str) -> Member {
        Member::from_node(3, "a", 7, value.as_bytes())
    }

    #[test]
    fn garbage_is_a_member_without_data() {
        for value in
            [&b""[..], b"{", b"[]", b"null", b"\xff", b"{\"a\":\"\xff\"}", b"postgres://[x", b"postgres\xff"]
        {
            let member = Member::from_node(3, "a", 7, value);
            assert_eq!((member.version, member.session, member.data.len()), (3, Some(7), 0), "{value:?}");
        }
    }

    #[test]
    fn legacy_connection_string() {
        let member = member("postgres://u:p@h:5433/db?application_name=http://h:8008/patroni");
        assert_eq!(member.conn_url().unwrap(), "postgres://u:p@h:5433/db");
        assert_eq!(member.api_url(), Some("http://h:8008/patroni"));
        assert_eq!(member.conn_kwargs(None).to_json(), r#"{"host":"h","port":5433,"dbname":"db"}"#);
        assert_eq!(member.get_endpoint_url(Some("failsafe")), "http://h:8008/failsafe");
    }

    #[test]
    fn connection_parameters_and_back() {
        let value = member(r#"{"conn_kwargs":{"host":"::1","port":"1"}}"#);
        assert_eq!(value.conn_url().unwrap(), "postgresql://[::1]:1");
        let auth: Object = [("username", "u"), ("options", "-c x")].into_iter().collect();
        let kwargs = value.conn_kwargs(Some(&auth)).to_json();
        assert_eq!(kwargs, r#"{"host":"::1","port":"1","dbname":null,"user":"u"}"#);
        assert_eq!(member(r#"{"conn_kwargs":{"host":"h"}}"#).conn_url().unwrap(), "postgresql://h:5432");
        assert!(member(r#"{"conn_url":"postgres://h:x/"}"#).conn_kwargs(Some(&auth)).is_empty());
    }

    #[test]
    fn versions() {
        assert_eq!(member(r#"{"version":"4.1.5"}"#).patroni_version(), Some(vec![4, 1, 5]));
        for value in [r#"{"version":"4.1.5.dev"}"#, r#"{"version":4}"#, r#"{"version":""}"#, "{}"] {
            assert_eq!(member(value).patroni_version(), None, "{value}");
        }
    }

    #[test]
    fn state_and_positions() {
        let value =
            member(r#"{"state":"running","xlog_location":"67108864","replay_lsn":null,"timeline":2}"#);
        assert!(value.is_running());
        assert_eq!((value.lsn(), value.replay_lsn(), value.timeline()), (Some(67_108_864), None, Some(2)));
        assert_eq!(member(r#"{"state":1}"#).state(), "unknown");
    }
}
