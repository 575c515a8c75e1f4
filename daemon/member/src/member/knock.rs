//! Whether the process of a member is gone. Silence proves nothing, so gossip takes seconds to find a member
//! down; a host that says that nothing listens where the member was has seen its process end.
//!
//! Something between the hosts may refuse in the name of a member that lives. Who comes back in the same
//! life after such a verdict is left to gossip alone until its next start.

use std::time::Duration;

use gossip::Service;
use model::{BootGeneration, MemberId};

use super::Member;
use super::calls::Purpose;
use crate::output::{Output, Severity};

/// How long the port may take to answer. A host that is gone does not answer at all: that is gossip's part.
const KNOCK_WAIT: Duration = Duration::from_secs(2);

impl Member {
    /// There is reason to doubt a member that gossip hears: a connection ended, a call found nobody, a
    /// ping had no answer.
    pub(super) fn knock(&mut self, id: MemberId) {
        if !self.is_active(id) {
            return;
        }
        let Some(boot) = self.gossip.boot_of(&id) else { return };
        let Some(to) = self.gossip.destination(&id) else { return };
        let refusing = self.peers.get(&id).and_then(|peer| peer.refusing);
        let knocks = |p: &Purpose| matches!(p, Purpose::Knock(peer, _) if *peer == id);
        if refusing == Some(boot) || self.calls.any(knocks) {
            return;
        }
        let (service, address, deadline) = (Service::Gossip, to.address, KNOCK_WAIT);
        let id_of_call = self.calls.open(Purpose::Knock(id, boot));
        let probe = Output::Probe { id: id_of_call, service, address, member: id, deadline };
        self.outputs.push_back(probe);
    }

    /// Its gossip port was dialled.
    pub(super) fn knocked(&mut self, id: MemberId, boot: BootGeneration, refused: bool) {
        if !refused || !self.is_active(id) || self.gossip.boot_of(&id) != Some(boot) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.refusing = Some(boot);
        }
        let fields = vec![("member", id.to_string())];
        self.log(Severity::Info, "nothing listens where a member was", fields);
        self.gossip.declare_down(self.now.elapsed, &id);
    }
}
