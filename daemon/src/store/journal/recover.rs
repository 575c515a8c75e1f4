//! Opening: which segments there are, whether they fit together, and their records.

use std::collections::VecDeque;
use std::path::Path;

use super::format::{Damage, decode_header, scan};
use super::{OpenJournalError, Position, SegmentId, segment};

/// What was found on disk.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Segments with records, oldest first; none is written to again.
    pub(super) sealed: VecDeque<SegmentId>,
    /// The number of the next segment.
    pub(super) next_segment: SegmentId,
    /// The position of the next record.
    pub(super) next: Position,
}

/// Reads all segments in order.
pub(super) fn recover(
    dir: &Path,
    replay: &mut dyn FnMut(Position, u8, &[u8]),
) -> Result<Recovered, OpenJournalError> {
    let io = |source| OpenJournalError::Io { dir: dir.to_owned(), source };
    let ids = segment::list(dir).map_err(io)?;
    let mut found = Recovered {
        sealed: VecDeque::new(),
        next_segment: SegmentId(ids.last().map_or(1, |id| id.0 + 1)),
        next: Position(1),
    };
    for id in ids {
        let path = segment::path(dir, id);
        let damaged = |reason: String| OpenJournalError::Damaged {
            dir: dir.to_owned(),
            file: path.clone(),
            reason,
        };
        let bytes = std::fs::read(&path).map_err(io)?;
        let header = decode_header(&bytes).ok_or_else(|| damaged(Damage::Header.to_string()))?;
        if header.number != id.0 {
            return Err(damaged(format!("it says it is segment {}", header.number)));
        }
        if let Some(before) = found.sealed.back() {
            if before.0 + 1 != id.0 {
                let missing = segment::path(dir, SegmentId(before.0 + 1));
                return Err(damaged(format!("the one before, {}, is missing", missing.display())));
            }
            if header.first != found.next.0 {
                return Err(damaged(format!(
                    "it starts with record {}, but the one before ends with {}: records are lost",
                    header.first,
                    found.next.0 - 1
                )));
            }
        }
        let scan = scan(&bytes, replay).map_err(|e| damaged(e.to_string()))?;
        if !scan.ended {
            segment::end(&path, id, Position(scan.next), scan.end as u64).map_err(io)?;
        }
        found.next = Position(scan.next.max(1));
        found.sealed.push_back(id);
    }
    Ok(found)
}
