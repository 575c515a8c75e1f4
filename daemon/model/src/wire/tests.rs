//! Lists and texts are charged for; what is honest is read, what only promises is refused.

use std::sync::Arc;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::Str;

/// Everything that messages are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Part {
    Unit,
    Tuple(u8, Option<i64>),
    List { names: Vec<Str>, shared: Arc<[u64]>, bytes: Vec<u8> },
    Nested(Vec<(bool, Part)>),
}

fn parts() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        Just(Part::Unit),
        any::<(u8, Option<i64>)>().prop_map(|(a, b)| Part::Tuple(a, b)),
        (prop::collection::vec("[a-z]{3,9}", 0..4), any::<Vec<u64>>(), any::<Vec<u8>>()).prop_map(
            |(names, shared, bytes)| Part::List {
                names: names.into_iter().map(Into::into).collect(),
                shared: shared.into(),
                bytes,
            }
        ),
    ];
    leaf.prop_recursive(3, 20, 4, |part| {
        prop::collection::vec((any::<bool>(), part), 0..4).prop_map(Part::Nested)
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read_with_what_follows(part in parts(), rest in any::<[u8; 3]>()) {
        let mut bytes = postcard::to_allocvec(&part).expect("plain data");
        bytes.extend(rest);
        prop_assert_eq!(take::<Part>(&bytes), Ok((part, &rest[..])));
    }
}

/// Reads `count` elements of one zero byte each.
fn zeros<'de, T: Deserialize<'de>>(bytes: &'de mut Vec<u8>, count: usize) -> bool {
    *bytes = postcard::to_allocvec(&count).expect("plain data");
    bytes.resize(bytes.len() + count, 0);
    take::<T>(bytes).is_ok()
}

#[test]
fn a_list_is_read_as_far_as_its_bytes_pay_for_its_elements() {
    const MANY: usize = 100_000;
    let bytes = &mut Vec::new();
    assert!(zeros::<Vec<u8>>(bytes, MANY), "a byte in memory for a byte");
    assert!(!zeros::<Vec<Vec<u8>>>(bytes, MANY), "24 for one, and more as the list grows");
    assert!(!zeros::<Vec<Str>>(bytes, MANY), "a name costs its place and its content");
    assert!(!zeros::<Arc<[Option<[u64; 8]>]>>(bytes, MANY), "72 for one");
    assert!(zeros::<Vec<Str>>(bytes, 40), "few are within what any message may cost");
}

#[test]
fn a_length_that_nothing_follows_is_refused() {
    for length in [1usize, 1000, usize::MAX] {
        let bytes = postcard::to_allocvec(&length).expect("plain data");
        assert!(take::<Vec<u64>>(&bytes).is_err());
        assert!(take::<Str>(&bytes).is_err());
    }
}
