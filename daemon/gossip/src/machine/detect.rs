//! The detector behind a small interface: what it wants sent, timed and told, and what that means
//! for the roster's members.

use std::collections::BTreeSet;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use foca::{
    Foca, Member, Notification, OwnedNotification, PeriodicParams, PostcardCodec, Runtime, State,
    Timer,
};
use model::MemberId;
use rand::rngs::StdRng;

use super::{Detector, Gossip, Life};
use crate::broadcast::{Broadcasts, Message};
use crate::config::Config;
use crate::formulas::{retransmits, suspicion_minimum};
use crate::identity::Identity;
use crate::output::{Event, Output};
use crate::packet::{BODY_LIMIT, Kind};
use crate::presence::{Presence, Status};
use crate::roster::MergeReport;
use crate::timers::Task;

const PROBE_PERIOD: Duration = Duration::from_secs(1);
const PROBE_ROUND_TRIP: Duration = Duration::from_millis(500);
const INDIRECT_PROBES: usize = 3;
/// The same identity may not come back for this long; members renew theirs instead.
const REMEMBER_DOWN: Duration = Duration::from_hours(24);
const ANNOUNCE_TO_DOWN_MEMBERS: usize = 2;
/// Least time between two reconnects out of turn.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Members looked for in one of these.
const RECONNECTS: usize = 3;

/// News of others that are acted on when a call of the detector has ended.
#[derive(Debug, Default)]
pub(super) struct News {
    found_down: bool,
    /// Somebody came up.
    back: bool,
    /// When a reconnect out of turn was made last.
    reconnected: Duration,
}

/// What the detector produced in one call.
#[derive(Default)]
pub(super) struct Effects {
    sends: Vec<(Identity, Vec<u8>)>,
    timers: Vec<(Timer<Identity>, Duration)>,
    notes: Vec<OwnedNotification<Identity>>,
}

impl Runtime<Identity> for &mut Effects {
    fn notify(&mut self, notification: Notification<'_, Identity>) {
        // One of these comes with every packet and nothing asks for them.
        if !matches!(notification, Notification::DataReceived(_) | Notification::DataSent(_)) {
            self.notes.push(notification.to_owned());
        }
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.sends.push((to, data.to_vec()));
    }

    fn submit_after(&mut self, event: Timer<Identity>, after: Duration) {
        self.timers.push((event, after));
    }
}

/// Settings of the detector for a cluster of this size.
fn tuning(config: &Config, members: usize) -> foca::Config {
    let count = |n: usize| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
    let max_transmissions = if config.duties.retransmit_formula {
        NonZeroU8::new(retransmits(members)).unwrap_or(NonZeroU8::MIN)
    } else {
        let size = u32::try_from(members).ok().and_then(NonZeroU32::new);
        foca::Config::new_lan(size.unwrap_or(NonZeroU32::MIN)).max_transmissions
    };
    foca::Config {
        probe_period: PROBE_PERIOD,
        probe_rtt: PROBE_ROUND_TRIP,
        num_indirect_probes: count(INDIRECT_PROBES),
        max_transmissions,
        suspect_to_down_after: suspicion_minimum(members, PROBE_PERIOD),
        remove_down_after: Some(REMEMBER_DOWN),
        max_packet_size: count(BODY_LIMIT),
        notify_down_members: true,
        periodic_announce: Some(PeriodicParams {
            frequency: config.sync_interval(),
            num_members: count(1),
        }),
        periodic_announce_to_down_members: Some(PeriodicParams {
            frequency: config.duties.announce_to_down,
            num_members: count(ANNOUNCE_TO_DOWN_MEMBERS),
        }),
        periodic_gossip: Some(PeriodicParams {
            frequency: config.interval(),
            num_members: count(config.fan_out()),
        }),
    }
}

pub(super) fn detector(
    own: Identity,
    config: &Config,
    members: usize,
    rng: StdRng,
    broadcasts: Broadcasts,
) -> Detector {
    Foca::with_custom_broadcast(own, tuning(config, members), rng, PostcardCodec, broadcasts)
}

impl Gossip {
    /// One call of the detector, and everything that follows from it.
    pub(super) fn detect(
        &mut self,
        now: Duration,
        call: impl FnOnce(&mut Detector, &mut Effects) -> Result<(), foca::Error>,
    ) {
        let mut effects = std::mem::take(&mut self.effects);
        let backlog = self.detector.custom_broadcast_backlog();
        self.broadcasts.note_backlog(backlog);
        if let Err(error) = call(&mut self.detector, &mut effects) {
            self.count_error(&error);
        }
        if effects.notes.iter().any(|note| matches!(note, OwnedNotification::Rejoin(_))) {
            // A renewal stops the detector's timers, and only what comes in from others starts them
            // again: who wakes up beside the dead would never probe them.
            if let Err(error) = self.detector.apply_many(std::iter::empty(), false, &mut effects) {
                self.count_error(&error);
            }
        }
        for (timer, after) in effects.timers.drain(..) {
            self.timers.submit(now.saturating_add(after), Task::Detector(timer));
        }
        let opening = Identity::opening(self.config.member, self.config.boot);
        for (to, packet) in effects.sends.drain(..) {
            if to.id == self.config.member {
                continue;
            }
            match (self.destination(&to.id), packet.strip_prefix(&*opening)) {
                (Some(destination), Some(body)) => self.send(destination, Kind::Gossip, body),
                (Some(_), None) => self.counters.detector_errors += 1,
                (None, _) => self.counters.dropped_no_address += 1,
            }
        }
        for note in effects.notes.drain(..) {
            self.take_note(now, &note);
        }
        self.effects = effects;
        self.take_broadcasts(now);
        self.follow_up(now);
    }

    /// What a change of somebody's status calls for at once.
    fn follow_up(&mut self, now: Duration) {
        if std::mem::take(&mut self.news.found_down) {
            // The next round would tell it a fifth of a second later.
            self.detect(now, |detector, effects| detector.gossip(effects));
        }
        if std::mem::take(&mut self.news.back) && self.news.reconnected + RECONNECT_PAUSE <= now {
            // A split has healed, it seems: the others are looked for before their turn comes.
            self.news.reconnected = now;
            self.reconnect(now, RECONNECTS);
        }
    }

    fn count_error(&mut self, error: &foca::Error) {
        let counter = match error {
            foca::Error::DataTooBig => &mut self.counters.dropped_too_long,
            foca::Error::DataFromOurselves => &mut self.counters.dropped_own,
            foca::Error::MalformedPacket
            | foca::Error::IndirectForOurselves
            | foca::Error::CustomBroadcast(_)
            | foca::Error::Decode(_) => &mut self.counters.dropped_malformed,
            _ => &mut self.counters.detector_errors,
        };
        *counter += 1;
    }

    fn take_note(&mut self, now: Duration, note: &OwnedNotification<Identity>) {
        match note {
            OwnedNotification::MemberUp(identity) => self.note_seen(now, *identity, true),
            OwnedNotification::MemberDown(identity) => self.note_seen(now, *identity, false),
            OwnedNotification::Rename(_, newer) => self.note_boot(now, *newer),
            OwnedNotification::Rejoin(_) => {
                self.counters.renewals += 1;
                self.event(Event::Renewed);
            }
            OwnedNotification::ProbeFailed(..) => {
                self.counters.probes_failed += 1;
                self.scan_suspects();
            }
            // Idle is what the reconnect duty is for; defunct follows only from `stop`.
            _ => {}
        }
    }

    /// A newer identity of a member replaced an older one, its liveness unchanged.
    fn note_boot(&mut self, now: Duration, identity: Identity) {
        if self.roster.live(&identity.id).is_none() || identity.id == self.config.member {
            return;
        }
        let seen = self.presence.entry(identity.id).or_insert_with(|| Presence::new(now));
        let before = seen.boot;
        if before >= Some(identity.boot) {
            return;
        }
        seen.boot = Some(identity.boot);
        seen.suspect = false;
        if before.is_some() {
            self.event(Event::Rejoined(identity.id, identity.boot));
        }
        self.tell(now, identity.id);
    }

    fn note_seen(&mut self, now: Duration, identity: Identity, active: bool) {
        self.note_boot(now, identity);
        if let Some(seen) = self.presence.get_mut(&identity.id) {
            seen.active = active;
            seen.suspect &= active;
            self.tell(now, identity.id);
        }
    }

    /// Emits what changed in a member's status since the last time.
    fn tell(&mut self, now: Duration, id: MemberId) {
        let Some(seen) = self.presence.get_mut(&id) else { return };
        let (status, boot) = (seen.status(), seen.boot.unwrap_or_default());
        if status == seen.told {
            return;
        }
        let was_active = seen.told.is_active();
        (seen.told, seen.since) = (status, now);
        match status {
            Status::Alive if was_active => {}
            Status::Alive => {
                self.news.back = true;
                self.event(Event::Up(id, boot));
            }
            Status::Leaving => {
                if !was_active {
                    self.event(Event::Up(id, boot));
                }
                self.event(Event::Leaving(id));
            }
            Status::Failed | Status::Left => {
                self.news.found_down = true;
                self.event(Event::Down(id));
            }
        }
    }

    fn take_broadcasts(&mut self, now: Duration) {
        let (items, dropped) = self.broadcasts.take();
        self.counters.dropped_broadcast += dropped;
        for item in items {
            let from = item.origin;
            if from == self.config.member || self.roster.live(&from).is_none() {
                continue;
            }
            match item.message {
                Message::Leaving => {
                    let seen = self.presence.entry(from).or_insert_with(|| Presence::new(now));
                    seen.leaving = seen.leaving.max(Some(item.boot));
                    self.tell(now, from);
                }
                Message::Data(bytes) => {
                    self.outputs.push_back(Output::Broadcast { from, boot: item.boot, bytes });
                }
            }
        }
    }

    /// The detector tells of no suspicion but its own: looks at all members.
    pub(super) fn scan_suspects(&mut self) {
        let mut events = Vec::new();
        for member in self.detector.iter_members() {
            let id = member.id().id;
            let Some(seen) = self.presence.get_mut(&id) else { continue };
            let suspect = member.state() == State::Suspect;
            if suspect != seen.suspect {
                seen.suspect = suspect;
                events.push(if suspect { Event::Suspect(id) } else { Event::Refuted(id) });
            }
        }
        // The detector keeps its members in random order.
        events.sort_by_key(|event| match event {
            Event::Suspect(id) | Event::Refuted(id) => *id,
            _ => self.config.member,
        });
        for event in events {
            self.event(event);
        }
    }

    /// Draws the conclusions of a roster merge.
    pub(super) fn after_merge(
        &mut self,
        now: Duration,
        live_before: &BTreeSet<MemberId>,
        report: &MergeReport,
    ) {
        self.counters.dropped_entries += report.refused as u64;
        if report.changed.is_empty() {
            return;
        }
        self.outputs.push_back(Output::RosterChanged);
        for id in &report.changed {
            let Some(entry) = self.roster.get(id) else { continue };
            let (removed, epoch) = (entry.removed, entry.epoch);
            let was_live = live_before.contains(id);
            if *id == self.config.member {
                if removed {
                    self.event(Event::OwnRemoval { epoch, by: None });
                }
            } else if removed {
                self.presence.remove(id);
                if was_live {
                    self.event(Event::Removed(*id, epoch));
                }
            } else if !was_live {
                self.event(Event::Added(*id));
                self.learn_presence(now, *id);
                self.announce(now, *id);
            }
        }
        self.bury_removed(now);
        self.retune();
    }

    /// The detector may know a member before the roster does.
    fn learn_presence(&mut self, now: Duration, id: MemberId) {
        let known = self
            .detector
            .iter_membership_state()
            .find(|member| member.id().id == id)
            .map(|member| (*member.id(), member.state()));
        if let Some((identity, state)) = known {
            self.note_seen(now, identity, state != State::Down);
        }
    }

    /// Declares members down that the roster has as removed.
    pub(super) fn bury_removed(&mut self, now: Duration) {
        let removed: BTreeSet<MemberId> = self
            .detector
            .iter_members()
            .map(|member| member.id().id)
            .filter(|id| self.roster.removed(id).is_some())
            .collect();
        self.bury(now, |identity| removed.contains(&identity.id));
    }

    /// Declares active members down.
    pub(super) fn bury(&mut self, now: Duration, which: impl Fn(&Identity) -> bool) {
        let down: Vec<_> = self
            .detector
            .iter_members()
            .filter(|member| which(member.id()))
            .map(|member| Member::new(*member.id(), member.incarnation(), State::Down))
            .collect();
        if !down.is_empty() {
            self.detect(now, |detector, effects| {
                detector.apply_many(down.into_iter(), true, effects)
            });
        }
    }

    /// Tunes the detector to the number of members.
    pub(super) fn retune(&mut self) {
        let members = self.roster.size().max(self.detector.num_members() + 1);
        if members == self.tuned_for {
            return;
        }
        if self.detector.set_config(tuning(&self.config, members)).is_err() {
            self.counters.detector_errors += 1;
        } else {
            self.tuned_for = members;
        }
    }

    /// How often one update is sent at the present tuning.
    #[cfg(test)]
    pub(crate) fn transmissions(&self) -> u8 {
        tuning(&self.config, self.tuned_for).max_transmissions.get()
    }

    /// Asks a member to take us in; any life of it will answer.
    pub(super) fn announce(&mut self, now: Duration, id: MemberId) {
        if id != self.config.member && self.life != Life::Stopped {
            let any = Identity::any(id);
            self.detect(now, |detector, effects| detector.announce(any, effects));
        }
    }
}
