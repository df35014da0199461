//! DIGEST-MD5, RFC 2831: the client's side, quality of protection `auth`.
//!
//! ```text
//! Start ── empty token ─▶ Asked ── challenge / response ─▶ Answered ── rspauth verified ─▶ Done
//! ```
//!
//! The mechanism is historic (RFC 6331), but it is what ZooKeeper servers without Kerberos speak.

use std::fmt::{self, Write};

use md5::{Digest, Md5};
use thiserror::Error;

use super::{
    SaslStep,
    challenge::{parse, quote},
};
use crate::secret::Secret;

/// How an exchange can fail on our side.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SaslError {
    #[error("the server's SASL challenge makes no sense")]
    Challenge,
    #[error("the server offers no SASL protection that this client has (only auth)")]
    Protection,
    #[error("the server does not know the password either")]
    Server,
}

/// The longest token to take; RFC 2831, 2.1.1, allows 2,047 bytes. Without a limit the answer, which repeats and quotes what is
/// in it, could be longer than any frame.
const LONGEST_TOKEN: usize = 4096;

/// One exchange.
pub(crate) struct DigestMd5 {
    user: String,
    password: Secret,
    uri: String,
    cnonce: String,
    /// What the server must answer, once we have answered it.
    expected: Option<String>,
}

impl fmt::Debug for DigestMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestMd5").field("user", &self.user).field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl DigestMd5 {
    pub(crate) fn new(user: String, password: Secret, host: &str, cnonce: String) -> Self {
        Self { user, password, uri: format!("zookeeper/{host}"), cnonce, expected: None }
    }

    /// Takes a token of the server.
    pub(crate) fn step(&mut self, token: &[u8]) -> Result<SaslStep, SaslError> {
        if token.len() > LONGEST_TOKEN {
            return Err(SaslError::Challenge);
        }
        let text = std::str::from_utf8(token).map_err(|_| SaslError::Challenge)?;
        let pairs = parse(text).ok_or(SaslError::Challenge)?;
        let get = |key: &str| pairs.get(key).map(String::as_str);
        if let Some(expected) = &self.expected {
            return if get("rspauth") == Some(expected) {
                Ok(SaslStep::Done)
            } else {
                Err(SaslError::Server)
            };
        }
        let nonce = get("nonce").ok_or(SaslError::Challenge)?;
        if get("algorithm") != Some("md5-sess") {
            return Err(SaslError::Challenge);
        }
        if !get("qop").unwrap_or("auth").split(',').any(|offered| offered.trim() == "auth") {
            return Err(SaslError::Protection);
        }
        let realm = get("realm").unwrap_or_default();
        let a1 = self.a1(realm, nonce);
        let response = self.response(&a1, nonce, "AUTHENTICATE:");
        self.expected = Some(self.response(&a1, nonce, ":"));
        let mut answer = String::new();
        if get("charset") == Some("utf-8") {
            answer.push_str("charset=utf-8,");
        }
        // Writing into a string does not fail.
        let _ = write!(
            answer,
            "username={},realm={},nonce={},nc=00000001,cnonce={},digest-uri={},maxbuf=65536,response={response},qop=auth",
            quote(&self.user),
            quote(realm),
            quote(nonce),
            quote(&self.cnonce),
            quote(&self.uri),
        );
        Ok(SaslStep::Respond(Secret::new(answer)))
    }

    /// `H(A1)`, which stands for the password from here on.
    fn a1(&self, realm: &str, nonce: &str) -> String {
        let mut secret = Md5::new();
        secret.update(self.user.as_bytes());
        secret.update(b":");
        secret.update(realm.as_bytes());
        secret.update(b":");
        secret.update(self.password.expose());
        let mut a1 = Md5::new();
        a1.update(secret.finalize());
        a1.update(format!(":{nonce}:{}", self.cnonce).as_bytes());
        hex(&a1.finalize())
    }

    fn response(&self, a1: &str, nonce: &str, method: &str) -> String {
        let a2 = hex(&Md5::digest(format!("{method}{}", self.uri).as_bytes()));
        hex(&Md5::digest(format!("{a1}:{nonce}:00000001:{}:auth:{a2}", self.cnonce).as_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 2831, section 4, whose service is IMAP.
    fn rfc() -> DigestMd5 {
        let mut exchange = DigestMd5::new("chris".into(), Secret::new("secret"), "", "OA6MHXh6VqTrRk".into());
        exchange.uri = "imap/elwood.innosoft.com".into();
        exchange
    }

    const CHALLENGE: &str =
        r#"realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8"#;

    #[test]
    fn the_example_of_the_rfc() {
        let mut exchange = rfc();
        let Ok(SaslStep::Respond(answer)) = exchange.step(CHALLENGE.as_bytes()) else {
            panic!("an answer is due")
        };
        let answer = String::from_utf8(answer.expose().to_vec()).unwrap();
        assert!(answer.contains("response=d388dad90d4bbd760a152321f2143af7"), "{answer}");
        assert_eq!(exchange.step(b"rspauth=ea40f60335c427b5527b84dbabcdfffd"), Ok(SaslStep::Done));
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let mut exchange = rfc();
        exchange.step(CHALLENGE.as_bytes()).unwrap();
        assert_eq!(exchange.step(b"rspauth=00"), Err(SaslError::Server));
    }

    #[test]
    fn challenges_that_make_no_sense() {
        for (challenge, error) in [
            ("", SaslError::Challenge),
            ("\u{0}", SaslError::Challenge),
            ("nonce=\"a\",algorithm=md5", SaslError::Challenge),
            ("algorithm=md5-sess", SaslError::Challenge),
            ("nonce=\"a\",algorithm=md5-sess,qop=\"auth-conf\"", SaslError::Protection),
        ] {
            assert_eq!(rfc().step(challenge.as_bytes()), Err(error), "{challenge}");
        }
        assert_eq!(rfc().step(b"\xff"), Err(SaslError::Challenge));
        let long = format!("{CHALLENGE},x=\"{}\"", "y".repeat(LONGEST_TOKEN));
        assert_eq!(rfc().step(long.as_bytes()), Err(SaslError::Challenge));
    }

    #[test]
    fn the_password_is_not_shown() {
        assert!(!format!("{:?}", rfc()).contains("secret"));
    }
}
