//! The laws of the map, its bytes, its tombstones.

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn member(number: u8) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(u128::from(number)))
}

fn addresses(number: u8) -> Addresses {
    Addresses {
        gossip: format!("m{number}:9090").into(),
        rpc: format!("m{number}:9091").into(),
        api: format!("m{number}:9092").into(),
    }
}

fn entry(epoch: u32, removed: bool, version: u64, by: u8, address: u8) -> Entry {
    Entry {
        epoch,
        removed,
        stamp: Stamp { version, by: member(by) },
        joined: 1,
        addresses: addresses(address),
        roles: vec!["worker".into()],
        protocol: 1,
    }
}

fn any_record() -> impl Strategy<Value = (MemberId, Entry)> {
    (0_u8..4, 1_u32..4, any::<bool>(), 1_u64..4, 0_u8..3, 0_u8..3).prop_map(
        |(id, epoch, removed, version, by, address)| {
            (member(id), entry(epoch, removed, version, by, address))
        },
    )
}

fn any_records() -> impl Strategy<Value = Vec<(MemberId, Entry)>> {
    prop::collection::vec(any_record(), 0..12)
}

fn merged(parts: &[&[(MemberId, Entry)]]) -> Roster {
    let mut roster = Roster::new();
    for part in parts {
        roster.merge(part.iter().cloned());
    }
    roster
}

/// The naive model: keeps everything that was ever said and picks the greatest of each member.
fn model(records: &[(MemberId, Entry)]) -> BTreeMap<MemberId, Entry> {
    let mut map: BTreeMap<MemberId, Vec<&Entry>> = BTreeMap::new();
    for (id, entry) in records {
        map.entry(*id).or_default().push(entry);
    }
    let key = |e: &&Entry| {
        let roles = e.roles.clone();
        (e.epoch, e.removed, e.stamp.version, e.stamp.by, e.joined, e.addresses.clone(), roles)
    };
    map.into_iter()
        .map(|(id, said)| (id, said.into_iter().max_by_key(key).cloned().unwrap()))
        .collect()
}

proptest! {
    #[test]
    fn merge_is_commutative_associative_and_idempotent(
        a in any_records(), b in any_records(), c in any_records()
    ) {
        let abc = merged(&[&a, &b, &c]);
        prop_assert_eq!(&abc, &merged(&[&c, &a, &b]));
        prop_assert_eq!(&abc, &merged(&[&a, &b, &c, &a, &c, &b]));
        let bc = merged(&[&b, &c]);
        let bc: Vec<_> = bc.entries().map(|(id, e)| (*id, e.clone())).collect();
        prop_assert_eq!(&abc, &merged(&[&a, &bc]));
        let all = [a, b, c].concat();
        prop_assert_eq!(abc.entries, model(&all));
    }

    #[test]
    fn one_exchange_of_deltas_makes_two_rosters_equal(a in any_records(), b in any_records()) {
        let (mut left, mut right) = (merged(&[&a]), merged(&[&b]));
        let (left_ranks, right_ranks) = (left.ranks(), right.ranks());
        let lacking = right.lacking(&left_ranks);
        let to_left = right.delta(&left_ranks);
        let to_right = left.records(lacking);
        prop_assert_eq!(&to_right, &left.delta(&right_ranks), "both ends find the same");
        left.merge(to_left);
        right.merge(to_right);
        // Ranks do not tell entries of one rank apart, and no member ever writes two.
        let ranks: Vec<_> = left.ranks();
        prop_assert_eq!(ranks, right.ranks());
    }

    #[test]
    fn bytes_round_trip(a in any_records()) {
        let roster = merged(&[&a]);
        let read = Roster::from_bytes(&roster.to_bytes()).unwrap();
        prop_assert_eq!(&read, &roster);
        prop_assert_eq!(read.highest, roster.highest);
        prop_assert_eq!(read.digest(), roster.digest());
    }

    #[test]
    fn noise_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Roster::from_bytes(&bytes);
        let mut ours = bytes;
        if let Some(first) = ours.first_mut() {
            *first = 1;
        }
        let _ = Roster::from_bytes(&ours);
    }
}

#[test]
fn wire_bytes_of_version_1_stay_as_they_are() {
    let roster = merged(&[&[(member(1), entry(2, true, 300, 3, 1))]]);
    expect_test::expect!["01ac020110000000000000000000000000000000010201ac02100000000000000000000000000000000301076d313a39303930076d313a39303931076d313a393039320106776f726b657201"].assert_eq(&crate::tests::hex(&roster.to_bytes()));
}

#[test]
fn bytes_of_another_version_are_refused_by_name() {
    assert_eq!(Roster::from_bytes(&[]), Err(DecodeError::Empty));
    assert_eq!(Roster::from_bytes(&[9, 0, 0]), Err(DecodeError::Version(9)));
    let mut bytes = Roster::new().to_bytes();
    bytes.push(0);
    assert_eq!(Roster::from_bytes(&bytes), Err(DecodeError::Malformed));
}

#[test]
fn removal_beats_an_edit_that_did_not_know_of_it() {
    let removal = (member(1), entry(2, true, 5, 2, 1));
    let edit = (member(1), entry(1, false, 900, 1, 2));
    for order in [[&removal, &edit], [&edit, &removal]] {
        let mut roster = Roster::new();
        roster.merge(order.into_iter().cloned());
        assert_eq!(roster.removed(&member(1)), Some(2));
    }
    let readmitted = (member(1), entry(3, false, 901, 2, 2));
    let roster = merged(&[&[readmitted, removal]]);
    assert!(roster.live(&member(1)).is_some());
}

#[test]
fn next_version_is_above_everything_ever_seen() {
    let mut roster = merged(&[&[(member(1), entry(1, false, 41, 1, 1))]]);
    assert_eq!(roster.next_stamp(member(2)), Stamp { version: 42, by: member(2) });
    roster.merge([(member(1), entry(1, false, 7, 1, 1))]);
    assert_eq!(roster.next_stamp(member(2)).version, 42);
}

#[test]
fn own_entry_changes_only_with_its_content_and_never_over_a_tombstone() {
    let mut roster = Roster::new();
    let roles: [Str; 1] = ["worker".into()];
    assert!(roster.update_own(member(1), &addresses(1), &roles));
    assert!(!roster.update_own(member(1), &addresses(1), &roles));
    assert!(roster.update_own(member(1), &addresses(2), &roles));
    assert_eq!(roster.get(&member(1)).unwrap().epoch, 1);
    roster.merge([(member(1), entry(2, true, 9, 2, 1))]);
    assert!(!roster.update_own(member(1), &addresses(3), &roles));
}

#[test]
fn members_are_listed_in_join_order_without_the_removed() {
    let mut roster = Roster::new();
    for (id, joined, removed) in [(1, 3, false), (2, 1, false), (3, 2, true), (4, 1, false)] {
        let entry = Entry { joined, ..entry(1, removed, 1, 1, id) };
        roster.merge([(member(id), entry)]);
    }
    let order: Vec<_> = roster.in_join_order().into_iter().map(|(id, _)| *id).collect();
    assert_eq!(order, [member(2), member(4), member(1)]);
    assert_eq!((roster.size(), roster.next_joined()), (3, 4));
}

#[test]
fn entries_over_a_limit_are_refused_and_counted() {
    let long = Entry { roles: vec!["x".repeat(MAX_TEXT + 1).into()], ..entry(1, false, 1, 1, 1) };
    let many = Entry { roles: vec!["x".into(); MAX_ROLES + 1], ..entry(1, false, 1, 1, 1) };
    let mut roster = Roster::new();
    let report = roster.merge([(member(1), long), (member(2), many)]);
    assert_eq!(report, MergeReport { changed: vec![], refused: 2 });
    let crowd = (0..=MAX_MEMBERS as u128)
        .map(|n| (MemberId::from_uuid(Uuid::from_u128(n)), entry(1, false, 1, 1, 1)));
    assert_eq!(roster.merge(crowd).refused, 1);
}

#[test]
fn tombstone_stays_for_a_day_and_until_every_member_has_acked_it() {
    let tomb = (member(3), entry(2, true, 5, 1, 3));
    let live = |id| (member(id), entry(1, false, u64::from(id), 1, id));
    let mut roster = merged(&[&[live(1), live(2), live(4), tomb]]);
    let day = TOMBSTONE_AGE;
    let own = member(1);
    assert!(!roster.collect_down_to(Duration::ZERO, own, 0), "too young");
    assert!(!roster.collect_down_to(day, own, 0), "nobody acked");
    let ranks = roster.ranks();
    roster.acknowledge(day, member(2), &ranks);
    assert!(!roster.collect_down_to(day, own, 0), "one of two acked");
    let older = [(member(3), entry(1, false, 4, 1, 3).rank())];
    roster.acknowledge(day, member(4), &older);
    assert!(!roster.collect_down_to(day, own, 0), "acked something older");
    roster.acknowledge(day, member(4), &ranks);
    assert!(!roster.clone().collect_tombstones(day, own), "few enough to keep");
    assert!(roster.collect_down_to(day, own, 0));
    assert_eq!(roster.get(&member(3)), None);
    assert_eq!(roster.next_stamp(own).version, 6, "versions go on");
}
