//! What a user sets.

use std::{fmt, path::PathBuf, sync::Arc};

use rustls::crypto::CryptoProvider;

use zk_proto::Secret;

use super::TlsError;

/// How connections are secured; for [`ClientBuilder::tls`](crate::ClientBuilder::tls) and
/// [`Client::reload_tls`](crate::Client::reload_tls).
///
/// With these, the client never speaks plain text. Files are read anew for every round of connects, so certificates that
/// are replaced on disk are used from the next connect on.
///
/// ```no_run
/// use zk_session::{CaSource, Client, ClientIdentity, TlsOptions};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let identity = ClientIdentity::files("client.pem", "client.key").password("of the key");
/// let tls = TlsOptions::new(CaSource::file("ca.pem")).client_identity(identity);
/// let client = Client::builder("zk1.example:2281,zk2.example:2281")?.tls(tls).build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsOptions {
    pub(super) ca: CaSource,
    pub(super) identity: Option<ClientIdentity>,
    pub(super) verification: Verification,
    pub(super) min_version: TlsVersion,
    pub(super) max_version: TlsVersion,
    pub(super) server_name: Option<String>,
    crypto_provider: Option<Arc<CryptoProvider>>,
}

impl TlsOptions {
    /// TLS 1.2 or 1.3 with servers whose certificate is signed by one of these and names the server as the connect string
    /// does.
    pub fn new(ca: CaSource) -> Self {
        Self {
            ca,
            identity: None,
            verification: Verification::Full,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            server_name: None,
            crypto_provider: None,
        }
    }

    /// The certificate to show to servers that ask for one (default: none).
    #[must_use]
    pub fn client_identity(mut self, identity: ClientIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// What is required of the server's certificate (default [`Verification::Full`]).
    #[must_use]
    pub fn verification(mut self, verification: Verification) -> Self {
        self.verification = verification;
        self
    }

    /// The oldest version to speak (default 1.2).
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// The newest version to speak (default 1.3).
    #[must_use]
    pub fn max_version(mut self, version: TlsVersion) -> Self {
        self.max_version = version;
        self
    }

    /// The name (or IP address) to look for in the certificates of all servers, and to ask for with SNI, instead of the
    /// host names of the connect string.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The cryptography to use (default: ring where the feature `ring` is on, else aws-lc-rs where `aws-lc-rs` is).
    /// The default provider of the process plays no part.
    #[must_use]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.crypto_provider = Some(provider);
        self
    }

    /// Reads the files and checks that connections can be made with what they hold, without making any.
    ///
    /// # Errors
    ///
    /// What is of no use, and why.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn check(&self) -> Result<(), TlsError> {
        super::Connector::new(self.clone()).prepare().await.map(|_| ())
    }

    pub(super) fn provider(&self) -> Result<Arc<CryptoProvider>, TlsError> {
        match &self.crypto_provider {
            Some(provider) => Ok(Arc::clone(provider)),
            None => built_in_provider().map(Arc::new),
        }
    }

    /// The versions to speak, for people.
    pub(super) fn versions(&self) -> String {
        if self.min_version == self.max_version {
            format!("only TLS {}", self.min_version)
        } else {
            format!("TLS {} to {}", self.min_version, self.max_version)
        }
    }
}

#[cfg(feature = "ring")]
fn built_in_provider() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
fn built_in_provider() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn built_in_provider() -> Result<CryptoProvider, TlsError> {
    Err(TlsError::Settings(
        "no cryptography: set `crypto_provider`, or build with `ring` or `aws-lc-rs`".to_owned(),
    ))
}

/// Two are equal when they say the same; what the files they name hold is not looked at.
impl PartialEq for TlsOptions {
    fn eq(&self, other: &Self) -> bool {
        let Self { ca, identity, verification, min_version, max_version, server_name, crypto_provider } =
            self;
        let same_provider = match (crypto_provider, &other.crypto_provider) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        same_provider
            && (ca, identity, verification) == (&other.ca, &other.identity, &other.verification)
            && (min_version, max_version, server_name)
                == (&other.min_version, &other.max_version, &other.server_name)
    }
}

impl Eq for TlsOptions {}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca", &self.ca)
            .field("identity", &self.identity)
            .field("verification", &self.verification)
            .field("min_version", &self.min_version)
            .field("max_version", &self.max_version)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// Whom to trust.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaSource {
    /// PEM files with one certificate at least each.
    Files(Vec<PathBuf>),
    /// Certificates in PEM.
    Pem(Vec<u8>),
    /// The certificates that the operating system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` are heeded).
    #[cfg(feature = "system-roots")]
    System,
    /// Nobody: only of use with [`Verification::DangerousNone`], which asks nobody.
    Nobody,
}

impl CaSource {
    /// The certificates in this PEM file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::Files(vec![path.into()])
    }

    /// These certificates, in PEM.
    pub fn pem(certificates: impl Into<Vec<u8>>) -> Self {
        Self::Pem(certificates.into())
    }
}

impl fmt::Debug for CaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(paths) => f.debug_tuple("Files").field(paths).finish(),
            Self::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
            #[cfg(feature = "system-roots")]
            Self::System => f.write_str("System"),
            Self::Nobody => f.write_str("Nobody"),
        }
    }
}

/// A certificate and its private key, to show to servers that ask for one. Key and password are shown nowhere and wiped
/// when dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    pub(super) source: IdentitySource,
    pub(super) password: Option<Secret>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum IdentitySource {
    Files { certificates: PathBuf, key: PathBuf },
    Pem { certificates: Vec<u8>, key: Secret },
}

impl ClientIdentity {
    /// From PEM files, which may be one and the same: the certificate, followed by those that lead to the CA if there are
    /// any, and the key, in PKCS#8 (encrypted or not), PKCS#1 or SEC1 form.
    pub fn files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            source: IdentitySource::Files { certificates: certificates.into(), key: key.into() },
            password: None,
        }
    }

    /// As [`files`](Self::files), from memory.
    pub fn pem(certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self {
            source: IdentitySource::Pem { certificates: certificates.into(), key: Secret::new(key.into()) },
            password: None,
        }
    }

    /// The password of an encrypted key. A key that is not encrypted needs none and is used whether or not one is set.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password.into().into_bytes()));
        self
    }
}

impl fmt::Debug for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files { certificates, key } => {
                f.debug_struct("Files").field("certificates", certificates).field("key", key).finish()
            }
            Self::Pem { certificates, .. } => write!(f, "Pem({} bytes, _)", certificates.len()),
        }
    }
}

/// What is required of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Verification {
    /// Signed by a trusted CA, in date, and made out to the host name or IP address of the connect string. A name is looked
    /// for among the certificate's DNS names, an address among its IP addresses; names are not resolved back.
    #[default]
    Full,
    /// Signed by a trusted CA and in date, made out to whomever: anyone with a certificate of that CA, every client among
    /// them, can pose as a server.
    DangerousCaOnly,
    /// Nothing: anyone on the way can pose as a server, and read and change everything.
    DangerousNone,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_key_nor_password() {
        let identity = ClientIdentity::pem("certificate", "TOP-KEY").password("TOP-PASSWORD");
        let options = TlsOptions::new(CaSource::pem("ca")).client_identity(identity);
        let text = format!("{options:?} {options:#?}");
        assert!(text.contains("password: Some(") && text.contains("verification: Full"), "{text}");
        assert!(!text.contains("TOP-") && !text.contains(&format!("{:?}", b"TOP-KEY")), "{text}");
        assert!(!text.contains("84"), "no bytes in decimal either: {text}");
    }
}
