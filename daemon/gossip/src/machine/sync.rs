//! Push/pull over TCP: membership, roster and the brain's digests, both ways in one exchange.
//!
//! The request carries the ranks of all entries; the answer brings what the asker lacks and names
//! what the answerer lacks; a second request pushes that.

use std::net::SocketAddr;
use std::time::Duration;

use foca::{Member, State};
use model::MemberId;

use super::inbound::Verdict;
use super::wire::{Notice, Reply, Request};
use super::{DIGESTS_LIMIT, Gossip, SYNC_LIMIT};
use crate::identity::Identity;
use crate::output::Output;
use crate::packet::{Kind, Refusal};
use crate::roster::{Rank, decode, encode};

impl Gossip {
    /// Answers a push/pull that came over a stream. None: close the stream without an answer. The
    /// answer is [`SYNC_LIMIT`] long at most, and so may the request be.
    pub fn handle_sync(
        &mut self,
        now: Duration,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        if bytes.len() > SYNC_LIMIT {
            self.counters.dropped_too_long += 1;
            return None;
        }
        let wanted = |kind| kind == Kind::SyncRequest;
        let (opened, is_stranger) = match self.judge(now, from, bytes, wanted) {
            Verdict::Read(opened) => (opened, false),
            Verdict::Stranger(opened) => (opened, true),
            Verdict::Answer(to, reason) => {
                return Some(self.envelope.wrap(Kind::Notice, &encode(&Notice { to, reason })));
            }
            Verdict::Drop => return None,
        };
        let Ok(request) = decode::<Request>(&opened.body) else {
            self.counters.dropped_malformed += 1;
            return None;
        };
        if request.to != self.config.member {
            self.counters.dropped_not_for_us += 1;
            return None;
        }
        let sender = opened.sender;
        if is_stranger && !request.push.iter().any(|(id, entry)| *id == sender && !entry.removed) {
            self.counters.dropped_unknown_sender += 1;
            return None;
        }
        self.counters.syncs_in += 1;
        self.merge_roster(now, request.push);
        if is_stranger {
            if self.roster.live(&sender).is_none() {
                self.counters.dropped_unknown_sender += 1;
                return None;
            }
            if self.envelope.accept(&opened, None).is_err() {
                self.refuse(now, from, Refusal::Replay);
                return None;
            }
        }
        self.roster.acknowledge(now, sender, &request.ranks);
        let reply = Reply {
            to: sender,
            tombstones: self.tombstones(),
            push: self.roster.delta(&request.ranks),
            lacking: self.roster.lacking(&request.ranks),
            members: self.membership(),
            digests: self.digests.clone(),
        };
        let reply = self.envelope.wrap(Kind::SyncReply, &encode(&reply));
        self.take_peer(now, sender, request.members, request.digests);
        Some(reply)
    }

    /// Takes the answer of a push/pull that we asked for.
    pub fn handle_sync_reply(&mut self, now: Duration, from: SocketAddr, bytes: &[u8]) {
        if bytes.len() > SYNC_LIMIT {
            self.counters.dropped_too_long += 1;
            return;
        }
        let wanted = |kind| matches!(kind, Kind::SyncReply | Kind::Notice);
        let opened = match self.judge(now, from, bytes, wanted) {
            Verdict::Read(opened) => opened,
            Verdict::Stranger(_) => {
                self.counters.dropped_unknown_sender += 1;
                return;
            }
            Verdict::Answer(..) | Verdict::Drop => return,
        };
        if opened.kind == Kind::Notice {
            self.take_notice(now, opened.sender, &opened.body);
            return;
        }
        let Ok(reply) = decode::<Reply>(&opened.body) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        if reply.to != self.config.member {
            self.counters.dropped_not_for_us += 1;
            return;
        }
        let sender = opened.sender;
        self.merge_roster(now, reply.push);
        self.roster.acknowledge(now, sender, &reply.tombstones);
        self.take_peer(now, sender, reply.members, reply.digests);
        // Our own entry went with the request.
        let lacking: Vec<_> =
            reply.lacking.into_iter().filter(|id| *id != self.config.member).collect();
        if !lacking.is_empty() {
            self.request_sync(sender, &lacking);
        }
    }

    /// The push/pull with this member did not come about.
    pub fn handle_sync_failed(&mut self, _now: Duration, _to: MemberId) {
        self.counters.syncs_failed += 1;
    }

    /// Asks a member for a push/pull and pushes the entries it lacks.
    pub(super) fn request_sync(&mut self, to: MemberId, lacking: &[MemberId]) {
        let Some(destination) = self.destination(&to) else { return };
        let push = lacking.iter().copied().chain([self.config.member]);
        let request = Request {
            to,
            ranks: self.roster.ranks(),
            push: self.roster.records(push),
            members: self.membership(),
            digests: self.digests.clone(),
        };
        self.send(destination, Kind::SyncRequest, &encode(&request));
    }

    fn tombstones(&self) -> Vec<(MemberId, Rank)> {
        self.roster
            .entries()
            .filter(|(_, entry)| entry.removed)
            .map(|(id, entry)| (*id, entry.rank()))
            .collect()
    }

    /// The detector's state and ourselves, as alive.
    fn membership(&self) -> Vec<Member<Identity>> {
        let own = Member::alive(*self.detector.identity());
        let mut members: Vec<_> = self
            .detector
            .iter_membership_state()
            .filter(|member| member.id().id != self.config.member)
            .cloned()
            .collect();
        members.push(own);
        members.sort_by_key(|member| *member.id());
        members
    }

    fn take_peer(
        &mut self,
        now: Duration,
        peer: MemberId,
        members: Vec<Member<Identity>>,
        digests: Vec<u8>,
    ) {
        let own = *self.detector.identity();
        let newest_of_us =
            members.iter().map(Member::id).filter(|id| id.id == own.id).map(|id| id.boot).max();
        if let Some(known) = newest_of_us {
            self.adopt_boot_above(known);
        }
        let updates: Vec<_> =
            members.into_iter().filter_map(|member| self.soften(&own, member)).collect();
        self.detect(now, |detector, effects| {
            detector.apply_many(updates.into_iter(), true, effects)
        });
        self.retune();
        if self.presence.get(&peer).is_none_or(|seen| !seen.active) {
            // It talked to us: whoever of us holds the other for down shall renew.
            self.announce(now, peer);
        }
        if digests.len() > DIGESTS_LIMIT {
            self.counters.dropped_too_long += 1;
        } else if !digests.is_empty() {
            self.outputs.push_back(Output::Digests { from: peer, bytes: digests });
        }
    }

    /// Nobody dies by sync: a peer's "down" makes a member that we see active a suspect, and says
    /// nothing about others. About ourselves it stays: we renew.
    fn soften(&self, own: &Identity, member: Member<Identity>) -> Option<Member<Identity>> {
        let id = *member.id();
        if id.id == own.id {
            return (id == *own).then_some(member);
        }
        self.roster.live(&id.id)?;
        if member.state() != State::Down {
            return Some(member);
        }
        let active = self.presence.get(&id.id).is_some_and(|seen| seen.active);
        active.then(|| Member::new(id, member.incarnation(), State::Suspect))
    }
}
