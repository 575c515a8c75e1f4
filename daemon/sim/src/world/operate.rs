//! What people and accidents do to the world: kill, stop, pause, raise, define, add, remove.

use std::sync::Arc;
use std::time::Duration;

use alert::{Body, Data, Details, Event, HandlerSpec, Level, Series, Source};
use member::{Command, CommandError, Done, Input, Raise};
use model::{Fields, MemberId, Str, Tags, Time};
use rpc::State;

use super::{Happening, TASK, World, addresses, member_id};
use crate::ledger::EventName;

/// `[http] shutdown-timeout`.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

impl World {
    /// Ends a process at once; what its disk had not written is lost in part.
    pub fn kill(&mut self, n: usize) {
        if self.nodes[n].member.is_none() {
            return;
        }
        self.say(|| format!("m{n} is killed"));
        self.nodes[n].disk.crash(&mut self.rng);
        if let Some(stop) = self.nodes[n].down.take() {
            self.ledger.end(stop, self.now);
        }
        let fault = self.ledger.begin("kill", self.now, 1);
        self.nodes[n].down = Some(fault);
        self.end(n);
    }

    /// The process is gone.
    pub(super) fn end(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        node.member = None;
        node.paused = None;
        node.stopping = false;
        node.warm_since = None;
        // What was on its way to it is for nobody.
        node.life += 1;
        self.waiting.retain(|(at, ..)| *at != n);
        let lost: Vec<u64> =
            self.inbound.iter().filter(|(_, (back, ..))| *back == n).map(|(id, _)| *id).collect();
        for id in lost {
            self.inbound.remove(&id);
        }
        self.hang_up(n);
    }

    /// The kernel closes the connections of a process that is gone; who is cut off does not hear of it.
    fn hang_up(&mut self, n: usize) {
        let links: Vec<_> =
            self.links.extract_if(.., |(from, to)| *from == n || *to == n).collect();
        for (from, to) in links {
            if from == n && self.network.connects(n, to) {
                let delay = self.network.delay(&mut self.rng);
                let (member, life) = (self.nodes[n].id, self.nodes[to].life);
                self.schedule(delay, Happening::Input(to, life, Input::HungUp { member }));
            }
        }
    }

    /// Asks a process to stop; it ends by itself, or when `shutdown-timeout` is over.
    pub fn stop(&mut self, n: usize) {
        if self.nodes[n].is_up() && !self.nodes[n].stopping {
            self.say(|| format!("m{n} is told to stop"));
            self.nodes[n].stopping = true;
            let overdue = Happening::Overdue(n, self.nodes[n].life);
            self.schedule(SHUTDOWN_TIMEOUT, overdue);
            self.input(n, Input::Stop);
        }
    }

    /// Pauses a process (SIGSTOP).
    pub fn pause(&mut self, n: usize) {
        if self.nodes[n].is_up() {
            self.say(|| format!("m{n} is paused"));
            self.nodes[n].paused = Some(std::collections::VecDeque::new());
        }
    }

    /// Lets a paused process go on: it reads what came meanwhile, then looks at its clock.
    pub fn resume(&mut self, n: usize) {
        let Some(waiting) = self.nodes[n].paused.take() else { return };
        self.say(|| format!("m{n} goes on"));
        for input in waiting {
            self.input(n, input);
        }
        self.nodes[n].wake = None;
        self.input(n, Input::Tick);
    }

    /// Makes one cluster of these hosts by adding the others to the first; false when that fails.
    pub fn form(&mut self, members: &[usize]) -> bool {
        let Some((first, others)) = members.split_first() else { return true };
        others.iter().all(|n| matches!(self.add(*first, *n), Some(Ok(_))))
    }

    /// `member add`.
    pub fn add(&mut self, by: usize, n: usize) -> Option<Result<Done, CommandError>> {
        self.command_now(by, Command::AddMember { rpc_address: addresses(n).rpc })
    }

    /// `member remove`.
    pub fn remove(&mut self, by: usize, n: usize) -> Option<Result<Done, CommandError>> {
        let id = self.nodes[n].id;
        self.command_now(by, Command::RemoveMember { id })
    }

    /// Defines a handler that posts, or one that publishes to another topic.
    pub fn define(
        &mut self,
        by: usize,
        topic: &str,
        id: &str,
        to: Option<&str>,
    ) -> Option<Result<Done, CommandError>> {
        self.command_now(by, handler(topic, id, to))
    }

    /// Raises an event of a task that runs on these members.
    pub fn raise(&mut self, on: &[usize], name: &EventName) {
        for n in on {
            self.raise_on(*n, name);
        }
    }

    /// Raises an event on one member.
    pub fn raise_on(&mut self, n: usize, name: &EventName) {
        if !self.nodes[n].is_up() || self.nodes[n].stopping {
            return;
        }
        let now = self.now;
        self.ledger.story(name).raised.get_or_insert((now, n));
        self.note(name.to_string().as_bytes());
        let cold = self.is_cold(n);
        let input = Input::Raise(Raise { event: event(name), cold });
        self.input(n, input);
        if cold {
            // Warm members decide whether there is an alert at all.
            return;
        }
        let Some(member) = &self.nodes[n].member else { return };
        let readiness = member.readiness();
        if matches!(readiness, member::Readiness::Leaving | member::Readiness::Syncing) {
            // It waits and is not durable yet: not accepted.
            return;
        }
        let handlers: Vec<Str> = member
            .topic_handlers()
            .iter()
            .filter(|spec| spec.topic == *name.topic && spec.kind != "publish")
            .map(|spec| spec.id.as_str().into())
            .collect();
        if handlers.is_empty() {
            return;
        }
        let position = member.position();
        let life = self.nodes[n].life;
        let story = self.ledger.story(name);
        if story.handlers.is_empty() {
            story.handlers = handlers;
        }
        self.waiting.push((n, life, position, name.clone()));
    }

    /// Raises an event that only windows which are not full make one raise.
    pub fn raise_false(&mut self, n: usize, name: &EventName) {
        if self.is_cold(n) {
            self.say(|| format!("m{n} raises {name}, and no warm member does"));
            self.ledger.story(name).is_false = true;
            if self.can_ask(n, self.now) {
                self.checks.look("S12");
            }
            self.raise_on(n, name);
        }
    }

    /// The windows of its task are filling.
    pub fn is_cold(&self, n: usize) -> bool {
        let node = &self.nodes[n];
        self.settings.windows.is_some() && node.is_up() && node.warm_since.is_none()
    }

    /// The member of a host is in a cluster with others (or was made to be).
    pub fn is_in_cluster(&self, n: usize) -> bool {
        self.nodes[n].member.as_ref().is_some_and(|m| m.state() == State::Initialized)
    }

    /// The host's disk is lost: a new member will start on it.
    pub fn lose_disk(&mut self, n: usize) {
        self.kill(n);
        self.number += 1;
        self.nodes[n].disk = crate::disk::Disk::default();
        self.nodes[n].id = member_id(1_000_000 + self.number as usize);
        self.nodes[n].cluster = self.number;
        self.excuse(n, Duration::ZERO);
    }

    /// Makes a copy of what is on the host's disk now.
    pub fn copy_disk(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        node.copy = Some((self.now, node.disk.copy()));
    }

    /// The process is killed, and the disk put back to its copy.
    pub fn restore_disk(&mut self, n: usize) {
        self.kill(n);
        if let Some((since, copy)) = self.nodes[n].copy.clone() {
            self.say(|| format!("the disk of m{n} is as it was at {:.3}s", since.as_secs_f64()));
            self.nodes[n].disk = copy;
            self.excuse(n, since);
        }
    }

    /// What a host alone has accepted since then is gone.
    fn excuse(&mut self, n: usize, since: Duration) {
        for story in self.ledger.events.values_mut() {
            story.excused |= story.accepted.is_some_and(|(at, by)| by == n && at >= since);
        }
    }

    /// The host of a member.
    pub fn host_of(&self, id: MemberId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// Time between a write and its report on a host.
    pub fn set_fsync(&mut self, n: usize, fsync: Duration) {
        self.nodes[n].fsync = fsync;
    }

    /// Sets a wall clock off by so much.
    pub fn set_skew(&mut self, n: usize, skew: i64) {
        self.nodes[n].skew = skew;
    }
}

/// The command that defines a handler.
pub(crate) fn handler(topic: &str, id: &str, to: Option<&str>) -> Command {
    let (kind, options) = match to {
        None => ("post", serde_json::json!({"url": "http://receiver"})),
        Some(to) => ("publish", serde_json::json!({"topics": [to]})),
    };
    let spec = HandlerSpec {
        id: id.into(),
        topic: topic.into(),
        kind: kind.into(),
        options: options.as_object().cloned().unwrap_or_default(),
        matching: String::new(),
    };
    Command::PutHandler { spec: Arc::new(spec), create: false, file: None }
}

fn event(name: &EventName) -> Event {
    let body = Body {
        id: name.id.clone(),
        message: format!("{} is CRITICAL", name.id).into(),
        details: Details::of_text("".into()),
        time: Time(name.at),
        duration: model::Duration(0),
        level: Level::Critical,
        data: Data {
            name: "cpu".into(),
            task: TASK.into(),
            category: "".into(),
            group: "".into(),
            tags: Tags::empty(),
            fields: Fields::empty(),
            recoverable: true,
            series: Series::Point,
        },
        no_external: false,
        source: Source::of_node(None, TASK, "alert2"),
        occurrence: name.occurrence,
        summary: None,
    };
    Event::new(name.topic.clone(), Arc::new(body))
}
