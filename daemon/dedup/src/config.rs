//! Settings, limits and counters of the machine.

use std::time::Duration;

use model::{BootGeneration, MemberId};

/// Settings of one member's machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// This member.
    pub me: MemberId,
    /// The start this machine lives in; every claim is bound to it.
    pub boot: BootGeneration,
    /// Owners per topic; 0 = every member.
    pub redundancy: usize,
    /// `delay-per-member`: how long each owner of the line waits for the one before it; also the length
    /// of a claim's lease. Shorter than a round trip: copies. Long: late takeover.
    pub delay_per_member: Duration,
    /// Bound of the wait for grants before the first send; 250 ms.
    pub grant_wait: Duration,
    /// A claim is renewed for this many delays while delivery fails, then handed on; 3.
    pub hold_delays: u32,
    /// A restarted member resumes its pending events after its sync or after this; 10 s.
    pub ready_wait: Duration,
    /// First retry of a message that was not acked; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// Longest time between two retries.
    pub retry_max: Duration,
    /// Done markers are kept this long, at least [`Config::least_horizon`].
    pub horizon: Duration,
    /// Bounds of everything that grows.
    pub limits: Limits,
}

impl Config {
    /// Defaults: redundancy 0, delay 10 s, horizon 1 h.
    pub fn new(me: MemberId, boot: BootGeneration) -> Self {
        Self {
            me,
            boot,
            redundancy: 0,
            delay_per_member: Duration::from_secs(10),
            grant_wait: Duration::from_millis(250),
            hold_delays: 3,
            ready_wait: Duration::from_secs(10),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(10),
            horizon: Duration::from_hours(1),
            limits: Limits::default(),
        }
    }

    /// The shortest horizon that is safe: max(1 h, 3 × full sync, members × delay + longest delivery).
    pub fn least_horizon(
        full_sync: Duration,
        members: u32,
        delay_per_member: Duration,
        delivery_timeout: Duration,
    ) -> Duration {
        Duration::from_hours(1)
            .max(full_sync.saturating_mul(3))
            .max(delay_per_member.saturating_mul(members).saturating_add(delivery_timeout))
    }
}

/// Bounds; each overflow is counted in [`Counters`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Pending events. Beyond: offers are not acked (the producer retries), raised events still count.
    pub pending: usize,
    /// Bytes of pending bodies; same rule.
    pub pending_bytes: usize,
    /// Done markers.
    pub done: usize,
    /// Done markers of a cluster of one, which suppresses nothing: only a later joiner uses them.
    pub done_alone: usize,
    /// Notes about keys that were claimed or done before their offer came.
    pub notes: usize,
    /// Unacked messages to one peer. Beyond: left to full sync.
    pub outbox: usize,
    /// Messages resent to one peer at one time.
    pub resend: usize,
    /// Event ids whose newest done time is kept.
    pub ids: usize,
    /// Handlers of one event.
    pub handlers: usize,
    /// Members in a list that a peer tells.
    pub view: usize,
    /// Topics per page of a sync.
    pub page_topics: usize,
    /// Keys per page of a sync.
    pub page_keys: usize,
    /// Questions that wait in a sync with one peer. Beyond: the sync is broken off; an honest peer makes
    /// for some 1 500 at most.
    pub questions: usize,
    /// Repetitions of keys remembered by [`crate::Occurrences`].
    pub occurrences: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending: 200_000,
            pending_bytes: 256 << 20,
            done: 1_000_000,
            done_alone: 20_000,
            notes: 20_000,
            outbox: 50_000,
            resend: 256,
            ids: 200_000,
            handlers: 1_000,
            view: 1_000,
            page_topics: 256,
            page_keys: 2_048,
            questions: 4_096,
            occurrences: 65_536,
        }
    }
}

/// What happened, since the machine was made. Names of `/debug/vars` in the docs where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// `primary-handle-count`: events handled to the end as rank 0.
    pub primary_handled: u64,
    /// `secondary-handle-count`: events handled to the end at another rank or after a takeover.
    pub secondary_handled: u64,
    /// `notification_dropped`: sends dropped because another member had finished them.
    pub notification_dropped: u64,
    /// Events handled to the end by a producer that owns nothing (last resort).
    pub last_resort_handled: u64,
    /// Handlers given up after the delivery timeout, here.
    pub given_up: u64,
    /// Raised events that were known to be done.
    pub suppressed: u64,
    /// Claims made, including takeovers.
    pub claims: u64,
    /// Claims that found another holder.
    pub held: u64,
    /// Gatherings that ended by their bound, not by an answer from each.
    pub grants_missing: u64,
    /// Claims of others that ended without Done: lease over, newer boot, or removed.
    pub takeovers: u64,
    /// Claims handed on after `hold_delays`.
    pub handed_on: u64,
    /// Events that came after a newer one of their id was done.
    pub late: u64,
    /// Cold events dropped because a warm member would not have raised them.
    pub cold_dropped: u64,
    /// Cold events handled because no warm member answered in time.
    pub cold_unanswered: u64,
    /// Messages resent.
    pub resent: u64,
    /// Messages from removed members, refused.
    pub refused_removed: u64,
    /// Claims, renewals and answers of an older boot, ignored.
    pub stale_boot: u64,
    /// Offers not accepted because pending events are at their bound.
    pub pending_overflow: u64,
    /// Done markers dropped before their horizon.
    pub done_overflow: u64,
    /// Notes dropped at their bound.
    pub notes_overflow: u64,
    /// Messages not queued for a peer at its bound; full sync repairs.
    pub outbox_overflow: u64,
    /// Lists or handler sets cut at their bound.
    pub oversized: u64,
    /// Event ids whose newest done time was not kept.
    pub ids_overflow: u64,
    /// Syncs broken off because a peer's answers raised too many questions.
    pub questions_overflow: u64,
    /// Done markers learned by full sync.
    pub synced_done: u64,
    /// Events learned by full sync.
    pub synced_events: u64,
}
