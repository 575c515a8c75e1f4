//! The machine: one place that takes inputs, lets the rooms below work, and drains them.

mod add;
mod answers;
mod calls;
mod commands;
mod deliver;
mod events;
mod gate;
mod handlers;
mod inbound;
mod knock;
mod leave;
mod membership;
mod peers;
mod pump;
mod remove;
mod replicate;
mod start;
mod states;
mod sync;
mod tasks;
mod views;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alert::{Delivery, HandlerName, Topics};
use dedup::{Dedup, KeyHash};
use gossip::Gossip;
use model::{BootGeneration, ClusterId, MemberId};
use rpc::State;

use crate::config::Config;
use crate::counters::Counters;
use crate::input::{Command, Input, Now, Raise};
use crate::output::{LogLine, Output, Severity};
use crate::persist::{Position, Write};
use crate::specs::Specs;
use calls::Calls;
use gate::{Gate, Held};
use handlers::Handlers;
use leave::Life;
use membership::Change;
use peers::Peer;
use states::States;
use sync::Syncs;
use tasks::Tasks;

/// One member of a cluster, or of a cluster of its own.
///
/// The driver's turn: [`Member::handle`] for each input that waits (packets before
/// [`Input::Tick`]), then [`Member::poll_output`] until `None`, executing outputs in order, then wait
/// for input or [`Member::next_timeout`]. Time must not go back. Getters change nothing.
///
/// Nothing but [`Output::Persist`] comes out before the boot generation of this start is durable.
pub struct Member {
    config: Config,
    id: MemberId,
    boot: BootGeneration,
    cluster: ClusterId,
    state: State,
    /// Highest epoch this member had in any roster.
    epoch: u32,
    fresh_cluster: Option<ClusterId>,
    now: Now,
    gossip: Gossip,
    dedup: Dedup,
    delivery: Delivery,
    topics: Topics,
    specs: Specs,
    handlers: Handlers,
    states: States,
    tasks: Tasks,
    peers: BTreeMap<MemberId, Peer>,
    /// Peers that have something queued.
    dirty: BTreeSet<MemberId>,
    calls: Calls,
    gate: Gate,
    change: Option<Change>,
    life: Life,
    syncs: Syncs,
    /// Events that are pending here, so that their bodies are read once.
    events: BTreeMap<KeyHash, Arc<alert::Event>>,
    /// Events that `publish` and `aggregate` made, to be raised.
    raised: VecDeque<Raise>,
    /// Events raised while this member syncs or hands over.
    deferred: Vec<Raise>,
    /// Started events whose handler's queue was full.
    overflow: BTreeMap<HandlerName, VecDeque<(KeyHash, Arc<alert::Event>)>>,
    /// Removed members that had handed over before.
    drained: BTreeSet<MemberId>,
    /// The view that dedup has is out of date.
    view_changed: bool,
    /// A boot generation that gossip waits for, and the write that makes it durable.
    adopting: Option<(Position, BootGeneration)>,
    /// Nobody else is in the roster.
    alone: bool,
    disk: Option<String>,
    outputs: VecDeque<Output>,
    counters: Counters,
    rng: u64,
}

impl Member {
    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.now.elapsed = self.now.elapsed.max(now.elapsed);
        self.now.wall = now.wall;
        match input {
            Input::Raise(raise) => self.raise(raise),
            Input::Committed(position) => {
                self.gate.commit(position);
                self.after_commit();
            }
            Input::Attempted { token, outcome } => {
                self.delivery.handle_outcome(self.now.elapsed, token, outcome);
            }
            Input::Datagram { from, bytes } => {
                self.gossip.handle_datagram(self.now.elapsed, from, &bytes);
            }
            Input::GossipSync { id, from, bytes } => {
                if let Some(bytes) = self.gossip.handle_sync(self.now.elapsed, from, &bytes) {
                    self.outputs.push_back(Output::GossipSyncReply { id, bytes });
                }
            }
            Input::GossipSyncReply { member, reply } => match reply {
                Some((from, bytes)) => {
                    self.gossip.handle_sync_reply(self.now.elapsed, from, &bytes);
                }
                None => self.gossip.handle_sync_failed(self.now.elapsed, member),
            },
            Input::Request { id, header, request } => self.request(id, header, request),
            Input::Answer { id, result } => self.answered(id, result),
            Input::Probed { id, result } => self.probed(id, result),
            Input::HungUp { member } => self.knock(member),
            Input::Command { ticket, command } => match command {
                Command::FreshClusterId(id) => self.fresh_cluster = Some(id),
                command => self.command(ticket, command),
            },
            Input::RestoreState { topic, id, state } => self.restore_state(&topic, id, state),
            Input::TaskStarted(task) => self.task_started(task),
            Input::TaskWarm(id) => self.task_warm(&id),
            Input::TaskStopped { id, deleted } => self.task_stopped(&id, deleted),
            Input::WarmReply { id, raised } => self.warm_reply(id, raised),
            Input::Disk(state) => self.disk_changed(state),
            Input::Keys(keys) => {
                self.config.keys = keys.clone();
                self.gossip.set_keys(keys);
            }
            Input::Rewrite { ticket, records } => self.rewrite(ticket, &records),
            Input::Stop => self.stop(),
            Input::Tick => self.tick(),
        }
        self.pump();
    }

    /// The next effect; poll until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn next_timeout(&self) -> Option<Duration> {
        [
            self.gossip.poll_timeout(),
            self.dedup.poll_timeout(),
            self.delivery.poll_timeout(),
            self.aggregate_timeout(),
            self.sync_timeout(),
            self.change_timeout(),
            self.life_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn tick(&mut self) {
        let now = self.now.elapsed;
        if self.gossip.poll_timeout().is_some_and(|at| at <= now) {
            self.gossip.handle_timeout(now);
        }
        self.pump();
        if self.delivery.poll_timeout().is_some_and(|at| at <= now) {
            self.delivery.handle_timeout(now);
        }
        if self.dedup.poll_timeout().is_some_and(|at| at <= now) {
            self.dedup.handle(now, dedup::Input::Tick);
        }
        self.aggregate_tick();
        self.sync_tick();
        self.change_tick();
        self.life_tick();
    }

    /// Emits a write.
    fn persist(&mut self, write: Write) {
        let output = self.gate.write(write);
        self.outputs.push_back(output);
    }

    /// Emits an output once everything written so far is durable.
    fn after_writes(&mut self, output: Output) {
        let now = self.gate.now();
        self.gate.hold(now, Held::Output(Box::new(output)));
    }

    fn log(
        &mut self,
        severity: Severity,
        message: &'static str,
        fields: Vec<(&'static str, String)>,
    ) {
        self.outputs.push_back(Output::Log(LogLine { severity, message, fields }));
    }

    /// splitmix64, for jitter.
    fn random(&mut self) -> u64 {
        self.rng = self.rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.rng;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between `of` less a tenth and `of` plus a tenth.
    fn jittered(&mut self, of: Duration) -> Duration {
        let tenth = of / 10;
        let spread = (tenth.as_nanos() as u64).saturating_mul(2).max(1);
        of.saturating_sub(tenth) + Duration::from_nanos(self.random() % spread)
    }

    /// Alone: nobody else is in the roster.
    fn is_alone(&self) -> bool {
        self.alone
    }
}
