//! The thread that writes: takes what waits, makes it durable, tells, and again.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::format::{HEADER, encode_frame, encode_record, frame_size};
use super::recover::Recovered;
use super::segment::{self, Segment};
use super::{Durable, FRAME_BYTES, Listener, Position, SegmentId, Shared};

/// Pause between tries while the disk fails.
const RETRY: Duration = Duration::from_millis(100);

/// Kept of the buffer that frames are built in, so that one burst does not hold memory for ever.
const SCRATCH_KEPT: usize = 1024 * 1024;

/// Records that go into one frame.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    first: Position,
    records: u32,
    body: Vec<u8>,
    /// Starts a new segment: a checkpoint begins.
    rotate: bool,
    /// When this is durable a checkpoint is complete.
    ends_checkpoint: bool,
}

/// What waits for the writer. `mark` and `roll_back` undo a refused call.
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Position of the next record.
    pub(super) next: Position,
    /// Bytes of bodies that are not on disk yet.
    pub(super) bytes: usize,
    pub(super) failing: Option<Arc<str>>,
    pub(super) closed: bool,
    /// The writer sleeps and must be woken.
    pub(super) idle: bool,
    pub(super) sealed: VecDeque<SegmentId>,
    pub(super) new_listener: Option<Listener>,
    /// A segment is being written to.
    has_current: bool,
    rotate_next: bool,
    end_with_next: bool,
}

/// Where a queue stood.
pub(super) struct Mark {
    chunks: usize,
    records: u32,
    body: usize,
    next: Position,
    bytes: usize,
    rotate_next: bool,
    end_with_next: bool,
}

impl Queue {
    pub(super) fn starting_at(next: Position) -> Self {
        Self {
            chunks: VecDeque::new(),
            next,
            bytes: 0,
            failing: None,
            closed: false,
            idle: false,
            sealed: VecDeque::new(),
            new_listener: None,
            has_current: false,
            rotate_next: false,
            end_with_next: false,
        }
    }

    pub(super) fn push(&mut self, kind: u8, bytes: &[u8]) {
        let needs_new =
            self.rotate_next || self.chunks.back().is_none_or(|c| c.body.len() >= FRAME_BYTES);
        if needs_new {
            let rotate = std::mem::take(&mut self.rotate_next);
            let ends_checkpoint = std::mem::take(&mut self.end_with_next);
            let first = self.next;
            self.chunks.push_back(Chunk { first, rotate, ends_checkpoint, ..Chunk::default() });
        }
        let chunk = self.chunks.back_mut().expect("one was just made");
        let before = chunk.body.len();
        encode_record(&mut chunk.body, kind, bytes);
        chunk.records += 1;
        self.bytes += chunk.body.len() - before;
        self.next.0 += 1;
    }

    pub(super) fn mark(&self) -> Mark {
        let (records, body) = self.chunks.back().map_or((0, 0), |c| (c.records, c.body.len()));
        Mark {
            chunks: self.chunks.len(),
            records,
            body,
            next: self.next,
            bytes: self.bytes,
            rotate_next: self.rotate_next,
            end_with_next: self.end_with_next,
        }
    }

    pub(super) fn roll_back(&mut self, mark: Mark) {
        self.chunks.truncate(mark.chunks);
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.records = mark.records;
            chunk.body.truncate(mark.body);
        }
        self.next = mark.next;
        self.bytes = mark.bytes;
        self.rotate_next = mark.rotate_next;
        self.end_with_next = mark.end_with_next;
    }

    /// The next record starts a new segment.
    pub(super) fn begin_checkpoint(&mut self) {
        self.rotate_next = true;
    }

    /// What came since [`Self::begin_checkpoint`] stands for everything before it.
    pub(super) fn end_checkpoint(&mut self) {
        match self.chunks.back_mut().filter(|_| !self.rotate_next) {
            Some(chunk) => chunk.ends_checkpoint = true,
            None => self.end_with_next = true,
        }
    }

    /// The oldest sealed segment, unless it is the newest on disk.
    pub(super) fn droppable(&self) -> Option<SegmentId> {
        let spare = self.sealed.len() > usize::from(!self.has_current);
        self.sealed.front().copied().filter(|_| spare)
    }
}

/// State of the writing thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    segment_bytes: u64,
    current: Option<Segment>,
    next_segment: SegmentId,
    /// Where the last checkpoint began.
    checkpoint: Option<SegmentId>,
    /// The first record of the chunk that the last rotation was for.
    rotated_for: Option<Position>,
    listener: Option<Listener>,
    durable: Position,
    scratch: Vec<u8>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, segment_bytes: u64, recovered: Recovered) -> Self {
        shared.lock().sealed = recovered.sealed;
        Self {
            shared,
            segment_bytes,
            current: None,
            next_segment: recovered.next_segment,
            checkpoint: None,
            rotated_for: None,
            listener: None,
            durable: Position(recovered.next.0 - 1),
            scratch: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        // The first commit must not wait for the space of its segment.
        let _ = self.prepare_ahead();
        while let Some(mut chunks) = self.take() {
            while !chunks.is_empty() {
                match self.commit(&chunks) {
                    Ok(done) => self.succeeded(chunks.drain(..done)),
                    Err(e) => {
                        if self.failed(&e) {
                            return;
                        }
                    }
                }
            }
            // Failing to make room ahead shows when the room is needed.
            let _ = self.prepare_ahead();
        }
        self.shared.done.notify_all();
    }

    /// Waits for records; `None` when the journal is closed and nothing waits.
    fn take(&mut self) -> Option<VecDeque<Chunk>> {
        let mut queue = self.shared.lock();
        loop {
            if let Some(listener) = queue.new_listener.take() {
                drop(queue);
                listener(&self.shared.durable.borrow().clone());
                self.listener = Some(listener);
                queue = self.shared.lock();
            }
            if !queue.chunks.is_empty() {
                queue.idle = false;
                return Some(std::mem::take(&mut queue.chunks));
            }
            if queue.closed {
                return None;
            }
            queue.idle = true;
            queue = self.shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes as many chunks durable as fit into one segment; how many.
    fn commit(&mut self, chunks: &VecDeque<Chunk>) -> io::Result<usize> {
        let started = Instant::now();
        #[cfg(test)]
        if self.shared.disk_is_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let first = chunks.front().expect("called with chunks");
        self.make_room(first)?;
        let segment = self.current.as_mut().expect("room was made");
        self.scratch.clear();
        let mut done = 0;
        for chunk in chunks {
            let fits = segment.has_room(self.scratch.len() + frame_size(chunk.body.len()));
            if done > 0 && (chunk.rotate || !fits) {
                break;
            }
            encode_frame(
                &mut self.scratch,
                segment.id.0,
                first.first,
                chunk.first,
                chunk.records,
                &chunk.body,
            );
            done += 1;
        }
        segment.write(&self.scratch)?;
        segment.sync(&self.shared.dir)?;
        segment.end += self.scratch.len() as u64;
        let last = &chunks[done - 1];
        let durable = Position(last.first.0 + u64::from(last.records) - 1);
        let counters = &self.shared.counters;
        counters.records.fetch_add(durable.0 - self.durable.0, Ordering::Relaxed);
        counters.bytes.fetch_add(self.scratch.len() as u64, Ordering::Relaxed);
        counters.commits.fetch_add(1, Ordering::Relaxed);
        let micros = started.elapsed().as_micros() as u64;
        counters.commit_micros.fetch_add(micros, Ordering::Relaxed);
        self.durable = durable;
        if self.scratch.capacity() > SCRATCH_KEPT {
            self.scratch = Vec::new();
        }
        Ok(done)
    }

    /// Sees to a segment that `chunk` fits into; everything in the one before is durable.
    fn make_room(&mut self, chunk: &Chunk) -> io::Result<()> {
        let bytes = frame_size(chunk.body.len());
        // A chunk is tried again after an error, perhaps in the segment that was made for it.
        let rotated = self.rotated_for == Some(chunk.first);
        let usable = self.current.as_ref().is_some_and(|s| s.has_room(bytes));
        if usable && (!chunk.rotate || rotated) {
            return Ok(());
        }
        let size = self.segment_bytes.max((HEADER + bytes + HEADER) as u64);
        let next = Segment::start(&self.shared.dir, self.next_segment, chunk.first, size)?;
        if chunk.rotate {
            self.checkpoint = Some(next.id);
            self.rotated_for = Some(chunk.first);
        }
        self.next_segment.0 += 1;
        self.shared.counters.segments.fetch_add(1, Ordering::Relaxed);
        let old = self.current.replace(next);
        let mut queue = self.shared.lock();
        queue.has_current = true;
        queue.sealed.extend(old.map(|old| old.id));
        Ok(())
    }

    fn prepare_ahead(&self) -> io::Result<()> {
        let half_full = self.current.as_ref().is_none_or(|s| s.end * 2 > s.size);
        if half_full && !segment::is_prepared(&self.shared.dir) {
            segment::prepare(&self.shared.dir, self.segment_bytes)?;
        }
        Ok(())
    }

    /// Deletes what a checkpoint made void; what cannot be deleted now goes with the next one.
    fn drop_void(&self, queue: &mut Queue) {
        while let Some(old) = queue.droppable().filter(|id| Some(*id) < self.checkpoint) {
            if std::fs::remove_file(segment::path(&self.shared.dir, old)).is_err() {
                break;
            }
            queue.sealed.pop_front();
            self.shared.counters.segments.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn succeeded(&mut self, done: impl Iterator<Item = Chunk>) {
        let (mut bytes, mut checkpoint) = (0, false);
        for chunk in done {
            bytes += chunk.body.len();
            checkpoint |= chunk.ends_checkpoint;
        }
        let shared = self.shared.clone();
        let mut queue = shared.lock();
        queue.bytes -= bytes;
        if queue.failing.take().is_some() {
            tracing::info!(service = "journal", "the disk takes writes again");
        }
        if checkpoint {
            self.drop_void(&mut queue);
        }
        self.tell(queue, None);
    }

    /// Notes the failure and waits a little; whether to give up because the journal is closed.
    fn failed(&mut self, error: &io::Error) -> bool {
        self.shared.counters.failures.fetch_add(1, Ordering::Relaxed);
        let reason: Arc<str> = error.to_string().into();
        let shared = self.shared.clone();
        let mut queue = shared.lock();
        if queue.failing.is_none() {
            tracing::error!(service = "journal", error = %reason, "failed to write; trying again");
        }
        queue.failing = Some(reason.clone());
        self.tell(queue, Some(reason));
        let mut queue = shared.lock();
        let until = Instant::now() + RETRY;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if queue.closed {
                return true;
            }
            queue = shared.work.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Tells everyone who waits. The state changes under the lock, so that nobody falls asleep between
    /// looking and waiting.
    fn tell(&mut self, mut queue: MutexGuard<'_, Queue>, failing: Option<Arc<str>>) {
        let durable = Durable { position: self.durable, failing };
        self.shared.durable.send_replace(durable.clone());
        if let Some(listener) = queue.new_listener.take() {
            self.listener = Some(listener);
        }
        drop(queue);
        self.shared.done.notify_all();
        if let Some(listener) = &self.listener {
            listener(&durable);
        }
    }
}
