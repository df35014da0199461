//! The connect string: `host[:port],host[:port],…[/chroot]`.

use std::{net::Ipv6Addr, str::FromStr};

use thiserror::Error;

use crate::{hosts::Host, path::is_forbidden_in_paths};

/// ZooKeeper's default client port.
const DEFAULT_PORT: u16 = 2181;

/// A parsed connect string, as ZooKeeper's own clients take it.
///
/// Hosts are names, IPv4 addresses, `[IPv6]:port` or a bare IPv6 address; a missing port is 2181. A path after the last
/// host is the chroot: every path of the client is below it.
///
/// ```
/// use zk_proto::ConnectString;
///
/// let parsed: ConnectString = "zk1, [::1]:2182/service".parse()?;
/// assert_eq!(parsed.hosts[0].to_string(), "zk1:2181");
/// assert_eq!(parsed.hosts[1].to_string(), "[::1]:2182");
/// assert_eq!(parsed.chroot.as_deref(), Some("/service"));
/// # Ok::<(), zk_proto::ConnectStringError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectString {
    /// At least one host; duplicates are dropped.
    pub hosts: Vec<Host>,
    /// The chroot, without a trailing slash; `None` for none or `/`.
    pub chroot: Option<String>,
}

/// Why a connect string was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectStringError {
    /// No host in it.
    #[error("no ZooKeeper server in {0:?}: give host[:port], several separated by commas")]
    Empty(String),
    /// A host has no name, or characters that no host name has.
    #[error("{0:?} is not a host name or an address")]
    Host(String),
    /// A port is not a number from 1 to 65535.
    #[error("{port:?} in {host:?} is not a port: give a number from 1 to 65535")]
    Port {
        /// The entry as it was written.
        host: String,
        /// The part that should be a port.
        port: String,
    },
    /// The chroot is not an absolute, normalised path.
    #[error("the chroot {0:?} is not a ZooKeeper path")]
    Chroot(String),
}

impl FromStr for ConnectString {
    type Err = ConnectStringError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (list, chroot) = match text.find('/') {
            Some(at) => {
                let (list, chroot) = text.split_at(at);
                (list, parse_chroot(chroot.trim_end())?)
            }
            None => (text, None),
        };
        let mut hosts: Vec<Host> = Vec::new();
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let host = parse_host(entry)?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        if hosts.is_empty() {
            return Err(ConnectStringError::Empty(text.to_owned()));
        }
        Ok(Self { hosts, chroot })
    }
}

/// One entry of the host list.
pub(crate) fn parse_host(entry: &str) -> Result<Host, ConnectStringError> {
    let bad_host = || ConnectStringError::Host(entry.to_owned());
    // A bare IPv6 address has colons of its own, so it cannot carry a port.
    if entry.parse::<Ipv6Addr>().is_ok() {
        return Ok(Host::new(entry, DEFAULT_PORT));
    }
    if let Some(rest) = entry.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or_else(bad_host)?;
        // A zone index (`fe80::1%eth0`) is the resolver's business; what is before it must be an address.
        let bare = address.split_once('%').map_or(address, |(bare, _)| bare);
        bare.parse::<Ipv6Addr>().map_err(|_| bad_host())?;
        let port = match port.strip_prefix(':') {
            Some(port) => parse_port(entry, port)?,
            None if port.is_empty() => DEFAULT_PORT,
            None => return Err(bad_host()),
        };
        return Ok(Host::new(address, port));
    }
    let (name, port) = match entry.split_once(':') {
        Some((name, port)) => (name, parse_port(entry, port)?),
        None => (entry, DEFAULT_PORT),
    };
    let plausible = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || !name.chars().all(plausible) {
        return Err(bad_host());
    }
    Ok(Host::new(name, port))
}

fn parse_port(entry: &str, port: &str) -> Result<u16, ConnectStringError> {
    port.parse::<u16>()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| ConnectStringError::Port { host: entry.to_owned(), port: port.to_owned() })
}

fn parse_chroot(path: &str) -> Result<Option<String>, ConnectStringError> {
    if path == "/" {
        return Ok(None);
    }
    let bad = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(is_forbidden_in_paths);
    if path.split('/').skip(1).any(bad) {
        return Err(ConnectStringError::Chroot(path.to_owned()));
    }
    Ok(Some(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        text.parse::<ConnectString>().unwrap().hosts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_users_write() {
        for (text, expected) in [
            ("zk1", vec!["zk1:2181"]),
            ("zk1:2182", vec!["zk1:2182"]),
            ("10.0.0.1:2181,10.0.0.2", vec!["10.0.0.1:2181", "10.0.0.2:2181"]),
            (" a , b:1 ,", vec!["a:2181", "b:1"]),
            ("::1", vec!["[::1]:2181"]),
            ("2001:db8::1", vec!["[2001:db8::1]:2181"]),
            ("[2001:db8::1]", vec!["[2001:db8::1]:2181"]),
            ("[2001:db8::1]:65535", vec!["[2001:db8::1]:65535"]),
            ("a,a,b", vec!["a:2181", "b:2181"]),
            ("a_b.example-1.com.", vec!["a_b.example-1.com.:2181"]),
        ] {
            assert_eq!(hosts(text), expected, "{text}");
        }
    }

    #[test]
    fn chroots() {
        let chroot = |text: &str| text.parse::<ConnectString>().map(|parsed| parsed.chroot);
        assert_eq!(chroot("a/"), Ok(None));
        assert_eq!(chroot("a:1,b:2/x/y"), Ok(Some("/x/y".to_owned())));
        for bad in ["a//", "a/x/", "a/x//y", "a/./y", "a/../y", "a/x\u{1}", "a/x\u{e000}", "a/\u{1f600}"] {
            assert!(matches!(chroot(bad), Err(ConnectStringError::Chroot(_))), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_a_server_is_named() {
        for bad in ["", " ", ",", "/x"] {
            assert!(matches!(bad.parse::<ConnectString>(), Err(ConnectStringError::Empty(_))), "{bad:?}");
        }
        for bad in ["a:0", "a:65536", "a:x", "a:", "[::1]:", "[::1]:99999"] {
            assert!(matches!(bad.parse::<ConnectString>(), Err(ConnectStringError::Port { .. })), "{bad:?}");
        }
        for bad in ["[::1", "[zz]:1", "[::1]x", "a b", ":2181", "http:", "ü!"] {
            let parsed = bad.parse::<ConnectString>();
            assert!(parsed.is_err(), "{bad:?} gave {parsed:?}");
        }
    }
}
