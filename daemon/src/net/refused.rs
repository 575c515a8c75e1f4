//! What was refused at the private ports: counted by reason, logged at once and then at most once a
//! minute for each reason.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use gossip::Minutely;

use crate::clock;

/// Counts by reason.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<&'static str, u64>,
    told: Minutely<&'static str>,
}

impl Refused {
    /// Something of `peer` was refused on the RPC port, or an answer of it.
    pub(crate) fn note(&self, reason: &'static str, peer: &dyn Display, detail: &str) {
        let count = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *state.counts.entry(reason).or_default() += 1;
            state.told.note(clock::elapsed(), reason)
        };
        let Some(count) = count else { return };
        // A restarted member's peers all find their sessions gone; many calls at once are no attack.
        if matches!(reason, "session" | "busy") {
            tracing::debug!(service = "rpc", reason, %peer, count, detail, "calls are refused");
        } else {
            tracing::warn!(service = "rpc", reason, %peer, count, detail, "calls are refused");
        }
    }

    /// How often, by reason.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }
}
