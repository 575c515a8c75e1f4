//! `member add`: hello, dial back, join, admit, push.

use std::time::Duration;

use gossip::{AddStep, Admission, Dialled, Roster, Service, plan_add};
use model::Str;
use rpc::{Answer, Hello, Join, OLDEST_VERSION, Refusal, Reply, Request, State, VERSION};

use super::Member;
use super::calls::Purpose;
use super::leave::Life;
use super::membership::Change;
use crate::error::CommandError;
use crate::input::{CallError, CallId, Ticket};
use crate::output::{Done, Output, Severity};

/// How long adding a member may take as a whole.
const ADD_WAIT: Duration = Duration::from_secs(40);
/// How long a dialled address may take to answer.
const PROBE_WAIT: Duration = Duration::from_secs(5);

/// A member on its way into the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Add {
    ticket: Ticket,
    address: Str,
    pub(crate) deadline: Duration,
    /// The step whose end is waited for; ends of others are ignored.
    waits_for: CallId,
    stage: Stage,
    hello: Option<gossip::Hello>,
    release: Option<Str>,
    /// Highest epoch the joiner had in any roster.
    epoch: u32,
    dialled: Dialled,
}

#[derive(Clone, Debug)]
enum Stage {
    Hello,
    Dialling(Service),
    Joining(Admission),
}

impl Member {
    pub(super) fn add_member(&mut self, ticket: Ticket, address: Str) {
        if let Err(error) = self.may_change() {
            return self.complete(ticket, Err(error));
        }
        let hello = Request::Hello(Hello { versions: (OLDEST_VERSION, VERSION) });
        let waits_for = self.call_address(address.clone(), None, hello, Purpose::Add);
        self.change = Some(Change::Add(Box::new(Add {
            ticket,
            address,
            deadline: self.now.elapsed + ADD_WAIT,
            waits_for,
            stage: Stage::Hello,
            hello: None,
            release: None,
            epoch: 0,
            dialled: Dialled::new(),
        })));
    }

    /// Whether a membership change may begin here.
    pub(super) fn may_change(&self) -> Result<(), CommandError> {
        match &self.life {
            _ if self.change.is_some() => Err(CommandError::ChangeUnderWay),
            Life::Ready { .. } | Life::Syncing { .. } => Ok(()),
            Life::Draining(_) | Life::Removed(_) => {
                Err(CommandError::Leaving("leaving its cluster"))
            }
            Life::Stopping { .. } | Life::Stopped => Err(CommandError::Leaving("going down")),
        }
    }

    /// The answer to a call of an add.
    pub(super) fn add_answered(&mut self, id: CallId, result: Result<Answer, CallError>) {
        let Some(Change::Add(mut add)) =
            self.change.take_if(|change| matches!(change, Change::Add(add) if add.waits_for == id))
        else {
            return;
        };
        let address = add.address.clone();
        let reply = match (result, &add.stage) {
            (Ok(Ok(reply)), _) => reply,
            (Ok(Err(Refusal::Unauthenticated)), _) => {
                return self.complete(add.ticket, Err(CommandError::Unauthenticated { address }));
            }
            (Err(CallError::NotRpc(reason)), Stage::Hello) => {
                return self.complete(add.ticket, Err(CommandError::NotRpc { address, reason }));
            }
            (Err(CallError::Unreachable(reason) | CallError::Lost(reason)), Stage::Hello) => {
                let error = CommandError::Unreachable { address, reason };
                return self.complete(add.ticket, Err(error));
            }
            (Ok(Err(refusal)), _) => {
                let reason = refusal.to_string();
                return self
                    .complete(add.ticket, Err(CommandError::JoinFailed { address, reason }));
            }
            (Err(error), _) => {
                let reason = error.to_string();
                return self
                    .complete(add.ticket, Err(CommandError::JoinFailed { address, reason }));
            }
        };
        match (reply, add.stage.clone()) {
            (Reply::Hello(hello), Stage::Hello) => {
                add.epoch = hello.epoch;
                add.release = Some(hello.release);
                add.hello = Some(hello.hello);
                self.plan_add(add);
            }
            (Reply::Joined(joined), Stage::Joining(admission)) => {
                self.admit(&add, &admission, joined);
            }
            _ => {
                let reason = "it gave an answer to another question".to_owned();
                self.complete(add.ticket, Err(CommandError::JoinFailed { address, reason }));
            }
        }
    }

    /// An advertised address of the joiner was dialled.
    pub(super) fn dialled(&mut self, id: CallId, result: Result<(), String>) {
        let Some(Change::Add(mut add)) =
            self.change.take_if(|change| matches!(change, Change::Add(add) if add.waits_for == id))
        else {
            return;
        };
        if let Stage::Dialling(service) = add.stage {
            add.dialled.insert(service, result);
            self.plan_add(add);
        }
    }

    fn plan_add(&mut self, mut add: Box<Add>) {
        let Some(hello) = add.hello.clone() else { return };
        let roster = self.gossip.roster();
        match plan_add(roster, self.id, self.cluster, &hello, &add.dialled) {
            Ok(AddStep::AlreadyMember) => self.complete(add.ticket, Ok(Done::Unchanged)),
            Ok(AddStep::Dial(service, address)) => {
                let id = self.calls.open(Purpose::Add);
                add.waits_for = id;
                add.stage = Stage::Dialling(service);
                let (member, deadline) = (hello.member, PROBE_WAIT);
                self.outputs.push_back(Output::Probe { id, service, address, member, deadline });
                self.change = Some(Change::Add(add));
            }
            Ok(AddStep::Admit(mut admission)) => {
                let above = add.epoch.saturating_add(1);
                admission.entry.epoch = admission.entry.epoch.max(above);
                let request = Request::Join(Box::new(self.join_request(&admission)));
                let to = add.address.clone();
                add.waits_for = self.call_address(to, Some(hello.member), request, Purpose::Add);
                add.stage = Stage::Joining(admission);
                self.change = Some(Change::Add(add));
            }
            Err(why) => {
                let address = add.address.clone();
                self.complete(add.ticket, Err(CommandError::CannotAdd { address, why }));
            }
        }
    }

    fn join_request(&self, admission: &Admission) -> Join {
        let mut roster: Roster = self.gossip.roster().clone();
        roster.merge(admission.records());
        Join {
            cluster: self.cluster,
            roster: roster.entries().map(|(id, entry)| (*id, entry.clone())).collect(),
            specs: self.specs.iter().map(|(k, s)| (k.clone(), s.clone())).collect(),
            highest: self.specs.highest(),
        }
    }

    fn admit(&mut self, add: &Add, admission: &Admission, joined: rpc::Joined) {
        let member = admission.member;
        if self.state == State::Uninitialized {
            self.state = State::Initialized;
            self.persist_identity();
            let (cluster, state) = (self.cluster, self.state);
            self.after_writes(Output::ClusterChanged { cluster, state });
        }
        self.gossip.admit(self.now.elapsed, admission);
        self.roster_changed();
        if let Some(peer) = self.peers.get_mut(&member) {
            peer.release.clone_from(&add.release);
        }
        let lost = joined.lost;
        let new = self.take_specs(joined.specs);
        self.push_roster(admission.records(), member);
        self.push_specs(&new, Some(member));
        self.push_tasks(Some(member));
        let fields = vec![
            ("member", member.to_string()),
            ("address", add.address.to_string()),
            ("handlers-lost", lost.to_string()),
        ];
        self.log(Severity::Info, "added a member", fields);
        self.complete(add.ticket, Ok(Done::Added(member)));
    }

    pub(super) fn add_timed_out(&mut self) {
        if let Some(Change::Add(add)) = self.change.take() {
            let (address, reason) = (add.address, "no answer in time".to_owned());
            self.complete(add.ticket, Err(CommandError::JoinFailed { address, reason }));
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "it cannot be reached: {why}"),
            Self::Lost(why) => write!(f, "the answer was lost: {why}"),
            Self::NotRpc(why) => write!(f, "it does not speak RPC: {why}"),
        }
    }
}
