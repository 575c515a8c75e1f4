//! The state of the model: machines with journals and clocks, what is on the wire, who knows which view.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{BootGeneration, MemberId};
use xxhash_rust::xxh3::Xxh3;

use super::judge::Calm;
use super::setup::{Change, Faults, Planted, Setup, members};
use crate::world::{event, handlers, ms};
use crate::*;

/// Timers due later than this belong to no event.
pub(super) const FAR: Duration = Duration::from_hours(1_000);

/// An attempt: it has not reached the receiver yet, or it has and the sender waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flight {
    Started,
    Arrived,
}

/// A frame on the wire: from, to, bytes.
pub(super) type Letter = (usize, usize, Arc<[u8]>);

/// A process with its disk.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) machine: Option<Dedup>,
    pub(super) now: Duration,
    pub(super) journal: Vec<Record>,
    pub(super) boot: u64,
    /// The view it has, by its place in the history.
    pub(super) view: usize,
    pub(super) attempts: BTreeMap<(usize, HandlerId), Flight>,
    /// What this process and its former lives brought to the receiver.
    pub(super) arrived: BTreeSet<(usize, HandlerId)>,
    /// Newer events went first while these, older and held here, were unfinished.
    pub(super) overtaken: BTreeSet<(usize, HandlerId)>,
    /// Its own removal was told to its machine.
    pub(super) leaves: bool,
    pub(super) handed_over: bool,
    /// It was removed and has reset itself.
    pub(super) reset: bool,
    /// For planted waits: who has shown the list that this member has; events whose Offer differed.
    confirmed: BTreeSet<usize>,
    differs: BTreeSet<KeyHash>,
    print: u128,
}

/// The world at one moment.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) wire: BTreeSet<Letter>,
    pub(super) raises: u8,
    /// Events that were durable on some member.
    pub(super) accepted: u8,
    /// Views so far; the last one is the truth.
    pub(super) history: Arc<Vec<Members>>,
    pub(super) used: Faults,
    /// Crashes of members that had brought something to the receiver.
    pub(super) sore: u8,
    /// Arrivals per event and handler.
    pub(super) copies: BTreeMap<(usize, HandlerId), u8>,
    pub(super) given_up: BTreeMap<(usize, HandlerId), u8>,
    pub(super) misordered: bool,
    /// The warm member's decision, who waits for it, and that it said no and all has come to rest.
    pub(super) verdict: Option<bool>,
    pub(super) asks: BTreeSet<usize>,
    pub(super) settled: bool,
    pub(super) false_alarm: bool,
    /// Cut off from all others.
    pub(super) away: Option<usize>,
    /// Both sides of the cut have sent.
    pub(super) was_away: bool,
    pub(super) left: bool,
    pub(super) buried: bool,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for node in &self.nodes {
            node.print.hash(hasher);
        }
        (&self.wire, self.raises, self.accepted, self.used, self.sore).hash(hasher);
        (&self.copies, &self.given_up, self.misordered, self.false_alarm).hash(hasher);
        (self.verdict, &self.asks, self.settled).hash(hasher);
        (self.away, self.was_away, self.left, self.buried).hash(hasher);
        self.history.last().hash(hasher);
    }
}

impl State {
    pub(super) fn print(&self) -> u128 {
        let mut hasher = Xxh3::new();
        self.hash(&mut hasher);
        hasher.digest128()
    }

    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        let node = Arc::make_mut(&mut self.nodes[at]);
        node.print = 0;
        node
    }

    /// Nothing is on the wire and no attempt is under way that will surely end.
    pub(super) fn is_quiet(&self, hangs: bool) -> bool {
        self.wire.is_empty()
            && self.nodes.iter().all(|node| {
                node.attempts.values().all(|flight| hangs && *flight == Flight::Started)
            })
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.print() == other.print()
    }
}

impl Node {
    pub(super) fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    /// Time to its next timer that belongs to an event.
    pub(super) fn wait(&self) -> Option<Duration> {
        let due = self.machine.as_ref()?.poll_timeout()?;
        let wait = due.saturating_sub(self.now);
        (wait < FAR / 2).then_some(wait)
    }

    pub(super) fn holds(&self, hash: KeyHash) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.status(hash).is_some())
    }

    /// What decides its future, in 128 bits. The journal counts only where it may be read again.
    fn seal(&mut self, restarts: bool) {
        let mut hasher = Xxh3::new();
        let hasher = &mut hasher;
        match &self.machine {
            Some(machine) => {
                machine.fingerprint(hasher);
                if restarts {
                    self.journal.iter().filter(|r| machine.is_live(r)).for_each(|r| r.hash(hasher));
                }
            }
            None => self.journal.hash(hasher),
        }
        (self.is_up(), self.boot, self.view, &self.attempts).hash(hasher);
        (&self.arrived, &self.overtaken, self.leaves, self.handed_over, self.reset).hash(hasher);
        (&self.confirmed, &self.differs).hash(hasher);
        self.print = hasher.digest128().max(1);
    }
}

/// A configuration with what follows from it.
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) ids: Vec<MemberId>,
    pub(super) events: Vec<Arc<Event>>,
    /// Copies of one event for one handler, at most, over all states.
    pub(super) most: std::sync::atomic::AtomicU8,
    /// How the calm ends, by the prints of states that it has passed; with the dead staying dead, and not.
    pub(super) calmed: [Mutex<HashMap<u128, Calm>>; 2],
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let events = (0..setup.events()).map(|n| event("t", "id", n as i64 + 1)).collect();
        let ids = members(setup.members);
        Self { setup, ids, events, most: 0.into(), calmed: Default::default() }
    }

    pub(super) fn place(&self, id: MemberId) -> usize {
        self.ids.iter().position(|other| *other == id).expect("a member")
    }

    pub(super) fn event(&self, hash: KeyHash) -> usize {
        self.events.iter().position(|event| event.hash == hash).expect("an event")
    }

    pub(super) fn has(&self, fault: Planted) -> bool {
        self.setup.planted == Some(fault)
    }

    pub(super) fn boot(&self, boot: u64) -> BootGeneration {
        BootGeneration(if self.has(Planted::UnboundClaims) { 1 } else { boot })
    }

    pub(super) fn init(&self) -> State {
        let peer = Peer { boot: BootGeneration(1), alive: true, ready: true };
        let all = Members {
            roster: self.ids.iter().map(|id| (*id, peer)).collect(),
            ..Members::default()
        };
        let mut history = vec![all.clone()];
        if let Change::Unknown { joiner, .. } = self.setup.change {
            history[0].roster.remove(&self.ids[joiner]);
            history.push(all);
        }
        let node = Node {
            machine: None,
            now: ms(0),
            journal: Vec::new(),
            boot: 0,
            view: history.len() - 1,
            attempts: BTreeMap::new(),
            arrived: BTreeSet::new(),
            overtaken: BTreeSet::new(),
            leaves: false,
            handed_over: false,
            reset: false,
            confirmed: BTreeSet::new(),
            differs: BTreeSet::new(),
            print: 0,
        };
        let mut state = State {
            nodes: (0..self.setup.members).map(|_| Arc::new(node.clone())).collect(),
            wire: BTreeSet::new(),
            raises: 0,
            accepted: 0,
            history: Arc::new(history),
            used: Faults::default(),
            sore: 0,
            copies: BTreeMap::new(),
            given_up: BTreeMap::new(),
            misordered: false,
            verdict: None,
            asks: BTreeSet::new(),
            settled: false,
            false_alarm: false,
            away: None,
            was_away: false,
            left: false,
            buried: false,
        };
        for at in 0..self.setup.members {
            if let Change::Unknown { to, .. } = self.setup.change
                && to.contains(&at)
            {
                state.node(at).view = 0;
            }
            self.start(&mut state, at);
            self.give(&mut state, at, Input::Synced);
        }
        if let Change::Away { target } = self.setup.change {
            state.away = Some(target);
            state.was_away = true;
        }
        if self.setup.raises.len() == 1 {
            self.raise(&mut state, 0);
        }
        self.seal(&mut state);
        state
    }

    /// Ends a step: the prints of what has changed.
    pub(super) fn seal(&self, state: &mut State) {
        let restarts = state.used.restarts < self.setup.faults.restarts;
        for node in state.nodes.iter_mut().filter(|node| node.print == 0) {
            Arc::make_mut(node).seal(restarts);
        }
        let held = || state.nodes.iter().any(|node| node.holds(self.events[0].hash));
        if state.verdict == Some(false) && state.is_quiet(self.setup.hangs) && held() {
            state.settled = true;
        }
    }

    /// A process begins with its journal and the view that it had.
    pub(super) fn start(&self, state: &mut State, at: usize) {
        let boot = state.nodes[at].boot + 1;
        let mut config = Config::new(self.ids[at], self.boot(boot));
        config.redundancy = self.setup.redundancy;
        config.horizon = FAR;
        let node = state.node(at);
        node.boot = boot;
        node.machine = Some(Dedup::new(config, node.journal.clone()));
        node.now = ms(0);
        node.attempts.clear();
        node.confirmed.clear();
        self.show(state, at);
    }

    /// Gives a machine the view that its process has.
    pub(super) fn show(&self, state: &mut State, at: usize) {
        let node = &state.nodes[at];
        let mut members = state.history[node.view].clone();
        if let Some(peer) = members.roster.get_mut(&self.ids[at]) {
            peer.boot = self.boot(node.boot);
            peer.alive = true;
        } else if members.removed.contains_key(&self.ids[at]) {
            // In its own eyes a removed member stays in the roster until it resets itself.
            members.removed.remove(&self.ids[at]);
            let peer = Peer { boot: self.boot(node.boot), alive: true, ready: false };
            members.roster.insert(self.ids[at], peer);
        }
        state.node(at).confirmed.clear();
        self.give(state, at, Input::Members(members));
    }

    /// A change of the truth; all learn of it at once unless views spread.
    pub(super) fn change(&self, state: &mut State, edit: impl FnOnce(&mut Members)) {
        let mut members = state.history.last().expect("a view").clone();
        edit(&mut members);
        Arc::make_mut(&mut state.history).push(members);
        if !self.setup.views_spread {
            for at in 0..self.setup.members {
                if state.nodes[at].is_up() && !self.setup.is_deaf(at) {
                    self.learn(state, at);
                }
            }
        }
    }

    /// A member hears the newest view.
    pub(super) fn learn(&self, state: &mut State, at: usize) {
        state.node(at).view = state.history.len() - 1;
        self.show(state, at);
        let removed = state.history.last().is_some_and(|v| v.removed.contains_key(&self.ids[at]));
        if removed && !state.nodes[at].leaves {
            state.node(at).leaves = true;
            let removed = !self.has(Planted::NoSync);
            self.give(state, at, Input::Leave { removed });
            self.sync_all(state, at);
        }
        self.reset_removed(state, at);
    }

    /// Asks every other member that this one knows to sync.
    pub(super) fn sync_all(&self, state: &mut State, at: usize) {
        let known = state.history[state.nodes[at].view].roster.clone();
        for peer in known.into_keys().filter(|peer| *peer != self.ids[at]) {
            self.give(state, at, Input::Sync { peer });
        }
    }

    /// A member that knows of its removal and holds nothing any more resets itself.
    pub(super) fn reset_removed(&self, state: &mut State, at: usize) {
        let node = &state.nodes[at];
        let view = &state.history[node.view];
        if node.handed_over && view.removed.contains_key(&self.ids[at]) {
            let keeps_sending = self.has(Planted::NoDrain);
            let node = state.node(at);
            node.machine = None;
            node.reset = true;
            node.journal.clear();
            if !keeps_sending {
                node.attempts.clear();
            }
        }
    }

    pub(super) fn raise(&self, state: &mut State, number: usize) {
        state.raises |= 1 << number;
        let raised = self.setup.raises[number];
        let event = self.events[raised.event].clone();
        let raise = Raise { event, cold: raised.cold, raisers: Arc::from([]) };
        self.give(state, raised.by, Input::Raise(raise));
    }

    /// Gives a machine an input and carries out what it wants; what it says to one peer is one frame.
    pub(super) fn give(&self, state: &mut State, at: usize, input: Input) {
        let by_timer = matches!(input, Input::Tick);
        let mut inputs = VecDeque::from([input]);
        let mut frames: BTreeMap<usize, Vec<Message>> = BTreeMap::new();
        while let Some(input) = inputs.pop_front() {
            let node = state.node(at);
            let Some(machine) = node.machine.as_mut() else { return };
            machine.handle(node.now, input);
            while let Some(output) = state.node(at).machine.as_mut().and_then(Dedup::poll_output) {
                if let Output::Send { to, message, .. } = output {
                    let to = self.place(to);
                    if self.posts(state, at, to, &message, by_timer, &mut inputs) {
                        frames.entry(to).or_default().push(message);
                    }
                } else {
                    self.carry_out(state, at, output, &mut inputs);
                }
            }
        }
        for (to, messages) in frames {
            // A frame of a member that is cut off is lost, as one to it.
            if state.away.is_none_or(|away| away != at && away != to) {
                state.wire.insert((at, to, encode_frame(&messages).into()));
            }
        }
        self.reset_removed(state, at);
    }

    /// Whether a message goes on the wire; planted faults speak here.
    fn posts(
        &self,
        state: &mut State,
        at: usize,
        to: usize,
        message: &Message,
        by_timer: bool,
        inputs: &mut VecDeque<Input>,
    ) -> bool {
        let from = self.ids[to];
        match message {
            Message::Done { .. } | Message::HandlerDone { .. } => {
                !(by_timer && self.has(Planted::DoneOnce))
            }
            Message::Claim(claim) if !self.waits(state, at, claim) => {
                let (hash, boot) = (claim.hash, claim.boot);
                let message = Message::Grant { hash, boot, view: None, finished: Vec::new() };
                inputs.push_back(Input::Message { from, message });
                true
            }
            Message::Offer(offer) if offer.handover && self.has(Planted::NotKept) => {
                let message = Message::OfferAck { hash: offer.key.hash(), done: false };
                inputs.push_back(Input::Message { from, message });
                true
            }
            Message::WarmAsk { .. } if self.has(Planted::ColdHeld) => false,
            Message::WarmAsk { key } if self.has(Planted::ColdDropped) => {
                let message = Message::WarmAnswer { hash: key.hash(), raised: false };
                inputs.push_back(Input::Message { from, message });
                false
            }
            _ => true,
        }
    }

    /// Whether a claimant waits for grants: always, but for planted faults.
    fn waits(&self, state: &State, at: usize, claim: &Claim) -> bool {
        let node = &state.nodes[at];
        let differs = node.differs.contains(&claim.hash);
        let me = self.ids[at];
        let confirmed = |id: &MemberId| *id == me || node.confirmed.contains(&self.place(*id));
        match self.setup.planted {
            Some(Planted::NeverWaits) => false,
            Some(Planted::WaitsWhereListsDiffer) => differs,
            Some(Planted::WaitsWhileUnconfirmed) => differs || !claim.view.iter().all(confirmed),
            _ => true,
        }
    }

    /// Takes note of the lists that a peer shows; only planted faults read these notes.
    pub(super) fn compare(state: &mut State, at: usize, from: usize, message: &Message) {
        let node = state.node(at);
        let Some(machine) = node.machine.as_mut() else { return };
        let own = machine.owners(&Arc::from("t"));
        let (hash, same) = match message {
            Message::Offer(offer) => (offer.key.hash(), offer.view == own),
            Message::Claim(claim) => (claim.hash, claim.view == own),
            Message::Grant { hash, view, .. } => (*hash, view.as_ref().is_none_or(|v| *v == own)),
            _ => return,
        };
        if same {
            node.confirmed.insert(from);
        } else if matches!(message, Message::Offer(_)) {
            node.differs.insert(hash);
        }
    }

    fn carry_out(
        &self,
        state: &mut State,
        at: usize,
        output: Output,
        inputs: &mut VecDeque<Input>,
    ) {
        match output {
            Output::Persist { record, .. } => {
                if let Record::Pending { key, .. } = &record {
                    state.accepted |= 1 << self.event(key.hash());
                }
                state.node(at).journal.push(record);
            }
            Output::Judge { event } => {
                let handlers = Some(handlers((self.setup.judge)(at)));
                inputs.push_back(Input::Judged { hash: event.hash, handlers });
            }
            Output::Start { event, handler, .. } => {
                let event = self.event(event.hash);
                // What is older and held now must not come after it.
                for older in 0..event {
                    let status = |m: &Dedup| m.status(self.events[older].hash);
                    let held = state.nodes[at].machine.as_ref().and_then(status);
                    if held.is_some_and(|held| !held.finished.contains(&handler)) {
                        state.node(at).overtaken.insert((older, handler.clone()));
                    }
                }
                state.node(at).attempts.insert((event, handler), Flight::Started);
            }
            Output::Cancel { hash, handler } => {
                let event = self.event(hash);
                state.node(at).attempts.remove(&(event, handler));
            }
            Output::Stop { hash, handler } => {
                let attempt = (self.event(hash), handler.clone());
                let early = self.has(Planted::NoDrain) && state.nodes[at].leaves;
                // An attempt that has arrived ends by its answer.
                if early || state.nodes[at].attempts.get(&attempt) != Some(&Flight::Arrived) {
                    if !early {
                        state.node(at).attempts.remove(&attempt);
                    }
                    let outcome = Outcome::Stopped;
                    inputs.push_back(Input::Outcome { hash, handler, outcome });
                }
            }
            Output::FindWarm { event } => {
                let warm = self.setup.warm.filter(|warm| state.nodes[*warm].is_up());
                let members = warm.map(|warm| self.ids[warm]).into_iter().collect();
                inputs.push_back(Input::Warm { hash: event.hash, members });
            }
            Output::WarmQuery { from, key } => match state.verdict {
                Some(raised) => {
                    inputs.push_back(Input::WarmReply {
                        to: from,
                        hash: key.hash(),
                        raised: Some(raised),
                    });
                }
                None => {
                    state.asks.insert(self.place(from));
                }
            },
            Output::SyncEnded { complete: true, .. } => inputs.push_back(Input::Synced),
            Output::HandedOver => state.node(at).handed_over = true,
            Output::Done { .. } | Output::SyncEnded { .. } | Output::Send { .. } => {}
        }
    }
}
