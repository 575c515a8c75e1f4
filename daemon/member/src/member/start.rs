//! From disk to work: rows and journal records become the machine again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alert::{Delivery, DeliveryLimits, HandlerName, Level, Topics};
use dedup::Dedup;
use gossip::{Gossip, NonceSource, Roster};
use model::Str;
use rpc::{SpecKey, SpecState, State};

use super::leave::{Life, READY_WAIT};
use super::{Calls, Gate, Handlers, Member, States, Syncs, Tasks, states};
use crate::config::{Config, Identity, Stored};
use crate::counters::Counters;
use crate::input::Now;
use crate::persist::{Damaged, IDENTITY, IdentityRow, ROSTER, Record, SPECS, decode, encode};
use crate::specs::Specs;

/// The last state of an event id, as the journal has it.
enum Last {
    Event(alert::Event),
    State(alert::State),
}

/// What the journal held.
#[derive(Default)]
struct Journal {
    dedup: Vec<dedup::Record>,
    states: BTreeMap<(Str, Str), Last>,
}

impl Member {
    /// The machine of a start. `nonces` are for sealed packets: from the system's entropy in
    /// production. Its first output writes this start's boot generation.
    pub fn new(
        config: Config,
        identity: Identity,
        stored: &Stored,
        nonces: Box<dyn NonceSource>,
        now: Now,
    ) -> Result<Self, Damaged> {
        let mut row = None;
        let mut roster = Roster::new();
        let mut specs = Specs::new(identity.member);
        for (key, bytes) in &stored.rows {
            match key.table {
                IDENTITY => row = Some(decode::<IdentityRow>("the identity row", bytes)?),
                ROSTER => {
                    roster = Roster::from_bytes(bytes)
                        .map_err(|e| Damaged { what: "the roster", why: e.to_string() })?;
                }
                SPECS => {
                    let (key, state): (SpecKey, SpecState) = decode("a handler's spec", bytes)?;
                    specs.restore(now.elapsed, key, state);
                }
                _ => {}
            }
        }
        let (cluster, state) =
            row.as_ref().map_or((identity.cluster, State::Uninitialized), |r| (r.cluster, r.state));
        let epoch = row.as_ref().map_or(0, |r| r.epoch);
        specs.restore_highest(row.map_or(0, |r| r.highest));
        let journal = read_journal(&stored.journal)?;
        let gossip_config = gossip::Config {
            roles: config.roles.iter().map(ToString::to_string).collect(),
            gossip_members: config.gossip_members,
            gossip_interval: config.gossip_interval,
            gossip_sync_interval: config.gossip_sync_interval,
            keys: config.keys.clone(),
            ..gossip::Config::new(identity.member, identity.boot, cluster, config.addresses.clone())
        };
        let gossip = Gossip::new(gossip_config, roster, config.seed, nonces, now.elapsed);
        let dedup = Dedup::new(dedup_config(&config, &identity), journal.dedup);
        let mut member = Self {
            id: identity.member,
            boot: identity.boot,
            cluster,
            state,
            epoch,
            fresh_cluster: Some(identity.fresh_cluster),
            now,
            gossip,
            dedup,
            delivery: delivery(&config),
            topics: Topics::new(config.persist_topics),
            specs,
            handlers: Handlers::default(),
            states: States::default(),
            tasks: Tasks::default(),
            peers: BTreeMap::new(),
            dirty: BTreeSet::new(),
            calls: Calls::default(),
            gate: Gate::default(),
            change: None,
            life: Life::Ready { synced: true },
            syncs: Syncs::default(),
            events: BTreeMap::new(),
            raised: VecDeque::new(),
            deferred: Vec::new(),
            overflow: BTreeMap::new(),
            drained: BTreeSet::new(),
            view_changed: true,
            adopting: None,
            alone: true,
            disk: None,
            outputs: VecDeque::new(),
            counters: Counters::default(),
            rng: config.seed ^ 0x6d65_6d62_6572,
            config,
        };
        member.persist_identity();
        member.restore_states(journal.states);
        member.begin();
        Ok(member)
    }

    fn begin(&mut self) {
        let keys: Vec<SpecKey> = self
            .specs
            .iter()
            .filter(|(key, _)| matches!(key, SpecKey::Handler { .. }))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.apply_spec(&key);
        }
        self.follow_roster();
        if self.alone {
            self.tell_view();
            self.dedup.handle(self.now.elapsed, dedup::Input::Synced);
        } else {
            self.life = Life::Syncing { until: self.now.elapsed + READY_WAIT };
            self.tell_view();
            self.sync_with_all();
        }
        self.refresh_digests();
        self.sync_tick();
        self.pump();
    }

    fn restore_states(&mut self, states: BTreeMap<(Str, Str), Last>) {
        for ((topic, id), last) in states {
            let state = match last {
                Last::Event(event) => event.body.state(),
                Last::State(state) => state,
            };
            self.states.put(&topic, &id, states::mark_of(&state));
            if state.level == Level::Ok || !self.config.persist_topics {
                continue;
            }
            self.topics.restore(&topic, id, state);
            if topic.starts_with("main:") {
                // An anonymous topic is in the lists while its task runs.
                self.topics.close(&topic);
            }
        }
    }

    /// A new delivery machine, nothing pending.
    pub(super) fn renew_delivery(&mut self) {
        self.delivery = delivery(&self.config);
        let parallel: Vec<(HandlerName, usize)> = self
            .handlers
            .iter()
            .map(|h| {
                let name = HandlerName {
                    topic: h.spec().topic.as_str().into(),
                    handler: h.spec().id.as_str().into(),
                };
                (name, h.action().parallel())
            })
            .collect();
        for (name, parallel) in parallel {
            self.delivery.set_parallel(&name, parallel);
        }
    }

    /// What is to be kept of a journal record whose segment is dropped.
    pub(super) fn kept(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let record: Record = decode("a journal record", bytes).ok()?;
        match record {
            Record::Dedup(record) => {
                if self.dedup.is_live(&record) {
                    return Some(bytes.to_vec());
                }
                let dedup::Record::Pending { body, .. } = record else { return None };
                let event = alert::Event::from_wire(&body)?;
                self.is_current(&event).then(|| encode(&Record::Event(event)))
            }
            Record::Event(event) => self.is_current(&event).then(|| bytes.to_vec()),
            Record::State(state) => {
                let own = self.topics.level_of(&state.topic, &state.id);
                let current = own == Some((state.level, state.time)) && state.level != Level::Ok;
                current.then(|| bytes.to_vec())
            }
            Record::Dropped(_) | Record::Forget => None,
        }
    }

    /// Whether the event is what its topic shows of its id. OK needs no record: older ones are gone.
    fn is_current(&self, event: &alert::Event) -> bool {
        let body = &event.body;
        body.level != Level::Ok
            && self.topics.level_of(&event.topic, &body.id) == Some((body.level, body.time))
    }
}

fn dedup_config(config: &Config, identity: &Identity) -> dedup::Config {
    let horizon = dedup::Config::least_horizon(
        config.full_sync_interval,
        config.redundancy.max(3) as u32,
        config.delay_per_member,
        config.delivery_timeout,
    );
    dedup::Config {
        redundancy: config.redundancy,
        delay_per_member: config.delay_per_member,
        ready_wait: READY_WAIT,
        horizon,
        ..dedup::Config::new(identity.member, identity.boot)
    }
}

fn delivery(config: &Config) -> Delivery {
    let limits = DeliveryLimits {
        timeout: config.delivery_timeout,
        entries: config.topic_buffer,
        ..DeliveryLimits::default()
    };
    Delivery::new(limits, config.seed ^ 0x0073_656e_6473)
}

fn read_journal(records: &[Vec<u8>]) -> Result<Journal, Damaged> {
    let mut journal = Journal::default();
    for bytes in records {
        match decode("a journal record", bytes)? {
            Record::Dedup(record) => {
                if let dedup::Record::Pending { body, .. } = &record
                    && let Some(event) = alert::Event::from_wire(body)
                {
                    journal.event(event);
                }
                journal.dedup.push(record);
            }
            Record::Event(event) => journal.event(event),
            Record::State(state) => {
                let shown = alert::State {
                    message: state.message,
                    details: state.details,
                    time: state.time,
                    duration: state.duration,
                    level: state.level,
                };
                journal.states.insert((state.topic, state.id), Last::State(shown));
            }
            Record::Dropped(topic) => journal.states.retain(|(t, _), _| *t != topic),
            Record::Forget => journal.dedup.clear(),
        }
    }
    Ok(journal)
}

impl Journal {
    fn event(&mut self, event: alert::Event) {
        let key = (event.topic.clone(), event.body.id.clone());
        self.states.insert(key, Last::Event(event));
    }
}
