//! The envelope around everything that gossip sends: clear header, then a sealed or plain body.
//!
//! ```text
//! version 1 | flags 1 | sender 16 | boot 8 | counter 8 | sealed: nonce 24, ciphertext, tag 16
//!                                                      | plain:  cluster id 16, body
//! ```
//! Numbers are little-endian. Associated data is the header and the cluster id, so that a packet of
//! another cluster fails to open. The counter runs over all packets of a life.

mod keys;
mod replay;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use model::{BootGeneration, ClusterId, MemberId};
use uuid::Uuid;

pub use keys::{Key, KeyRing, NONCE_LEN, NonceSource, SeededNonces};
pub use replay::Window;

use crate::{PROTOCOL, PROTOCOL_MIN};

/// Longest datagram, bytes; fits the usual MTU with IP and UDP headers.
pub const PACKET_LIMIT: usize = 1400;
const HEADER_LEN: usize = 34;
const TAG_LEN: usize = 16;
const CLUSTER_LEN: usize = 16;
/// Longest body of a datagram, the same sealed and plain.
pub(crate) const BODY_LIMIT: usize = PACKET_LIMIT - HEADER_LEN - NONCE_LEN - TAG_LEN;

const SEALED: u8 = 1;
const KIND_SHIFT: u8 = 1;

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A packet of the failure detector.
    Gossip,
    /// Push/pull over a stream.
    SyncRequest,
    /// Its answer.
    SyncReply,
    /// Why a packet was refused.
    Notice,
}

impl Kind {
    fn from_flags(flags: u8) -> Option<Self> {
        match flags >> KIND_SHIFT {
            0 => Some(Self::Gossip),
            1 => Some(Self::SyncRequest),
            2 => Some(Self::SyncReply),
            3 => Some(Self::Notice),
            _ => None,
        }
    }

    fn is_stream(self) -> bool {
        matches!(self, Self::SyncRequest | Self::SyncReply)
    }
}

/// Why a packet is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed,
    Version(u8),
    Own,
    Cluster,
    Key,
    Unsealed,
    Replay,
    OldBoot { known: BootGeneration },
}

/// An authentic packet of our cluster; freshness is checked by [`Envelope::accept`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) kind: Kind,
    pub(crate) sender: MemberId,
    pub(crate) boot: BootGeneration,
    pub(crate) counter: u64,
    pub(crate) body: Vec<u8>,
}

/// What was received of the latest life of one sender. Streams arrive out of step with datagrams.
#[derive(Debug, Default)]
struct Heard {
    boot: BootGeneration,
    datagrams: Window,
    streams: Window,
}

/// Wraps what we send, opens what we receive.
pub(crate) struct Envelope {
    pub(crate) member: MemberId,
    pub(crate) boot: BootGeneration,
    pub(crate) cluster: ClusterId,
    pub(crate) keys: KeyRing,
    nonces: Box<dyn NonceSource>,
    counter: u64,
    heard: BTreeMap<MemberId, Heard>,
}

impl Envelope {
    pub(crate) fn new(
        member: MemberId,
        boot: BootGeneration,
        cluster: ClusterId,
        keys: KeyRing,
        nonces: Box<dyn NonceSource>,
    ) -> Self {
        Self { member, boot, cluster, keys, nonces, counter: 0, heard: BTreeMap::new() }
    }

    /// Makes a packet of `body`, sealed by the first key if the ring says so.
    pub(crate) fn wrap(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let key = self.keys.outgoing().cloned();
        let mut packet = Vec::with_capacity(HEADER_LEN + NONCE_LEN + body.len() + TAG_LEN);
        packet.push(PROTOCOL);
        packet.push((kind as u8) << KIND_SHIFT | if key.is_some() { SEALED } else { 0 });
        packet.extend_from_slice(self.member.as_uuid().as_bytes());
        packet.extend_from_slice(&self.boot.0.to_le_bytes());
        packet.extend_from_slice(&self.counter.to_le_bytes());
        let Some(key) = key else {
            packet.extend_from_slice(self.cluster.as_uuid().as_bytes());
            packet.extend_from_slice(body);
            return packet;
        };
        let aad = self.associated_data(&packet);
        let nonce = self.nonces.nonce();
        let sealed = XChaCha20Poly1305::new(&key.0.into())
            .encrypt(&XNonce::from(nonce), Payload { msg: body, aad: &aad })
            .expect("bodies are far below the cipher's limit of 256 GiB");
        packet.extend_from_slice(&nonce);
        packet.extend_from_slice(&sealed);
        packet
    }

    /// The sender that the clear header claims, for a refusal before anything else is read.
    pub(crate) fn claimed_sender(packet: &[u8]) -> Option<MemberId> {
        let bytes = packet.get(2..18)?.try_into().ok()?;
        Some(MemberId::from_uuid(Uuid::from_bytes(bytes)))
    }

    /// Checks version, cluster and key.
    pub(crate) fn open(&self, packet: &[u8]) -> Result<Opened, Refusal> {
        let version = *packet.first().ok_or(Refusal::Malformed)?;
        if !(PROTOCOL_MIN..=PROTOCOL).contains(&version) {
            return Err(Refusal::Version(version));
        }
        let (header, rest) = packet.split_at_checked(HEADER_LEN).ok_or(Refusal::Malformed)?;
        let flags = header[1];
        let kind = Kind::from_flags(flags).ok_or(Refusal::Malformed)?;
        let sender = Self::claimed_sender(packet).ok_or(Refusal::Malformed)?;
        if sender == self.member {
            return Err(Refusal::Own);
        }
        let number = |at: usize| {
            u64::from_le_bytes(header[at..at + 8].try_into().expect("a slice of eight bytes"))
        };
        let body = if flags & SEALED == 0 { self.plain(rest)? } else { self.unseal(header, rest)? };
        let (boot, counter) = (BootGeneration(number(18)), number(26));
        Ok(Opened { kind, sender, boot, counter, body })
    }

    fn plain(&self, rest: &[u8]) -> Result<Vec<u8>, Refusal> {
        if self.keys.refuses_plain() {
            return Err(Refusal::Unsealed);
        }
        let (cluster, body) = rest.split_at_checked(CLUSTER_LEN).ok_or(Refusal::Malformed)?;
        if cluster != self.cluster.as_uuid().as_bytes() {
            return Err(Refusal::Cluster);
        }
        Ok(body.to_vec())
    }

    fn unseal(&self, header: &[u8], rest: &[u8]) -> Result<Vec<u8>, Refusal> {
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(Refusal::Malformed)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().expect("split at the nonce's length");
        if sealed.len() < TAG_LEN {
            return Err(Refusal::Malformed);
        }
        let aad = self.associated_data(header);
        let payload = || Payload { msg: sealed, aad: &aad };
        self.keys
            .all()
            .iter()
            .find_map(|key| {
                XChaCha20Poly1305::new(&key.0.into()).decrypt(&XNonce::from(nonce), payload()).ok()
            })
            .ok_or(Refusal::Key)
    }

    fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        [header, self.cluster.as_uuid().as_bytes()].concat()
    }

    /// Accepts each packet of the latest life of a sender once. `known` is the boot generation that
    /// the detector has heard of.
    pub(crate) fn accept(
        &mut self,
        opened: &Opened,
        known: Option<BootGeneration>,
    ) -> Result<(), Refusal> {
        let heard = self.heard.entry(opened.sender).or_default();
        let known = heard.boot.max(known.unwrap_or_default());
        if opened.boot < known {
            return Err(Refusal::OldBoot { known });
        }
        if opened.boot > heard.boot {
            *heard = Heard { boot: opened.boot, ..Heard::default() };
        }
        let window =
            if opened.kind.is_stream() { &mut heard.streams } else { &mut heard.datagrams };
        if window.accept(opened.counter) { Ok(()) } else { Err(Refusal::Replay) }
    }

    /// Forgets senders that are not `kept`, so that the table is no longer than the roster.
    pub(crate) fn retain(&mut self, kept: impl Fn(&MemberId) -> bool) {
        self.heard.retain(|sender, _| kept(sender));
    }

    /// Takes part in another cluster from now on; the counter goes on.
    pub(crate) fn change_cluster(&mut self, cluster: ClusterId) {
        self.cluster = cluster;
        self.heard.clear();
    }
}
