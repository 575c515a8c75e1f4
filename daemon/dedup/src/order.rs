//! Rendezvous hashing: the line of members behind a topic, and the owners at its head.

use std::sync::Arc;

use model::MemberId;
use xxhash_rust::xxh3::xxh3_64;

/// Topics up to this many bytes are hashed on the stack.
const STACK_BYTES: usize = 256;

/// `members` in the order of `topic`: sorted by xxh3-64(topic ‖ 0 ‖ member id), highest first, ties by
/// member id. Golden-tested, fixed for ever. Adding or removing a member moves no other pair.
pub fn order(topic: &str, members: impl IntoIterator<Item = MemberId>) -> Vec<MemberId> {
    let mut stack = [0u8; STACK_BYTES];
    let mut heap = Vec::new();
    let size = topic.len() + 17;
    let buffer: &mut [u8] = if size <= STACK_BYTES {
        &mut stack[..size]
    } else {
        heap.resize(size, 0);
        &mut heap
    };
    buffer[..topic.len()].copy_from_slice(topic.as_bytes());
    let mut line: Vec<(u64, MemberId)> = members
        .into_iter()
        .map(|member| {
            buffer[topic.len() + 1..].copy_from_slice(member.as_uuid().as_bytes());
            (xxh3_64(buffer), member)
        })
        .collect();
    line.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    line.dedup();
    line.into_iter().map(|(_, member)| member).collect()
}

/// The owners of `topic`: the first `redundancy` of its order (0 = all) among `eligible`, which are the
/// members of the roster that are alive or suspect, and ready. Fewer than `redundancy`: all of them.
pub fn owners(
    topic: &str,
    eligible: impl IntoIterator<Item = MemberId>,
    redundancy: usize,
) -> Arc<[MemberId]> {
    let mut line = order(topic, eligible);
    if redundancy > 0 {
        line.truncate(redundancy);
    }
    line.into()
}
