//! Who may do what. Source: `PrepRequestProcessor.fixupACL`, `ZooKeeperServer.checkACL`, the digest and ip providers.

use std::{net::Ipv4Addr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};
use zk_jute::{
    ErrorCode, Permissions,
    records::{Acl, Id},
};

/// Somebody, in the terms of a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) scheme: Box<str>,
    pub(crate) id: Box<str>,
}

impl Identity {
    pub(crate) fn new(scheme: &str, id: &str) -> Self {
        Self { scheme: scheme.into(), id: id.into() }
    }

    /// Where a connection comes from: every connection has this one.
    pub(crate) fn of_address(address: &str) -> Self {
        Self::new("ip", address)
    }

    /// Who presents these credentials, `user:password`: the password is known by its digest alone.
    pub(crate) fn of_credentials(credentials: &[u8]) -> Self {
        let text = String::from_utf8_lossy(credentials);
        let digest = STANDARD.encode(Sha1::digest(text.as_bytes()));
        Self::new("digest", &format!("{}:{digest}", user_of(&text)))
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What whoAmI calls it.
    pub(crate) fn user(&self) -> &str {
        match &*self.scheme {
            "digest" => user_of(&self.id),
            _ => &self.id,
        }
    }

    /// Whether it stands for somebody who showed who they are, and not for a mere address.
    fn is_authenticated(&self) -> bool {
        &*self.scheme == "digest"
    }

    /// Whether an entry that names `other` means this one.
    fn is_meant_by(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && match &*self.scheme {
                "digest" => self.id == other.id,
                "ip" => Network::parse(&other.id).is_some_and(|network| network.contains(&self.id)),
                _ => false,
            }
    }

    fn is_anyone(&self) -> bool {
        &*self.scheme == "world" && &*self.id == "anyone"
    }

    /// Whether an ACL may name it.
    fn is_nameable(&self) -> bool {
        match &*self.scheme {
            "world" => self.is_anyone(),
            // As Java splits: what is empty at the end does not count.
            "digest" => self.id.trim_end_matches(':').matches(':').count() == 1,
            "ip" => Network::parse(&self.id).is_some(),
            _ => false,
        }
    }
}

fn user_of(text: &str) -> &str {
    text.split_once(':').map_or(text, |(user, _)| user)
}

/// `address` or `address/bits`. The ip scheme knows IPv4 only.
struct Network {
    address: u32,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, bits.parse().ok().filter(|bits| *bits <= 32)?),
            None => (text, 32),
        };
        Some(Self { address: v4(address)?, bits })
    }

    fn contains(&self, address: &str) -> bool {
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.bits)).unwrap_or(0);
        v4(address).is_some_and(|address| address & mask == self.address & mask)
    }
}

/// Four numbers, more loosely than elsewhere: leading zeros are allowed.
fn v4(text: &str) -> Option<u32> {
    let parts: Vec<u8> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let octets: [u8; 4] = parts.try_into().ok()?;
    Some(Ipv4Addr::from(octets).into())
}

/// What one identity may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) allowed: Permissions,
    pub(crate) who: Identity,
}

impl Entry {
    pub(crate) fn to_record(&self) -> Acl<'_> {
        Acl { perms: self.allowed, id: Id { scheme: &self.who.scheme, id: &self.who.id } }
    }

    /// The same, without the digest, for those who may not administer the znode.
    fn masked(&self) -> Self {
        let mut entry = self.clone();
        if &*entry.who.scheme == "digest"
            && let Some((user, _)) = self.who.id.split_once(':')
        {
            entry.who.id = format!("{user}:x").into();
        }
        entry
    }
}

/// The ACL of a znode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessList(Arc<[Entry]>);

impl AccessList {
    /// Everything to everybody.
    pub(crate) fn open() -> Self {
        Self::anyone(Permissions::ALL)
    }

    /// Reading to everybody.
    pub(crate) fn read_only() -> Self {
        Self::anyone(Permissions::READ)
    }

    fn anyone(allowed: Permissions) -> Self {
        Self(Arc::new([Entry { allowed, who: Identity::new("world", "anyone") }]))
    }

    /// What is stored when a client with these identities asks for this list: without repetitions, with its own identities
    /// in the place of `auth`.
    pub(crate) fn settle(asked: &[Acl<'_>], identities: &[Identity]) -> Result<Self, ErrorCode> {
        let mut unique: Vec<Acl<'_>> = Vec::new();
        for entry in asked {
            if !unique.contains(entry) {
                unique.push(*entry);
            }
        }
        let mut entries = Vec::new();
        for Acl { perms, id } in unique {
            if id.scheme == "auth" {
                let own = identities.iter().filter(|identity| identity.is_authenticated());
                let before = entries.len();
                entries.extend(own.map(|who| Entry { allowed: perms, who: who.clone() }));
                if entries.len() == before {
                    return Err(ErrorCode::INVALID_ACL);
                }
                continue;
            }
            let who = Identity::new(id.scheme, id.id);
            if !who.is_nameable() {
                return Err(ErrorCode::INVALID_ACL);
            }
            entries.push(Entry { allowed: perms, who });
        }
        if entries.is_empty() {
            return Err(ErrorCode::INVALID_ACL);
        }
        Ok(Self(entries.into()))
    }

    /// Whether somebody with these identities may do one of `any` of these things.
    pub(crate) fn permits(&self, any: Permissions, identities: &[Identity]) -> bool {
        self.0.iter().filter(|entry| entry.allowed.get() & any.get() != 0).any(|entry| {
            entry.who.is_anyone() || identities.iter().any(|identity| identity.is_meant_by(&entry.who))
        })
    }

    /// [`permits`](Self::permits) as a result.
    pub(crate) fn check(&self, any: Permissions, identities: &[Identity]) -> Result<(), ErrorCode> {
        if self.permits(any, identities) { Ok(()) } else { Err(ErrorCode::NO_AUTH) }
    }

    /// The entries, as somebody with these identities gets to see them.
    pub(crate) fn shown_to(&self, identities: &[Identity]) -> Vec<Entry> {
        if self.permits(Permissions::ADMIN, identities) {
            return self.0.to_vec();
        }
        self.0.iter().map(Entry::masked).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(perms: Permissions, scheme: &'static str, id: &'static str) -> Acl<'static> {
        Acl { perms, id: Id { scheme, id } }
    }

    #[test]
    fn the_digest_is_the_one_of_java() {
        // From ZooKeeper's own documentation of the digest scheme.
        let identity = Identity::of_credentials(b"super:admin");
        assert_eq!(&*identity.id, "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
        assert_eq!(identity.user(), "super");
    }

    #[test]
    fn networks_are_matched_by_their_bits() {
        let network = |text| Network::parse(text).unwrap();
        assert!(network("10.0.0.0/8").contains("10.200.3.4"));
        assert!(!network("10.0.0.0/8").contains("11.0.0.1"));
        assert!(network("0.0.0.0/0").contains("1.2.3.4"));
        assert!(network("1.2.3.4").contains("1.2.3.4") && !network("1.2.3.4").contains("1.2.3.5"));
        for bad in ["", "1.2.3", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/x", "::1"] {
            assert!(Network::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn lists_are_settled() {
        let me = [Identity::of_address("127.0.0.1"), Identity::of_credentials(b"a:b")];
        let all = Permissions::ALL;
        let settled = AccessList::settle(&[record(all, "auth", "")], &me).unwrap();
        assert_eq!(settled.0.len(), 1, "an address is nobody who showed who they are");
        assert!(settled.permits(all, &me) && !settled.permits(all, &me[..1]));
        for bad in [
            &[][..],
            &[record(all, "auth", "")],
            &[record(all, "world", "x")],
            &[record(all, "digest", "a")],
            &[record(all, "digest", "a:")],
            &[record(all, "nonsense", "a")],
        ] {
            assert_eq!(AccessList::settle(bad, &me[..1]), Err(ErrorCode::INVALID_ACL), "{bad:?}");
        }
        let twice = [record(all, "world", "anyone"); 2];
        assert_eq!(AccessList::settle(&twice, &[]), Ok(AccessList::open()));
    }

    #[test]
    fn digests_are_masked_for_those_who_may_not_administer() {
        let acl = [record(Permissions::READ, "world", "anyone"), record(Permissions::ALL, "digest", "a:b")];
        let acl = AccessList::settle(&acl, &[]).unwrap();
        assert_eq!(&*acl.shown_to(&[])[1].who.id, "a:x");
        assert_eq!(&*acl.shown_to(&[Identity::new("digest", "a:b")])[1].who.id, "a:b");
    }
}
