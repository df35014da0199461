//! Certificates and keys as they are on disk, and what rustls makes of them.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, Error, RootCertStore, SupportedProtocolVersion,
    client::{Resumption, WebPkiServerVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};

use zk_proto::Secret;

use super::{
    CaSource, ClientIdentity, TlsError, TlsOptions, TlsVersion, Verification, danger::LaxVerifier,
    options::IdentitySource, private_key,
};

/// What was read. Two that are equal make the same configuration out of the same options.
#[derive(PartialEq)]
pub(super) struct Material {
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
}

#[derive(PartialEq)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key_pem: Secret,
}

impl Material {
    /// Reads the files. Blocks.
    pub(super) fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let roots = match &options.ca {
            // Nobody is asked, so a file that is not there does not matter.
            _ if options.verification == Verification::DangerousNone => Vec::new(),
            CaSource::Files(paths) => {
                let mut roots = Vec::new();
                for path in paths {
                    roots.extend(
                        certificates(&read_file(path)?).map_err(|reason| ca(path_name(path), reason))?,
                    );
                }
                roots
            }
            CaSource::Pem(pem) => certificates(pem).map_err(|reason| ca("the CA certificates", reason))?,
            #[cfg(feature = "system-roots")]
            CaSource::System => rustls_native_certs::load_native_certs().certs,
            CaSource::Nobody => Vec::new(),
        };
        let identity = options.identity.as_ref().map(Identity::read).transpose()?;
        Ok(Self { roots, identity })
    }

    /// Makes a configuration. May take a while: passwords are stretched on purpose.
    pub(super) fn configure(&self, options: &TlsOptions) -> Result<ClientConfig, TlsError> {
        let provider = options.provider()?;
        let signature_algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(options)?)
            .map_err(|error| TlsError::Settings(error.to_string()))?;
        let builder = match options.verification {
            Verification::Full => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(self.root_store(options)?, provider);
                let verifier = verifier.build().map_err(|error| ca(ca_name(options), error))?;
                builder.with_webpki_verifier(verifier)
            }
            Verification::DangerousCaOnly => {
                let verifier = LaxVerifier::signed_by(self.root_store(options)?, signature_algorithms);
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
            Verification::DangerousNone => {
                let verifier = LaxVerifier::anybody(signature_algorithms);
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let mut config = match (&self.identity, &options.identity) {
            (Some(identity), Some(source)) => {
                let key = identity.key(source)?;
                builder
                    .with_client_auth_cert(identity.chain.clone(), key)
                    .map_err(|error| source.refused(&error))?
            }
            _ => builder.with_no_client_auth(),
        };
        // Each connect proves everything anew: a resumed one would overlook certificates that expired or were replaced.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn root_store(&self, options: &TlsOptions) -> Result<Arc<RootCertStore>, TlsError> {
        let mut store = RootCertStore::empty();
        // Among many there may be one that is too old to be understood; what counts is that one is.
        store.add_parsable_certificates(self.roots.iter().cloned());
        if store.is_empty() {
            return Err(ca(ca_name(options), "no certificate in it that could be trusted"));
        }
        Ok(Arc::new(store))
    }
}

impl Identity {
    fn read(source: &ClientIdentity) -> Result<Self, TlsError> {
        let (pem, key_pem) = match &source.source {
            IdentitySource::Files { certificates, key } => {
                (read_file(certificates)?, Secret::new(read_file(key)?))
            }
            IdentitySource::Pem { certificates, key } => (certificates.clone(), key.clone()),
        };
        let chain = certificates(&pem)
            .map_err(|reason| TlsError::ClientCertificate { origin: source.certificate_name(), reason })?;
        Ok(Self { chain, key_pem })
    }

    fn key(&self, source: &ClientIdentity) -> Result<PrivateKeyDer<'static>, TlsError> {
        private_key::read(self.key_pem.expose(), source.password.as_ref())
            .map_err(|reason| TlsError::ClientKey { origin: source.key_name(), reason })
    }
}

impl ClientIdentity {
    fn certificate_name(&self) -> String {
        match &self.source {
            IdentitySource::Files { certificates, .. } => path_name(certificates),
            IdentitySource::Pem { .. } => "the client certificate".to_owned(),
        }
    }

    fn key_name(&self) -> String {
        match &self.source {
            IdentitySource::Files { key, .. } => path_name(key),
            IdentitySource::Pem { .. } => "the client key".to_owned(),
        }
    }

    /// What rustls does not like about certificate and key.
    fn refused(&self, error: &Error) -> TlsError {
        match error {
            Error::InconsistentKeys(_) => TlsError::ClientKey {
                origin: self.key_name(),
                reason: format!("the key is not that of the certificate in {}", self.certificate_name()),
            },
            Error::InvalidCertificate(_) => {
                TlsError::ClientCertificate { origin: self.certificate_name(), reason: error.to_string() }
            }
            _ => TlsError::ClientKey {
                origin: self.key_name(),
                reason: "the key is of a kind or size that cannot be used".to_owned(),
            },
        }
    }
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let range = options.min_version..=options.max_version;
    let all = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)];
    let chosen: Vec<_> =
        all.into_iter().filter(|(version, _)| range.contains(version)).map(|(_, chosen)| chosen).collect();
    if chosen.is_empty() {
        return Err(TlsError::Settings("the oldest version is newer than the newest".to_owned()));
    }
    Ok(chosen)
}

/// All certificates in a PEM text, one at least.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in it".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err("a certificate in it is not well-formed PEM".to_owned()),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        TlsError::Read { path: path.to_owned(), reason }
    })
}

fn ca(origin: impl Into<String>, reason: impl ToString) -> TlsError {
    TlsError::Ca { origin: origin.into(), reason: reason.to_string() }
}

fn ca_name(options: &TlsOptions) -> String {
    match &options.ca {
        CaSource::Files(paths) if !paths.is_empty() => {
            paths.iter().map(|path| path_name(path)).collect::<Vec<_>>().join(", ")
        }
        #[cfg(feature = "system-roots")]
        CaSource::System => "the system's CA certificates".to_owned(),
        _ => "the CA certificates".to_owned(),
    }
}

fn path_name(path: &Path) -> String {
    path.display().to_string()
}
