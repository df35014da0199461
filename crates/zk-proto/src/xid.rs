//! Transaction ids: the client's own numbering of its requests.

/// Hands out xids from 1 to [`i32::MAX`], then starts at 1 again.
///
/// Zero and the negative numbers are never handed out: the protocol reserves −1, −2, −4 and −8, and servers treat the rest
/// of them badly (ZOOKEEPER-4306 and others).
#[derive(Debug, Clone)]
pub struct XidCounter {
    last: i32,
}

impl XidCounter {
    /// A counter whose first xid is 1.
    pub const fn new() -> Self {
        Self { last: 0 }
    }

    /// A counter whose next xid follows `last`. Values outside `0..i32::MAX` start at 1.
    pub const fn after(last: i32) -> Self {
        Self { last: if last < 0 { 0 } else { last } }
    }

    /// The next xid.
    pub const fn next_xid(&mut self) -> i32 {
        self.last = match self.last.checked_add(1) {
            Some(next) => next,
            None => 1,
        };
        self.last
    }
}

impl Default for XidCounter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_to_one_and_never_goes_negative() {
        let mut xids = XidCounter::after(i32::MAX - 2);
        let seen: Vec<i32> = (0..4).map(|_| xids.next_xid()).collect();
        assert_eq!(seen, [i32::MAX - 1, i32::MAX, 1, 2]);
        assert_eq!(XidCounter::after(-8).next_xid(), 1);
    }
}
