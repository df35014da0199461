//! `createTTL`.

use std::{borrow::Cow, future::Future, time::Duration};

use bytes::Bytes;
use zk_jute::{
    CreateMode, Decode, OpCode,
    records::{Create2Response, CreateTTLRequest, Stat},
};

use crate::{
    acl::Acl,
    client::{Client, checked},
    error::{Error, Invalid},
};

/// The longest time to live: 2⁴⁰ − 1 ms, about 34 years.
const LONGEST_MS: i64 = (1 << 40) - 1;

/// A time to live as the protocol carries it: whole milliseconds, rounded up.
pub(crate) fn milliseconds(ttl: Duration) -> Result<i64, Invalid> {
    let millis = ttl.as_nanos().div_ceil(1_000_000);
    i64::try_from(millis)
        .ok()
        .filter(|millis| (1..=LONGEST_MS).contains(millis))
        .ok_or(Invalid::TimeToLive(ttl))
}

impl Client {
    /// Creates a node that the server deletes when it has been unchanged and without children for its time to live (it
    /// looks once a minute, by default): 1 ms to 2⁴⁰ − 1 ms, whole milliseconds, rounded up. The mode is
    /// [`PERSISTENT_WITH_TTL`](CreateMode::PERSISTENT_WITH_TTL) or
    /// [`PERSISTENT_SEQUENTIAL_WITH_TTL`](CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL); others are invalid.
    ///
    /// Protocol: `createTTL`, `CreateTTLRequest` → `Create2Response`. Needs a server of 3.5.3 or later that is set up with
    /// `extendedTypesEnabled`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); `Rejected` with `UNIMPLEMENTED` when the server is not set up for it.
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn create_ttl<D: Into<Bytes>>(
        &self,
        path: &str,
        data: D,
        mode: CreateMode,
        acl: &[Acl],
        ttl: Duration,
    ) -> impl Future<Output = Result<(String, Stat), Error>> + Send + use<D> {
        let call = self.check_create_ttl(path, mode, acl, ttl).map(|(on_server, ttl)| {
            let request = CreateTTLRequest {
                path: &on_server,
                data: Some(data.into()),
                acl: Acl::records(acl),
                flags: mode.flags(),
                ttl,
            };
            let (chroot, asked) = (self.chroot().clone(), on_server.to_string());
            self.call(OpCode::CREATE_TTL, path, &request, move |body| {
                let response = Create2Response::from_bytes(body)?;
                Ok((chroot.created(&asked, response.path)?, response.stat))
            })
        });
        checked(call)
    }

    /// The path on the server and the time to live in milliseconds, if the call makes sense.
    pub(crate) fn check_create_ttl<'a>(
        &'a self,
        path: &'a str,
        mode: CreateMode,
        acl: &[Acl],
        ttl: Duration,
    ) -> Result<(Cow<'a, str>, i64), Invalid> {
        if !matches!(mode, CreateMode::PERSISTENT_WITH_TTL | CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL) {
            return Err(Invalid::Mode(mode));
        }
        let ttl = milliseconds(ttl)?;
        Ok((self.check_new(path, mode, acl)?, ttl))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_live_have_bounds() {
        let millis = |ttl| milliseconds(ttl).ok();
        assert_eq!(millis(Duration::ZERO), None);
        assert_eq!(millis(Duration::from_nanos(1)), Some(1));
        assert_eq!(millis(Duration::from_micros(1_001)), Some(2));
        assert_eq!(millis(Duration::from_millis((1 << 40) - 1)), Some((1 << 40) - 1));
        assert_eq!(millis(Duration::from_millis(1 << 40)), None);
        assert_eq!(millis(Duration::MAX), None);
    }
}
