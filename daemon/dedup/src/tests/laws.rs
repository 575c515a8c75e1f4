//! Golden bytes and laws: hashing, order, codec, digests, occurrences.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{MemberId, Time};
use proptest::prelude::*;

use crate::world::{World, event, key, member, ms};
use crate::*;

#[test]
fn key_hash_is_golden() {
    let k = key("cpu", "host=a", 1_700_000_000_000_000_000);
    assert_eq!(k.hash().to_string(), "5878edb9eb5e2e1b118a91d2484a9166");
    let long = key(&"x".repeat(600), "", -1);
    assert_eq!(long.hash().to_string(), "3fdfa37d925ef09a5c121f10585c1d3f");
}

#[test]
fn every_field_of_a_key_changes_its_hash() {
    let base = key("ab", "c", 1);
    let mut others = vec![base.clone(); 6];
    others[0].topic = "a".into();
    others[0].id = "bc".into();
    others[1].id = "d".into();
    others[2].time = Time(2);
    others[3].level = 0;
    others[4].source = "other".into();
    others[5].occurrence = 1;
    let hashes: BTreeSet<_> = others.iter().chain([&base]).map(Key::hash).collect();
    assert_eq!(hashes.len(), 7);
}

#[test]
fn order_is_golden() {
    let place = |topic| -> Vec<u8> {
        let line = order(topic, (1..=5).map(member));
        line.iter().map(|id| id.as_uuid().as_bytes()[0]).collect()
    };
    assert_eq!(
        format!("{:?}", [place("cpu"), place("mem"), place("")]),
        "[[5, 4, 3, 1, 2], [4, 2, 5, 1, 3], [1, 5, 2, 3, 4]]"
    );
}

#[test]
fn owners_are_the_first_of_the_line_and_zero_means_all() {
    let line = order("t", (1..=4).map(member));
    assert_eq!(*owners("t", (1..=4).map(member), 2), line[..2]);
    assert_eq!(*owners("t", (1..=4).map(member), 0), line[..]);
    assert_eq!(*owners("t", (1..=4).map(member), 9), line[..]);
    assert!(owners("t", [], 2).is_empty());
}

#[test]
fn one_more_member_moves_one_nth_of_the_topics() {
    let topics = 4_000;
    for n in [3u8, 9, 19] {
        let moved = (0..topics)
            .filter(|i| {
                let topic = format!("topic{i}");
                owners(&topic, (1..=n).map(member), 1) != owners(&topic, (1..=n + 1).map(member), 1)
            })
            .count();
        let share = moved as f64 * f64::from(n + 1) / f64::from(topics);
        assert!((0.8..1.2).contains(&share), "{n}: {share}");
    }
}

#[test]
fn frames_are_golden() {
    let hash = KeyHash(0x0102);
    let frame = encode_frame(&[
        Message::OfferAck { hash, done: true },
        Message::Done { hash, topic: "t".into() },
    ]);
    assert_eq!(hex(&frame), "0102018202010a82020174");
    let record = Record::Pending {
        key: key("t", "i", 1),
        body: vec![9u8, 8].into(),
        raised: true,
        cold: false,
    };
    assert_eq!(hex(&record.encode()), "01000174016902030b7461736b2f616c65727432000209080100");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, b| text + &format!("{b:02x}"))
}

#[test]
fn bytes_of_another_version_or_with_a_tail_are_refused() {
    let mut frame = encode_frame(&[Message::DoneAck { hash: KeyHash(1) }]);
    assert_eq!(decode_frame(&[]), Err(DecodeError::Empty));
    frame.push(0);
    assert_eq!(decode_frame(&frame), Err(DecodeError::Malformed));
    frame[0] = 9;
    assert_eq!(decode_frame(&frame), Err(DecodeError::UnknownVersion(9)));
}

#[test]
fn repeated_keys_of_a_source_are_counted_and_bounded() {
    let mut seen = Occurrences::new(2);
    let mut next = |id: &str| seen.key("t".into(), id.into(), Time(1), 1, "s".into()).occurrence;
    assert_eq!([next("a"), next("a"), next("a"), next("b")], [0, 1, 2, 0]);
    assert_eq!([next("c"), next("a")], [0, 0], "the oldest count was forgotten");
    assert_eq!(seen.forgotten(), 2);
}

#[test]
fn a_sync_whose_answers_raise_too_many_questions_is_broken_off() {
    for (topics, ended) in [(4, 0), (5, 1)] {
        let mut config = Config::new(member(1), model::BootGeneration(1));
        config.limits.questions = 4;
        let mut machine = Dedup::new(config, vec![]);
        let peer = Peer { boot: model::BootGeneration::default(), alive: true, ready: true };
        let roster = (1..=2).map(|n| (member(n), peer)).collect();
        machine.handle(ms(0), Input::Members(Members { roster, ..Members::default() }));
        machine.handle(ms(0), Input::Sync { peer: member(2) });
        let digest = |n| TopicDigest {
            topic: format!("t{n}").into(),
            done: Digest { count: 1, xor: 1 },
            pending: Digest::default(),
        };
        let page = (0..topics).map(digest).collect();
        let answer = PullAnswer::Topics { groups: vec![], page, more: false };
        let message = Message::PullAnswer(answer);
        machine.handle(ms(1), Input::Message { from: member(2), message });
        assert_eq!(machine.counters().questions_overflow, ended);
        let broken_off = Output::SyncEnded { peer: member(2), complete: false };
        let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll_output()).collect();
        assert_eq!(outputs.contains(&broken_off), ended == 1);
    }
}

/// What costs most memory for its bytes, as much of it as an honest member may write: a frame or record
/// that is refused for that would be refused for ever.
#[test]
fn as_many_handlers_as_there_may_be_are_read_however_short_their_names() {
    let most = Limits::default().handlers;
    let letters = || (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').map(char::from);
    let longer = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}")));
    let names = letters().map(String::from).chain(longer).take(most);
    let handlers: Arc<[HandlerId]> = names.map(HandlerId::from).collect();
    assert_eq!(handlers.len(), most);
    let (hash, boot) = (KeyHash(u128::MAX), model::BootGeneration(1));
    let claim = Message::Claim(Claim {
        hash,
        topic: "t".into(),
        boot,
        lease_ms: 1,
        view: Arc::new([member(1)]),
        handlers: handlers.clone(),
    });
    let grant = Message::Grant { hash, boot, view: None, finished: handlers.to_vec() };
    let frame: Vec<Message> = std::iter::repeat_n([claim, grant], 100).flatten().collect();
    assert!(decode_frame(&encode_frame(&frame)) == Ok(frame), "the frame is read");
    let record = Record::Judged { hash, handlers };
    assert!(Record::decode(&record.encode()) == Ok(record), "the record is read");
}

fn text() -> impl Strategy<Value = Arc<str>> {
    ".{0,12}".prop_map(Arc::from)
}

fn keys() -> impl Strategy<Value = Key> {
    (text(), text(), any::<i64>(), any::<u8>(), text(), any::<u32>()).prop_map(
        |(topic, id, time, level, source, occurrence)| Key {
            topic,
            id,
            time: Time(time),
            level,
            source,
            occurrence,
        },
    )
}

fn view() -> impl Strategy<Value = Arc<[MemberId]>> {
    prop::collection::vec((1u8..9).prop_map(member), 0..5).prop_map(Arc::from)
}

fn messages() -> impl Strategy<Value = Message> {
    let hash = any::<u128>().prop_map(KeyHash);
    prop_oneof![
        (
            keys(),
            view(),
            any::<[bool; 3]>(),
            prop::collection::vec(text(), 0..4),
            prop::option::of(any::<Vec<u8>>())
        )
            .prop_map(|(key, view, [cold, raised, handover], finished, body)| {
                let body = body.map(Body::from);
                Message::Offer(Offer { key, view, cold, raised, handover, finished, body })
            }),
        (hash.clone(), text(), any::<u64>(), view(), prop::collection::vec(text(), 0..4)).prop_map(
            |(hash, topic, lease_ms, view, handlers)| Message::Claim(Claim {
                hash,
                topic,
                boot: model::BootGeneration(lease_ms / 3),
                lease_ms,
                view,
                handlers: handlers.into(),
            })
        ),
        (hash.clone(), view()).prop_map(|(hash, view)| Message::Grant {
            hash,
            boot: model::BootGeneration(4),
            view: Some(view),
            finished: vec![],
        }),
        (hash, any::<u32>()).prop_map(|(hash, age)| {
            Message::PullAnswer(PullAnswer::Keys {
                topic: "t".into(),
                prefixes: vec![Prefix::ROOT.child(1).expect("short")],
                done: vec![(hash, age)],
                pending: vec![hash],
                more: Some(hash),
            })
        }),
    ]
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_same(list in prop::collection::vec(messages(), 0..6)) {
        prop_assert_eq!(decode_frame(&encode_frame(&list)), Ok(list));
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in any::<Vec<u8>>()) {
        let _ = decode_frame(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        let _ = decode_frame(&bytes);
        let _ = Record::decode(&bytes);
    }

    #[test]
    fn random_messages_never_panic_and_sets_stay_bounded(
        list in prop::collection::vec((1u8..5, messages(), 0u64..9_000), 0..60)
    ) {
        let mut config = Config::new(member(1), model::BootGeneration(1));
        config.limits.notes = 5;
        config.limits.pending = 5;
        config.limits.done = 5;
        let mut machine = Dedup::new(config, vec![]);
        let peer = Peer { boot: model::BootGeneration::default(), alive: true, ready: true };
        let roster = (1..=3).map(|n| (member(n), peer)).collect();
        let mut now = ms(0);
        machine.handle(now, Input::Members(Members { roster, ..Members::default() }));
        for (from, message, wait) in list {
            now += ms(wait);
            machine.handle(now, Input::Message { from: member(from), message });
            machine.handle(now, Input::Tick);
            while let Some(output) = machine.poll_output() {
                if let Output::Judge { event } = output {
                    let handlers = Some(Arc::from([HandlerId::from("h")]));
                    machine.handle(now, Input::Judged { hash: event.hash, handlers });
                }
            }
        }
        prop_assert!(machine.pending_count() <= 5 && machine.done_count() <= 5);
    }

    #[test]
    fn digests_of_a_topic_depend_on_its_set_alone(
        mut list in prop::collection::vec((0u8..3, any::<u128>()), 0..40),
        seed in any::<u64>(),
    ) {
        let root = |list: &[(u8, u128)]| {
            let mut machine = Dedup::new(Config::new(member(1), model::BootGeneration(1)), vec![]);
            let peer = Peer { boot: model::BootGeneration::default(), alive: true, ready: true };
            let roster = (1..=2).map(|n| (member(n), peer)).collect();
            machine.handle(ms(0), Input::Members(Members { roster, ..Members::default() }));
            for (topic, hash) in list {
                let topic = format!("t{topic}").into();
                let message = Message::Done { hash: KeyHash(*hash), topic };
                machine.handle(ms(0), Input::Message { from: member(2), message });
            }
            machine.root()
        };
        let first = root(&list);
        let by = |(t, h): &(u8, u128)| (h ^ u128::from(seed)).wrapping_mul(0x9e37_79b9) ^ u128::from(*t);
        list.sort_by_key(by);
        prop_assert_eq!(root(&list), first);
    }

    #[test]
    fn a_topic_never_suppresses_an_event_of_another(time in any::<i64>()) {
        let mut world = World::new(2);
        let (one, two) = (event("one", "id", time), event("two", "id", time));
        world.raise(member(1), &one);
        world.pass(ms(50));
        world.raise(member(2), &two);
        world.pass(ms(50));
        prop_assert_eq!((world.copies(&one), world.copies(&two)), (1, 1));
    }

    #[test]
    fn sync_makes_two_sets_one(
        mine in prop::collection::btree_set(any::<u128>(), 0..300),
        theirs in prop::collection::btree_set(any::<u128>(), 0..300),
    ) {
        let mut world = World::new(2);
        world.latency = ms(1);
        for (to, from, set) in [(1, 2, &mine), (2, 1, &theirs)] {
            for hash in set {
                let message = Message::Done { hash: KeyHash(*hash), topic: "t".into() };
                world.input(member(to), Input::Message { from: member(from), message });
            }
        }
        world.input(member(1), Input::Sync { peer: member(2) });
        world.pass(ms(3_000));
        let all: BTreeSet<_> = mine.union(&theirs).collect();
        for n in 1..=2 {
            prop_assert_eq!(world.machine(member(n)).done_count(), all.len());
        }
    }
}
