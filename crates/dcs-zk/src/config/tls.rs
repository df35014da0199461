//! `use_ssl` and what goes with it.

use serde_json::{Map, Value};
use zk_session::{CaSource, ClientIdentity, TlsOptions, Verification};

use super::{ConfigError, first_word};

/// The TLS settings of the `zookeeper` section; `None` without `use_ssl`.
///
/// `verify: true` (the default) checks the certificate and the host name. Patroni checks the certificate only; where its
/// servers' certificates do not name them, `verify: ca` asks for just that, and Patroni takes it for true.
pub(super) fn options(zookeeper: &Map<String, Value>) -> Result<Option<TlsOptions>, ConfigError> {
    if !truth(zookeeper, "use_ssl", false)? {
        return Ok(None);
    }
    let verification = match zookeeper.get("verify") {
        Some(Value::String(text)) if text == "ca" => Verification::DangerousCaOnly,
        _ if truth(zookeeper, "verify", true)? => Verification::Full,
        _ => Verification::DangerousNone,
    };
    let ca = match (file(zookeeper, "cacert")?, verification) {
        (Some(path), _) => CaSource::file(path),
        (None, Verification::DangerousNone) => CaSource::Nobody,
        (None, _) => {
            let problem =
                "is missing: name the PEM file of the authority that signed the servers' certificates";
            return Err(ConfigError::new("zookeeper.cacert", problem));
        }
    };
    let mut options = TlsOptions::new(ca).verification(verification);
    match (file(zookeeper, "cert")?, file(zookeeper, "key")?) {
        (None, None) => {}
        (None, Some(_)) => {
            return Err(ConfigError::new("zookeeper.cert", "is missing: there is a key without it"));
        }
        // One file may hold both.
        (Some(cert), key) => {
            let key = key.unwrap_or_else(|| cert.clone());
            let identity = ClientIdentity::files(cert, key);
            let identity = match zookeeper.get("key_password") {
                None | Some(Value::Null) => identity,
                Some(Value::String(password)) => identity.password(password.clone()),
                // The value is a secret: it is not shown, whatever it is.
                Some(_) => return Err(ConfigError::new("zookeeper.key_password", "must be a string")),
            };
            options = options.client_identity(identity);
        }
    }
    Ok(Some(options))
}

fn file(zookeeper: &Map<String, Value>, key: &str) -> Result<Option<String>, ConfigError> {
    match zookeeper.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(path)) => Ok(Some(path.clone())),
        Some(_) => Err(ConfigError::new(format!("zookeeper.{key}"), "must be the path of a file")),
    }
}

/// A boolean, also as the words that YAML 1.1 and Patroni take for one.
fn truth(zookeeper: &Map<String, Value>, key: &str, default: bool) -> Result<bool, ConfigError> {
    let word = match zookeeper.get(key) {
        None | Some(Value::Null) => return Ok(default),
        Some(Value::Bool(value)) => return Ok(*value),
        Some(Value::String(text)) => text.to_ascii_lowercase(),
        Some(other) => other.to_string(),
    };
    match word.as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => {
            let word = first_word(&word);
            Err(ConfigError::new(format!("zookeeper.{key}"), format!("must be true or false, not {word:?}")))
        }
    }
}
