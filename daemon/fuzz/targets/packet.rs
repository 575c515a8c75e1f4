//! Gossip: the bodies of packets and of push/pull.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("packet", bytes);
});
