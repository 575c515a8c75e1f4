//! The bytes of a journal segment: written, read back and judged. Pure.
//!
//! A segment is a header and frames. A frame holds the records of one commit (or a part of them) and
//! starts at a multiple of 8 bytes:
//!
//! | bytes | segment header | frame header |
//! |---|---|---|
//! | 0 | `KAPJRNL1` | `KJF1`, body length u32 |
//! | 8 | segment number u64 | records u32, CRC32 u32 |
//! | 16 | position of its first record u64 | position of its first record u64 |
//! | 24 | size of the file u32, CRC32 of the 28 bytes u32 | position of the first record of its commit u64 |
//! | 32 | frames | body: per record length u32, kind u8, bytes |
//!
//! A file has its size before anything is written to it. What its frames did not need is given back at
//! the next start, behind an end mark: `KJEND001`, segment number u64, position after the last record
//! u64, 0 u32, CRC32 of the 28 bytes u32. So a shorter file without an end mark has been cut.
//!
//! All little-endian. A frame's CRC covers the segment number, its header without the CRC, and its
//! body, so bytes of another segment never pass. A commit starts only when the one before is on disk.
//! Hence a bad frame is a torn tail if nothing valid follows it but frames of its own commit; a valid
//! frame of a later commit proves that the bad one had been durable: the segment is damaged.

use super::Position;

/// Bytes of the header of a segment, of a frame, and of an end mark.
pub(super) const HEADER: usize = 32;

/// Bytes before each record in a frame.
pub(super) const RECORD_HEADER: usize = 5;

const SEGMENT_MAGIC: [u8; 8] = *b"KAPJRNL1";
const END_MAGIC: [u8; 8] = *b"KJEND001";
const FRAME_MAGIC: [u8; 4] = *b"KJF1";
const ALIGN: usize = 8;

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    /// Position of the first record that is written to it.
    pub(super) first: u64,
    /// Bytes of the file; it may be shorter only with an end mark.
    pub(super) size: u32,
}

/// Bytes that cannot be the remains of a crash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("its header is damaged")]
    Header,
    #[error("byte {0}: the record is damaged, and later ones follow it")]
    Middle(usize),
    #[error("byte {0}: the file was cut there, or in the record there")]
    Cut(usize),
    #[error("byte {0}: records {1} to {2} are missing")]
    Missing(usize, u64, u64),
}

/// What a scan of a segment found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) header: SegmentHeader,
    /// Position after the last valid record.
    pub(super) next: u64,
    /// Bytes up to the end of the last valid frame.
    pub(super) end: usize,
    /// An end mark follows.
    pub(super) ended: bool,
}

/// The header of a new segment.
pub(super) fn encode_header(header: SegmentHeader) -> [u8; HEADER] {
    checked(SEGMENT_MAGIC, header.number, header.first, header.size)
}

/// What stands behind the last frame of a segment that is shorter than it was made; `next` is the
/// position after its last record.
pub(super) fn encode_end(number: u64, next: Position) -> [u8; HEADER] {
    checked(END_MAGIC, number, next.0, 0)
}

fn checked(magic: [u8; 8], first: u64, second: u64, third: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&magic);
    bytes[8..16].copy_from_slice(&first.to_le_bytes());
    bytes[16..24].copy_from_slice(&second.to_le_bytes());
    bytes[24..28].copy_from_slice(&third.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The header of a segment, if it is whole.
pub(super) fn decode_header(bytes: &[u8]) -> Option<SegmentHeader> {
    let bytes = bytes.get(..HEADER)?;
    let whole = bytes[..8] == SEGMENT_MAGIC && crc32fast::hash(&bytes[..28]) == u32_at(bytes, 28);
    whole.then(|| SegmentHeader {
        number: u64_at(bytes, 8),
        first: u64_at(bytes, 16),
        size: u32_at(bytes, 24),
    })
}

/// Puts a record behind the body of a frame.
pub(super) fn encode_record(body: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    body.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    body.push(kind);
    body.extend_from_slice(bytes);
}

/// Puts a frame behind `out`, which ends at a multiple of 8.
pub(super) fn encode_frame(
    out: &mut Vec<u8>,
    segment: u64,
    commit: Position,
    first: Position,
    records: u32,
    body: &[u8],
) {
    let start = out.len();
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&records.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&first.0.to_le_bytes());
    out.extend_from_slice(&commit.0.to_le_bytes());
    let crc = frame_crc(segment, &out[start..], body);
    out[start + 12..start + 16].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(body);
    out.resize(start + frame_size(body.len()), 0);
}

/// Bytes that a frame with such a body takes.
pub(super) const fn frame_size(body: usize) -> usize {
    (HEADER + body).next_multiple_of(ALIGN)
}

struct Frame<'a> {
    first: u64,
    commit: u64,
    records: u32,
    body: &'a [u8],
}

fn frame_crc(segment: u64, header: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&segment.to_le_bytes());
    crc.update(&header[..12]);
    crc.update(&header[16..HEADER]);
    crc.update(body);
    crc.finalize()
}

fn frame_at(bytes: &[u8], at: usize, segment: u64) -> Option<Frame<'_>> {
    let header = bytes.get(at..at + HEADER)?;
    if header[..4] != FRAME_MAGIC {
        return None;
    }
    let length = u32_at(header, 4) as usize;
    let body = bytes.get(at + HEADER..(at + HEADER).checked_add(length)?)?;
    let frame = Frame {
        first: u64_at(header, 16),
        commit: u64_at(header, 24),
        records: u32_at(header, 8),
        body,
    };
    let whole = u32_at(header, 12) == frame_crc(segment, header, body) && frame.records > 0;
    whole.then_some(frame)
}

/// Reads a segment; `visit` gets every valid record in order, with its position. A torn tail ends the
/// scan without an error.
pub(super) fn scan(
    bytes: &[u8],
    visit: &mut dyn FnMut(Position, u8, &[u8]),
) -> Result<Scan, Damage> {
    let header = decode_header(bytes).ok_or(Damage::Header)?;
    let (mut at, mut next) = (HEADER, header.first);
    while let Some(frame) = frame_at(bytes, at, header.number) {
        if frame.first != next {
            return Err(Damage::Missing(at, next, frame.first.saturating_sub(1)));
        }
        let mut rest = frame.body;
        for _ in 0..frame.records {
            let (kind, record, after) = split_record(rest).ok_or(Damage::Middle(at))?;
            visit(Position(next), kind, record);
            next += 1;
            rest = after;
        }
        at += frame_size(frame.body.len());
    }
    if bytes.get(at..at + HEADER) == Some(&encode_end(header.number, Position(next))) {
        return Ok(Scan { header, next, end: at, ended: true });
    }
    if bytes.len() < header.size as usize {
        return Err(Damage::Cut(at));
    }
    // Anything of a later commit proves that what stood here had been durable.
    let mut probe = at;
    while probe + HEADER <= bytes.len() {
        if let Some(frame) = frame_at(bytes, probe, header.number)
            && frame.commit > next
        {
            return Err(Damage::Middle(at));
        }
        probe += ALIGN;
    }
    Ok(Scan { header, next, end: at, ended: false })
}

fn split_record(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let header = bytes.get(..RECORD_HEADER)?;
    let length = u32_at(header, 0) as usize;
    let record = bytes.get(RECORD_HEADER..RECORD_HEADER.checked_add(length)?)?;
    Some((header[4], record, &bytes[RECORD_HEADER + length..]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: u64 = 7;

    /// A segment of three commits: records 10, then 11 and 12 in two frames, then 13; and where each
    /// commit ends.
    fn segment() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = vec![0; HEADER];
        let mut ends = vec![bytes.len()];
        for (commit, frames) in [
            (10, &[(10, "ten")][..]),
            (11, &[(11, "eleven"), (12, "")]),
            (13, &[(13, "thirteen bytes")]),
        ] {
            for (first, text) in frames {
                let mut body = Vec::new();
                encode_record(&mut body, 1, text.as_bytes());
                encode_frame(&mut bytes, NUMBER, Position(commit), Position(*first), 1, &body);
            }
            ends.push(bytes.len());
        }
        bytes.resize(bytes.len() + 104, 0);
        let size = bytes.len() as u32;
        let header = encode_header(SegmentHeader { number: NUMBER, first: 10, size });
        bytes[..HEADER].copy_from_slice(&header);
        (bytes, ends)
    }

    fn positions(bytes: &[u8]) -> Result<Vec<u64>, Damage> {
        let mut found = Vec::new();
        scan(bytes, &mut |position, _, _| found.push(position.0)).map(|_| found)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (bytes, ends) = segment();
        let mut found = Vec::new();
        let scan = scan(&bytes, &mut |p, kind, text| found.push((p.0, kind, text.to_vec())))
            .expect("valid");
        assert_eq!(found.len(), 4);
        assert_eq!(found[3], (13, 1, b"thirteen bytes".to_vec()));
        assert_eq!((scan.next, scan.end), (14, ends[3]));
    }

    #[test]
    fn a_tail_lost_at_any_place_loses_no_earlier_commit() {
        let (bytes, ends) = segment();
        // Disks write whole sectors, so eight aligned bytes are there together or not at all.
        for length in (HEADER..bytes.len()).step_by(ALIGN) {
            for fill in [0u8, 0xff] {
                let mut torn = bytes[..length].to_vec();
                torn.resize(bytes.len(), fill);
                let found = positions(&torn).unwrap_or_else(|e| panic!("cut at {length}: {e}"));
                let whole = ends.iter().filter(|end| **end <= length).count() - 1;
                let least = [0, 1, 3, 4][whole];
                assert!(found.len() >= least, "cut at {length}: {found:?}");
                assert!(found.iter().copied().eq(10..10 + found.len() as u64));
            }
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_damage() {
        // The space was there before the frames were written: no crash takes it away again.
        let (bytes, ends) = segment();
        for length in HEADER..bytes.len() {
            let found = positions(&bytes[..length]);
            assert!(matches!(found, Err(Damage::Cut(_))), "{length}: {found:?}");
        }
        // Nor does one cut a file that was shortened.
        let mut ended = bytes[..ends[3]].to_vec();
        ended.extend_from_slice(&encode_end(NUMBER, Position(14)));
        assert_eq!(positions(&ended), Ok(vec![10, 11, 12, 13]));
        for length in HEADER..ended.len() {
            let found = positions(&ended[..length]);
            assert!(matches!(found, Err(Damage::Cut(_))), "{length}: {found:?}");
        }
        // Whole frames that were taken out leave a mark that says too much.
        let mut without = bytes[..ends[2]].to_vec();
        without.extend_from_slice(&encode_end(NUMBER, Position(14)));
        assert_eq!(positions(&without), Err(Damage::Cut(ends[2])));
    }

    #[test]
    fn a_commit_torn_anywhere_inside_is_no_damage() {
        // The last commit's pages may reach the disk in any order: any part of it may be missing while
        // later ones are there.
        let (mut bytes, ends) = segment();
        bytes[ends[2]..].fill(0);
        for at in (ends[1]..ends[2]).step_by(ALIGN) {
            let mut torn = bytes.clone();
            torn[at..at + ALIGN].fill(0);
            let found = positions(&torn).unwrap_or_else(|e| panic!("byte {at}: {e}"));
            assert!(found.starts_with(&[10]), "byte {at}: {found:?}");
        }
    }

    #[test]
    fn a_flipped_byte_before_a_later_commit_is_damage() {
        let (bytes, ends) = segment();
        for at in HEADER..ends[2] {
            let mut bad = bytes.clone();
            bad[at] ^= 0x55;
            match positions(&bad) {
                Err(Damage::Middle(_)) => {}
                // Padding is not covered; every record must be there.
                Ok(found) => assert_eq!(found, [10, 11, 12, 13], "byte {at}"),
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        for at in 0..HEADER {
            let mut bad = bytes.clone();
            bad[at] ^= 0x55;
            assert_eq!(positions(&bad), Err(Damage::Header), "byte {at}");
        }
    }

    #[test]
    fn bytes_of_another_segment_are_not_read() {
        let (mut bytes, _) = segment();
        let size = bytes.len() as u32;
        let header = encode_header(SegmentHeader { number: NUMBER + 1, first: 10, size });
        bytes[..HEADER].copy_from_slice(&header);
        assert_eq!(positions(&bytes), Ok(vec![]));
    }
}
