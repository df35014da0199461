//! Private keys, in the forms that people have them.

use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument};
use rustls::pki_types::{
    PrivateKeyDer, PrivatePkcs8KeyDer,
    pem::{self, PemObject},
};

use zk_proto::Secret;

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// OpenSSL's own encryption, from before PKCS#8: a header inside the section.
const OLD_ENCRYPTION: &str = "Proc-Type: 4,ENCRYPTED";

/// Reads the first private key: PKCS#8, PKCS#1 (RSA) or SEC1 (EC), or an encrypted PKCS#8 one. What else is in the file
/// does not matter. On failure, says what is wrong.
pub(super) fn read(pem: &[u8], password: Option<&Secret>) -> Result<PrivateKeyDer<'static>, String> {
    if let Some(section) = encrypted_section(pem) {
        let password = password.ok_or("the key is encrypted and no password is set")?;
        return decrypt(section, password);
    }
    if find(pem, OLD_ENCRYPTION).is_some() {
        return Err(
            "the key is encrypted in OpenSSL's old form; convert it with `openssl pkcs8 -topk8`".to_owned()
        );
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => "no private key in it".to_owned(),
        _ => "the private key is not well-formed PEM".to_owned(),
    })
}

/// From the first line of an encrypted key to its last.
fn encrypted_section(pem: &[u8]) -> Option<&[u8]> {
    let from_begin = pem.get(find(pem, ENCRYPTED_BEGIN)?..)?;
    let end = find(from_begin, ENCRYPTED_END)?;
    from_begin.get(..end + ENCRYPTED_END.len())
}

fn find(haystack: &[u8], needle: &str) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle.as_bytes())
}

fn decrypt(section: &[u8], password: &Secret) -> Result<PrivateKeyDer<'static>, String> {
    let malformed = "the encrypted private key is malformed";
    let text = std::str::from_utf8(section).map_err(|_| malformed)?;
    let (_, document) = SecretDocument::from_pem(text).map_err(|_| malformed)?;
    // What is not PBES2 does not even parse, so this is more often an old encryption than a broken file.
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| unsupported())?;
    let wrong = "the password does not open the private key";
    let key = info.decrypt(password.expose()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }) => unsupported(),
        _ => wrong.to_owned(),
    })?;
    // One wrong password in 256 leaves padding that looks right, and garbage before it.
    PrivateKeyInfoRef::try_from(key.as_bytes()).map_err(|_| wrong)?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn unsupported() -> String {
    "the private key's encryption is not supported; encrypt it with `openssl pkcs8 -topk8 -v2 aes256`"
        .to_owned()
}
