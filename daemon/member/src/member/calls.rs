//! Calls that are on their way, and what each was for.

use std::collections::BTreeMap;

use model::{BootGeneration, MemberId, Str};
use rpc::{Header, Request};

use super::Member;
use crate::input::CallId;
use crate::output::Output;

/// What a call or probe was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Messages to a peer.
    Frame(MemberId),
    /// Something a peer needs to know; healed by sync when it fails.
    Push(MemberId),
    /// Handler specs; a failure is followed by a sync soon.
    PushSpecs(MemberId),
    /// A step of the sync with this peer.
    Sync(MemberId),
    /// A step of adding a member.
    Add,
    /// Tells a peer the tasks that run here.
    PushTasks(MemberId),
    /// A step of removing a member.
    Remove,
    /// Tells a removed member so.
    TellRemoved(MemberId),
    /// A removed member gives the roster back its tombstone.
    Farewell(MemberId),
    /// Asks a peer that gossip does not hear whether it is there all the same.
    Pulse(MemberId),
    /// Asks a peer whether it is true that we were removed.
    Confirm(MemberId),
    /// Looks whether the process of a peer is gone, in the life it was in.
    Knock(MemberId, BootGeneration),
    /// A question to a task here, for this peer and event.
    Warm(MemberId, dedup::KeyHash),
}

impl Purpose {
    /// The member of the roster that is called.
    pub(crate) fn peer(&self) -> Option<MemberId> {
        match self {
            Self::Frame(id)
            | Self::Push(id)
            | Self::PushTasks(id)
            | Self::PushSpecs(id)
            | Self::Sync(id)
            | Self::Pulse(id)
            | Self::Confirm(id) => Some(*id),
            _ => None,
        }
    }
}

/// The table of calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    open: BTreeMap<CallId, Purpose>,
}

impl Calls {
    pub(crate) fn open(&mut self, purpose: Purpose) -> CallId {
        self.last += 1;
        self.open.insert(CallId(self.last), purpose);
        CallId(self.last)
    }

    pub(crate) fn close(&mut self, id: CallId) -> Option<Purpose> {
        self.open.remove(&id)
    }

    /// Whether something for a purpose like this is on its way.
    pub(crate) fn any(&self, like: impl Fn(&Purpose) -> bool) -> bool {
        self.open.values().any(like)
    }

    /// Forgets what is on its way: answers that still come are ignored.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

impl Member {
    fn header(&self, to: Option<MemberId>) -> Header {
        Header { from: self.id, boot: self.boot, cluster: self.cluster, to }
    }

    /// Calls a member of the roster, removed ones included; false when its address is unknown.
    pub(super) fn call(&mut self, to: MemberId, request: Request, purpose: Purpose) -> bool {
        let Some(entry) = self.gossip.roster().get(&to) else { return false };
        let address = entry.addresses.rpc.clone();
        self.call_address(address, Some(to), request, purpose);
        true
    }

    /// Calls whoever answers at an address.
    pub(super) fn call_address(
        &mut self,
        to: Str,
        member: Option<MemberId>,
        request: Request,
        purpose: Purpose,
    ) -> CallId {
        self.counters.calls_out += 1;
        let id = self.calls.open(purpose);
        let deadline = request.call().deadline();
        let header = self.header(member);
        let request = Box::new(request);
        let output = Output::Call { id, to, header, request, deadline };
        if self.gate.has_started() {
            self.outputs.push_back(output);
        } else {
            // A call names our boot generation: it must be durable.
            self.after_writes(output);
        }
        id
    }
}
