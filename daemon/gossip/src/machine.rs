//! The machine of one member: the detector, the roster and the envelope behind one interface.

mod detect;
mod inbound;
mod periodic;
mod sync;
pub(crate) mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use foca::{Foca, PostcardCodec};
use model::{BootGeneration, ClusterId, MemberId, Str};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::broadcast::{
    BROADCAST_BACKLOG, BROADCAST_LIMIT, BroadcastError, Broadcasts, Item, Message,
};
use crate::change::Admission;
use crate::config::Config;
use crate::counters::Counters;
use crate::identity::Identity;
use crate::minutely::Minutely;
use crate::output::{Destination, Event, Output};
use crate::packet::{Envelope, KeyRing, Kind, NonceSource};
use crate::presence::{MemberView, Presence, Status};
use crate::roster::{Entry, MergeReport, Roster, encode};
use crate::timers::Timers;
use detect::{Effects, News};

/// Datagrams read in one turn before timers get their turn.
pub const PACKETS_PER_TURN: usize = 256;
/// Longest push/pull body, bytes.
pub const SYNC_LIMIT: usize = 20 << 20;
/// Longest digest blob, bytes.
pub const DIGESTS_LIMIT: usize = 4 << 20;

type Detector = Foca<Identity, PostcardCodec, StdRng, Broadcasts>;

/// Who is there, for one member.
///
/// Time is a [`Duration`] since an arbitrary origin and must not go back. The driver's turn:
/// 1. inputs: [`Gossip::turn`] (or [`Gossip::handle_datagram`] for all that wait, *before*
///    [`Gossip::handle_timeout`]), [`Gossip::handle_sync`], [`Gossip::handle_sync_reply`],
///    [`Gossip::boot_persisted`], and the commands;
/// 2. [`Gossip::poll_output`] until none: persist what it says, then send, then notify;
/// 3. wait for input or [`Gossip::poll_timeout`], whichever is first.
///
/// Getters never change anything. After [`Gossip::stop`] it says nothing more.
pub struct Gossip {
    config: Config,
    roster: Roster,
    envelope: Envelope,
    detector: Detector,
    broadcasts: Broadcasts,
    broadcast_number: u64,
    timers: Timers,
    /// Choices of the driver; the detector has its own generator.
    rng: StdRng,
    presence: BTreeMap<MemberId, Presence>,
    started: Duration,
    /// Size the detector is tuned for.
    tuned_for: usize,
    digests: Vec<u8>,
    outputs: VecDeque<Output>,
    effects: Effects,
    news: News,
    counters: Counters,
    life: Life,
    /// When each member was last answered with a notice.
    noticed: BTreeMap<MemberId, Duration>,
    /// When each member was last asked for a push/pull out of turn.
    pulled: BTreeMap<MemberId, Duration>,
    strange_versions: BTreeSet<IpAddr>,
    /// What was refused and told.
    refused: Minutely<&'static str>,
}

/// Whether we take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    Leaving {
        since: Duration,
    },
    /// Waits for [`Gossip::boot_persisted`] of this generation.
    Muted(BootGeneration),
    Stopped,
}

impl Gossip {
    /// Makes the machine and starts it: announces to known members. `roster` is the one persisted,
    /// or empty; our own entry is created or brought up to date. The same seed and inputs give the
    /// same outputs.
    pub fn new(
        config: Config,
        mut roster: Roster,
        seed: u64,
        nonces: Box<dyn NonceSource>,
        now: Duration,
    ) -> Self {
        let own = Identity { id: config.member, boot: config.boot, renewals: 0 };
        let roles: Vec<Str> = config.roles.iter().map(|role| role.as_str().into()).collect();
        let changed = roster.update_own(config.member, &config.addresses, &roles);
        let broadcasts = Broadcasts::default();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut machine = Self {
            envelope: Envelope::new(
                config.member,
                config.boot,
                config.cluster,
                config.keys.clone(),
                nonces,
            ),
            detector: detect::detector(
                own,
                &config,
                roster.size(),
                StdRng::from_rng(&mut rng),
                broadcasts.clone(),
            ),
            tuned_for: roster.size(),
            config,
            roster,
            broadcasts,
            broadcast_number: 0,
            timers: Timers::default(),
            rng,
            presence: BTreeMap::new(),
            started: now,
            digests: Vec::new(),
            outputs: VecDeque::new(),
            effects: Effects::default(),
            news: News::default(),
            counters: Counters::default(),
            life: Life::Running,
            noticed: BTreeMap::new(),
            pulled: BTreeMap::new(),
            strange_versions: BTreeSet::new(),
            refused: Minutely::new(),
        };
        if changed {
            machine.outputs.push_back(Output::RosterChanged);
        }
        if let Some(epoch) = machine.roster.removed(&machine.config.member) {
            // Removed, and stopped before it was reset.
            machine.event(Event::OwnRemoval { epoch, by: None });
        }
        machine.begin(now);
        machine
    }

    /// One turn: packets that wait (at most [`PACKETS_PER_TURN`] are taken from the iterator), then
    /// due timers. A process that was paused must not judge peers before it reads their answers.
    pub fn turn<'a>(
        &mut self,
        now: Duration,
        packets: impl IntoIterator<Item = (SocketAddr, &'a [u8])>,
    ) {
        if !self.config.duties.packets_first {
            self.handle_timeout(now);
        }
        for (from, bytes) in packets.into_iter().take(PACKETS_PER_TURN) {
            self.handle_datagram(now, from, bytes);
        }
        self.handle_timeout(now);
    }

    /// When [`Gossip::handle_timeout`] wants to be called; none once stopped.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.life == Life::Stopped { None } else { self.timers.next_due() }
    }

    /// The next effect; poll until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    // Getters.

    /// The replicated roster.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The cluster this member is in.
    pub fn cluster(&self) -> ClusterId {
        self.config.cluster
    }

    /// This member.
    pub fn member(&self) -> MemberId {
        self.config.member
    }

    /// The boot generation in use.
    pub fn boot(&self) -> BootGeneration {
        self.config.boot
    }

    /// What was dropped, refused and done.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// All members that are not removed, ourselves included, in join order.
    pub fn members(&self) -> Vec<MemberView> {
        self.roster.in_join_order().into_iter().map(|(id, entry)| self.view(*id, entry)).collect()
    }

    /// Status of a member; none if the roster does not know it.
    pub fn status(&self, id: &MemberId) -> Option<Status> {
        let entry = self.roster.get(id)?;
        Some(if entry.removed { Status::Left } else { self.live_status(id) })
    }

    /// Members that take part (alive or leaving), ourselves included, by id.
    pub fn active_members(&self) -> Vec<MemberId> {
        self.roster
            .live_members()
            .map(|(id, _)| *id)
            .filter(|id| self.live_status(id).is_active())
            .collect()
    }

    /// The life a member is in; none if it was never heard of since we started.
    pub fn boot_of(&self, id: &MemberId) -> Option<BootGeneration> {
        if *id == self.config.member {
            return Some(self.config.boot);
        }
        self.presence.get(id)?.boot
    }

    /// Where to reach a member of the roster for gossip.
    pub fn destination(&self, id: &MemberId) -> Option<Destination> {
        let entry = self.roster.live(id)?;
        Some(Destination { member: *id, address: entry.addresses.gossip.clone() })
    }

    fn live_status(&self, id: &MemberId) -> Status {
        if *id == self.config.member {
            let leaving = matches!(self.life, Life::Leaving { .. });
            return if leaving { Status::Leaving } else { Status::Alive };
        }
        self.presence.get(id).map_or(Status::Failed, Presence::status)
    }

    fn view(&self, id: MemberId, entry: &Entry) -> MemberView {
        let seen = self.presence.get(&id);
        let since = match self.life {
            Life::Leaving { since } if id == self.config.member => since,
            _ => seen.map_or(self.started, |seen| seen.since),
        };
        MemberView {
            id,
            entry: entry.clone(),
            status: self.live_status(&id),
            suspect: seen.is_some_and(|seen| seen.suspect),
            since,
            boot: self.boot_of(&id),
        }
    }

    // Commands.

    /// Replaces the digest blob that push/pulls carry. False if it is over [`DIGESTS_LIMIT`]; the
    /// old one stays then.
    pub fn set_digests(&mut self, bytes: Vec<u8>) -> bool {
        let fits = bytes.len() <= DIGESTS_LIMIT;
        if fits {
            self.digests = bytes;
        }
        fits
    }

    /// Spreads a small payload to all members, probably: push/pull must repair what loss leaves.
    pub fn broadcast(&mut self, bytes: &[u8]) -> Result<(), BroadcastError> {
        if bytes.len() > BROADCAST_LIMIT {
            return Err(BroadcastError::TooLong);
        }
        self.spread(Message::Data(bytes.to_vec()))
    }

    fn spread(&mut self, message: Message) -> Result<(), BroadcastError> {
        if self.detector.custom_broadcast_backlog() >= BROADCAST_BACKLOG {
            self.counters.dropped_broadcast += 1;
            return Err(BroadcastError::Full);
        }
        self.broadcast_number += 1;
        let item = Item {
            origin: self.config.member,
            boot: self.config.boot,
            number: self.broadcast_number,
            message,
        };
        let added = self.detector.add_broadcast(&encode(&item));
        if added.is_err() {
            self.counters.detector_errors += 1;
        }
        Ok(())
    }

    /// Takes over roster records that came by RPC (a push of an add or remove, a join).
    pub fn merge_roster(
        &mut self,
        now: Duration,
        records: impl IntoIterator<Item = (MemberId, Entry)>,
    ) -> MergeReport {
        let records: Vec<_> = records.into_iter().collect();
        let live_before: BTreeSet<_> =
            records.iter().map(|(id, _)| *id).filter(|id| self.roster.live(id).is_some()).collect();
        let report = self.roster.merge(records);
        self.after_merge(now, &live_before, &report);
        report
    }

    /// Merges an admission that [`crate::plan_add`] made; push its records to all.
    pub fn admit(&mut self, now: Duration, admission: &Admission) {
        self.merge_roster(now, admission.records());
    }

    /// Announces that we are about to stop: others show `leaving`. We go on until
    /// [`Gossip::stop`].
    pub fn leave(&mut self, now: Duration) {
        if self.life != Life::Running {
            return;
        }
        self.life = Life::Leaving { since: now };
        // A full backlog only delays how others show us.
        let _ = self.spread(Message::Leaving);
        self.detect(now, |detector, effects| detector.gossip(effects));
    }

    /// Declares ourselves down to a few members and says nothing more. The roster keeps us: we show
    /// as `failed` until the next start.
    pub fn stop(&mut self, now: Duration) {
        if self.life == Life::Stopped {
            return;
        }
        self.detect(now, |detector, effects| detector.leave_cluster(effects));
        self.life = Life::Stopped;
        self.timers.clear();
    }

    /// Declares a member down in the life it is in: its process is known to be gone, so it is not given
    /// the time to refute that silence would give it. Told to others at once.
    pub fn declare_down(&mut self, now: Duration, id: &MemberId) {
        let boot = self.boot_of(id);
        self.bury(now, |identity| identity.id == *id && Some(identity.boot) == boot);
    }

    /// Replaces the keys while running.
    pub fn set_keys(&mut self, keys: KeyRing) {
        self.envelope.keys = keys.clone();
        self.config.keys = keys;
    }

    /// Takes part in another cluster from now on: after being added to one, with its roster, or
    /// after a removal, with an empty one and a new cluster id. The boot generation stays.
    pub fn change_cluster(&mut self, now: Duration, cluster: ClusterId, roster: Roster) {
        let renewals = self.detector.identity().renewals.saturating_add(1);
        self.config.cluster = cluster;
        self.envelope.change_cluster(cluster);
        self.roster = roster;
        let roles: Vec<Str> = self.config.roles.iter().map(|role| role.as_str().into()).collect();
        self.roster.update_own(self.config.member, &self.config.addresses, &roles);
        self.broadcasts = Broadcasts::default();
        let own = Identity { id: self.config.member, boot: self.config.boot, renewals };
        self.tuned_for = self.roster.size();
        self.detector = detect::detector(
            own,
            &self.config,
            self.tuned_for,
            StdRng::from_rng(&mut self.rng),
            self.broadcasts.clone(),
        );
        self.timers.clear();
        self.presence.clear();
        self.noticed.clear();
        self.pulled.clear();
        self.started = now;
        self.outputs.push_back(Output::RosterChanged);
        self.begin(now);
    }

    /// The generation asked for by [`Output::PersistBoot`] is durable: goes on under it.
    pub fn boot_persisted(&mut self, now: Duration, generation: BootGeneration) {
        if self.life != Life::Muted(generation) {
            return;
        }
        self.life = Life::Running;
        self.config.boot = generation;
        self.envelope.boot = generation;
        self.event(Event::BootAdopted(generation));
        let own = Identity { id: self.config.member, boot: generation, renewals: 0 };
        self.detect(now, |detector, effects| detector.change_identity(own, effects));
        self.begin(now);
    }

    /// A peer knows a later life of ours than our disk does: continue above it, durably first.
    fn adopt_boot_above(&mut self, known: BootGeneration) {
        if known <= self.config.boot || !matches!(self.life, Life::Running) {
            return;
        }
        let generation = BootGeneration(known.0.saturating_add(1));
        self.life = Life::Muted(generation);
        self.outputs.push_back(Output::PersistBoot(generation));
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn is_silent(&self) -> bool {
        matches!(self.life, Life::Muted(_) | Life::Stopped)
    }

    fn send(&mut self, to: Destination, kind: Kind, body: &[u8]) {
        if self.is_silent() {
            self.counters.dropped_muted += 1;
            return;
        }
        let bytes = self.envelope.wrap(kind, body);
        if kind == Kind::SyncRequest {
            self.counters.syncs_out += 1;
            self.outputs.push_back(Output::Sync { to, bytes });
            return;
        }
        self.counters.datagrams_out += 1;
        self.counters.bytes_out += bytes.len() as u64;
        self.outputs.push_back(Output::Datagram { to, bytes });
    }
}
