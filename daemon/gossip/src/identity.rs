//! The lean identity that every packet of the failure detector carries.
//!
//! The address is not in it: the roster resolves the member id. Order of conflict is (boot,
//! renewals); `renew` raises renewals only, so that an identity renewed often never beats the next
//! boot's.

use std::fmt;

use model::{BootGeneration, MemberId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// One life of a member as the failure detector knows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) id: MemberId,
    pub(crate) boot: BootGeneration,
    pub(crate) renewals: u32,
}

impl Identity {
    /// Stands for any life of the member: only good as receiver of an announce.
    pub(crate) fn any(id: MemberId) -> Self {
        Self { id, boot: BootGeneration(0), renewals: 0 }
    }

    /// How the detector's packets of a member in this life begin: the envelope has said both, so they
    /// do not travel twice.
    pub(crate) fn opening(id: MemberId, boot: BootGeneration) -> Vec<u8> {
        postcard::to_allocvec(&(id.as_uuid().as_bytes(), boot.0)).expect("plain data")
    }

    /// What decides between two identities of one member; the greater stays.
    pub(crate) fn rank(&self) -> (BootGeneration, u32) {
        (self.boot, self.renewals)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}.{}", self.id, self.boot.0, self.renewals)
    }
}

impl foca::Identity for Identity {
    type Addr = MemberId;

    fn renew(&self) -> Option<Self> {
        Some(Self { renewals: self.renewals.checked_add(1)?, ..*self })
    }

    fn addr(&self) -> MemberId {
        self.id
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.rank() > adversary.rank()
    }
}

// The UUID as 16 bare bytes: its own serde form spends one more on the length.
impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.id.as_uuid().as_bytes(), self.boot.0, self.renewals).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, boot, renewals) = <([u8; 16], u64, u32)>::deserialize(deserializer)?;
        let id = MemberId::from_uuid(Uuid::from_bytes(id));
        Ok(Self { id, boot: BootGeneration(boot), renewals })
    }
}

#[cfg(test)]
mod tests {
    use foca::Identity as _;

    use super::*;

    fn identity(boot: u64, renewals: u32) -> Identity {
        let id = MemberId::from_uuid(Uuid::from_u128(7));
        Identity { id, boot: BootGeneration(boot), renewals }
    }

    #[test]
    fn identity_is_at_most_38_bytes() {
        let real = identity(1_790_000_000_000, 3);
        assert_eq!(postcard::to_allocvec(&real).unwrap().len(), 23);
        let longest = identity(u64::MAX, u32::MAX);
        assert!(postcard::to_allocvec(&longest).unwrap().len() <= 38);
        let bytes = postcard::to_allocvec(&real).unwrap();
        assert_eq!(postcard::from_bytes::<Identity>(&bytes).unwrap(), real);
    }

    #[test]
    fn next_boot_beats_any_number_of_renewals() {
        assert!(identity(2, 0).win_addr_conflict(&identity(1, 900)));
        assert!(!identity(1, 900).win_addr_conflict(&identity(2, 0)));
        let renewed = identity(1, 0).renew().unwrap();
        assert_eq!(renewed, identity(1, 1));
        assert!(renewed.win_addr_conflict(&identity(1, 0)));
        assert_eq!(identity(1, u32::MAX).renew(), None);
    }
}
