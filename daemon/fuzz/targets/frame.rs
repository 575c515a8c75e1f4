//! Dedup's messages and journal records: what decodes encodes to bytes that decode to the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(messages) = dedup::decode_frame(bytes) {
        let again = dedup::decode_frame(&dedup::encode_frame(&messages));
        assert_eq!(again.ok(), Some(messages));
    }
    if let Ok(record) = dedup::Record::decode(bytes) {
        assert_eq!(dedup::Record::decode(&record.encode()).ok(), Some(record));
    }
});
