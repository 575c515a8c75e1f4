//! What was dropped, refused and done: every drop has a counter.

/// Counts since the machine was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams read.
    pub datagrams_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Bytes of datagrams read.
    pub bytes_in: u64,
    /// Bytes of datagrams sent.
    pub bytes_out: u64,
    /// Push/pulls asked of peers.
    pub syncs_out: u64,
    /// Push/pulls answered.
    pub syncs_in: u64,
    /// Push/pulls that failed to connect or were cut.
    pub syncs_failed: u64,
    /// Longer than the limit.
    pub dropped_too_long: u64,
    /// Too short, unknown flags, or a body that does not decode.
    pub dropped_malformed: u64,
    /// A version this build does not read.
    pub dropped_version: u64,
    /// Plain packet of another cluster.
    pub dropped_cluster: u64,
    /// Sealed packet that no key opens (or of another cluster: the two look the same).
    pub dropped_key: u64,
    /// Plain packet where only sealed ones are accepted.
    pub dropped_unsealed: u64,
    /// Seen before, or older than the replay window.
    pub dropped_replay: u64,
    /// Of an earlier life of its sender.
    pub dropped_old_boot: u64,
    /// Of a removed member.
    pub dropped_removed: u64,
    /// Of a sender that is not in the roster.
    pub dropped_unknown_sender: u64,
    /// Claims to be from ourselves.
    pub dropped_own: u64,
    /// Addressed to another member.
    pub dropped_not_for_us: u64,
    /// Not sent: the receiver is not in the roster (any more).
    pub dropped_no_address: u64,
    /// Not sent or not read: a newer boot generation is being persisted, or we have stopped.
    pub dropped_muted: u64,
    /// Broadcasts not forwarded: the backlog is full.
    pub dropped_broadcast: u64,
    /// Roster entries refused: over a limit.
    pub dropped_entries: u64,
    /// Answers not given: rate limit.
    pub dropped_notices: u64,
    /// Errors of the failure detector other than bad input; a sign of a defect.
    pub detector_errors: u64,
    /// Probes of ours that failed.
    pub probes_failed: u64,
    /// Times we renewed our identity.
    pub renewals: u64,
}
