//! What the machine asks of the outside, and what it tells.

use model::{BootGeneration, MemberId, Str};

/// Where to send. The name is resolved anew on each dial, by the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The member meant. Unknown senders that are answered have their claimed id here.
    pub member: MemberId,
    /// `host:port` as advertised for gossip (UDP and TCP).
    pub address: Str,
}

/// One effect. The shell persists first, then sends, then notifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send one UDP datagram of at most [`crate::PACKET_LIMIT`] bytes, from the socket that
    /// receives: notices come back to its address.
    Datagram {
        /// The receiver.
        to: Destination,
        /// The whole datagram.
        bytes: Vec<u8>,
    },
    /// Open a TCP stream to the gossip address, send the request, and give the answer to
    /// [`crate::Gossip::handle_sync_reply`] (or tell [`crate::Gossip::handle_sync_failed`]).
    Sync {
        /// The receiver.
        to: Destination,
        /// The request body; framing is the shell's.
        bytes: Vec<u8>,
    },
    /// Store this boot generation durably, then call [`crate::Gossip::boot_persisted`]. Until then
    /// the machine sends nothing: a peer has seen a newer life of this member than its disk knows.
    PersistBoot(BootGeneration),
    /// Store [`crate::Roster::to_bytes`] of [`crate::Gossip::roster`].
    RosterChanged,
    /// The digest blob of a peer's brain, as its [`crate::Gossip::set_digests`] gave it.
    Digests {
        /// Whose digests.
        from: MemberId,
        /// Opaque to this room.
        bytes: Vec<u8>,
    },
    /// A small broadcast of another member, handed over once per (origin, boot, number).
    Broadcast {
        /// Who gave it to [`crate::Gossip::broadcast`].
        from: MemberId,
        /// The life it was sent in.
        boot: BootGeneration,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// Something changed in who is there.
    Event(Event),
}

/// A change in who is there. Members outside the roster never appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The member is active: first seen, or back.
    Up(MemberId, BootGeneration),
    /// The member was declared down (or stopped after announcing that it leaves).
    Down(MemberId),
    /// Some member's probe of it failed; it still counts as alive.
    Suspect(MemberId),
    /// It refuted the suspicion.
    Refuted(MemberId),
    /// The member runs in a newer life. Claims bound to the older generation are void.
    Rejoined(MemberId, BootGeneration),
    /// The member announced that it is about to stop.
    Leaving(MemberId),
    /// The roster gained the member, or has it back with a higher epoch.
    Added(MemberId),
    /// The roster has a tombstone for the member now.
    Removed(MemberId, u32),
    /// We were removed from the cluster with this epoch: a tombstone of us reached our roster, or
    /// `by` answered so. On a plain cluster confirm by RPC before acting on it.
    OwnRemoval {
        /// Epoch of the tombstone.
        epoch: u32,
        /// Who said so; none when the roster itself says so.
        by: Option<MemberId>,
    },
    /// Others had declared us down; we took part again under a renewed identity.
    Renewed,
    /// We adopted a generation above the one peers remember (disk restored from a backup).
    BootAdopted(BootGeneration),
    /// Packets or streams are refused; told at once, then at most once a minute for each reason.
    Refused {
        /// Why, as in the counters: `key`, `unsealed`, `cluster`, `removed`, `replay`, `malformed`.
        reason: &'static str,
        /// Where the latest came from.
        from: std::net::SocketAddr,
        /// How many since this reason was last told.
        count: u64,
    },
    /// First packet of an unknown version from this address (once per address).
    UnknownVersion {
        /// IP address of the sender.
        from: std::net::IpAddr,
        /// The version byte.
        version: u8,
    },
}
