//! What an ACL entry allows.

use std::fmt;
use std::ops::BitOr;

/// What an ACL entry allows: a set of bits. Bits the protocol does not name are kept. Source: `ZooDefs.Perms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(i32);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Read the data and list the children.
    pub const READ: Self = Self(1);
    /// Set the data.
    pub const WRITE: Self = Self(2);
    /// Create children.
    pub const CREATE: Self = Self(4);
    /// Delete children.
    pub const DELETE: Self = Self(8);
    /// Set the ACL.
    pub const ADMIN: Self = Self(16);
    /// All of these.
    pub const ALL: Self = Self(31);

    /// The set with these bits.
    pub const fn new(bits: i32) -> Self {
        Self(bits)
    }

    /// The bits as they stand on the wire.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Whether every bit of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The letters of ZooKeeper's command line: `cdrwa`, in that order; bits without a letter follow as a number.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (Self::CREATE, "c"),
            (Self::DELETE, "d"),
            (Self::READ, "r"),
            (Self::WRITE, "w"),
            (Self::ADMIN, "a"),
        ];
        for (permission, letter) in letters {
            if self.contains(permission) {
                f.write_str(letter)?;
            }
        }
        match self.0 & !Self::ALL.0 {
            0 => Ok(()),
            others => write!(f, "+{others:#x}"),
        }
    }
}

wire_i32!(Permissions);
