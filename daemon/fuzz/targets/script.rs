//! TICKscript: what parses is formatted into something that parses. Not always into a fixed point: whether
//! a binary operation breaks its line depends on where its left side's operator stands, as in the original.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|text: &str| {
    decoders::feed("script", text.as_bytes());
    if tick::parse(text).is_ok() {
        let once = tick::format(text).expect("what parses is formatted");
        assert!(tick::format(&once).is_ok(), "what was formatted parses: {once}");
    }
});
