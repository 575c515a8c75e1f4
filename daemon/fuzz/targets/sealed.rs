//! Openings of sealed sessions and calls under them.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("sealed", bytes);
});
