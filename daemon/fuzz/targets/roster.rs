//! Rosters as members push them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(roster) = gossip::Roster::from_bytes(bytes) {
        let again = gossip::Roster::from_bytes(&roster.to_bytes());
        assert!(again.is_ok());
    }
});
