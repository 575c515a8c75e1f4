//! Specs of topic handlers, with what they match.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("handler", bytes);
});
