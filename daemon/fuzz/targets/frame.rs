//! Dedup's messages: what decodes encodes to bytes that decode to the same.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("frame", bytes);
    if let Ok(messages) = dedup::decode_frame(bytes) {
        let again = dedup::decode_frame(&dedup::encode_frame(&messages));
        assert_eq!(again.ok(), Some(messages));
    }
});
