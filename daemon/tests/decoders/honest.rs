//! What honest members write, chosen for being small on the wire and many: the dearest in memory.

use std::cell::Cell;
use std::sync::Arc;

use alert::{Body, Data, Details, Event, Level, Row, RowValues, Series, Source};
use dedup::{BucketDigest, Claim, Digest, Key, KeyHash, Message, Offer, Prefix, Pull, PullAnswer};
use gossip::{Addresses, Roster};
use model::{BootGeneration, ClusterId, Duration, MemberId, Str, Time, Value};
use rpc::{Call, EventKeys, Frame, Header, Past, PushRoster, Reply, Request, StateMark};
use rpc::{SpecKey, SpecState, Stamp, Task, TopicState};
use uuid::Uuid;

/// Honest inputs of the decoder of this name.
pub(crate) fn of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "frame" => messages().iter().map(|list| dedup::encode_frame(list)).collect(),
        "request" => requests().iter().map(request).collect(),
        "answer" => replies().into_iter().map(answer).collect(),
        "roster" => vec![Roster::new().to_bytes(), roster(3).to_bytes(), roster(500).to_bytes()],
        "sealed" => vec![opening()],
        "packet" => vec![vec![0, 1], vec![1; 20], vec![2; 100]],
        "event" => events().iter().map(plain).collect(),
        "record" => records(),
        "line" => texts(&["m f=1\n", "cpu,host=a usage=1.5,idle=2i,on=t,s=\"x\" 1000\n"]),
        "script" => texts(&["stream|from()|alert()\n", "var a = 1 + 2 * (3 - 4)\n"]),
        "template" => texts(&["{{ .ID }} is {{ if .X }}{{ .Level }}{{ end }}"]),
        "handler" => vec![
            br#"{"id":"h","kind":"log","match":"level() == CRITICAL","options":{"path":"/x"}}"#
                .to_vec(),
        ],
        _ => unreachable!("{name} has no honest input: add it"),
    }
}

fn texts(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().flat_map(|line| [1, 300].map(|times| line.repeat(times).into_bytes())).collect()
}

fn plain<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data")
}

/// The `n`th of hashes that look random.
fn hash(n: usize) -> u128 {
    (n as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn member(n: usize) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(hash(n)))
}

fn key(n: usize) -> Key {
    let source = "main:t:alert2".into();
    let id = format!("h={n}").into();
    let time = Time(1_600_000_000_000_000_000);
    Key { topic: "t".into(), id, time, level: 2, source, occurrence: 0 }
}

fn names(count: usize) -> Vec<Str> {
    (0..count).map(|n| format!("h{n}").into()).collect()
}

/// Frames.
fn messages() -> Vec<Vec<Message>> {
    let offer = |n, body: Option<&[u8]>| Offer {
        key: key(n),
        view: Arc::new([member(1), member(2)]),
        cold: false,
        raised: true,
        handover: false,
        finished: names(n % 3),
        body: body.map(Into::into),
    };
    let claim = |n, handlers| Claim {
        hash: KeyHash(hash(n)),
        topic: "t".into(),
        boot: BootGeneration(1_600_000_000_000),
        lease_ms: 5000,
        view: Arc::new([member(1)]),
        handlers: names(handlers).into(),
    };
    let prefixes: Vec<Prefix> =
        (0..64).map(|byte| Prefix::ROOT.child(byte).expect("short")).collect();
    let keys = Pull::Keys { topic: "t".into(), prefixes: prefixes.clone(), after: None };
    let digest = |n| Digest { count: 1, xor: hash(n) };
    let bucket = |(n, prefix): (usize, &Prefix)| BucketDigest {
        prefix: *prefix,
        done: digest(n),
        pending: Digest::default(),
    };
    let answers = [
        PullAnswer::Differs { groups: vec![0; 256] },
        PullAnswer::Buckets {
            topic: "t".into(),
            buckets: prefixes.iter().enumerate().map(bucket).collect(),
            asked: prefixes.clone(),
        },
        PullAnswer::Keys {
            topic: "t".into(),
            prefixes,
            done: (0..2000).map(|n| (KeyHash(hash(n)), 1)).collect(),
            pending: (0..2000).map(|n| KeyHash(hash(n))).collect(),
            more: None,
        },
    ];
    let acks = |n| Message::OfferAck { hash: KeyHash(hash(n)), done: false };
    vec![
        vec![],
        vec![Message::NeedBody { hash: KeyHash(0) }],
        (0..3000).map(acks).collect(),
        (0..1000).map(|n| Message::Offer(offer(n, None))).collect(),
        (0..100).map(|n| Message::Offer(offer(n, Some(&[7; 500])))).collect(),
        (0..500).map(|n| Message::Claim(claim(n, 1))).collect(),
        vec![Message::Claim(claim(1, 200))],
        vec![Message::Pull(keys); 30],
        answers.map(Message::PullAnswer).into(),
    ]
}

fn header() -> Header {
    let cluster = ClusterId::from_uuid(Uuid::from_u128(5));
    Header { from: member(1), boot: BootGeneration(7), cluster, to: Some(member(2)) }
}

fn state(n: usize) -> TopicState {
    TopicState {
        topic: "t".into(),
        id: format!("{n}").into(),
        born: None,
        time: Time(1_600_000_000_000_000_000),
        level: Level::Warning,
        message: "m".into(),
        details: "".into(),
        duration: Duration(0),
    }
}

fn spec(n: usize) -> (SpecKey, SpecState) {
    let stamp = Stamp { version: n as u64, member: member(1) };
    let history = (1..=n as u64 % 16)
        .map(|version| Past { stamp: Stamp { version, ..stamp }, file: None, value: 0 })
        .collect();
    let key = SpecKey::Handler { topic: "t".into(), id: format!("{n}").into() };
    (key, SpecState { stamp, value: None, written: 0, history, lost: None })
}

fn roster(members: usize) -> Roster {
    let address = Addresses { gossip: "a:1".into(), rpc: "a:2".into(), api: "a:3".into() };
    let mut roster = Roster::new();
    for n in 0..members {
        roster.update_own(member(n), &address, &["worker".into()]);
    }
    roster
}

fn requests() -> Vec<Request> {
    let task =
        |n: usize| Task { id: format!("t{n}").into(), warm: true, inline_topics: names(n % 3) };
    let entries = roster(300).live_members().map(|(id, entry)| (*id, entry.clone())).collect();
    let frames = messages()
        .into_iter()
        .map(|messages| Request::Frame(Frame { messages, states: (0..50).map(state).collect() }));
    [
        Request::Hello(rpc::Hello { versions: (1, 1) }),
        Request::PushRoster(PushRoster { entries, drained: (0..50).map(member).collect() }),
        Request::PushSpecs((0..500).map(spec).collect()),
        Request::PullSpecs(vec![0; 256]),
        Request::EventKeys { buckets: vec![0; 256], after: None },
        Request::PullEvents((0..5000).map(|n| hash(n) as u64).collect()),
        Request::PushEvents((0..2000).map(state).collect()),
        Request::PushTasks((0..500).map(task).collect()),
    ]
    .into_iter()
    .chain(frames)
    .collect()
}

fn request(request: &Request) -> Vec<u8> {
    let call = Call::ALL.iter().position(|call| *call == request.call()).expect("one of all");
    [vec![call as u8], rpc::encode_request(&header(), request)].concat()
}

fn replies() -> Vec<(Call, Reply)> {
    let mark = StateMark {
        time: Time(1_600_000_000_000_000_000),
        level: Level::Info,
        duration: Duration(0),
        message: hash(1) as u64,
    };
    let keys = (0..1000).map(|n| (hash(n) as u64, mark)).collect();
    let differing = (0..=255).collect();
    vec![
        (Call::PushSpecs, Reply::Ok),
        (Call::PullSpecs, Reply::Specs { differing, states: (0..300).map(spec).collect() }),
        (Call::PullEvents, Reply::Events((0..1000).map(state).collect())),
        (Call::EventKeys, Reply::EventKeys(EventKeys { keys, buckets: vec![0; 256], next: None })),
    ]
}

fn answer((call, reply): (Call, Reply)) -> Vec<u8> {
    let at = Call::ALL.iter().position(|one| *one == call).expect("one of all");
    [vec![at as u8], rpc::encode_answer(&Ok(reply))].concat()
}

/// Another one each time: of two that are alike the door takes the second for a replay.
fn opening() -> Vec<u8> {
    thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
    let n = NEXT.replace(NEXT.get() + 1).to_le_bytes();
    let random = &mut |out: &mut [u8]| out.iter_mut().zip(n).for_each(|(out, byte)| *out = byte);
    rpc::Opening::new(&gossip::Key::new([7; 32]), random).1
}

fn body() -> Body {
    Body {
        id: "h=a".into(),
        message: "h=a is CRITICAL".into(),
        details: Details::of_text("d".into()),
        time: Time(1_600_000_000_000_000_000),
        duration: Duration(0),
        level: Level::Critical,
        data: Data {
            name: "m".into(),
            task: "t".into(),
            category: "".into(),
            group: "h=a".into(),
            tags: [("h".into(), "a".into())].into_iter().collect(),
            fields: [("f".into(), Value::Int(1))].into_iter().collect(),
            recoverable: true,
            series: Series::Point,
        },
        no_external: false,
        source: Source::of_node(None, "t", "alert2"),
        occurrence: 0,
        summary: None,
    }
}

/// A point, a point of many fields, and rows that hold hardly a value.
fn events() -> Vec<Event> {
    let mut wide = body();
    wide.data.fields = (0..500).map(|n| (format!("{n}").into(), Value::Bool(true))).collect();
    let mut sparse = body();
    let values = RowValues { time: Time(0), cells: vec![Value::Nil; 300] };
    let row = Row {
        name: "m".into(),
        tags: sparse.data.tags.clone(),
        columns: names(300).into(),
        values: vec![values; 30],
    };
    sparse.data.series = Series::Rows(Arc::new([row]));
    [body(), wide, sparse].map(|body| Event::new("t".into(), Arc::new(body))).into()
}

/// Records of dedup in their own form, and a topic's event as the member writes it.
fn records() -> Vec<Vec<u8>> {
    let body = dedup::Body::from(plain(&events()[0]));
    let pending = dedup::Record::Pending { key: key(1), body, raised: true, cold: false };
    let judged = dedup::Record::Judged { hash: KeyHash(hash(1)), handlers: names(200).into() };
    let event = |event: &Event| [vec![1, 2], plain(event)].concat();
    let records = [pending.encode(), judged.encode()];
    records.into_iter().chain(events().iter().map(event)).collect()
}
