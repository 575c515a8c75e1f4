//! Rosters as members push them.
#![no_main]

mod decoders;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoders::feed("roster", bytes);
    if let Ok(roster) = gossip::Roster::from_bytes(bytes) {
        assert!(gossip::Roster::from_bytes(&roster.to_bytes()).is_ok());
    }
});
