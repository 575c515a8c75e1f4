//! Identities in a cluster.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID, normally a v4 made by the shell.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// Identity of a member; made at first start, never changes (file `server.id`).
    MemberId
);
uuid_id!(
    /// Identity of a cluster; a member takes it over when it is added (file `cluster.id`).
    ClusterId
);

/// Counts the starts of a member: `max(stored + 1, unix milliseconds)`, durable before the first
/// packet leaves. A claim is bound to it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BootGeneration(pub u64);

impl BootGeneration {
    /// The generation of a start at `unix_ms` after the one that was `stored`.
    pub fn next(stored: Option<Self>, unix_ms: u64) -> Self {
        Self(stored.map_or(0, |s| s.0.saturating_add(1)).max(unix_ms))
    }
}
