//! Answers to the calls of this member.

use rpc::{Answer, Refusal, Reply};

use super::Member;
use super::calls::Purpose;
use crate::input::{CallError, CallId, Unanswered};
use crate::output::Severity;

impl Member {
    pub(super) fn answered(&mut self, id: CallId, result: Result<Answer, CallError>) {
        let Some(purpose) = self.calls.close(id) else { return };
        if result.is_err() {
            self.counters.calls_failed += 1;
        }
        if let Ok(Err(Refusal::Removed { epoch, cluster })) = &result {
            self.refused_as_removed(purpose.peer(), *epoch, *cluster);
        }
        if let Some(peer) = purpose.peer() {
            self.note_answer(peer, result.is_ok());
            if matches!(result, Err(CallError::Unreachable(_))) {
                self.knock(peer);
            }
        }
        match purpose {
            Purpose::Pulse(peer) => {
                if let Ok(Ok(Reply::Digests(digests))) = result {
                    self.note_digests(peer, digests);
                }
            }
            Purpose::Frame(peer) => {
                self.frame_ended(peer);
                match result {
                    Ok(Ok(_)) => {}
                    Err(CallError::Unreachable(_))
                    | Ok(Err(Refusal::OtherMember { .. } | Refusal::OtherCluster { .. })) => {
                        self.unreachable(peer);
                    }
                    Err(_) => {}
                    Ok(Err(refusal)) => {
                        let fields =
                            vec![("member", peer.to_string()), ("reason", refusal.to_string())];
                        self.log(Severity::Debug, "a frame was refused", fields);
                    }
                }
            }
            Purpose::Push(_) | Purpose::Confirm(_) | Purpose::Warm(..) | Purpose::Knock(..) => {}
            Purpose::PushTasks(peer) => {
                if !matches!(result, Ok(Ok(_)))
                    && let Some(peer) = self.peers.get_mut(&peer)
                {
                    peer.tasks_told = None;
                }
            }
            Purpose::PushSpecs(peer) => self.specs_pushed(peer, matches!(result, Ok(Ok(_)))),
            Purpose::Sync(peer) => self.sync_answered(peer, result),
            Purpose::Add => self.add_answered(id, result),
            Purpose::Remove => self.remove_answered(result),
            Purpose::TellRemoved(target) => self.told_removed(target),
            Purpose::Farewell(peer) => {
                self.farewell_answered(peer, matches!(result, Ok(Ok(Reply::Ok))));
            }
        }
    }

    /// An address that was dialled has answered, or not.
    pub(super) fn probed(&mut self, id: CallId, result: Result<(), Unanswered>) {
        match self.calls.close(id) {
            Some(Purpose::Add) => self.dialled(id, result.map_err(|unanswered| unanswered.why)),
            Some(Purpose::Knock(peer, boot)) => {
                self.knocked(peer, boot, result.is_err_and(|unanswered| unanswered.refused));
            }
            _ => {}
        }
    }

    /// A member came up, or back: whatever it missed is synced.
    pub(super) fn peer_up(&mut self, id: model::MemberId) {
        self.push_tasks(Some(id));
        self.sync_soon(id);
    }

    pub(super) fn peer_down(&mut self, id: model::MemberId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.digests = None;
        }
        self.ask_pulse(id);
    }

    pub(super) fn peer_removed(&mut self, id: model::MemberId) {
        self.view_changed = true;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.ready = None;
            peer.tasks.clear();
        }
        self.tell_runners();
    }
}
