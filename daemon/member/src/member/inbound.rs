//! Calls of other members: who may ask what, and the answers.

use dedup::Message;
use gossip::Entry;
use rpc::{
    Answer, Frame, Header, HelloReply, OLDEST_VERSION, PushRoster, Refusal, Removed, Reply,
    Request, State, VERSION,
};

use super::leave::Life;
use super::{Held, Member};
use crate::input::InboundId;
use crate::output::Output;

impl Member {
    pub(super) fn request(&mut self, id: InboundId, header: Header, request: Request) {
        let answer = match self.admits(&header, &request) {
            Ok(()) => match self.serve(id, &header, request) {
                Some(answer) => answer,
                None => return,
            },
            Err(refusal) => Err(refusal),
        };
        if answer.is_ok() {
            self.counters.calls_in += 1;
        } else {
            self.counters.calls_refused += 1;
        }
        // What an answer promises is durable before it leaves.
        self.after_writes(Output::Answer { id, answer });
    }

    /// The order of RPC.md, "Who may call".
    fn admits(&self, header: &Header, request: &Request) -> Result<(), Refusal> {
        if let Some(to) = header.to
            && to != self.id
        {
            return Err(Refusal::OtherMember { id: self.id });
        }
        // Frames are read all the same: what is done elsewhere must be known here, and an ack waits for
        // its write.
        if let Some(why) = &self.disk
            && matches!(
                request,
                Request::Join(_)
                    | Request::PushRoster(_)
                    | Request::PushSpecs(_)
                    | Request::Drain(_)
                    | Request::Removed(_)
            )
        {
            return Err(Refusal::Disk(why.as_str().into()));
        }
        if matches!(request, Request::Hello(_) | Request::Join(_)) {
            return Ok(());
        }
        if header.cluster != self.cluster {
            return Err(Refusal::OtherCluster { cluster: self.cluster });
        }
        let entry = self.gossip.roster().get(&header.from);
        match entry {
            Some(Entry { removed: true, epoch, .. }) => {
                let admitted = |push: &PushRoster| {
                    push.entries.iter().any(|(id, entry)| {
                        *id == header.from && !entry.removed && entry.epoch > *epoch
                    })
                };
                match request {
                    Request::HandOver(_) => return Ok(()),
                    Request::PushRoster(push) if admitted(push) => return Ok(()),
                    _ => {}
                }
                let epoch = u64::from(*epoch);
                Err(Refusal::Removed { epoch, cluster: self.cluster })
            }
            Some(_) => Ok(()),
            None => Err(Refusal::Stranger),
        }
    }

    /// `None`: the answer comes later.
    fn serve(&mut self, id: InboundId, header: &Header, request: Request) -> Option<Answer> {
        let from = header.from;
        let answer = match request {
            Request::Hello(_) => Ok(Reply::Hello(Box::new(self.hello()))),
            Request::Join(join) => self.join(*join),
            Request::PushRoster(push) => {
                self.take_roster(push);
                Ok(Reply::Ok)
            }
            Request::PushSpecs(states) => {
                self.take_specs(states);
                Ok(Reply::Ok)
            }
            Request::PullSpecs(buckets) => {
                let differing = self.specs.digest().differing(&buckets);
                let states = self.specs.in_buckets(&differing.iter().copied().collect());
                Ok(Reply::Specs { differing, states })
            }
            Request::Frame(frame) | Request::HandOver(frame) => {
                if self.gossip.roster().removed(&from).is_some() {
                    self.take_hand_over(from, frame);
                } else {
                    self.take_frame(from, frame);
                }
                // Nothing is promised by it: what must be durable is acked by a message.
                let answer = Ok(Reply::Ok);
                self.counters.calls_in += 1;
                self.outputs.push_back(Output::Answer { id, answer });
                return None;
            }
            Request::Sync(digests) => {
                self.note_digests(from, digests);
                self.tell_tasks_again(from, digests.tasks);
                Ok(Reply::Digests(self.digests()))
            }
            Request::EventKeys { buckets, after } => {
                Ok(Reply::EventKeys(self.event_keys(&buckets, after)))
            }
            Request::PullEvents(keys) => Ok(Reply::Events(self.states_of(keys))),
            Request::PushEvents(states) => Ok(Reply::Events(self.take_states(states))),
            Request::PushTasks(tasks) => {
                self.take_tasks(from, tasks);
                Ok(Reply::Ok)
            }
            Request::Drain(drain) => {
                let within = std::time::Duration::from_millis(u64::from(drain.within_ms));
                return self.serve_drain(id, within);
            }
            Request::Removed(removed) => self.serve_removed(*removed),
        };
        Some(answer)
    }

    fn hello(&self) -> HelloReply {
        HelloReply {
            hello: gossip::Hello {
                member: self.id,
                boot: self.boot,
                cluster: self.cluster,
                initialized: self.state == State::Initialized,
                addresses: self.config.addresses.clone(),
                roles: self.config.roles.clone(),
                protocol: (gossip::PROTOCOL_MIN, gossip::PROTOCOL),
            },
            release: self.config.release.clone(),
            versions: (OLDEST_VERSION, VERSION),
            ready: self.is_ready(),
            epoch: self.epoch.max(self.own_epoch()),
        }
    }

    fn take_frame(&mut self, from: model::MemberId, frame: Frame) {
        for mut message in frame.messages {
            if let Message::Offer(offer) = &mut message
                && !offer.view.contains(&from)
            {
                // Who offers an event and owns none of its topic forgets it once the owners acked: it is
                // no holder that another one may rely on when it leaves.
                offer.handover = true;
            }
            self.dedup.handle(self.now.elapsed, dedup::Input::Message { from, message });
        }
        if !frame.states.is_empty() && self.gossip.roster().live(&from).is_some() {
            self.take_states(frame.states);
        }
    }

    /// What a removed member hands over: dedup reads its offers and questions, and nothing else of it.
    /// What it had sent before it was told is done all the same: taken for known here, and acked.
    fn take_hand_over(&mut self, from: model::MemberId, frame: Frame) {
        let me = self.id;
        for message in frame.messages {
            let ack = match &message {
                Message::Done { hash, .. } => Message::DoneAck { hash: *hash },
                Message::HandlerDone { hash, handler, .. } => {
                    Message::HandlerDoneAck { hash: *hash, handler: handler.clone() }
                }
                _ => {
                    self.dedup.handle(self.now.elapsed, dedup::Input::Message { from, message });
                    continue;
                }
            };
            self.dedup.handle(self.now.elapsed, dedup::Input::Message { from: me, message });
            self.pump_dedup();
            let after = self.gate.now();
            self.gate.hold(after, Held::Message { to: from, message: ack });
        }
    }

    fn serve_drain(&mut self, id: InboundId, within: std::time::Duration) -> Option<Answer> {
        if !matches!(self.life, Life::Ready { .. } | Life::Syncing { .. } | Life::Draining(_)) {
            return Some(Err(Refusal::NotNow("it is leaving or going down already".into())));
        }
        self.drain(Some(id), false, within);
        None
    }

    fn serve_removed(&mut self, removed: Removed) -> Answer {
        let known = self.own_epoch();
        let me = self.id;
        let told = removed
            .roster
            .iter()
            .any(|(id, entry)| *id == me && entry.removed && entry.epoch >= known);
        if removed.cluster != self.cluster || !told {
            return Err(Refusal::Malformed("the roster does not say so".into()));
        }
        self.removed(removed.roster, None);
        Ok(Reply::Ok)
    }
}
