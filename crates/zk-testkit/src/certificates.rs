//! Certificates and keys for servers and clients with TLS, made anew for each test.

use std::fmt::Display;

use pkcs8::{
    LineEnding, ObjectIdentifier, PrivateKeyInfoRef,
    der::{Decode, pem},
    pkcs5::pbes2,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

use crate::TestkitError;

/// rsaEncryption.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// As OpenSSL has it by default: tests want a key that opens quickly.
const PASSWORD_ROUNDS: u32 = 2_048;

/// A certificate authority with a key of its own.
///
/// ```
/// use zk_testkit::{Authority, KeyForm, KeyKind};
///
/// # fn main() -> Result<(), zk_testkit::TestkitError> {
/// let authority = Authority::new("Test CA")?;
/// let server = authority.server(&["localhost", "127.0.0.1"])?;
/// let client = authority.client("patroni", KeyKind::Rsa)?;
/// let builder = zk_testkit::Ensemble::builder().tls(&authority, &server)?;
/// assert!(client.key(KeyForm::Traditional)?.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
/// # Ok(())
/// # }
/// ```
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// On the curve P-256.
    Ec,
    /// RSA with 2,048 bits.
    Rsa,
}

/// How a private key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm<'a> {
    /// PKCS#8.
    Pkcs8,
    /// What there was before: PKCS#1 of an RSA key, SEC1 of one on an elliptic curve.
    Traditional,
    /// PKCS#8, encrypted with this password.
    Encrypted(&'a str),
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// A new authority of this common name.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn new(common_name: &str) -> Result<Self, TestkitError> {
        let mut params = named(&[], common_name)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, generate(KeyKind::Ec)?).map_err(failed)?;
        Ok(Self { issuer })
    }

    /// The certificate to trust, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate of a server that goes by these DNS names and IP addresses.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`], for instance for a name that is none.
    pub fn server(&self, names: &[&str]) -> Result<Certificate, TestkitError> {
        self.sign(named(names, "zookeeper")?, KeyKind::Ec, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// As [`server`](Self::server), but expired at the beginning of 2001.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn expired_server(&self, names: &[&str]) -> Result<Certificate, TestkitError> {
        let mut params = named(names, "zookeeper")?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(params, KeyKind::Ec, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate of a client. ZooKeeper's x509 authentication knows it as `CN=common_name`.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn client(&self, common_name: &str, kind: KeyKind) -> Result<Certificate, TestkitError> {
        self.sign(named(&[], common_name)?, kind, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        kind: KeyKind,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Certificate, TestkitError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let key = generate(kind)?;
        let signed = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Certificate { pem: signed.pem(), key })
    }
}

impl Certificate {
    /// The certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The key, in PEM.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn key(&self, form: KeyForm<'_>) -> Result<String, TestkitError> {
        let pkcs8 = self.key.serialized_der();
        let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(failed)?;
        match form {
            KeyForm::Pkcs8 => encode("PRIVATE KEY", pkcs8),
            KeyForm::Traditional => {
                let label = if info.algorithm.oid == RSA { "RSA PRIVATE KEY" } else { "EC PRIVATE KEY" };
                encode(label, info.private_key.as_bytes())
            }
            KeyForm::Encrypted(password) => {
                let mut random = [0; 32];
                fastrand::fill(&mut random);
                let (salt, iv) = random.split_at(16);
                let iv = iv.try_into().map_err(failed)?;
                let how = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(PASSWORD_ROUNDS, salt, iv)
                    .map_err(failed)?;
                let encrypted = info.encrypt_with_params(how, password).map_err(failed)?;
                encode("ENCRYPTED PRIVATE KEY", encrypted.as_bytes())
            }
        }
    }

    /// Key and certificate in one text, as ZooKeeper wants a key store of the type `PEM`.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn key_store(&self) -> Result<String, TestkitError> {
        Ok(format!("{}{}", self.key(KeyForm::Pkcs8)?, self.pem))
    }
}

fn named(names: &[&str], common_name: &str) -> Result<CertificateParams, TestkitError> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

fn generate(kind: KeyKind) -> Result<KeyPair, TestkitError> {
    let algorithm = match kind {
        KeyKind::Ec => &PKCS_ECDSA_P256_SHA256,
        KeyKind::Rsa => &PKCS_RSA_SHA256,
    };
    KeyPair::generate_for(algorithm).map_err(failed)
}

fn encode(label: &str, der: &[u8]) -> Result<String, TestkitError> {
    pem::encode_string(label, LineEnding::LF, der).map_err(failed)
}

fn failed(error: impl Display) -> TestkitError {
    TestkitError::Certificate(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_labelled_as_what_they_are() {
        let authority = Authority::new("CA").unwrap();
        for (kind, traditional) in [(KeyKind::Ec, "EC PRIVATE KEY"), (KeyKind::Rsa, "RSA PRIVATE KEY")] {
            let certificate = authority.client("client", kind).unwrap();
            let begins = |form, label| {
                let key = certificate.key(form).unwrap();
                assert!(key.starts_with(&format!("-----BEGIN {label}-----\n")), "{kind:?} {form:?}: {key}");
            };
            begins(KeyForm::Pkcs8, "PRIVATE KEY");
            begins(KeyForm::Traditional, traditional);
            begins(KeyForm::Encrypted("secret"), "ENCRYPTED PRIVATE KEY");
        }
    }
}
