//! The queue in front of one task, bounded in bytes.
//!
//! A full queue makes a writer wait once, at most a second; if it is still full then, the task
//! drops points until its queue has drained to half. What was dropped is counted and logged by the
//! side that drops. One slow task never holds up the others.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Bytes of points that may wait for one task.
pub(crate) const QUEUE_BYTES: usize = 8 << 20;

/// How long a writer waits for a full queue.
const PATIENCE: Duration = Duration::from_secs(1);

/// What writers and the worker share about one task's queue.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    waiting: AtomicUsize,
    dropping: AtomicBool,
    dropped: AtomicU64,
    drained: Notify,
}

impl Feed {
    /// Takes room for `bytes` with `points`; false when the points are to be dropped.
    pub(crate) async fn admit(&self, bytes: usize, points: usize) -> bool {
        if self.dropping.load(Ordering::Relaxed) || !self.wait_for_room(bytes).await {
            let began = !self.dropping.swap(true, Ordering::Relaxed);
            self.dropped.fetch_add(points as u64, Ordering::Relaxed);
            if began {
                tracing::warn!(
                    service = "tasks",
                    waiting = self.waiting.load(Ordering::Relaxed),
                    "queue of the task is full, dropping points until it has drained to half"
                );
            }
            return false;
        }
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        true
    }

    async fn wait_for_room(&self, bytes: usize) -> bool {
        let fits = || {
            let waiting = self.waiting.load(Ordering::Relaxed);
            waiting == 0 || waiting + bytes <= QUEUE_BYTES
        };
        if fits() {
            return true;
        }
        let room = async {
            loop {
                let drained = self.drained.notified();
                if fits() {
                    return;
                }
                drained.await;
            }
        };
        tokio::time::timeout(PATIENCE, room).await.is_ok()
    }

    /// Gives back what was admitted, when the task has run through it.
    pub(crate) fn release(&self, bytes: usize) {
        let before = self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        if before - bytes <= QUEUE_BYTES / 2 {
            self.dropping.store(false, Ordering::Relaxed);
        }
        self.drained.notify_waiters();
    }

    /// Points that were dropped since the task started.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_drops_until_it_has_drained_to_half() {
        let feed = Feed::default();
        assert!(feed.admit(QUEUE_BYTES - 1, 1).await);
        assert!(!feed.admit(2, 7).await, "waits its second, then drops");
        feed.release(QUEUE_BYTES / 4);
        assert!(!feed.admit(2, 3).await, "still more than half");
        feed.release(QUEUE_BYTES / 4 + 1);
        assert!(feed.admit(2, 1).await);
        assert_eq!(feed.dropped(), 10);
    }

    #[tokio::test]
    async fn one_write_larger_than_the_queue_passes_an_empty_queue() {
        let feed = Feed::default();
        assert!(feed.admit(QUEUE_BYTES * 2, 1).await);
    }
}
