//! An append-only journal for what comes per event: durable in the order given, many records per
//! `fdatasync`.
//!
//! Records are opaque: a kind and bytes. [`Journal::append`] hands them to one thread and returns
//! their position at once; a commit starts when the last one ends, without a timer, and takes all
//! that came meanwhile. [`Journal::subscribe`] and [`Journal::wait`] tell what is on disk. Nothing is
//! thrown away by an error of the disk: what was accepted is tried until it is written or the process
//! ends; meanwhile new records are refused.
//!
//! Segments are files `NUMBER.segment`, preallocated. Old ones are dropped from the oldest on, after
//! the caller has written again what of them still matters ([`Journal::oldest`],
//! [`Journal::drop_through`]) or after a whole new start ([`Journal::checkpoint`]).

mod format;
mod recover;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use writer::{Queue, Writer};

/// Largest record, in bytes.
pub const RECORD_LIMIT: usize = 4 * 1024 * 1024;

/// Bytes of records that may wait for the disk; more are refused.
pub const PENDING_LIMIT: usize = 64 * 1024 * 1024;

/// Bytes of a segment unless a record needs more.
pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// A frame is closed when its body reaches this many bytes.
const FRAME_BYTES: usize = 512 * 1024;

/// The number of a record in the journal, counted from 1; 0 is before all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// The number of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

/// A record: its kind and bytes.
pub type Record = (u8, Vec<u8>);

/// What is on disk, and how the disk does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// Every record up to here is on disk.
    pub position: Position,
    /// Why nothing can be written at the moment; it is tried again by itself.
    pub failing: Option<Arc<str>>,
}

/// Why records were not accepted, or when waiting for them makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("failed to write the journal: {0}")]
    Failing(Arc<str>),
    #[error("failed to write the journal: {PENDING_LIMIT} bytes wait for the disk")]
    Full,
    #[error("failed to write the journal: a record of {0} bytes is larger than {RECORD_LIMIT}")]
    TooLarge(usize),
    #[error("failed to write the journal: it is closed")]
    Closed,
    #[error("failed to read the journal: {0}")]
    Read(Arc<str>),
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenJournalError {
    #[error("failed to open the journal in {}: {source}", dir.display())]
    Io { dir: PathBuf, source: std::io::Error },
    #[error(
        "the journal is damaged: {}: {reason}. Restore the data directory from a backup; or move {} \
         away to start without the events it holds (tasks, handlers and identity stay)",
        file.display(), dir.display()
    )]
    Damaged { dir: PathBuf, file: PathBuf, reason: String },
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Records and their bytes that are on disk.
    pub records: AtomicU64,
    pub bytes: AtomicU64,
    /// Calls of `fdatasync` that succeeded.
    pub commits: AtomicU64,
    /// Commits that failed, each try counted.
    pub failures: AtomicU64,
    /// Records that were refused.
    pub refused: AtomicU64,
    /// Segments on disk now.
    pub segments: AtomicU64,
    /// Microseconds all commits took together.
    pub commit_micros: AtomicU64,
}

/// The open journal. Dropping it writes what was accepted, unless the disk fails.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a call of append means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Terms {
    WhileHealthy,
    Always,
    Checkpoint,
}

struct Shared {
    dir: PathBuf,
    queue: Mutex<Queue>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for a commit.
    done: Condvar,
    durable: watch::Sender<Durable>,
    counters: Counters,
    #[cfg(test)]
    disk_is_full: std::sync::atomic::AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// What is called after each commit and each change of the disk's state, on the writer's thread.
pub type Listener = Box<dyn Fn(&Durable) + Send>;

impl Journal {
    /// Opens or creates the journal in `dir`; `replay` gets every record on disk in order, with its
    /// kind. `segment_bytes` is normally [`SEGMENT_BYTES`].
    pub fn open(
        dir: &Path,
        segment_bytes: u64,
        replay: &mut dyn FnMut(Position, u8, &[u8]),
    ) -> Result<Self, OpenJournalError> {
        let io = |source| OpenJournalError::Io { dir: dir.to_owned(), source };
        if !dir.is_dir() {
            std::fs::create_dir(dir).map_err(io)?;
            dir.parent().map_or(Ok(()), segment::sync_dir).map_err(io)?;
        }
        let recovered = recover::recover(dir, replay)?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            queue: Mutex::new(Queue::starting_at(recovered.next)),
            work: Condvar::new(),
            done: Condvar::new(),
            durable: watch::Sender::new(Durable {
                position: Position(recovered.next.0 - 1),
                failing: None,
            }),
            counters: Counters::default(),
            #[cfg(test)]
            disk_is_full: std::sync::atomic::AtomicBool::new(false),
        });
        shared.counters.segments.store(recovered.sealed.len() as u64, Ordering::Relaxed);
        let writer = Writer::new(shared.clone(), segment_bytes, recovered);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(io)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Accepts records; they are durable when the position returned is. Refused as a whole while the
    /// disk fails.
    pub fn append<'a>(
        &self,
        records: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<Position, JournalError> {
        self.accept(records, Terms::WhileHealthy)
    }

    /// As [`Self::append`], also while the disk fails: for records of what has already happened.
    /// They wait in memory, up to [`PENDING_LIMIT`].
    pub fn append_regardless<'a>(
        &self,
        records: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<Position, JournalError> {
        self.accept(records, Terms::Always)
    }

    fn accept<'a>(
        &self,
        records: impl IntoIterator<Item = (u8, &'a [u8])>,
        terms: Terms,
    ) -> Result<Position, JournalError> {
        let mut queue = self.shared.lock();
        let refuse = |error| {
            self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            Err(error)
        };
        if queue.closed {
            return refuse(JournalError::Closed);
        }
        if let Some(reason) = queue.failing.as_ref().filter(|_| terms != Terms::Always) {
            let reason = reason.clone();
            return refuse(JournalError::Failing(reason));
        }
        let mark = queue.mark();
        if terms == Terms::Checkpoint {
            queue.begin_checkpoint();
        }
        for (kind, bytes) in records {
            let error = if bytes.len() > RECORD_LIMIT {
                Some(JournalError::TooLarge(bytes.len()))
            } else if queue.bytes + bytes.len() > PENDING_LIMIT {
                Some(JournalError::Full)
            } else {
                None
            };
            if let Some(error) = error {
                queue.roll_back(mark);
                return refuse(error);
            }
            queue.push(kind, bytes);
        }
        if terms == Terms::Checkpoint {
            queue.end_checkpoint();
        }
        let position = Position(queue.next.0 - 1);
        let wake = queue.idle;
        drop(queue);
        if wake {
            self.shared.work.notify_one();
        }
        Ok(position)
    }

    /// Makes everything before void: `live` goes to a new segment, and when it is on disk all older
    /// segments are deleted (if `live` is empty, with the next record). After a crash in between both
    /// are replayed, so records must bear to be read again.
    pub fn checkpoint<'a>(
        &self,
        live: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<Position, JournalError> {
        self.accept(live, Terms::Checkpoint)
    }

    /// What is on disk now, and every change of it.
    pub fn subscribe(&self) -> watch::Receiver<Durable> {
        self.shared.durable.subscribe()
    }

    /// What is on disk now.
    pub fn durable(&self) -> Durable {
        self.shared.durable.borrow().clone()
    }

    /// Has `listener` called soon, and then after each commit and each change of the disk's state;
    /// it replaces the one before.
    pub fn listen(&self, listener: Listener) {
        self.shared.lock().new_listener = Some(listener);
        self.shared.work.notify_one();
    }

    /// Blocks until `position` is on disk. An error says that the disk fails now; the record may
    /// still become durable later.
    pub fn wait(&self, position: Position) -> Result<(), JournalError> {
        let mut queue = self.shared.lock();
        loop {
            let durable = self.durable();
            if durable.position >= position {
                return Ok(());
            }
            if let Some(reason) = durable.failing {
                return Err(JournalError::Failing(reason));
            }
            if queue.closed {
                return Err(JournalError::Closed);
            }
            queue = self.shared.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Self::wait`], without blocking the thread.
    pub async fn wait_async(&self, position: Position) -> Result<(), JournalError> {
        let mut durable = self.subscribe();
        let seen = durable
            .wait_for(|d| d.position >= position || d.failing.is_some())
            .await
            .map_err(|_| JournalError::Closed)?;
        match &seen.failing {
            Some(reason) if seen.position < position => Err(JournalError::Failing(reason.clone())),
            _ => Ok(()),
        }
    }

    /// Counters since the start.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Segments that nothing is written to any more, oldest first.
    pub fn sealed(&self) -> Vec<SegmentId> {
        self.shared.lock().sealed.iter().copied().collect()
    }

    /// The records of the oldest segment that nothing is written to any more.
    pub fn oldest(&self) -> Result<Option<(SegmentId, Vec<Record>)>, JournalError> {
        let Some(id) = self.sealed().first().copied() else { return Ok(None) };
        let path = segment::path(&self.shared.dir, id);
        let read = |e: &dyn std::fmt::Display| {
            JournalError::Read(format!("{}: {e}", path.display()).into())
        };
        let bytes = std::fs::read(&path).map_err(|e| read(&e))?;
        let mut records = Vec::new();
        format::scan(&bytes, &mut |_, kind, record| records.push((kind, record.to_vec())))
            .map_err(|e| read(&e))?;
        Ok(Some((id, records)))
    }

    /// Deletes the sealed segments up to `id`; the newest segment on disk stays, as it knows the
    /// position.
    pub fn drop_through(&self, id: SegmentId) -> Result<(), JournalError> {
        let mut queue = self.shared.lock();
        while let Some(first) = queue.droppable().filter(|first| *first <= id) {
            let path = segment::path(&self.shared.dir, first);
            std::fs::remove_file(&path).map_err(|e| {
                JournalError::Read(format!("failed to delete {}: {e}", path.display()).into())
            })?;
            queue.sealed.pop_front();
            self.shared.counters.segments.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bytes of the segments on disk.
    pub fn disk_bytes(&self) -> u64 {
        segment::list(&self.shared.dir)
            .unwrap_or_default()
            .iter()
            .filter_map(|id| std::fs::metadata(segment::path(&self.shared.dir, *id)).ok())
            .map(|m| m.len())
            .sum()
    }
}

impl Journal {
    /// Writes what was accepted, unless the disk fails, and ends; the last position on disk.
    pub fn close(mut self) -> Position {
        self.stop();
        self.durable().position
    }

    fn stop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
