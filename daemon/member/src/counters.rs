//! What a member counts. Every drop has a counter; those of the machines inside stand beside.

/// Counts since the start. The counters of the machines inside are copied when asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events raised by tasks here, and by `publish` and `aggregate`.
    pub raised: u64,
    /// Events dropped because too many waited while this member handed over.
    pub deferred_dropped: u64,
    /// Events of topics that nobody handles.
    pub unhandled: u64,
    /// Events collected because another member offered them.
    pub offered: u64,
    /// Raised events that this member had from another one already.
    pub known: u64,
    /// Events whose match failed with an error.
    pub match_errors: u64,
    /// Events dropped because they had been published on too often.
    pub too_many_hops: u64,
    /// Events that a handler's queue did not take.
    pub delivery_full: u64,
    /// Events whose body could not be read.
    pub damaged_events: u64,
    /// Event states that were void: born before their topic was deleted.
    pub void_states: u64,
    /// Calls made.
    pub calls_out: u64,
    /// Calls without an answer.
    pub calls_failed: u64,
    /// Calls answered.
    pub calls_in: u64,
    /// Calls refused.
    pub calls_refused: u64,
    /// Messages to peers dropped because the peer's queue was full; they are repeated or synced.
    pub messages_dropped: u64,
    /// Syncs that ran to their end.
    pub syncs: u64,
    /// Syncs broken off.
    pub syncs_failed: u64,
    /// Concurrent edits of handlers that came to light.
    pub conflicts: u64,
    /// Counters of gossip.
    pub gossip: gossip::Counters,
    /// Counters of dedup: `primary-handle-count` and its like.
    pub dedup: dedup::Counters,
}
