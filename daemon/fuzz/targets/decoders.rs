//! Every decoder of bytes that others wrote: `make fuzz` feeds each, and a test of the daemon
//! (`tests/decoders`) measures what memory each uses.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use gossip::{Addresses, Config, Gossip, Key, KeyRing, PACKET_LIMIT, Roster, SeededNonces};
use model::line::{Interner, Precision};
use model::{BootGeneration, ClusterId, MemberId, Str, Time};
use template::{Mode, Template};

/// A decoder.
pub(crate) struct Decoder {
    /// Name of its fuzz target.
    pub(crate) name: &'static str,
    /// Bytes of memory that a byte of the input may cost.
    pub(crate) factor: usize,
    /// Bytes of memory that any input may cost besides.
    pub(crate) floor: usize,
    /// Decodes, and says whether it could.
    pub(crate) decode: fn(&[u8]) -> bool,
}

impl Decoder {
    /// What members write to each other: [`model::wire`] keeps them to their budget.
    const fn wire(name: &'static str, decode: fn(&[u8]) -> bool) -> Self {
        Self { name, factor: model::wire::FACTOR, floor: model::wire::FLOOR, decode }
    }

    /// What users write: of a text of one-letter words a tree is made, whose nodes cost what they cost.
    const fn text(name: &'static str, factor: usize, decode: fn(&[u8]) -> bool) -> Self {
        Self { factor, ..Self::wire(name, decode) }
    }
}

/// All of them.
pub(crate) const DECODERS: &[Decoder] = &[
    Decoder { factor: dedup::MEMORY_FACTOR, ..Decoder::wire("frame", frame) },
    Decoder { factor: dedup::MEMORY_FACTOR, ..Decoder::wire("request", request) },
    Decoder::wire("answer", answer),
    Decoder::wire("roster", roster),
    Decoder::wire("sealed", sealed),
    Decoder { floor: 64 * 1024, ..Decoder::wire("packet", packet) },
    Decoder { factor: alert::MEMORY_FACTOR, ..Decoder::wire("event", event) },
    Decoder { factor: alert::MEMORY_FACTOR, ..Decoder::wire("record", record) },
    Decoder::text("line", 128, line),
    Decoder::text("script", 512, script),
    Decoder::text("template", 256, template),
    Decoder::text("handler", 128, handler),
];

/// Feeds the decoder of this name, and says whether it could read the bytes.
pub(crate) fn feed(name: &str, bytes: &[u8]) -> bool {
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name);
    (decoder.expect("a fuzz target has the name of its decoder").decode)(bytes)
}

fn frame(bytes: &[u8]) -> bool {
    dedup::decode_frame(bytes).is_ok()
}

/// The first byte says which call.
fn request(bytes: &[u8]) -> bool {
    let Some((which, body)) = bytes.split_first() else { return false };
    let calls = rpc::Call::ALL;
    rpc::decode_request(calls[usize::from(*which) % calls.len()].path(), body).is_ok()
}

/// The first byte says to which call.
fn answer(bytes: &[u8]) -> bool {
    let Some((which, body)) = bytes.split_first() else { return false };
    let calls = rpc::Call::ALL;
    rpc::decode_answer(calls[usize::from(*which) % calls.len()], body).is_ok()
}

fn roster(bytes: &[u8]) -> bool {
    Roster::from_bytes(bytes).is_ok()
}

fn event(bytes: &[u8]) -> bool {
    alert::Event::from_wire(bytes).is_some()
}

/// Records of the journal, as dedup and as the member write them.
fn record(bytes: &[u8]) -> bool {
    let of_dedup = dedup::Record::decode(bytes).is_ok();
    let of_member = member::Write::Journal(bytes.to_vec()).name() != "damaged";
    of_dedup || of_member
}

/// Openings of sessions, and calls under one.
fn sealed(bytes: &[u8]) -> bool {
    thread_local! {
        static DOOR: RefCell<rpc::Door> =
            RefCell::new(rpc::Door::new(KeyRing::sealed(vec![Key::new([7; 32])])));
    }
    DOOR.with_borrow_mut(|door| {
        let opened = door.open_session(Duration::ZERO, bytes, &mut |out| out.fill(5)).is_ok();
        let called = door.find(rpc::Call::Hello.path(), bytes).and_then(|call| call.open(bytes));
        opened || called.is_ok()
    })
}

/// What is inside a packet of a member of our cluster; the first byte says which kind of packet.
fn packet(bytes: &[u8]) -> bool {
    const CLUSTER: ClusterId = ClusterId::from_uuid(uuid::Uuid::from_u128(9));
    const SENDER: MemberId = MemberId::from_uuid(uuid::Uuid::from_u128(2));
    thread_local! {
        static MEMBER: RefCell<(Gossip, u64)> = RefCell::new((member(), 0));
    }
    fn member() -> Gossip {
        let address = |port: &str| Str::from(format!("a:{port}"));
        let addresses = Addresses { gossip: address("1"), rpc: address("2"), api: address("3") };
        let mut roster = Roster::new();
        roster.update_own(SENDER, &addresses, &[]);
        let me = MemberId::from_uuid(uuid::Uuid::from_u128(1));
        let config = Config::new(me, BootGeneration(1), CLUSTER, addresses);
        Gossip::new(config, roster, 1, Box::new(SeededNonces::new(1)), Duration::ZERO)
    }
    let Some((kind, body)) = bytes.split_first() else { return false };
    MEMBER.with_borrow_mut(|(gossip, counter)| {
        *counter += 1;
        let mut packet = vec![gossip::PROTOCOL, (kind % 4) << 1];
        packet.extend_from_slice(SENDER.as_uuid().as_bytes());
        packet.extend_from_slice(&1u64.to_le_bytes());
        packet.extend_from_slice(&counter.to_le_bytes());
        packet.extend_from_slice(CLUSTER.as_uuid().as_bytes());
        packet.extend_from_slice(body);
        let from = SocketAddr::from(([127, 0, 0, 1], 9090));
        if packet.len() <= PACKET_LIMIT {
            gossip.handle_datagram(Duration::ZERO, from, &packet);
        }
        let _ = gossip.handle_sync(Duration::ZERO, from, &packet);
        gossip.handle_sync_reply(Duration::ZERO, from, &packet);
        while gossip.poll_output().is_some() {}
        true
    })
}

fn line(bytes: &[u8]) -> bool {
    let mut interner = Interner::default();
    let (database, policy): (Str, Str) = ("d".into(), "r".into());
    model::line::parse(bytes, Time(0), Precision::default(), &mut interner, &database, &policy)
        .is_ok()
}

fn script(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| tick::parse(text).is_ok())
}

fn template(bytes: &[u8]) -> bool {
    let parses = |text, mode| Template::parse("id", text, mode).is_ok();
    std::str::from_utf8(bytes)
        .is_ok_and(|text| [Mode::Text, Mode::Html].into_iter().all(|mode| parses(text, mode)))
}

fn handler(bytes: &[u8]) -> bool {
    alert::HandlerSpec::from_json(bytes).is_ok()
}
