//! Whatever comes from users and from the network is answered, never with a panic.

use proptest::prelude::*;

use crate::{Event, Glob, HandlerSpec, Match, apply_patch};

proptest! {
    #[test]
    fn random_bytes_are_no_event_or_a_readable_one(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(event) = postcard::from_bytes::<Event>(&bytes) {
            let _ = (event.alert_data(), event.weight(), event.key());
        }
        let _ = postcard::from_bytes::<HandlerSpec>(&bytes);
        let _ = HandlerSpec::from_json(&bytes);
    }

    #[test]
    fn random_patterns_answer_for_random_ids(pattern in r"[\[\]\\*?^a-c/-]{0,20}", id in "[a-c/*-]{0,20}") {
        if let Ok(glob) = Glob::parse(&pattern) {
            let _ = glob.matches(&id);
        }
    }

    #[test]
    fn random_patches_change_a_spec_or_are_refused(
        op in "add|remove|replace|move|copy|test",
        path in "(/(id|options|0|-|~0~1)){0,3}",
        from in "(/(id|options|0|a)){0,2}",
    ) {
        let spec = serde_json::json!({"id": "h", "options": {"a": [1, 2]}, "match": ""});
        let patch = serde_json::json!([{"op": op, "path": path, "from": from, "value": [5]}]);
        if let Ok(patched) = apply_patch(&spec, &patch) {
            let _ = HandlerSpec::from_json(patched.to_string().as_bytes());
        }
    }

    #[test]
    fn random_matches_compile_or_are_refused(text in "[a-z\"'()<>=&|! 0-9]{0,40}") {
        let _ = Match::compile(&text);
    }
}

#[test]
fn an_event_cut_anywhere_is_refused() {
    let event = crate::data::tests::event("t", "x", crate::Level::Info, 1);
    let wire = postcard::to_allocvec(&event).expect("wire");
    for cut in 0..wire.len() {
        assert!(postcard::from_bytes::<Event>(&wire[..cut]).is_err(), "{cut}");
    }
}
