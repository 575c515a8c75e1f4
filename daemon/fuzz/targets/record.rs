//! Records of the journal: what decodes encodes to bytes that decode to the same.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("record", bytes);
    if let Ok(record) = dedup::Record::decode(bytes) {
        assert_eq!(dedup::Record::decode(&record.encode()).ok(), Some(record));
    }
});
