//! What can go wrong with Kerberos, and what to do about it.

use std::fmt;

use libgssapi::error::{Error, MajorFlags};

/// Why an exchange failed. The text ends with what to do next.
#[derive(Debug)]
pub(super) enum Failure {
    /// No ticket to begin with.
    Credential { client: Option<String>, error: Error },
    /// The server's name is no principal.
    ServerName { server: String, error: Error },
    /// No ticket for the server, or the server's proof is none.
    Context { server: String, error: Error },
    /// The server does not keep to RFC 4752.
    Protocol(&'static str),
}

/// Codes of libkrb5 (`krb5.h`), which GSSAPI hands on as the minor status.
mod code {
    pub(super) const SERVER_UNKNOWN: i32 = -1_765_328_377; // KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN
    pub(super) const TICKET_EXPIRED: i32 = -1_765_328_352; // KRB5KRB_AP_ERR_TKT_EXPIRED
    pub(super) const CLOCK_SKEW: i32 = -1_765_328_347; // KRB5KRB_AP_ERR_SKEW
    pub(super) const REALM_UNKNOWN: i32 = -1_765_328_230; // KRB5_REALM_UNKNOWN
    pub(super) const KDC_UNREACHABLE: i32 = -1_765_328_228; // KRB5_KDC_UNREACH
}

const EXPIRED: &str = "the ticket has expired: run `kinit` again, or let KRB5_CLIENT_KTNAME name a keytab";

/// What to do about an error, if its code says so.
fn advice(error: &Error) -> Option<&'static str> {
    // The code is a signed number that GSSAPI carries as an unsigned one.
    match error.minor.cast_signed() {
        code::SERVER_UNKNOWN => Some(
            "the realm does not know this server: make the principal and its keytab, or set the service, the server's \
             principal, or the host in the connect string to what the realm knows",
        ),
        code::TICKET_EXPIRED => Some(EXPIRED),
        code::CLOCK_SKEW => Some("the clocks differ: set them"),
        code::REALM_UNKNOWN | code::KDC_UNREACHABLE => {
            Some("no Kerberos server answers: is it named in krb5.conf (or the file of KRB5_CONFIG), and up?")
        }
        _ if is(error, MajorFlags::GSS_S_CREDENTIALS_EXPIRED) => Some(EXPIRED),
        _ if is(error, MajorFlags::GSS_S_CONTEXT_EXPIRED) => Some(EXPIRED),
        _ => None,
    }
}

/// The routine errors of GSSAPI are numbers in a field of the major status (RFC 2744, 3.9.1), not bits of their own.
fn is(error: &Error, routine_error: MajorFlags) -> bool {
    const FIELD: u32 = 0xff << 16;
    error.major.bits() & FIELD == routine_error.bits()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential { client, error } => {
                let advice = advice(error).unwrap_or(
                    "run `kinit`, let KRB5CCNAME name the cache with the ticket, or KRB5_CLIENT_KTNAME a keytab",
                );
                let client = client.as_deref().unwrap_or("anybody");
                write!(f, "Kerberos: no ticket for {client}: {error}; {advice}")
            }
            Self::ServerName { server, error } => {
                write!(f, "Kerberos: {server} is no name of a server: {error}; correct the settings")
            }
            Self::Context { server, error } => {
                let advice = advice(error).unwrap_or(
                    "compare the server's principal with `klist` and its keytab, and see the server's log",
                );
                write!(f, "Kerberos, for the server {server}: {error}; {advice}")
            }
            Self::Protocol(what) => {
                write!(f, "Kerberos: {what}; does the server's JAAS file use Krb5LoginModule?")
            }
        }
    }
}
