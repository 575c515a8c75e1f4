//! Prefixes of key hashes: what the buckets of a full sync are named by.

use std::fmt;
use std::ops::{Deref, RangeInclusive};

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::key::KeyHash;

/// First bytes of a hash, big endian, [`Prefix::MOST`] at most. On the wire a list of bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Zero behind `len`, so that the derived order is that of lists of bytes.
    bytes: [u8; Self::MOST],
    len: u8,
}

impl Prefix {
    /// Bytes of the longest prefix.
    pub const MOST: usize = 4;
    /// The prefix of every hash.
    pub const ROOT: Self = Self { bytes: [0; Self::MOST], len: 0 };

    /// This prefix with `byte` behind it; none if it is the longest already.
    pub fn child(mut self, byte: u8) -> Option<Self> {
        *self.bytes.get_mut(usize::from(self.len))? = byte;
        self.len += 1;
        Some(self)
    }

    /// This prefix without its last byte; none of the root.
    pub(crate) fn parent(mut self) -> Option<Self> {
        self.len = self.len.checked_sub(1)?;
        self.bytes[usize::from(self.len)] = 0;
        Some(self)
    }

    /// Whether it has no child.
    pub(crate) fn is_longest(self) -> bool {
        self.len() == Self::MOST
    }

    /// The keys whose hash starts with it.
    pub(crate) fn range(self) -> RangeInclusive<KeyHash> {
        let mut low = [0u8; 16];
        let mut high = [0xff; 16];
        low[..self.len()].copy_from_slice(&self);
        high[..self.len()].copy_from_slice(&self);
        KeyHash(u128::from_be_bytes(low))..=KeyHash(u128::from_be_bytes(high))
    }
}

impl Deref for Prefix {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PrefixVisitor)
    }
}

struct PrefixVisitor;

impl<'de> Visitor<'de> for PrefixVisitor {
    type Value = Prefix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} bytes", Prefix::MOST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Prefix, A::Error> {
        let mut prefix = Prefix::ROOT;
        let bytes = seq.size_hint().unwrap_or_default();
        while let Some(byte) = seq.next_element()? {
            prefix = prefix.child(byte).ok_or_else(|| A::Error::invalid_length(bytes, &self))?;
        }
        Ok(prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(bytes: &[u8]) -> Prefix {
        bytes.iter().fold(Prefix::ROOT, |prefix, byte| prefix.child(*byte).expect("short"))
    }

    proptest! {
        #[test]
        fn prefixes_have_the_order_and_the_wire_form_of_lists_of_bytes(
            one in prop::collection::vec(0u8..3, 0..=4),
            two in prop::collection::vec(0u8..3, 0..=4),
        ) {
            prop_assert_eq!(prefix(&one).cmp(&prefix(&two)), one.cmp(&two));
            let wire = postcard::to_allocvec(&one).expect("plain data");
            prop_assert_eq!(&postcard::to_allocvec(&prefix(&one)).expect("plain data"), &wire);
            prop_assert_eq!(postcard::from_bytes(&wire), Ok(prefix(&one)));
        }

        #[test]
        fn a_range_is_of_the_hashes_that_begin_so(
            bytes in prop::collection::vec(0u8..2, 0..=4), hash in any::<[u8; 16]>(), begins: bool,
        ) {
            let mut hash = hash;
            if begins {
                hash[..bytes.len()].copy_from_slice(&bytes);
            }
            let within = prefix(&bytes).range().contains(&KeyHash(u128::from_be_bytes(hash)));
            prop_assert_eq!(within, hash.starts_with(&bytes));
        }
    }

    #[test]
    fn the_longest_has_no_child_and_a_longer_one_is_not_read() {
        let longest = prefix(&[1, 2, 3, 0]);
        assert_eq!(longest.child(0), None);
        assert_eq!(longest.parent(), Some(prefix(&[1, 2, 3])));
        assert_eq!(Prefix::ROOT.parent(), None);
        let wire = postcard::to_allocvec(&[1u8, 2, 3, 4, 5][..]).expect("plain data");
        assert!(postcard::from_bytes::<Prefix>(&wire).is_err());
    }
}
