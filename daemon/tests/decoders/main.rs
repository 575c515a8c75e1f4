//! Whatever bytes come from others: no decoder panics or uses more memory than the bytes justify.
//!
//! The decoders are those that `make fuzz` feeds, each with its limit. A test binary of its own, since
//! the counting allocator replaces the one of the process. What is counted is the most that was live
//! at once, the old and the new buffer of a growing list included.

#[path = "../../fuzz/targets/decoders.rs"]
mod decoders;
mod honest;

use std::sync::LazyLock;

use decoders::{DECODERS, Decoder};
use proptest::prelude::*;
use proptest::sample::Index;

/// How a valid message is damaged.
#[derive(Clone, Debug)]
enum Damage {
    /// Nothing of it is left.
    Noise(Vec<u8>),
    /// A byte is another one.
    Flip(Index, u8),
    /// From somewhere on it is a length, and as many or fewer equal bytes.
    Promise { at: Index, length: u64, kept: usize, filler: u8 },
    /// A part is repeated.
    Repeat { at: Index, length: usize, times: usize },
}

fn damages() -> impl Strategy<Value = Damage> {
    let noise = prop::collection::vec(any::<u8>(), 0..2048);
    let lengths = prop_oneof![0u64..300, 0u64..100_000, any::<u64>()];
    prop_oneof![
        1 => noise.prop_map(Damage::Noise),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        4 => (any::<Index>(), lengths, 0usize..20_000, prop_oneof![0u8..3, any::<u8>()]).prop_map(
            |(at, length, kept, filler)| Damage::Promise { at, length, kept, filler },
        ),
        2 => (any::<Index>(), 1usize..40, 0usize..500)
            .prop_map(|(at, length, times)| Damage::Repeat { at, length, times }),
    ]
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match damage {
        Damage::Noise(noise) => return noise.clone(),
        Damage::Flip(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Damage::Promise { at, length, kept, filler } => {
            bytes.truncate(at.index(bytes.len() + 1));
            bytes.extend(varint(*length));
            bytes.resize(bytes.len() + (*length as usize).min(*kept), *filler);
        }
        Damage::Repeat { at, length, times } => {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            let part = bytes[at..end].repeat(*times);
            bytes.splice(at..at, part);
        }
    }
    bytes
}

/// Decodes, and says what memory was in use at most.
fn memory(decoder: &Decoder, bytes: &[u8]) -> usize {
    allocation_counter::measure(|| _ = (decoder.decode)(bytes)).bytes_max as usize
}

/// Honest inputs of each decoder, to be damaged.
static HONEST: LazyLock<Vec<Vec<Vec<u8>>>> =
    LazyLock::new(|| DECODERS.iter().map(|decoder| honest::of(decoder.name)).collect());

fn check(decoder: &Decoder, bytes: &[u8]) {
    let (most, limit) = (memory(decoder, bytes), decoder.factor * bytes.len() + decoder.floor);
    assert!(most <= limit, "{}: {most} bytes for {}", decoder.name, bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_bytes_cost_no_more_than_they_justify(
        which in any::<Index>(), more in any::<Index>(), damage in damages(), again in damages(),
    ) {
        let which = which.index(DECODERS.len());
        let (decoder, honest) = (&DECODERS[which], &HONEST[which]);
        let once = damaged(honest[more.index(honest.len())].clone(), &damage);
        check(decoder, &once);
        if !once.is_empty() {
            check(decoder, &damaged(once, &again));
        }
    }
}

#[test]
fn what_honest_members_write_is_read_within_the_limit() {
    for decoder in DECODERS {
        for (at, bytes) in honest::of(decoder.name).into_iter().enumerate() {
            assert!(decoders::feed(decoder.name, &bytes), "{}: the {at}th is read", decoder.name);
            check(decoder, &bytes);
        }
    }
}

#[test]
fn every_decoder_has_a_fuzz_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/targets");
    let mut targets: Vec<String> = std::fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .map(|path| path.file_stem().expect("a file").to_string_lossy().into_owned())
        .filter(|name| name != "decoders")
        .collect();
    targets.sort();
    let mut names: Vec<&str> = DECODERS.iter().map(|decoder| decoder.name).collect();
    names.sort_unstable();
    assert_eq!(
        names, targets,
        "a line in daemon/fuzz/targets/decoders.rs, a file in daemon/fuzz/targets"
    );
}
