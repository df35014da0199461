//! Connection strings, taken apart and put together as Python's `urllib.parse` does.

/// Schemes whose last path segment may carry parameters after a semicolon; `postgres` is none of them.
const WITH_PARAMS: [&str; 16] = [
    "", "ftp", "hdl", "prospero", "http", "imap", "https", "shttp", "rtsp", "rtsps", "rtspu", "sip", "sips",
    "mms", "sftp", "tel",
];

/// A URL in its parts; answers to Python's `urlparse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: String,
    netloc: String,
    path: String,
    params: String,
    query: String,
    fragment: String,
}

impl Url {
    /// Takes a URL apart; none where Python raises: brackets that do not hold an IPv6 address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(|c| c <= ' ');
        let cleaned: String = text.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect();
        let (scheme, rest) = split_scheme(&cleaned);
        let (netloc, rest) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !brackets_are_sound(netloc) {
            return None;
        }
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let scheme = scheme.to_ascii_lowercase();
        let segment = path.rfind('/').unwrap_or(0);
        let semicolon = path.get(segment..).and_then(|last| last.find(';')).map(|at| segment + at);
        let (path, params) = match semicolon.and_then(|at| path.split_at_checked(at)) {
            Some((path, params)) if WITH_PARAMS.contains(&scheme.as_str()) => {
                (path, params.strip_prefix(';').unwrap_or_default())
            }
            _ => (path, ""),
        };
        Some(Self {
            scheme,
            netloc: netloc.to_owned(),
            path: path.to_owned(),
            params: params.to_owned(),
            query: query.to_owned(),
            fragment: fragment.to_owned(),
        })
    }

    /// The same without its query.
    pub(crate) fn without_query(mut self) -> Self {
        self.query.clear();
        self
    }

    /// Another path on the same host, without query and fragment.
    pub(crate) fn with_path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self.params.clear();
        self.query.clear();
        self.fragment.clear();
        self
    }

    /// The value of a parameter of the query, its first one that is not empty.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, value)| !value.is_empty() && unquote_plus(key) == name)
            .map(|(_, value)| unquote_plus(value))
    }

    /// The host in lower case (an IPv6 zone as it is), without user and port; none if empty.
    pub(crate) fn host(&self) -> Option<String> {
        let (host, _) = self.host_and_port();
        if host.is_empty() {
            return None;
        }
        Some(match host.split_once('%') {
            Some((host, zone)) => format!("{}%{zone}", host.to_lowercase()),
            None => host.to_lowercase(),
        })
    }

    /// The port.
    ///
    /// # Errors
    ///
    /// Where Python raises: not a number, or above 65535.
    pub(crate) fn port(&self) -> Result<Option<u16>, BadPort> {
        let (_, port) = self.host_and_port();
        if port.is_empty() {
            return Ok(None);
        }
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadPort);
        }
        port.parse().map(Some).map_err(|_| BadPort)
    }

    /// The path, with its leading slash.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn host_and_port(&self) -> (&str, &str) {
        let host = self.netloc.rsplit_once('@').map_or(self.netloc.as_str(), |(_, host)| host);
        match host.split_once('[') {
            Some((_, bracketed)) => {
                let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (host, rest.split_once(':').map_or("", |(_, port)| port))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        }
    }
}

/// A port that is not a number from 0 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPort;

impl std::fmt::Display for Url {
    /// Puts the parts together; answers to Python's `urlunparse`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        let web = matches!(self.scheme.as_str(), "http" | "https");
        if !self.netloc.is_empty() || (web && !self.path.starts_with("//")) {
            write!(f, "//{}", self.netloc)?;
            if !self.path.is_empty() && !self.path.starts_with('/') {
                f.write_str("/")?;
            }
        }
        f.write_str(&self.path)?;
        if !self.params.is_empty() {
            write!(f, ";{}", self.params)?;
        }
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", self.fragment)?;
        }
        Ok(())
    }
}

fn split_scheme(text: &str) -> (&str, &str) {
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) =>
        {
            (scheme, rest)
        }
        _ => ("", text),
    }
}

fn brackets_are_sound(netloc: &str) -> bool {
    match (netloc.split_once('['), netloc.contains(']')) {
        (None, closed) => !closed,
        (Some(_), false) => false,
        (Some((_, rest)), true) => {
            let host = rest.split_once(']').map_or(rest, |(host, _)| host);
            match host.strip_prefix('v') {
                Some(future) => future.split_once('.').is_some_and(|(version, address)| {
                    !version.is_empty()
                        && version.bytes().all(|b| b.is_ascii_hexdigit())
                        && !address.is_empty()
                }),
                None => {
                    let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
                    !zone.is_empty() && !zone.contains('%') && address.parse::<std::net::Ipv6Addr>().is_ok()
                }
            }
        }
    }
}

/// Python's `unquote` after replacing `+` by a space: escapes that are no UTF-8 become U+FFFD.
fn unquote_plus(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Vec<u8> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(escaped) = escaped {
            run.push(escaped);
            at += 3;
            continue;
        }
        // Escaped bytes never join with what stands for itself outside ASCII.
        let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        if width == 1 {
            run.push(if byte == b'+' { b' ' } else { byte });
        } else {
            out.push_str(&String::from_utf8_lossy(&run));
            run.clear();
            out.push_str(text.get(at..at + width).unwrap_or_default());
        }
        at += width;
    }
    out.push_str(&String::from_utf8_lossy(&run));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_port(text: &str) -> (Option<String>, Result<Option<u16>, BadPort>) {
        let url = Url::parse(text).unwrap();
        (url.host(), url.port())
    }

    #[test]
    fn takes_apart_and_puts_together() {
        let text = "postgres://u:p@Host:5433/db?a=b&application_name=http%3A%2F%2Fh:8008/p+q#f";
        let url = Url::parse(text).unwrap();
        assert_eq!(url.to_string(), text);
        assert_eq!(url.query_value("application_name").as_deref(), Some("http://h:8008/p q"));
        assert_eq!(url.path(), "/db");
        assert_eq!(url.without_query().to_string(), "postgres://u:p@Host:5433/db#f");
    }

    #[test]
    fn hosts_and_ports() {
        assert_eq!(host_port("postgres://[FE80::1%Eth0]:1/"), (Some("fe80::1%Eth0".into()), Ok(Some(1))));
        assert_eq!(host_port("postgres://h1,H2:5432/"), (Some("h1,h2".into()), Ok(Some(5432))));
        assert_eq!(host_port("postgres:///db"), (None, Ok(None)));
        assert_eq!(host_port("postgres://h:99999/"), (Some("h".into()), Err(BadPort)));
        assert_eq!(host_port("postgres://h:x/"), (Some("h".into()), Err(BadPort)));
    }

    #[test]
    fn unsound_brackets() {
        for text in
            ["postgres://[::1/", "postgres://::1]/", "postgres://[1.2.3.4]/", "postgres://[]/", "a://[v1]/"]
        {
            assert_eq!(Url::parse(text), None, "{text}");
        }
        assert!(Url::parse("postgres://[v1.x]/").is_some());
    }
}
