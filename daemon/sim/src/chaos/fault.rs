//! What can go wrong, how it begins, and how it is undone.

use std::str::FromStr;
use std::time::Duration;

use member::Command;
use model::MemberId;
use rand::{Rng, RngExt};

use super::{Action, Run};
use crate::receiver::Mood;
use crate::world::addresses;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A process is killed and started again later.
    Kill,
    /// A process is stopped in order and started again later.
    Stop,
    /// A process is paused.
    Pause,
    /// The network falls into two sides.
    Partition,
    /// UDP passes in one direction only between two members.
    Udp,
    /// No TCP passes between two members, though UDP does.
    Tcp,
    /// A fifth of the UDP packets is lost, a tenth doubled.
    Loss,
    /// Latency rises to 50–150 ms: an answer may take longer than claims wait for it.
    Latency,
    /// A disk takes a second per write.
    SlowDisk,
    /// A disk takes no writes for a while.
    FullDisk,
    /// A process is killed, and its disk restored from a copy made minutes ago, before it is started.
    OldDisk,
    /// A process is killed and its disk is lost: a new member starts on the host; the old one is
    /// removed, and the new one added.
    LostDisk,
    /// A wall clock jumps by up to an hour.
    Clock,
    /// The receiver is slow, failing, hanging or refusing.
    Receiver,
    /// A member is removed, and added again later.
    Remove,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::Kill,
        Self::Stop,
        Self::Pause,
        Self::Partition,
        Self::Udp,
        Self::Tcp,
        Self::Loss,
        Self::Latency,
        Self::SlowDisk,
        Self::FullDisk,
        Self::OldDisk,
        Self::LostDisk,
        Self::Clock,
        Self::Receiver,
        Self::Remove,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Partition => "partition",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Loss => "loss",
            Self::Latency => "latency",
            Self::SlowDisk => "slow-disk",
            Self::FullDisk => "full-disk",
            Self::OldDisk => "old-disk",
            Self::LostDisk => "lost-disk",
            Self::Clock => "clock",
            Self::Receiver => "receiver",
            Self::Remove => "remove",
        }
    }

    /// Copies of an event that one such fault excuses (S3): a crash between send and Done, the other
    /// side of a partition, a timeout that was not what it seemed.
    fn copies(self) -> usize {
        match self {
            Self::Kill
            | Self::Pause
            | Self::Partition
            | Self::Tcp
            | Self::Latency
            | Self::SlowDisk
            | Self::FullDisk => 1,
            _ => 0,
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("no fault {text:?}; known: {}", known.join(" "))
        })
    }
}

/// How a fault is undone; the number is that of the ledger.
pub(super) enum Undo {
    Start(usize),
    Resume(usize, usize),
    Heal(usize),
    Network(usize),
    Disk(usize, usize),
    Clock(usize, usize),
    Receiver(usize),
    Add(Removal, usize),
    Replace(usize),
}

/// A member was removed.
pub(super) struct Removal {
    /// Its host.
    n: usize,
    id: MemberId,
    /// By the member of this host.
    by: usize,
    /// The number of the command.
    ticket: u64,
    at: Duration,
}

impl Run<'_> {
    pub(super) fn fault(&mut self) {
        let kinds = &self.plan.faults;
        let kind = kinds[(self.rng.next_u64() % kinds.len() as u64) as usize];
        let Some(undo) = self.begin(kind) else { return };
        *self.counts.entry(kind.name()).or_default() += 1;
        self.open += 1;
        self.plan_next(Duration::from_secs(25), Action::Undo(undo));
    }

    fn begin(&mut self, kind: Kind) -> Option<Undo> {
        let up = |world: &crate::World, n: usize| {
            let node = &world.nodes[n];
            node.is_up() && !node.stopping
        };
        let n = self.pick(up)?;
        let now = self.world.now;
        if kind == Kind::OldDisk && self.world.nodes[n].copy.is_none() {
            return None;
        }
        let number = if matches!(kind, Kind::Kill | Kind::OldDisk | Kind::LostDisk) {
            // The kill is a fault of its own.
            0
        } else {
            // Two partitions at a time make four sides.
            let open = self.world.ledger.faults.iter();
            let open = open.filter(|f| f.kind == kind.name() && f.to.is_none()).count();
            let sides = if kind == Kind::Partition { 1 << open } else { 1 };
            self.world.ledger.begin(kind.name(), now, kind.copies() * sides)
        };
        let name = kind.name();
        self.world.say(|| format!("fault: {name} at m{n}"));
        Some(match kind {
            Kind::Kill => {
                self.world.kill(n);
                Undo::Start(n)
            }
            Kind::OldDisk => {
                self.world.restore_disk(n);
                // What it alone had been told since the copy is gone.
                self.forgiven.push(self.world.nodes[n].id);
                Undo::Start(n)
            }
            Kind::LostDisk => {
                // One at a time, and two stay: nobody can mend a cluster when most of it is lost.
                let inside = self.inside();
                if !self.lost.is_empty() || inside <= 2 || !self.world.is_in_cluster(n) {
                    return None;
                }
                let id = self.world.nodes[n].id;
                self.world.lose_disk(n);
                self.forgiven.push(id);
                self.lost.push((n, id));
                Undo::Replace(n)
            }
            Kind::Stop => {
                self.world.stop(n);
                self.world.nodes[n].down = Some(number);
                Undo::Start(n)
            }
            Kind::Pause => {
                self.world.pause(n);
                Undo::Resume(n, number)
            }
            Kind::Partition => {
                let (one, other): (Vec<usize>, Vec<usize>) =
                    (0..self.plan.members).partition(|_| self.rng.random());
                self.world.network.partition(&one, &other);
                Undo::Heal(number)
            }
            Kind::Udp | Kind::Tcp => {
                let other = (n + 1) % self.plan.members;
                let network = &mut self.world.network;
                let cut =
                    if kind == Kind::Udp { &mut network.udp_cut } else { &mut network.tcp_cut };
                cut.insert((n, other));
                Undo::Heal(number)
            }
            Kind::Loss => {
                self.world.network.loss = 0.2;
                self.world.network.duplicate = 0.1;
                Undo::Network(number)
            }
            Kind::Latency => {
                self.world.network.latency =
                    (Duration::from_millis(50), Duration::from_millis(150));
                Undo::Network(number)
            }
            Kind::SlowDisk => {
                self.world.set_fsync(n, Duration::from_secs(1));
                Undo::Disk(n, number)
            }
            Kind::FullDisk => {
                self.world.nodes[n].disk.full = true;
                let why = Some("no space left on device".to_owned());
                self.world.input(n, member::Input::Disk(why));
                Undo::Disk(n, number)
            }
            Kind::Clock => {
                let hour = 3_600_000_000_000_i64;
                let jump = (self.rng.next_u64() % (2 * hour as u64)) as i64 - hour;
                self.world.set_skew(n, jump);
                Undo::Clock(n, number)
            }
            Kind::Receiver => {
                let moods = [Mood::Slow, Mood::Failing, Mood::Hanging, Mood::Refusing];
                let at = (self.rng.next_u64() % 4) as usize;
                self.world.receiver.mood = moods[at];
                Undo::Receiver(number)
            }
            Kind::Remove => {
                self.world.ledger.end(number, now);
                return self.remove(n, number);
            }
        })
    }

    /// Removes a member through another one, at least two stay.
    fn remove(&mut self, n: usize, number: usize) -> Option<Undo> {
        if self.inside() <= 2 || !self.world.is_in_cluster(n) {
            return None;
        }
        let id = self.world.nodes[n].id;
        self.forgiven.push(id);
        Some(Undo::Add(self.remove_by_another(n, id)?, number))
    }

    /// How many hosts have a member that is in the cluster.
    fn inside(&self) -> usize {
        (0..self.plan.members).filter(|n| self.world.is_in_cluster(*n)).count()
    }

    /// Has another member remove the one that this host has, or had.
    fn remove_by_another(&mut self, n: usize, id: MemberId) -> Option<Removal> {
        let by = self.pick(|world, by| {
            by != n && world.nodes[by].is_up() && world.is_in_cluster(by) && sees_most(world, by)
        })?;
        let ticket = self.world.command(by, Command::RemoveMember { id });
        Some(Removal { n, id, by, ticket, at: self.world.now })
    }

    /// Has another member add the one of this host; the number of the command.
    fn add_again(&mut self, n: usize) -> Option<u64> {
        let inside = |world: &crate::World, by: usize| {
            by != n && world.nodes[by].is_up() && world.is_in_cluster(by)
        };
        let by = self.pick(inside)?;
        let rpc_address = addresses(n).rpc;
        self.added.insert(n, self.world.now);
        Some(self.world.command(by, Command::AddMember { rpc_address }))
    }

    /// Has the members removed that were lost with the disk of this host; the new one is added later.
    /// Where nobody can remove one now, that is owed until the calm.
    fn replace(&mut self, n: usize) {
        for (of, id) in std::mem::take(&mut self.lost) {
            if of != n {
                self.lost.push((of, id));
            } else if let Some(removal) = self.remove_by_another(n, id) {
                let number = self.world.ledger.begin(Kind::Remove.name(), removal.at, 0);
                self.world.ledger.end(number, removal.at);
                self.open += 1;
                self.plan_next(Duration::from_secs(10), Action::Undo(Undo::Add(removal, number)));
            } else {
                self.lost.push((n, id));
            }
        }
    }

    /// Whom nobody could remove or add while the chaos went on.
    pub(super) fn replace_the_lost(&mut self) {
        for (n, id) in std::mem::take(&mut self.lost) {
            if let Some(removal) = self.remove_by_another(n, id) {
                self.world.wait_for(removal.ticket);
                if let Some(ticket) = self.add_again(n) {
                    self.world.wait_for(ticket);
                }
            }
        }
    }

    /// A member whose disk is lost and whose removal failed has to be removed once more.
    fn keep_owed(&mut self, removal: &Removal) {
        let Removal { n, id, ticket, .. } = *removal;
        let removed = self.world.results.get(&ticket).is_some_and(|(_, result)| result.is_ok());
        if !removed && self.world.nodes[n].id != id {
            self.lost.push((n, id));
        }
    }

    /// S9: who removed a member does not have it again before somebody adds it.
    fn check_stays_removed(&mut self, removal: &Removal) {
        let Removal { n, id, by, ticket, at } = *removal;
        let world = &mut self.world;
        let ended = world.results.get(&ticket).is_some_and(|(_, result)| result.is_ok());
        let added = self.added.get(&n).is_some_and(|when| *when >= at);
        let Some(member) = world.nodes[by].member.as_ref().filter(|_| ended && !added) else {
            return;
        };
        world.checks.look("S9");
        if member.roster().live(&id).is_some() {
            let text = format!(
                "m{by} removed m{n} at {:.3}s and has it again, though nobody added it",
                at.as_secs_f64()
            );
            world.checks.report("S9", world.now, text);
        }
    }

    pub(super) fn undo(&mut self, undo: Undo) {
        self.open = self.open.saturating_sub(1);
        let now = self.world.now;
        let world = &mut self.world;
        let number = match undo {
            Undo::Start(n) => {
                world.start(n);
                return;
            }
            Undo::Replace(n) => {
                world.start(n);
                self.replace(n);
                return;
            }
            Undo::Resume(n, number) => {
                world.resume(n);
                number
            }
            Undo::Heal(number) => {
                world.network.heal();
                number
            }
            Undo::Network(number) => {
                let quiet = crate::Network::default();
                world.network.loss = quiet.loss;
                world.network.duplicate = quiet.duplicate;
                world.network.latency = quiet.latency;
                number
            }
            Undo::Disk(n, number) => {
                world.set_fsync(n, Duration::from_millis(1));
                world.nodes[n].disk_well_since = now;
                if std::mem::take(&mut world.nodes[n].disk.full) {
                    world.input(n, member::Input::Disk(None));
                }
                number
            }
            Undo::Clock(n, number) => {
                world.set_skew(n, 0);
                number
            }
            Undo::Receiver(number) => {
                world.receiver.mood = Mood::Well;
                number
            }
            Undo::Add(removal, number) => {
                self.check_stays_removed(&removal);
                self.keep_owed(&removal);
                self.add_again(removal.n);
                number
            }
        };
        self.world.ledger.end(number, now);
    }
}

/// More than half of its roster is active as the member sees it. Two sides of a partition that remove
/// each other make two clusters of one id, which nothing can mend.
fn sees_most(world: &crate::World, n: usize) -> bool {
    let Some(member) = &world.nodes[n].member else { return false };
    let view = member.cluster_view();
    let active = view.members.iter().filter(|m| m.status.is_active()).count();
    2 * active > view.members.len()
}
