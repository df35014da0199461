//! The first message of an election connection, in which a server says where it takes such connections itself.
//!
//! Of two servers the one with the greater number dials the other. If the lesser one was quicker, the greater one closes that
//! connection and dials the address that was announced on it, not the one of its configuration: past every proxy, unless the
//! announcement names one. `QuorumCnxManager.InitialMessage`: protocol version (8 bytes, -65536 or -65535), server number
//! (8), length (4), `host:port`.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, BytesMut};

const VERSIONS: [i64; 2] = [-65_536, -65_535];
/// Before the address.
const HEADER: usize = 20;

/// What a server calls itself, and what its peers are told instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    pub(crate) own: SocketAddr,
    pub(crate) instead: SocketAddr,
}

impl Announced {
    /// Replaces the address in the first bytes of a connection. `false` while there is too little of them to tell.
    pub(super) fn replace(self, first: &mut BytesMut) -> bool {
        let mut header = &first[..];
        if header.len() < 8 {
            return false;
        }
        if !VERSIONS.contains(&header.get_i64()) {
            return true;
        }
        if header.len() < HEADER - 8 {
            return false;
        }
        let number = header.get_i64();
        let Ok(length) = usize::try_from(header.get_i32()) else { return true };
        let Some(address) = header.get(..length) else { return false };
        if address == self.own.to_string().as_bytes() {
            let instead = self.instead.to_string();
            let rest = first.split_off(HEADER + length);
            first.truncate(8);
            first.put_i64(number);
            first.put_i32(i32::try_from(instead.len()).unwrap_or(i32::MAX));
            first.put_slice(instead.as_bytes());
            first.unsplit(rest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(version: i64, address: &str) -> BytesMut {
        let mut message = BytesMut::new();
        message.put_i64(version);
        message.put_i64(2);
        message.put_i32(i32::try_from(address.len()).unwrap());
        message.put_slice(address.as_bytes());
        message.put_slice(b"rest");
        message
    }

    #[test]
    fn an_announced_address_is_replaced_and_nothing_else() {
        let announced =
            Announced { own: "127.0.0.1:9999".parse().unwrap(), instead: "127.0.0.1:12345".parse().unwrap() };
        for version in VERSIONS {
            let whole = message(version, "127.0.0.1:9999");
            for part in 0..whole.len() - 4 {
                let mut part = BytesMut::from(&whole[..part]);
                let before = part.clone();
                assert!(!announced.replace(&mut part), "{part:?}");
                assert_eq!(part, before);
            }
            let mut whole = whole;
            assert!(announced.replace(&mut whole));
            assert_eq!(whole, message(version, "127.0.0.1:12345"));
        }
        for other in [message(7, "127.0.0.1:9999"), message(-65_536, "127.0.0.1:9998")] {
            let mut replaced = other.clone();
            assert!(announced.replace(&mut replaced));
            assert_eq!(replaced, other);
        }
    }
}
