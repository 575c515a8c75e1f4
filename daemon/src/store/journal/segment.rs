//! Segment files: names, making, writing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::format::{HEADER, SegmentHeader, encode_end, encode_header};
use super::{Position, SegmentId};

const ENDING: &str = "segment";

/// The file that will be the next segment, already at its full size.
const PREPARED: &str = "next.prepared";

/// The file of a segment.
pub(super) fn path(dir: &Path, id: SegmentId) -> PathBuf {
    dir.join(format!("{:016x}.{ENDING}", id.0))
}

/// All segments in `dir`, oldest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<SegmentId>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == ENDING)
            && let Some(stem) = path.file_stem().and_then(|s| s.to_str())
            && let Ok(number) = u64::from_str_radix(stem, 16)
        {
            found.push(SegmentId(number));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes changes of names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A segment that is written to.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: SegmentId,
    file: File,
    /// Bytes of the file.
    pub(super) size: u64,
    /// Where the next frame goes.
    pub(super) end: u64,
    /// Whether its name is durable.
    named: bool,
}

impl Segment {
    /// Turns the prepared file into segment `id` that starts at `first`. Its header is durable before
    /// it gets its name, so a segment without a whole header is damaged; the name is durable with the
    /// first [`Self::sync`].
    pub(super) fn start(dir: &Path, id: SegmentId, first: Position, size: u64) -> io::Result<Self> {
        let prepared = dir.join(PREPARED);
        let fits = std::fs::metadata(&prepared).is_ok_and(|m| m.len() >= size);
        if !fits {
            prepare(dir, size)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(&prepared)?;
        let size = file.metadata()?.len();
        let says = u32::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let header = encode_header(SegmentHeader { number: id.0, first: first.0, size: says });
        file.write_all_at(&header, 0)?;
        file.sync_data()?;
        std::fs::rename(&prepared, path(dir, id))?;
        Ok(Self { id, size, file, end: HEADER as u64, named: false })
    }

    /// Writes frames at the end without moving it; to be done again after an error.
    pub(super) fn write(&self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frames, self.end)
    }

    /// Makes what was written durable.
    pub(super) fn sync(&mut self, dir: &Path) -> io::Result<()> {
        self.file.sync_data()?;
        if !self.named {
            sync_dir(dir)?;
            self.named = true;
        }
        Ok(())
    }

    /// Whether `bytes` more fit, and an end mark.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.end + (bytes + HEADER) as u64 <= self.size
    }
}

/// Makes the file of the next segment, with its space on disk.
pub(super) fn prepare(dir: &Path, size: u64) -> io::Result<()> {
    let path = dir.join(PREPARED);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let reserved = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size);
    if let Err(e) = reserved {
        if e == rustix::io::Errno::OPNOTSUPP || e == rustix::io::Errno::NOSYS {
            file.set_len(size)?;
        } else {
            drop(file);
            let _ = std::fs::remove_file(&path);
            return Err(e.into());
        }
    }
    file.sync_all()
}

/// Gives back the space that a segment did not use, which ends at byte `end` before record `next`.
pub(super) fn end(path: &Path, id: SegmentId, next: Position, end: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&encode_end(id.0, next), end)?;
    // The mark is there before the file is shorter.
    file.sync_data()?;
    file.set_len(end + HEADER as u64)
}

/// Whether the next segment is ready.
pub(super) fn is_prepared(dir: &Path) -> bool {
    dir.join(PREPARED).exists()
}
