//! The drain: what the rooms below want is turned into outputs, until none wants anything.

use std::sync::Arc;
use std::time::Duration;

use alert::{End, HandlerName};
use dedup::KeyHash;
use gossip::Event as Gossiped;

use super::Member;
use super::gate::Held;
use crate::output::{Output, Severity};
use crate::persist::{Record, Write, encode};

impl Member {
    pub(super) fn pump(&mut self) {
        loop {
            let mut busy = false;
            while let Some(output) = self.gossip.poll_output() {
                busy = true;
                self.gossiped(output);
            }
            if self.view_changed {
                self.view_changed = false;
                self.tell_view();
            }
            busy |= self.pump_dedup();
            while let Some(raise) = self.raised.pop_front() {
                busy = true;
                self.raise(raise);
            }
            while let Some(finished) = self.delivery.poll_finished() {
                busy = true;
                self.finished(finished);
            }
            busy |= self.release();
            if !busy {
                break;
            }
        }
        while let Some(attempt) = self.delivery.poll_attempt() {
            self.attempt(attempt);
        }
        self.flush_peers();
        self.check_life();
    }

    /// Takes what dedup wants; whether it wanted anything.
    pub(super) fn pump_dedup(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.dedup.poll_output() {
            any = true;
            self.deduped(output);
        }
        any
    }

    /// Lets out what is durable.
    fn release(&mut self) -> bool {
        let mut any = false;
        while let Some(held) = self.gate.release() {
            any = true;
            match held {
                Held::Output(output) => self.outputs.push_back(*output),
                Held::Message { to, message } => self.queue_message(to, message),
                Held::Start { event, handler, waited } => self.start(&event, &handler, waited),
            }
        }
        any
    }

    fn deduped(&mut self, output: dedup::Output) {
        match output {
            dedup::Output::Persist { position: _, record } => {
                self.dedup_record(&record);
                let bytes = encode(&Record::Dedup(record));
                let output = self.gate.write_of_dedup(Write::Journal(bytes));
                self.outputs.push_back(output);
            }
            dedup::Output::Send { to, message, after } => {
                let after = self.gate.of_dedup(after);
                self.gate.hold(after, Held::Message { to, message });
            }
            dedup::Output::Judge { event } => self.judge(&event),
            dedup::Output::Start { event, handler, waited, after } => {
                let after = self.gate.of_dedup(after);
                self.gate.hold(after, Held::Start { event, handler, waited });
            }
            dedup::Output::Stop { hash, handler } => self.stop_delivery(hash, &handler, true),
            dedup::Output::Cancel { hash, handler } => self.stop_delivery(hash, &handler, false),
            dedup::Output::WarmQuery { from, key } => self.warm_query(from, key),
            dedup::Output::FindWarm { event } => self.find_warm(&event),
            dedup::Output::Done { hash, .. } => {
                self.events.remove(&hash);
            }
            dedup::Output::SyncEnded { peer, complete } => self.dedup_synced(peer, complete),
            dedup::Output::HandedOver => self.handed_over(),
        }
    }

    /// A write of dedup tells what it took over or let go.
    fn dedup_record(&mut self, record: &dedup::Record) {
        match record {
            dedup::Record::Pending { key, body, raised: false, .. } => self.offered(key, body),
            dedup::Record::Released { hash } => {
                self.events.remove(hash);
            }
            _ => {}
        }
    }

    fn gossiped(&mut self, output: gossip::Output) {
        match output {
            gossip::Output::Datagram { to, bytes } => {
                self.emit_gossip(Output::Datagram { to, bytes });
            }
            gossip::Output::Sync { to, bytes } => {
                self.emit_gossip(Output::GossipSync { to, bytes });
            }
            gossip::Output::PersistBoot(boot) => self.adopt_boot(boot),
            gossip::Output::RosterChanged => self.roster_changed(),
            gossip::Output::Digests { from, bytes } => self.peer_digests(from, &bytes),
            gossip::Output::Broadcast { from, boot, bytes } => {
                self.peer_broadcast(from, boot, &bytes);
            }
            gossip::Output::Event(event) => self.member_event(event),
        }
    }

    /// Gossip waits for the very first write alone (the boot generation), and for no later one.
    fn emit_gossip(&mut self, output: Output) {
        if self.gate.has_started() {
            self.outputs.push_back(output);
        } else {
            self.gate.hold(crate::persist::Position(1), Held::Output(Box::new(output)));
        }
    }

    fn member_event(&mut self, event: Gossiped) {
        // Nobody may have the view told anew by sending rubbish.
        self.view_changed |= !matches!(event, Gossiped::Refused { .. });
        let id = |id: model::MemberId| vec![("member", id.to_string())];
        match event {
            Gossiped::Up(member, _) => {
                self.log(Severity::Info, "member is up", id(member));
                self.peer_up(member);
            }
            Gossiped::Down(member) => {
                self.log(Severity::Warn, "member is down", id(member));
                self.peer_down(member);
            }
            Gossiped::Suspect(member) => {
                self.log(Severity::Debug, "member is suspect", id(member));
                self.ask_pulse(member);
                self.knock(member);
            }
            Gossiped::Refuted(member) => {
                self.log(Severity::Debug, "member refuted a suspicion", id(member));
            }
            Gossiped::Rejoined(member, _) => {
                self.log(Severity::Info, "member was restarted", id(member));
                self.peer_up(member);
            }
            Gossiped::Leaving(member) => self.log(Severity::Info, "member is leaving", id(member)),
            Gossiped::Added(member) => self.log(Severity::Info, "member was added", id(member)),
            Gossiped::Removed(member, _) => {
                self.log(Severity::Info, "member was removed", id(member));
                self.peer_removed(member);
            }
            Gossiped::OwnRemoval { epoch, by } => self.own_removal(epoch, by),
            Gossiped::Renewed => {
                self.log(Severity::Info, "others held this member for down; refuted", vec![]);
            }
            Gossiped::BootAdopted(boot) => {
                let boot = vec![("boot", boot.0.to_string())];
                self.log(Severity::Warn, "peers remember a later start of this member", boot);
            }
            Gossiped::Refused { reason, from, count } => {
                let fields = vec![
                    ("reason", reason.to_owned()),
                    ("from", from.to_string()),
                    ("count", count.to_string()),
                ];
                self.log(Severity::Warn, "packets are refused", fields);
            }
            Gossiped::UnknownVersion { from, version } => {
                let fields = vec![("from", from.to_string()), ("version", version.to_string())];
                self.log(Severity::Warn, "packets of an unknown version", fields);
            }
        }
    }

    /// A handler has ended with an event.
    fn finished(&mut self, finished: alert::Finished) {
        let outcome = match &finished.end {
            End::Delivered => dedup::Outcome::Delivered,
            End::Cancelled if self.handlers.has(&finished.handler) => dedup::Outcome::Stopped,
            End::Cancelled => dedup::Outcome::GivenUp,
            End::Refused(why) | End::GivenUp(why) => {
                let fields = vec![
                    ("handler", finished.handler.to_string()),
                    ("event", finished.event.body.id.to_string()),
                    ("attempts", finished.attempts.to_string()),
                    ("reason", why.clone()),
                ];
                self.log(Severity::Error, "an event was given up", fields);
                dedup::Outcome::GivenUp
            }
        };
        let input = dedup::Input::Outcome {
            hash: KeyHash(finished.key),
            handler: finished.handler.handler.clone(),
            outcome,
        };
        self.dedup.handle(self.now.elapsed, input);
        self.refill(&finished.handler);
    }

    fn attempt(&mut self, attempt: alert::Attempt) {
        match self.handlers.get(&attempt.handler) {
            Some(handler) => {
                let handler = Arc::clone(handler);
                self.outputs.push_back(Output::Attempt { attempt, handler });
            }
            None => self.delivery.remove_handler(&attempt.handler),
        }
    }

    fn start(&mut self, event: &Arc<dedup::Event>, handler: &dedup::HandlerId, _waited: Duration) {
        if !self.dedup.may_send(event.hash, handler) {
            return;
        }
        let name = HandlerName { topic: event.key.topic.clone(), handler: handler.clone() };
        let Some(body) = self.body(event) else {
            self.outcome(event.hash, handler, dedup::Outcome::GivenUp);
            return;
        };
        if !self.handlers.has(&name) {
            // Deleted after it was judged: there is nobody to send it to.
            self.outcome(event.hash, handler, dedup::Outcome::GivenUp);
            return;
        }
        self.offer(name, event.hash, body);
    }

    pub(super) fn outcome(
        &mut self,
        hash: KeyHash,
        handler: &dedup::HandlerId,
        outcome: dedup::Outcome,
    ) {
        let handler = handler.clone();
        self.dedup.handle(self.now.elapsed, dedup::Input::Outcome { hash, handler, outcome });
    }
}
