//! TLS errors in words that say what to do: one line each, without secrets.

use std::{io, time::Duration};

use rustls::{
    AlertDescription, CertificateError, Error,
    pki_types::{ServerName, UnixTime},
};

use crate::connect;

/// Names of a certificate that an error shows.
const NAMES_SHOWN: usize = 5;

/// What this side brings to a handshake, as far as it explains why one fails.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) has_identity: bool,
    /// The versions it may be, for people.
    pub(super) versions: String,
}

impl Offer {
    /// Why the handshake failed.
    pub(super) fn handshake_failure(&self, error: &io::Error) -> String {
        if let Some(error) = tls_error(error) {
            return self.explain(error);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the server closed the connection during the TLS handshake (is it a plain port?)".to_owned()
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "the server reset the connection during the TLS handshake (is it a plain port?)".to_owned()
            }
            _ => connect::describe(error),
        }
    }

    /// What the error says about the two sides.
    pub(super) fn explain(&self, error: &Error) -> String {
        match error {
            Error::InvalidCertificate(error) => server_certificate(error),
            Error::AlertReceived(alert) => self.alert(*alert),
            Error::InvalidMessage(_) => "the server does not speak TLS (is it a plain port?)".to_owned(),
            Error::PeerIncompatible(reason) => {
                format!("no common ground with the server ({}; {reason:?})", self.versions)
            }
            Error::DecryptError => "a record of the server cannot be decrypted".to_owned(),
            _ => error.to_string(),
        }
    }

    /// What the server complains about.
    fn alert(&self, alert: AlertDescription) -> String {
        match alert {
            // In TLS 1.3 it comes after the handshake, as far as this side can see. Java says "bad certificate" of none.
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate
                if !self.has_identity =>
            {
                "the server wants a client certificate, and none is set".to_owned()
            }
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
                if self.has_identity =>
            {
                format!("the server refuses the client certificate (alert {alert:?})")
            }
            AlertDescription::ProtocolVersion => {
                format!("the server speaks no version of TLS that is allowed here ({})", self.versions)
            }
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                format!("the server accepts nothing of what is offered ({}; alert {alert:?})", self.versions)
            }
            AlertDescription::UnrecognisedName => {
                "the server does not know itself by the name asked for".to_owned()
            }
            _ => format!("the server gave up (alert {alert:?})"),
        }
    }
}

/// The error of rustls inside an I/O error.
pub(super) fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What is wrong with the server's certificate.
fn server_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired => "certificate expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("certificate expired {} ago", span(*not_after, *time))
        }
        CertificateError::NotValidYet => "certificate not valid yet (is the clock right?)".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("certificate not valid for another {} (is the clock right?)", span(*time, *not_before))
        }
        CertificateError::UnknownIssuer => {
            "unknown CA: the certificate is not signed by one that is trusted".to_owned()
        }
        CertificateError::NotValidForName => "certificate is not valid for this name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            not_valid_for(expected, presented)
        }
        CertificateError::Revoked => "certificate revoked".to_owned(),
        _ => format!("certificate refused: {error}"),
    }
}

fn not_valid_for(expected: &ServerName<'_>, presented: &[String]) -> String {
    let expected = expected.to_str();
    let mut names: Vec<&str> = presented.iter().take(NAMES_SHOWN).map(|name| bare(name)).collect();
    if presented.len() > NAMES_SHOWN {
        names.push("…");
    }
    if names.is_empty() {
        format!("certificate is not valid for name {expected}: it has no subject alternative name")
    } else {
        format!("certificate is not valid for name {expected}, but for {}", names.join(", "))
    }
}

/// `zk1` of rustls's `DnsName("zk1")`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

/// How long it is from one time to another, roughly.
fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = Duration::from_secs(to.as_secs().saturating_sub(from.as_secs())).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(error: CertificateError) -> String {
        let offer = Offer { has_identity: false, versions: "TLS 1.2 to 1.3".to_owned() };
        offer.explain(&Error::InvalidCertificate(error))
    }

    #[test]
    fn names_are_shown_as_people_write_them() {
        let context = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("zk9").unwrap(),
            presented: presented.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            explain(context(&[r#"DnsName("zk1")"#, "IpAddress(127.0.0.1)"])),
            "certificate is not valid for name zk9, but for zk1, 127.0.0.1"
        );
        assert_eq!(
            explain(context(&["a"; 9])),
            "certificate is not valid for name zk9, but for a, a, a, a, a, …"
        );
        assert_eq!(
            explain(context(&[])),
            "certificate is not valid for name zk9: it has no subject alternative name"
        );
    }

    #[test]
    fn times_are_told_roughly() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = |ago| {
            explain(CertificateError::ExpiredContext {
                time: at(1_000_000),
                not_after: at(1_000_000u64 - ago),
            })
        };
        assert_eq!(expired(1), "certificate expired 1 s ago");
        assert_eq!(expired(600), "certificate expired 10 min ago");
        assert_eq!(expired(7_200), "certificate expired 2 h ago");
        assert_eq!(expired(864_000), "certificate expired 10 days ago");
        let early = CertificateError::NotValidYetContext { time: at(0), not_before: at(180) };
        assert_eq!(explain(early), "certificate not valid for another 3 min (is the clock right?)");
    }

    #[test]
    fn an_alert_is_read_in_the_light_of_what_was_offered() {
        let offer = |has_identity| Offer { has_identity, versions: "only TLS 1.3".to_owned() };
        let alert = |has_identity, alert| offer(has_identity).explain(&Error::AlertReceived(alert));
        for bare in [AlertDescription::CertificateRequired, AlertDescription::BadCertificate] {
            assert_eq!(alert(false, bare), "the server wants a client certificate, and none is set");
        }
        assert_eq!(
            alert(true, AlertDescription::UnknownCA),
            "the server refuses the client certificate (alert UnknownCA)"
        );
        assert_eq!(
            alert(true, AlertDescription::ProtocolVersion),
            "the server speaks no version of TLS that is allowed here (only TLS 1.3)"
        );
    }
}
