//! Datagrams: what is refused, counted and answered, and what reaches the detector.

use std::net::SocketAddr;
use std::time::Duration;

use model::MemberId;

use super::wire::{Notice, Reason};
use super::{Gossip, Life};
use crate::identity::Identity;
use crate::output::{Destination, Event};
use crate::packet::{Envelope, Kind, Opened, PACKET_LIMIT, Refusal};
use crate::roster::{decode, encode};

/// Least time between two notices to one member.
pub(super) const NOTICE_INTERVAL: Duration = Duration::from_secs(1);
/// Members remembered as answered; more are not answered for now.
const NOTICES_KEPT: usize = 1024;
/// Addresses remembered for unknown versions.
const STRANGE_VERSIONS_KEPT: usize = 256;

/// What to do with a packet.
pub(super) enum Verdict {
    Read(Opened),
    /// Not in the roster; only a push of its own entry may be read.
    Stranger(Opened),
    Answer(MemberId, Reason),
    Drop,
}

impl Gossip {
    /// Reads one datagram. Hostile input is counted, never an error.
    pub fn handle_datagram(&mut self, now: Duration, from: SocketAddr, bytes: &[u8]) {
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += bytes.len() as u64;
        if bytes.len() > PACKET_LIMIT {
            self.counters.dropped_too_long += 1;
            return;
        }
        match self.judge(now, from, bytes, |kind| matches!(kind, Kind::Gossip | Kind::Notice)) {
            Verdict::Drop => {}
            Verdict::Answer(sender, reason) => self.answer(now, from, sender, reason),
            Verdict::Stranger(opened) => {
                self.counters.dropped_unknown_sender += 1;
                if opened.kind == Kind::Gossip {
                    self.answer(now, from, opened.sender, Reason::Unknown);
                }
            }
            Verdict::Read(opened) if opened.kind == Kind::Notice => {
                self.take_notice(now, opened.sender, &opened.body);
            }
            Verdict::Read(opened) => {
                let mut packet = Identity::opening(opened.sender, opened.boot);
                packet.extend_from_slice(&opened.body);
                self.detect(now, |detector, effects| detector.handle_data(&packet, effects));
            }
        }
    }

    /// Version, cluster, key, removal, life, replay, sender: in this order, before anything reads
    /// the body.
    pub(super) fn judge(
        &mut self,
        now: Duration,
        from: SocketAddr,
        bytes: &[u8],
        wanted: impl FnOnce(Kind) -> bool,
    ) -> Verdict {
        if self.is_silent() {
            self.counters.dropped_muted += 1;
            return Verdict::Drop;
        }
        let opened = match self.envelope.open(bytes) {
            Ok(opened) if wanted(opened.kind) => opened,
            Ok(_) => return self.refuse(now, from, Refusal::Malformed),
            Err(refusal) => {
                let claimed = Envelope::claimed_sender(bytes);
                if claimed.is_some_and(|id| self.roster.removed(&id).is_some()) {
                    self.refuse_removed(now, from);
                    return Verdict::Drop;
                }
                return self.refuse(now, from, refusal);
            }
        };
        let sender = opened.sender;
        if let Some(epoch) = self.roster.removed(&sender) {
            self.refuse_removed(now, from);
            // Two members that hold each other as removed must not answer answers.
            return if opened.kind == Kind::Notice {
                Verdict::Drop
            } else {
                Verdict::Answer(sender, Reason::Removed { epoch })
            };
        }
        if self.roster.live(&sender).is_none() {
            return Verdict::Stranger(opened);
        }
        let known = self.presence.get(&sender).and_then(|seen| seen.boot);
        match self.envelope.accept(&opened, known) {
            Ok(()) => Verdict::Read(opened),
            Err(refusal @ Refusal::OldBoot { known }) => {
                self.refuse(now, from, refusal);
                if opened.kind == Kind::Notice {
                    Verdict::Drop
                } else {
                    Verdict::Answer(sender, Reason::OldBoot { known })
                }
            }
            Err(refusal) => self.refuse(now, from, refusal),
        }
    }

    pub(super) fn refuse(&mut self, now: Duration, from: SocketAddr, refusal: Refusal) -> Verdict {
        let counters = &mut self.counters;
        // Lives that ended and versions that differ are no attack: they are told elsewhere.
        let (counter, reason) = match refusal {
            Refusal::Malformed => (&mut counters.dropped_malformed, Some("malformed")),
            Refusal::Version(_) => (&mut counters.dropped_version, None),
            Refusal::Own => (&mut counters.dropped_own, None),
            Refusal::Cluster => (&mut counters.dropped_cluster, Some("cluster")),
            Refusal::Key => (&mut counters.dropped_key, Some("key")),
            Refusal::Unsealed => (&mut counters.dropped_unsealed, Some("unsealed")),
            Refusal::Replay => (&mut counters.dropped_replay, Some("replay")),
            Refusal::OldBoot { .. } => (&mut counters.dropped_old_boot, None),
        };
        *counter += 1;
        if let Some(reason) = reason {
            self.tell_refused(now, from, reason);
        }
        if let Refusal::Version(version) = refusal
            && self.strange_versions.len() < STRANGE_VERSIONS_KEPT
            && self.strange_versions.insert(from.ip())
        {
            self.event(Event::UnknownVersion { from: from.ip(), version });
        }
        Verdict::Drop
    }

    fn refuse_removed(&mut self, now: Duration, from: SocketAddr) {
        self.counters.dropped_removed += 1;
        self.tell_refused(now, from, "removed");
    }

    fn tell_refused(&mut self, now: Duration, from: SocketAddr, reason: &'static str) {
        if let Some(count) = self.refused.note(now, reason) {
            self.event(Event::Refused { reason, from, count });
        }
    }

    fn answer(&mut self, now: Duration, from: SocketAddr, to: MemberId, reason: Reason) {
        let recent = self.noticed.get(&to).is_some_and(|at| now < *at + NOTICE_INTERVAL);
        let full = self.noticed.len() >= NOTICES_KEPT && !self.noticed.contains_key(&to);
        if recent || full {
            self.counters.dropped_notices += 1;
            return;
        }
        self.noticed.insert(to, now);
        // The address it has now: a removed or unknown sender has none in the roster, and one of an
        // earlier life may have moved.
        let destination = Destination { member: to, address: from.to_string().into() };
        self.send(destination, Kind::Notice, &encode(&Notice { to, reason }));
    }

    /// A member of our roster refuses what we send.
    pub(super) fn take_notice(&mut self, now: Duration, by: MemberId, body: &[u8]) {
        let Ok(notice) = decode::<Notice>(body) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        if notice.to != self.config.member {
            self.counters.dropped_not_for_us += 1;
            return;
        }
        match notice.reason {
            Reason::Removed { epoch } => {
                let own = self.roster.get(&self.config.member).map_or(0, |entry| entry.epoch);
                if epoch > own {
                    self.event(Event::OwnRemoval { epoch, by: Some(by) });
                }
            }
            Reason::OldBoot { known } => self.adopt_boot_above(known),
            Reason::Unknown => self.pull_out_of_turn(now, by),
        }
    }

    fn pull_out_of_turn(&mut self, now: Duration, from: MemberId) {
        let recent = self.pulled.get(&from).is_some_and(|at| now < *at + NOTICE_INTERVAL);
        if !recent && self.life != Life::Stopped && self.config.duties.push_pull {
            self.pulled.insert(from, now);
            self.request_sync(from, &[]);
        }
    }
}
