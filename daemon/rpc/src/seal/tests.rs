//! Sealed calls: golden bytes, what opens and what does not, rolls, limits.

use std::time::Duration;

use gossip::{Key, KeyRing};
use proptest::prelude::*;

use super::*;

const PATH: &str = "/rpc/v1/frame";
const NOW: Duration = Duration::ZERO;

fn key(n: u8) -> Key {
    Key::new([n; 32])
}

fn ring(keys: &[u8]) -> KeyRing {
    KeyRing::sealed(keys.iter().map(|n| key(*n)).collect())
}

/// Bytes that count up: each drawing differs from the ones before.
fn counting(from: u8) -> impl FnMut(&mut [u8]) {
    let mut next = from;
    move |bytes| {
        bytes.fill(next);
        next = next.wrapping_add(1);
    }
}

/// Random enough for thousands of sessions.
fn mixed() -> impl FnMut(&mut [u8]) {
    let mut state = 1_u64;
    move |bytes| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}

fn connect(door: &mut Door, with: &Key) -> Result<Session, Signal> {
    let mut random = counting(with.expose()[0].wrapping_mul(16));
    let (opening, body) = Opening::new(with, &mut random);
    let answer = door.open_session(NOW, &body, &mut random)?;
    Ok(opening.opened(&answer).expect("an answer to this opening"))
}

/// The callee's whole turn: the body inside, and what its answer is sealed with.
fn serve(door: &mut Door, path: &'static str, body: &[u8]) -> Result<(Sealed, Vec<u8>), Signal> {
    let sealed = door.find(path, body)?;
    let inside = sealed.open(body)?;
    door.accept(NOW, &sealed)?;
    Ok((sealed, inside))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn wire_bytes_of_version_1_stay_as_they_are() {
    let mut random = counting(1);
    let (opening, asked) = Opening::new(&key(7), &mut random);
    let mut door = Door::new(ring(&[7]));
    let opened = door.open_session(NOW, &asked, &mut random).expect("the same key");
    let session = opening.opened(&opened).expect("its answer");
    let (_, request) = session.request(PATH, b"hi", &mut random);
    let (sealed, _) = serve(&mut door, PATH, &request).expect("served");
    let answer = sealed.answer(b"ho", &mut random);
    let all = [asked, opened, request, answer].map(|bytes| hex(&bytes)).join("\n");
    expect_test::expect![[r"
        01020202020202020202020202020202020202020202020202dbb001fd899c36864736648030b516f247b41a0b0b429124ba907e6ddd3c7bd22e318b8bc081fc5cbf0ab416b9d6add4
        01050505050505050505050505050505050505050505050505f2b976ee1e74ca2cd87da510e498bbcb29e15d71e05c3972a24882a44a84a2635d17f3191080d2cf3188f8aa48f3cb809bcb9defa14999622224302c4c185546
        0103030303030303030303030303030303010000000000000006060606060606060606060606060606060606060606060610ba531f7cf451ae5a9a3f40a6ebe823c9c0
        01070707070707070707070707070707070707070707070707cca7fdfec5e8db9417e919940484ce4054cb"]].assert_eq(&all);
}

#[test]
fn a_call_goes_there_and_back_and_each_request_is_served_once() {
    let mut door = Door::new(ring(&[7]));
    let session = connect(&mut door, &key(7)).expect("the same key");
    let mut random = counting(100);
    let mut requests = Vec::new();
    for n in 0..3_u8 {
        let (asked, request) = session.request(PATH, &[n; 40], &mut random);
        let (sealed, inside) = serve(&mut door, PATH, &request).expect("served");
        assert_eq!(inside, [n; 40]);
        assert!(!request.windows(8).any(|part| part == [n; 8]), "nothing of the body shows");
        let answer = sealed.answer(b"done", &mut random);
        assert_eq!(session.answer(&asked, PATH, &answer).as_deref(), Some(&b"done"[..]));
        requests.push((asked, request, answer));
    }
    for (_, request, _) in &requests {
        assert_eq!(serve(&mut door, PATH, request).err(), Some(Signal::Replay));
    }
    let (first, second) = (&requests[0], &requests[1]);
    assert_eq!(session.answer(&first.0, PATH, &second.2), None, "the answer to another request");
    assert_eq!(session.answer(&first.0, "/rpc/v1/join", &first.2), None, "to another call");
    assert_eq!(session.answer(&first.0, PATH, &first.1), None, "a request is no answer");
}

#[test]
fn a_request_is_bound_to_its_path_and_its_session() {
    let mut door = Door::new(ring(&[7]));
    let session = connect(&mut door, &key(7)).expect("the same key");
    let (_, request) = session.request(PATH, b"body", &mut counting(9));
    assert_eq!(serve(&mut door, "/rpc/v1/join", &request).err(), Some(Signal::Forged));
    let mut other = Door::new(ring(&[7]));
    assert_eq!(
        serve(&mut other, PATH, &request).err(),
        Some(Signal::Session),
        "a restarted callee"
    );
    assert!(serve(&mut door, PATH, &request).is_ok(), "a refused one was not used up");
}

#[test]
fn every_bit_is_protected() {
    let mut door = Door::new(ring(&[7]));
    let mut random = counting(1);
    let (opening, body) = Opening::new(&key(7), &mut random);
    let answer = door.open_session(NOW, &body, &mut random).expect("the same key");
    for bit in 0..body.len() * 8 {
        let flipped = flip(&body, bit);
        assert!(door.open_session(NOW, &flipped, &mut random).is_err(), "opening, bit {bit}");
        let (again, _) = Opening::new(&key(7), &mut counting(1));
        assert!(again.opened(&flip(&answer, bit % (answer.len() * 8))).is_none(), "opened, {bit}");
    }
    let session = opening.opened(&answer).expect("untouched");
    let (asked, request) = session.request(PATH, b"body", &mut random);
    for bit in 0..request.len() * 8 {
        assert!(serve(&mut door, PATH, &flip(&request, bit)).is_err(), "request, bit {bit}");
    }
    for end in 0..request.len() {
        assert!(serve(&mut door, PATH, &request[..end]).is_err(), "first {end} bytes");
    }
    let (sealed, _) = serve(&mut door, PATH, &request).expect("untouched");
    let answer = sealed.answer(b"done", &mut random);
    for bit in 0..answer.len() * 8 {
        assert_eq!(session.answer(&asked, PATH, &flip(&answer, bit)), None, "answer, bit {bit}");
    }
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn an_opening_proves_the_key_both_ways() {
    let mut door = Door::new(ring(&[7, 8]));
    assert!(connect(&mut door, &key(8)).is_ok(), "any key of the ring opens");
    assert_eq!(connect(&mut door, &key(9)).err(), Some(Signal::Key), "a wrong one does not");
    assert_eq!(connect(&mut Door::new(KeyRing::plain()), &key(7)).err(), Some(Signal::Key));
    let (opening, _) = Opening::new(&key(7), &mut counting(1));
    let (_, other) = Opening::new(&key(7), &mut counting(2));
    let answer = door.open_session(NOW, &other, &mut counting(3)).expect("the same key");
    assert!(opening.opened(&answer).is_none(), "an answer to another opening, recorded");
    let mut body = other.clone();
    assert_eq!(door.open_session(NOW, &body, &mut counting(4)).err(), Some(Signal::Replay));
    body[0] = 2;
    assert_eq!(door.open_session(NOW, &body, &mut counting(4)).err(), Some(Signal::Version));
    assert_eq!(door.open_session(NOW, b"", &mut counting(4)).err(), Some(Signal::Malformed));
    assert_eq!(door.find(PATH, b"POST / HTTP").err(), Some(Signal::Version));
    assert_eq!(door.find(PATH, &[1; 20]).err(), Some(Signal::Malformed));
}

#[test]
fn a_roll_of_the_key_ends_the_sessions_of_the_retired_one_only() {
    let mut door = Door::new(ring(&[7]));
    let old = connect(&mut door, &key(7)).expect("the first key");
    let mut random = counting(50);
    door.set_keys(ring(&[7, 8]));
    let new = connect(&mut door, &key(8)).expect("the added key");
    assert!(new.is_of(&key(8)) && !old.is_of(&key(8)));
    door.set_keys(ring(&[8, 7]));
    let (asked, request) = old.request(PATH, b"a", &mut random);
    let (let_in, _) = serve(&mut door, PATH, &request).expect("not retired yet");
    door.set_keys(ring(&[8]));
    let answer = let_in.answer(b"b", &mut random);
    assert!(old.answer(&asked, PATH, &answer).is_some(), "what was let in is answered");
    let (_, request) = old.request(PATH, b"a", &mut random);
    assert_eq!(serve(&mut door, PATH, &request).err(), Some(Signal::Session));
    assert_eq!(connect(&mut door, &key(7)).err(), Some(Signal::Key), "retired");
    let (_, request) = new.request(PATH, b"a", &mut random);
    assert!(serve(&mut door, PATH, &request).is_ok());
}

#[test]
fn a_retired_key_ends_a_request_that_was_found_and_not_let_in() {
    let mut door = Door::new(ring(&[7]));
    let session = connect(&mut door, &key(7)).expect("the same key");
    let (_, request) = session.request(PATH, b"a", &mut counting(50));
    let sealed = door.find(PATH, &request).expect("known");
    door.set_keys(ring(&[8]));
    assert_eq!(door.accept(NOW, &sealed).err(), Some(Signal::Session));
}

#[test]
fn plain_calls_are_let_in_as_gossip_packets_are() {
    let rolling = |incoming| KeyRing::rolling(vec![key(7)], incoming, true);
    assert_eq!(Door::new(KeyRing::plain()).admit_plain(), Ok(()));
    assert_eq!(Door::new(rolling(false)).admit_plain(), Ok(()));
    assert_eq!(Door::new(rolling(true)).admit_plain(), Err(Signal::Unsealed));
}

#[test]
fn recorded_openings_cannot_push_out_sessions_in_use() {
    let mut door = Door::new(ring(&[7]));
    let session = connect(&mut door, &key(7)).expect("the same key");
    let mut random = mixed();
    let (_, request) = session.request(PATH, b"a", &mut random);
    serve(&mut door, PATH, &request).expect("in use now");
    for n in 0..HALF_OPEN_SESSIONS * 2 {
        let (_, body) = Opening::new(&key(7), &mut random);
        door.open_session(Duration::from_millis(n as u64), &body, &mut random).expect("opened");
    }
    assert_eq!(door.sessions(), HALF_OPEN_SESSIONS + 1);
    let (_, request) = session.request(PATH, b"b", &mut random);
    assert!(serve(&mut door, PATH, &request).is_ok());
}

#[test]
fn sessions_are_bounded_and_idle_ones_end() {
    let mut door = Door::new(ring(&[7]));
    let mut random = mixed();
    for n in 0..SESSIONS + 10 {
        let now = Duration::from_millis(n as u64);
        let (opening, body) = Opening::new(&key(7), &mut random);
        let answer = door.open_session(now, &body, &mut random).expect("opened");
        let session = opening.opened(&answer).expect("its answer");
        let (_, request) = session.request(PATH, b"a", &mut random);
        let sealed = door.find(PATH, &request).expect("known");
        door.accept(now, &sealed).expect("new");
    }
    assert_eq!(door.sessions(), SESSIONS);
    let later = SESSION_IDLE + Duration::from_secs(10);
    let (_, body) = Opening::new(&key(7), &mut random);
    door.open_session(later, &body, &mut random).expect("opened");
    assert_eq!(door.sessions(), 1);
}

#[test]
fn signals_have_a_word_each() {
    for signal in Signal::ALL {
        assert_eq!(Signal::parse(signal.as_str()), Some(signal));
    }
    assert_eq!(Signal::parse("yes"), None);
}

#[test]
fn keys_are_never_printed() {
    let session = connect(&mut Door::new(ring(&[7])), &key(7)).expect("the same key");
    assert_eq!(format!("{session:?}"), "Session(…)");
}

proptest! {
    #[test]
    fn whatever_is_sealed_comes_out(body in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut door = Door::new(ring(&[7]));
        let session = connect(&mut door, &key(7)).expect("the same key");
        let (asked, request) = session.request(PATH, &body, &mut mixed());
        prop_assert_eq!(request.len(), body.len() + SEAL_OVERHEAD);
        let (sealed, inside) = serve(&mut door, PATH, &request).expect("served");
        prop_assert_eq!(&inside, &body);
        let answer = sealed.answer(&body, &mut mixed());
        prop_assert_eq!(session.answer(&asked, PATH, &answer), Some(body));
    }

    #[test]
    fn noise_is_refused(mut noise in prop::collection::vec(any::<u8>(), 0..300), version: bool) {
        if version && let Some(first) = noise.first_mut() {
            *first = SEAL_VERSION;
        }
        let mut door = Door::new(ring(&[7]));
        let session = connect(&mut door, &key(7)).expect("the same key");
        let (asked, _) = session.request(PATH, b"", &mut mixed());
        prop_assert!(serve(&mut door, PATH, &noise).is_err());
        prop_assert!(door.open_session(NOW, &noise, &mut mixed()).is_err());
        prop_assert_eq!(session.answer(&asked, PATH, &noise), None);
        let (opening, _) = Opening::new(&key(7), &mut mixed());
        prop_assert!(opening.opened(&noise).is_none());
    }
}
