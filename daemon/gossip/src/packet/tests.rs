//! Envelope: golden bytes, wrong key, cluster, replay, old boot, roll-over.

use super::*;
use crate::tests::hex;

const KEY: [u8; 32] = [7; 32];

fn member(number: u128) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(number))
}

fn envelope(from: u128, boot: u64, cluster: u128, keys: KeyRing) -> Envelope {
    Envelope::new(
        member(from),
        BootGeneration(boot),
        ClusterId::from_uuid(Uuid::from_u128(cluster)),
        keys,
        Box::new(|| [5; NONCE_LEN]),
    )
}

fn sealed() -> KeyRing {
    KeyRing::sealed(vec![Key::new(KEY)])
}

#[test]
fn wire_bytes_of_version_1_stay_as_they_are() {
    let plain = envelope(1, 2, 3, KeyRing::plain()).wrap(Kind::Gossip, b"hi");
    expect_test::expect![[
        "01000000000000000000000000000000000102000000000000000100000000000000000000000000000000000000000000036869"
    ]]
    .assert_eq(&hex(&plain));
    let sealed = envelope(1, 2, 3, sealed()).wrap(Kind::SyncReply, b"hi");
    expect_test::expect![[
        "0105000000000000000000000000000000010200000000000000010000000000000005050505050505050505050505050505050505050505050599d3975c27a4cdb68b08e300d8744d2d6876"
    ]].assert_eq(&hex(&sealed));
}

#[test]
fn sealed_packet_opens_with_any_key_of_the_ring_and_only_then() {
    let packet = envelope(1, 2, 3, sealed()).wrap(Kind::Notice, b"body");
    let open = |cluster, ring| envelope(9, 1, cluster, ring).open(&packet);
    let opened = open(3, sealed()).unwrap();
    let expected = Opened {
        kind: Kind::Notice,
        sender: member(1),
        boot: BootGeneration(2),
        counter: 1,
        body: b"body".to_vec(),
    };
    assert_eq!(opened, expected);
    let (other, ours) = (Key::new([8; 32]), Key::new(KEY));
    assert!(open(3, KeyRing::sealed(vec![other.clone(), ours])).is_ok(), "not only the first");
    assert_eq!(open(3, KeyRing::sealed(vec![other])), Err(Refusal::Key), "another key");
    assert_eq!(open(4, sealed()), Err(Refusal::Key), "another cluster");
    assert_eq!(open(3, KeyRing::plain()), Err(Refusal::Key), "no key");
    assert_eq!(envelope(1, 9, 3, sealed()).open(&packet), Err(Refusal::Own));
}

#[test]
fn every_bit_of_a_sealed_packet_is_protected() {
    let packet = envelope(1, 2, 3, sealed()).wrap(Kind::Gossip, b"body");
    let reader = envelope(9, 1, 3, sealed());
    for bit in 0..packet.len() * 8 {
        let mut flipped = packet.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(reader.open(&flipped).is_err(), "bit {bit}");
    }
    for end in 0..packet.len() {
        assert!(reader.open(&packet[..end]).is_err(), "first {end} bytes");
    }
}

#[test]
fn plain_packets_name_their_cluster_and_are_refused_where_sealing_is_required() {
    let packet = envelope(1, 2, 3, KeyRing::plain()).wrap(Kind::Gossip, b"body");
    let open = |cluster, ring| envelope(9, 1, cluster, ring).open(&packet).map(|o| o.body);
    assert_eq!(open(3, KeyRing::plain()), Ok(b"body".to_vec()));
    assert_eq!(open(4, KeyRing::plain()), Err(Refusal::Cluster));
    assert_eq!(open(3, sealed()), Err(Refusal::Unsealed));
    let lenient = KeyRing::rolling(vec![Key::new(KEY)], false, true);
    assert_eq!(open(3, lenient), Ok(b"body".to_vec()));
    let silent = KeyRing::rolling(vec![Key::new(KEY)], false, false);
    let still_plain = envelope(1, 2, 3, silent).wrap(Kind::Gossip, b"");
    assert_eq!(still_plain[1] & SEALED, 0);
}

#[test]
fn unknown_versions_and_flags_are_told_apart() {
    let mut packet = envelope(1, 2, 3, KeyRing::plain()).wrap(Kind::Gossip, b"body");
    let reader = envelope(9, 1, 3, KeyRing::plain());
    packet[0] = 99;
    assert_eq!(reader.open(&packet), Err(Refusal::Version(99)));
    packet[0] = PROTOCOL;
    packet[1] = 0x80;
    assert_eq!(reader.open(&packet), Err(Refusal::Malformed));
    assert_eq!(reader.open(b"GET / HTTP/1.1\r\n"), Err(Refusal::Version(b'G')));
}

#[test]
fn each_packet_is_accepted_once_and_older_lives_never() {
    let mut reader = envelope(9, 1, 3, KeyRing::plain());
    let opened = |boot, counter, kind| Opened {
        kind,
        sender: member(1),
        boot: BootGeneration(boot),
        counter,
        body: Vec::new(),
    };
    let old = |known| Err(Refusal::OldBoot { known: BootGeneration(known) });
    let cases = [
        (5, 10, Kind::Gossip, Ok(())),
        (5, 10, Kind::Gossip, Err(Refusal::Replay)),
        (5, 10, Kind::SyncReply, Ok(())),
        (5, 8, Kind::Gossip, Ok(())),
        (5, 0, Kind::Gossip, Err(Refusal::Replay)),
        (4, 11, Kind::Gossip, old(5)),
        (6, 1, Kind::Gossip, Ok(())),
        (6, 10, Kind::SyncReply, Ok(())),
        (5, 12, Kind::Gossip, old(6)),
    ];
    for (row, (boot, counter, kind, expected)) in cases.into_iter().enumerate() {
        assert_eq!(reader.accept(&opened(boot, counter, kind), None), expected, "row {row}");
    }
    let heard_elsewhere = Some(BootGeneration(7));
    assert_eq!(reader.accept(&opened(6, 50, Kind::Gossip), heard_elsewhere), old(7));
}

#[test]
fn longest_body_fits_a_datagram() {
    let packet = envelope(1, 2, 3, sealed()).wrap(Kind::Gossip, &[0; BODY_LIMIT]);
    assert_eq!(packet.len(), PACKET_LIMIT);
}

#[test]
fn keys_are_never_printed() {
    assert_eq!(format!("{:?}", Key::new([1; 32])), "Key(…)");
}

mod window {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::replay::{WINDOW, Window};

    proptest! {
        #[test]
        fn window_is_a_set_of_counters_behind_the_highest(
            steps in prop::collection::vec((0_u64..3, 0_u64..3000), 1..400)
        ) {
            let (mut window, mut seen, mut highest) = (Window::default(), BTreeSet::new(), 0_u64);
            for (kind, step) in steps {
                let counter = match kind {
                    0 => highest + step % 3,
                    1 => highest.saturating_sub(step),
                    _ => highest + step,
                };
                let fresh = counter > highest
                    || (counter > 0 && highest - counter < WINDOW && !seen.contains(&counter));
                prop_assert_eq!(window.accept(counter), fresh, "{}", counter);
                if fresh {
                    seen.insert(counter);
                }
                highest = highest.max(counter);
            }
        }
    }
}
