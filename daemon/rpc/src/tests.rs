//! The wire: golden bytes, limits, and that nothing from outside panics.

use alert::Level;
use dedup::{Key, Message, Offer};
use expect_test::{Expect, expect};
use gossip::{Addresses, Entry};
use model::{BootGeneration, ClusterId, Duration, MemberId, Time};
use proptest::prelude::*;

use super::*;

fn member(n: u8) -> MemberId {
    format!("00000000-0000-4000-8000-0000000000{n:02x}").parse().expect("valid")
}

fn cluster() -> ClusterId {
    "11111111-1111-4111-8111-111111111111".parse().expect("valid")
}

fn header() -> Header {
    Header { from: member(1), boot: BootGeneration(7), cluster: cluster(), to: Some(member(2)) }
}

fn addresses() -> Addresses {
    Addresses { gossip: "a:9090".into(), rpc: "a:9091".into(), api: "a:9092".into() }
}

fn entry() -> Entry {
    Entry {
        epoch: 1,
        removed: false,
        stamp: gossip::Stamp { version: 3, by: member(1) },
        joined: 2,
        addresses: addresses(),
        roles: vec!["worker".into()],
        protocol: 1,
    }
}

fn spec() -> (SpecKey, SpecState) {
    let stamp = Stamp { version: 5, member: member(1) };
    (
        SpecKey::Handler { topic: "cpu".into(), id: "h".into() },
        SpecState {
            stamp,
            value: Some("{}".into()),
            written: 9,
            history: vec![Past { stamp, file: Some(6), value: 8 }],
            lost: Some(Stamp { version: 4, member: member(2) }),
        },
    )
}

fn state() -> TopicState {
    TopicState {
        topic: "cpu".into(),
        id: "host=a".into(),
        born: None,
        time: Time(1),
        level: Level::Warning,
        message: "m".into(),
        details: "d".into(),
        duration: Duration(2),
    }
}

fn offer() -> Message {
    let key = Key {
        topic: "cpu".into(),
        id: "host=a".into(),
        time: Time(1),
        level: 2,
        source: "main:t:alert2".into(),
        occurrence: 0,
    };
    Message::Offer(Offer {
        key,
        view: vec![member(1)].into(),
        cold: false,
        raised: true,
        handover: false,
        finished: vec!["h".into()],
        body: None,
    })
}

fn requests() -> Vec<Request> {
    let frame = Frame { messages: vec![offer()], states: vec![state()] };
    vec![
        Request::Hello(Hello { versions: (OLDEST_VERSION, VERSION) }),
        Request::Join(Box::new(Join {
            cluster: cluster(),
            roster: vec![(member(1), entry())],
            specs: vec![spec()],
            highest: 5,
        })),
        Request::PushRoster(PushRoster {
            entries: vec![(member(1), entry())],
            drained: vec![member(3)],
        }),
        Request::PushSpecs(vec![spec()]),
        Request::PullSpecs(vec![1, 2]),
        Request::Frame(frame.clone()),
        Request::Sync(Digests { specs: 1, ready: true, ..Digests::default() }),
        Request::EventKeys { buckets: vec![1], after: Some(4) },
        Request::PullEvents(vec![1, 2, 3]),
        Request::PushEvents(vec![state()]),
        Request::PushTasks(vec![Task {
            id: "t".into(),
            warm: true,
            inline_topics: vec!["main:t:alert2".into()],
        }]),
        Request::Drain(Drain { within_ms: 10_000 }),
        Request::Removed(Box::new(Removed {
            cluster: cluster(),
            roster: vec![(member(1), entry())],
            drained: false,
        })),
        Request::HandOver(frame),
    ]
}

fn answers() -> Vec<Answer> {
    vec![
        Ok(Reply::Ok),
        Ok(Reply::Hello(Box::new(HelloReply {
            hello: gossip::Hello {
                member: member(2),
                boot: BootGeneration(1),
                cluster: cluster(),
                initialized: true,
                addresses: addresses(),
                roles: vec!["worker".into()],
                protocol: (1, 1),
            },
            release: "0.1.0".into(),
            versions: (1, 1),
            ready: true,
            epoch: 2,
        }))),
        Ok(Reply::Joined(Joined { specs: vec![spec()], lost: 1 })),
        Ok(Reply::Specs { differing: vec![7], states: vec![spec()] }),
        Ok(Reply::Digests(Digests::default())),
        Ok(Reply::EventKeys(EventKeys {
            keys: vec![(
                1,
                StateMark { time: Time(2), level: Level::Info, duration: Duration(3), message: 4 },
            )],
            buckets: vec![3],
            next: Some(1),
        })),
        Ok(Reply::Events(vec![state()])),
        Ok(Reply::Drained(Drained { complete: true })),
        Err(Refusal::Removed { epoch: 3, cluster: cluster() }),
        Err(Refusal::Busy { retry_after_ms: 5 }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[test]
fn every_call_comes_back_as_it_was_sent() {
    let requests = requests();
    assert_eq!(requests.len(), Call::ALL.len());
    for (request, call) in requests.iter().zip(Call::ALL) {
        assert_eq!(request.call(), call);
        assert_eq!(Call::of_path(call.path()), Some(call));
        let body = encode_request(&header(), request);
        assert_eq!(decode_request(call.path(), &body), Ok((header(), request.clone())));
    }
    for answer in answers() {
        let body = encode_answer(&answer);
        assert_eq!(decode_answer(Call::Join, &body), Ok(answer));
    }
}

/// A digest instead of the bytes: they are long, and any change of them needs a new version.
#[test]
fn the_bytes_of_version_1_do_not_change() {
    fn check(bytes: Vec<Vec<u8>>, expected: Expect) {
        let lines: Vec<String> = bytes
            .iter()
            .map(|b| format!("{:<4} {:016x}", b.len(), xxhash_rust::xxh3::xxh3_64(b)))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }
    check(
        requests().iter().map(|r| encode_request(&header(), r)).collect(),
        expect![[r"
            57   d2450c34804d4b9c
            214  f81dfb8e7cbd13ea
            142  91678a9992be0b0d
            127  ce09e7be0dd4b155
            58   6c48c65b99490b07
            130  8f421633741be82e
            61   d2584319c7d0f310
            59   8c537cc950defed1
            59   6eb3a3088aa33c3a
            75   d1f182a5963295c4
            74   18a8e36d2b6dd44b
            57   3a1a59228ba1b9cc
            142  25f7289178cc4035
            130  99d0353f45602cfe"]],
    );
    check(
        answers().iter().map(encode_answer).collect(),
        expect![[r"
            3    bac0c69c15810e04
            80   7ab22ce283c4baa1
            76   3a7854a70c08b05d
            77   c720591b82be27fb
            9    8cdd91bc9c38af66
            13   1c9e4538d5cb3271
            23   fc83043ee9430423
            4    13ded94c1c8473f7
            21   b6321af1368fa3e5
            4    346afce7a8af1572"]],
    );
    let hello = encode_request(&header(), &requests()[0]);
    expect!["011000000000000040008000000000000001071011111111111141118111111111111111011000000000000040008000000000000002000101"].assert_eq(&hex(&hello));
}

#[test]
fn what_is_too_large_unknown_or_cut_is_refused_by_name() {
    let hello = encode_request(&header(), &requests()[0]);
    let path = Call::Hello.path();
    let mut newer = hello.clone();
    newer[0] = VERSION + 1;
    let mut longer = hello.clone();
    longer.push(0);
    let large = vec![VERSION; Call::Hello.request_limit() + 1];
    for (path, body, text) in [
        (path, &hello[..0], "the body is empty"),
        (path, &newer[..], "wire version 2 is not one of 1 to 1"),
        (path, &longer[..], "1 bytes follow the message"),
        (path, &large[..], "the body has 4097 bytes, the limit of this call is 4096"),
        (Call::Join.path(), &hello[..], "a body of /rpc/v1/hello came to /rpc/v1/join"),
        ("/rpc/v1/x", &hello[..], "no such call: /rpc/v1/x"),
    ] {
        let error = decode_request(path, body).expect_err("refused");
        assert_eq!(error.to_string(), text);
    }
    for end in 1..hello.len() {
        assert!(decode_request(path, &hello[..end]).is_err());
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512), first in any::<bool>()) {
        let mut body = body;
        if first && !body.is_empty() {
            body[0] = VERSION;
        }
        for call in Call::ALL {
            let _ = decode_request(call.path(), &body);
            let _ = decode_answer(call, &body);
        }
    }

    #[test]
    fn damaged_calls_never_panic(which in 0..14usize, at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let request = &requests()[which];
        let mut body = encode_request(&header(), request);
        let at = at.index(body.len());
        body[at] = with;
        let _ = decode_request(request.call().path(), &body);
    }
}
