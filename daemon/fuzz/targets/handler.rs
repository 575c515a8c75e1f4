//! Specs of topic handlers, with what they match.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = alert::HandlerSpec::from_json(bytes);
});
