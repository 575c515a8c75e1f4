//! Alert events as members offer them.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("event", bytes);
});
