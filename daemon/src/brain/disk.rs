//! Makes the brain's writes durable, in order, many at once: one thread takes everything that waits,
//! writes rows and journal records, waits for the disk, reports how far it came, and begins anew.
//!
//! A disk that refuses is tried again for ever; meanwhile the brain and `/ready` know why, and the
//! brain takes no more events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use member::{Input, Position, Write};
use tokio::sync::oneshot;

use super::Brain;
use crate::fault;
use crate::health::DiskHealth;
use crate::store::{Change, JournalError, Store};

/// The kind of the brain's records in the journal.
pub(crate) const RECORD_KIND: u8 = 1;

/// Bytes of writes that may be under way before the brain takes no more events.
const UNDER_WAY: usize = 8 << 20;

/// Pause before the disk is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Sealed segments of the journal that are kept before the oldest is written anew.
const SEALED_SEGMENTS: usize = 4;

/// What the brain's side holds.
pub(crate) struct Disk {
    waiting: Vec<(Position, Write)>,
    batches: Sender<Vec<(Position, Write)>>,
    under_way: Arc<AtomicUsize>,
}

impl Disk {
    /// Starts the thread.
    pub(crate) fn start(store: Arc<Store>, brain: Brain, health: Arc<DiskHealth>) -> Self {
        let (batches, inbox) = channel();
        let under_way = Arc::new(AtomicUsize::new(0));
        let writer = Writer { store, brain, health, under_way: under_way.clone(), rewriting: None };
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || writer.run(&inbox))
            .expect("a thread can be started at start-up");
        Self { waiting: Vec::new(), batches, under_way }
    }

    /// Adds a write to the round's.
    pub(super) fn write(&mut self, position: Position, write: Write) {
        self.under_way.fetch_add(weight(&write), Ordering::Relaxed);
        self.waiting.push((position, write));
    }

    /// Gives the round's writes to the thread.
    pub(super) fn flush(&mut self) {
        if !self.waiting.is_empty() {
            let _ = self.batches.send(std::mem::take(&mut self.waiting));
        }
    }

    /// Whether the disk keeps up.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) < UNDER_WAY
    }
}

fn weight(write: &Write) -> usize {
    64 + match write {
        Write::Put(row, value) => row.key.len() + value.len(),
        Write::Delete(row) => row.key.len(),
        Write::Journal(record) => record.len(),
    }
}

struct Writer {
    store: Arc<Store>,
    brain: Brain,
    health: Arc<DiskHealth>,
    under_way: Arc<AtomicUsize>,
    /// A segment whose records the brain writes anew.
    rewriting: Option<(crate::store::journal::SegmentId, oneshot::Receiver<bool>)>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Vec<(Position, Write)>>) {
        while let Ok(mut batch) = inbox.recv() {
            while let Ok(more) = inbox.try_recv() {
                batch.extend(more);
            }
            let bytes = batch.iter().map(|(_, write)| weight(write)).sum();
            let highest = batch.last().map(|(position, _)| *position).unwrap_or_default();
            let commit = fault::commit(&batch);
            self.persist(batch);
            commit.durable();
            self.under_way.fetch_sub(bytes, Ordering::Relaxed);
            self.brain.tell(Input::Committed(highest));
            self.compact();
        }
    }

    /// Writes a batch in order and returns when all of it is durable.
    fn persist(&self, batch: Vec<(Position, Write)>) {
        let (mut changes, mut records) = (Vec::new(), Vec::new());
        for (_, write) in batch {
            match write {
                Write::Put(row, value) => {
                    self.append(&mut records);
                    changes.push(Change::Put { table: row.table, key: row.key, value });
                }
                Write::Delete(row) => {
                    self.append(&mut records);
                    changes.push(Change::Delete { table: row.table, key: row.key });
                }
                Write::Journal(record) => {
                    self.put(&mut changes);
                    records.push(record);
                }
            }
        }
        self.append(&mut records);
        self.put(&mut changes);
    }

    fn append(&self, records: &mut Vec<Vec<u8>>) {
        if records.is_empty() {
            return;
        }
        let journal = self.store.journal();
        let position = self.until_done(|| {
            let all = records.iter().map(|r| (RECORD_KIND, r.as_slice()));
            journal.append_regardless(all).map_err(|e| e.to_string())
        });
        self.until_done(|| journal.wait(position).map_err(|e: JournalError| e.to_string()));
        records.clear();
    }

    fn put(&self, changes: &mut Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.until_done(|| self.store.write(changes).map_err(|e| e.to_string()));
        changes.clear();
    }

    /// Tries until it works; says so to everyone when it does not.
    fn until_done<T>(&self, mut attempt: impl FnMut() -> Result<T, String>) -> T {
        loop {
            match attempt() {
                Ok(value) => {
                    if self.health.set(None) {
                        tracing::info!(service = "storage", "the disk takes writes again");
                        self.brain.tell(Input::Disk(None));
                    }
                    return value;
                }
                Err(reason) => {
                    if self.health.set(Some(reason.clone())) {
                        tracing::error!(service = "storage", error = %reason, "the disk does not take writes, trying again");
                        self.brain.tell(Input::Disk(Some(reason)));
                    }
                    thread::sleep(RETRY);
                }
            }
        }
    }

    /// Has the brain write anew what still matters of the oldest segment, then drops it.
    fn compact(&mut self) {
        if let Some((segment, done)) = &mut self.rewriting {
            match done.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return,
                Ok(true) => {
                    if let Err(error) = self.store.journal().drop_through(*segment) {
                        tracing::warn!(service = "storage", %error, "failed to drop a segment");
                    }
                }
                Ok(false) | Err(oneshot::error::TryRecvError::Closed) => {}
            }
            self.rewriting = None;
        }
        if self.store.journal().sealed().len() <= SEALED_SEGMENTS {
            return;
        }
        match self.store.journal().oldest() {
            Ok(Some((segment, records))) => {
                let records = records.into_iter().map(|(_, record)| record).collect();
                self.rewriting = Some((segment, self.brain.rewrite(records)));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(service = "storage", %error, "failed to read a segment"),
        }
    }
}
