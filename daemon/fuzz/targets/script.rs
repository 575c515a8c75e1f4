//! TICKscript: what parses is formatted into something that parses, and formatting that changes nothing.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if tick::parse(text).is_ok() {
        let once = tick::format(text).expect("what parses is formatted");
        let twice = tick::format(&once).expect("what was formatted parses");
        assert_eq!(once, twice);
    }
});
