//! Drives the brain: one thread owns the [`Member`] machine, gives it everything that happens, and
//! has every output carried out.
//!
//! Order: messages are handled as they came; after each round of messages all outputs are taken in
//! order, so writes are under way before anything that follows them. Whatever must wait for a write
//! is held inside the machine, which hears of commits like of everything else.

mod disk;
mod hands;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;

use member::{Command, CommandError, Done, InboundId, Input, Member, Now, Output, Raise, Ticket};
use rpc::{Answer, Header, Request};
use tokio::sync::oneshot;

pub(crate) use disk::{Disk, RECORD_KIND};
pub(crate) use hands::{Hands, Notice};

use crate::clock;
use crate::fault;

/// Messages handled before outputs are taken.
const ROUND: usize = 512;

/// Events one task may have raised that the brain has not taken yet; then it gets no points.
const RAISED_LIMIT: usize = 512;

/// Something for the brain.
enum Message {
    Input(Input),
    Raise(Vec<Raise>, Arc<Backlog>),
    Raised(oneshot::Sender<()>),
    Command(Command, oneshot::Sender<Result<Done, CommandError>>),
    Request(Header, Request, oneshot::Sender<Answer>),
    Sync(SocketAddr, Vec<u8>, oneshot::Sender<Vec<u8>>),
    Rewrite(Vec<Vec<u8>>, oneshot::Sender<bool>),
    Look(Box<dyn FnOnce(&Member) + Send>),
    End,
}

/// How many raised events of a task wait for the brain.
#[derive(Debug, Default)]
pub(crate) struct Backlog(AtomicUsize);

impl Backlog {
    /// Whether the task may raise more.
    pub(crate) fn has_room(&self) -> bool {
        self.0.load(Ordering::Relaxed) < RAISED_LIMIT
    }
}

/// A handle on the brain; cheap to clone.
#[derive(Clone)]
pub(crate) struct Brain {
    mail: Sender<Message>,
}

/// The brain is gone: the daemon is going down.
#[derive(Debug)]
pub(crate) struct Gone;

impl Brain {
    /// A handle and the mailbox for [`start`]; apart, because the hands need the handle.
    pub(crate) fn mailbox() -> (Self, Mailbox) {
        let (mail, inbox) = channel();
        (Self { mail }, Mailbox(inbox))
    }

    /// Gives an input that wants no answer.
    pub(crate) fn tell(&self, input: Input) {
        let _ = self.mail.send(Message::Input(input));
    }

    /// Gives events of a task.
    pub(crate) fn raise(&self, events: Vec<Raise>, backlog: Arc<Backlog>) {
        backlog.0.fetch_add(events.len(), Ordering::Relaxed);
        let _ = self.mail.send(Message::Raise(events, backlog));
    }

    /// Returns when all events raised before have been taken; they may have waited for the disk.
    pub(crate) async fn raised(&self) {
        let (taken, all_taken) = oneshot::channel();
        let _ = self.mail.send(Message::Raised(taken));
        let _ = all_taken.await;
    }

    /// Ends the thread after everything given before; what is given later goes nowhere.
    pub(crate) fn end(&self) {
        let _ = self.mail.send(Message::End);
    }

    /// Has a command carried out; durable when it returns.
    pub(crate) async fn command(&self, command: Command) -> Result<Done, CommandError> {
        let (answer, answered) = oneshot::channel();
        let _ = self.mail.send(Message::Command(command, answer));
        answered.await.unwrap_or(Err(CommandError::Leaving("going down")))
    }

    /// Has a call of a peer answered.
    pub(crate) async fn request(&self, header: Header, request: Request) -> Result<Answer, Gone> {
        let (answer, answered) = oneshot::channel();
        let _ = self.mail.send(Message::Request(header, request, answer));
        answered.await.map_err(|_| Gone)
    }

    /// Has a peer's push/pull answered; an error means: close the stream.
    pub(crate) async fn sync(&self, from: SocketAddr, bytes: Vec<u8>) -> Result<Vec<u8>, Gone> {
        let (answer, answered) = oneshot::channel();
        let _ = self.mail.send(Message::Sync(from, bytes, answer));
        answered.await.map_err(|_| Gone)
    }

    /// Looks at the machine, after everything given before.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.post_look(look).await.map_err(|_| Gone)
    }

    /// Looks at what is durable: what was seen has been written when this returns. An error when the
    /// disk does not take it.
    pub(crate) async fn look_durable<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        // In this order: after the barrier the next events may have come already.
        let going = |Gone| CommandError::Leaving("going down");
        let seen = self.look(look).await.map_err(going)?;
        self.command(Command::Barrier).await?;
        Ok(seen)
    }

    /// Like [`Self::look`], for threads outside the async runtime.
    pub(crate) fn look_blocking<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.post_look(look).blocking_recv().map_err(|_| Gone)
    }

    /// Has what still matters of journal records written again; true when that is durable.
    fn rewrite(&self, records: Vec<Vec<u8>>) -> oneshot::Receiver<bool> {
        let (answer, answered) = oneshot::channel();
        let _ = self.mail.send(Message::Rewrite(records, answer));
        answered
    }

    fn post_look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        let look = Box::new(move |member: &Member| {
            let _ = answer.send(look(member));
        });
        let _ = self.mail.send(Message::Look(look));
        answered
    }
}

/// What the brain's thread reads.
pub(crate) struct Mailbox(Receiver<Message>);

/// Starts the thread. It ends when it is told to ([`Brain::end`]).
pub(crate) fn start(member: Member, mailbox: Mailbox, hands: Hands) {
    let driver = Driver {
        member,
        hands,
        tickets: BTreeMap::new(),
        rewrites: BTreeMap::new(),
        requests: BTreeMap::new(),
        syncs: BTreeMap::new(),
        waiting: VecDeque::new(),
        next: 0,
        ended: false,
    };
    thread::Builder::new()
        .name("brain".to_owned())
        .spawn(move || driver.run(&mailbox.0))
        .expect("a thread can be started at start-up");
}

enum Waiting {
    Events(std::vec::IntoIter<Raise>, Arc<Backlog>),
    Told(oneshot::Sender<()>),
}

struct Driver {
    member: Member,
    hands: Hands,
    tickets: BTreeMap<Ticket, oneshot::Sender<Result<Done, CommandError>>>,
    rewrites: BTreeMap<Ticket, oneshot::Sender<bool>>,
    requests: BTreeMap<InboundId, oneshot::Sender<Answer>>,
    syncs: BTreeMap<InboundId, oneshot::Sender<Vec<u8>>>,
    /// Events that wait because the disk is behind.
    waiting: VecDeque<Waiting>,
    next: u64,
    ended: bool,
}

impl Driver {
    fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            self.carry_out();
            if self.ended {
                return;
            }
            let message = if self.may_raise() {
                inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout)
            } else {
                let wait = self.member.next_timeout().map(|at| at.saturating_sub(clock::elapsed()));
                match wait {
                    Some(wait) => inbox.recv_timeout(wait),
                    None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                }
            };
            match message {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for _ in 0..ROUND {
                let Ok(message) = inbox.try_recv() else { break };
                self.take(message);
            }
            self.raise_waiting();
            let now = now();
            if self.member.next_timeout().is_some_and(|at| at <= now.elapsed) {
                self.member.handle(now, Input::Tick);
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.member.handle(now(), input),
            Message::Raise(events, backlog) => {
                self.waiting.push_back(Waiting::Events(events.into_iter(), backlog));
                self.raise_waiting();
            }
            Message::Raised(told) => {
                self.waiting.push_back(Waiting::Told(told));
                self.raise_waiting();
            }
            Message::Command(command, answer) => {
                let ticket = Ticket(self.number());
                self.tickets.insert(ticket, answer);
                self.member.handle(now(), Input::Command { ticket, command });
            }
            Message::Request(header, request, answer) => {
                let id = InboundId(self.number());
                self.requests.retain(|_, waits| !waits.is_closed());
                self.requests.insert(id, answer);
                fault::received(&request);
                self.member.handle(now(), Input::Request { id, header, request });
            }
            Message::Sync(from, bytes, answer) => {
                let id = InboundId(self.number());
                self.syncs.retain(|_, waits| !waits.is_closed());
                self.syncs.insert(id, answer);
                self.member.handle(now(), Input::GossipSync { id, from, bytes });
            }
            Message::Rewrite(records, answer) => {
                let ticket = Ticket(self.number());
                self.rewrites.insert(ticket, answer);
                self.member.handle(now(), Input::Rewrite { ticket, records });
            }
            Message::Look(look) => look(&self.member),
            Message::End => self.ended = true,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn may_raise(&self) -> bool {
        !self.waiting.is_empty() && self.hands.disk.has_room()
    }

    /// Takes waiting events, as far as the disk keeps up.
    fn raise_waiting(&mut self) {
        let mut taken = 0;
        while taken < ROUND * 8 && self.may_raise() {
            let next = match self.waiting.front_mut() {
                Some(Waiting::Events(events, backlog)) => events.next().zip(Some(backlog)),
                _ => None,
            };
            let Some((raise, backlog)) = next else {
                if let Some(Waiting::Told(told)) = self.waiting.pop_front() {
                    let _ = told.send(());
                }
                continue;
            };
            let left = backlog.0.fetch_sub(1, Ordering::Relaxed) - 1;
            if left == RAISED_LIMIT - 1 {
                self.hands.wake_tasks();
            }
            fault::point("raise");
            self.member.handle(now(), Input::Raise(raise));
            taken += 1;
            if taken % ROUND == 0 {
                self.carry_out();
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.member.poll_output() {
            match output {
                Output::Completed { ticket, result } => {
                    if let Some(waits) = self.rewrites.remove(&ticket) {
                        let _ = waits.send(result.is_ok());
                    } else if let Some(waits) = self.tickets.remove(&ticket) {
                        let _ = waits.send(result);
                    }
                }
                Output::Answer { id, answer } => {
                    if let Some(waits) = self.requests.remove(&id) {
                        let _ = waits.send(answer);
                    }
                }
                Output::GossipSyncReply { id, bytes } => {
                    if let Some(waits) = self.syncs.remove(&id) {
                        let _ = waits.send(bytes);
                    }
                }
                other => self.hands.carry_out(other),
            }
        }
        self.hands.flush();
    }
}

/// This moment by both clocks.
pub(crate) fn now() -> Now {
    Now { elapsed: clock::elapsed(), wall: clock::now() }
}
