//! Laws of the map against a naive model, and the rules of files, conflicts and tombstones.

use proptest::prelude::*;

use super::*;

fn member(n: u8) -> MemberId {
    format!("00000000-0000-4000-8000-0000000000{n:02x}").parse().expect("valid")
}

fn handler(id: &str) -> SpecKey {
    SpecKey::Handler { topic: "cpu".into(), id: id.into() }
}

fn write(s: &mut Specs, id: &str, value: Option<&str>, file: Option<u64>) -> Stamp {
    s.write(Duration::ZERO, Time(0), handler(id), value.map(Into::into), file).expect("fits")
}

fn all(s: &Specs) -> Vec<(SpecKey, SpecState)> {
    s.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn sync(from: &Specs, to: &mut Specs) -> Merged {
    to.merge(Duration::ZERO, all(from))
}

/// A write in a random history: who, which key, what, from a file; or a merge between two members.
#[derive(Clone, Debug)]
enum Step {
    Write { who: usize, key: u8, value: Option<u8>, file: Option<u8> },
    Sync { from: usize, to: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3usize, 0..3u8, proptest::option::of(0..4u8), proptest::option::of(0..4u8))
            .prop_map(|(who, key, value, file)| Step::Write { who, key, value, file }),
        (0..3usize, 0..3usize).prop_map(|(from, to)| Step::Sync { from, to }),
    ]
}

fn run(steps: &[Step]) -> Vec<Specs> {
    let mut members: Vec<Specs> = (0..3).map(|n| Specs::new(member(n))).collect();
    for s in steps {
        match s {
            Step::Write { who, key, value, file } => {
                let value = value.map(|v| format!("{{\"v\":{v}}}"));
                write(
                    &mut members[*who],
                    &format!("h{key}"),
                    value.as_deref(),
                    file.map(u64::from),
                );
            }
            Step::Sync { from, to } => {
                let states = all(&members[*from]);
                members[*to].merge(Duration::ZERO, states);
            }
        }
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn merging_is_commutative_associative_and_idempotent(steps in prop::collection::vec(step(), 0..60)) {
        let m = run(&steps);
        let join = |a: &Specs, b: &Specs| { let mut x = a.clone(); sync(b, &mut x); x };
        prop_assert_eq!(all(&join(&m[0], &m[1])), all(&join(&m[1], &m[0])));
        prop_assert_eq!(
            all(&join(&join(&m[0], &m[1]), &m[2])),
            all(&join(&m[0], &join(&m[1], &m[2])))
        );
        let mut twice = m[0].clone();
        prop_assert!(sync(&m[0], &mut twice).changed.is_empty());
        prop_assert_eq!(all(&twice), all(&m[0]));
    }

    #[test]
    fn what_lost_is_the_latest_write_that_the_writer_of_what_holds_had_not_seen(
        steps in prop::collection::vec(step(), 0..12)
    ) {
        // So few steps that no history is cut: the naive map knows all.
        let mut known: Vec<BTreeMap<SpecKey, BTreeSet<Stamp>>> = vec![BTreeMap::new(); 3];
        let mut writes: BTreeMap<(SpecKey, Stamp), (Option<Str>, BTreeSet<Stamp>)> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Write { who, key, .. } => {
                    let key = handler(&format!("h{key}"));
                    let m = run(&steps[..=at]);
                    let state = m[*who].state(&key).expect("just written");
                    let seen = known[*who].entry(key.clone()).or_default();
                    writes.insert((key, state.stamp), (state.value.clone(), seen.clone()));
                    seen.insert(state.stamp);
                }
                Step::Sync { from, to } => {
                    for (key, stamps) in known[*from].clone() {
                        known[*to].entry(key).or_default().extend(stamps);
                    }
                }
            }
        }
        for (m, known) in run(&steps).iter().zip(&known) {
            for (key, state) in m.iter() {
                let (value, seen) = &writes[&(key.clone(), state.stamp)];
                let lost = known[key].iter().rev().find(|stamp| {
                    **stamp < state.stamp
                        && !seen.contains(stamp)
                        && writes[&(key.clone(), **stamp)].0 != *value
                });
                prop_assert_eq!(state.lost.as_ref(), lost);
            }
        }
    }

    #[test]
    fn the_highest_stamp_holds_as_in_a_naive_map(steps in prop::collection::vec(step(), 0..60)) {
        let m = run(&steps);
        let mut naive: BTreeMap<SpecKey, (Stamp, Option<Str>)> = BTreeMap::new();
        for (k, s) in m.iter().flat_map(all) {
            let e = naive.entry(k).or_insert((s.stamp, s.value.clone()));
            if s.stamp > e.0 {
                *e = (s.stamp, s.value);
            }
        }
        let mut joined = m[2].clone();
        sync(&m[0], &mut joined);
        sync(&m[1], &mut joined);
        let got: BTreeMap<_, _> = joined.iter().map(|(k, s)| (k.clone(), (s.stamp, s.value.clone()))).collect();
        prop_assert_eq!(got, naive);
    }

    #[test]
    fn equal_maps_have_equal_digests_and_differing_buckets_suffice(steps in prop::collection::vec(step(), 0..60)) {
        let mut m = run(&steps);
        let differing: BTreeSet<u8> = m[0].digest().differing(m[1].digest().buckets()).into_iter().collect();
        let (there, back) = (m[0].in_buckets(&differing), m[1].in_buckets(&differing));
        m[1].merge(Duration::ZERO, there);
        m[0].merge(Duration::ZERO, back);
        prop_assert_eq!(all(&m[0]), all(&m[1]));
        prop_assert_eq!(m[0].digest().root(), m[1].digest().root());
    }
}

#[test]
fn concurrent_edits_converge_and_every_member_names_the_loser() {
    let (mut a, mut b) = (Specs::new(member(1)), Specs::new(member(2)));
    let (mut late, mut apart) = (Specs::new(member(3)), Specs::new(member(4)));
    write(&mut a, "h", Some("base"), None);
    assert!(sync(&a, &mut b).conflicts.is_empty());
    sync(&a, &mut apart);
    let loser = write(&mut a, "h", Some("left"), None);
    let winner = write(&mut b, "h", Some("right"), None);
    let named = |lost| [Conflict { key: handler("h"), winner, loser, lost }];
    sync(&a, &mut apart);
    assert_eq!(sync(&b, &mut a).conflicts, named(Lost::Value("left".into())));
    assert_eq!(sync(&a, &mut b).conflicts, named(Lost::Elsewhere), "b never had the text");
    assert_eq!(sync(&a, &mut late).conflicts, named(Lost::Elsewhere), "nor who had nothing");
    assert_eq!(sync(&b, &mut apart).conflicts, named(Lost::Value("left".into())));
    for s in [&a, &b, &late, &apart] {
        assert_eq!(s.value(&handler("h")).map(|v| &**v), Some("right"));
        assert_eq!(s.conflicts().count(), 1);
        assert_eq!(s.digest().root(), a.digest().root());
    }
    for from in [&a.clone(), &late.clone()] {
        assert!(sync(from, &mut b).conflicts.is_empty(), "told once");
    }
    write(&mut b, "h", Some("both"), None);
    sync(&b, &mut a);
    assert_eq!(a.conflicts().count(), 0, "a later edit ends it");
}

#[test]
fn what_a_concurrent_edit_lost_is_named_by_kind() {
    for (left, right, lost) in [
        (None, Some("right"), Some(Lost::Deletion)),
        (Some("left"), None, Some(Lost::Value("left".into()))),
        (Some("same"), Some("same"), None),
        (None, None, None),
    ] {
        let (mut a, mut b) = (Specs::new(member(1)), Specs::new(member(2)));
        write(&mut a, "h", left, None);
        write(&mut b, "h", right, None);
        let found = sync(&b, &mut a).conflicts.into_iter().next().map(|conflict| conflict.lost);
        assert_eq!(found, lost, "{left:?} against {right:?}");
    }
}

#[test]
fn an_edit_made_after_the_other_was_seen_is_no_conflict() {
    let (mut a, mut b) = (Specs::new(member(1)), Specs::new(member(2)));
    let mut far = Specs::new(member(3));
    write(&mut a, "h", Some("one"), None);
    sync(&a, &mut far);
    for n in 0..5 {
        sync(&a, &mut b);
        write(&mut b, "h", Some(&format!("b{n}")), None);
        sync(&b, &mut a);
        write(&mut a, "h", Some(&format!("a{n}")), None);
    }
    assert!(sync(&a, &mut far).conflicts.is_empty());
}

#[test]
fn a_file_is_loaded_once_and_never_over_what_replaced_it() {
    let mut a = Specs::new(member(1));
    let key = handler("h");
    assert_eq!(a.file_verdict(&key, 7), FileVerdict::Load);
    write(&mut a, "h", Some("from file"), Some(7));
    assert_eq!(a.file_verdict(&key, 7), FileVerdict::Current);
    write(&mut a, "h", Some("by hand"), None);
    assert_eq!(a.file_verdict(&key, 7), FileVerdict::Replaced);
    assert_eq!(a.file_verdict(&key, 8), FileVerdict::Load);
    write(&mut a, "h", None, None);
    assert_eq!(a.file_verdict(&key, 7), FileVerdict::Replaced, "a deleted one stays deleted");
}

#[test]
fn a_file_that_lost_a_concurrent_edit_is_not_loaded_again() {
    let (mut a, mut b) = (Specs::new(member(1)), Specs::new(member(2)));
    write(&mut a, "h", Some("a"), Some(1));
    write(&mut b, "h", Some("b"), Some(2));
    sync(&b, &mut a);
    sync(&a, &mut b);
    for s in [&a, &b] {
        assert_eq!(s.file_verdict(&handler("h"), 1), FileVerdict::Replaced);
        assert_eq!(s.file_verdict(&handler("h"), 2), FileVerdict::Current);
    }
}

#[test]
fn a_tombstone_waits_for_its_age_and_for_every_roster_member() {
    let (mut a, mut b) = (Specs::new(member(1)), Specs::new(member(2)));
    write(&mut a, "h", Some("x"), None);
    write(&mut a, "h", None, None);
    let roster = BTreeSet::from([member(1), member(2)]);
    let day = TOMBSTONE_AGE;
    assert!(a.collect_tombstones(day, &roster).is_empty(), "b has not shown that it knows");
    sync(&a, &mut b);
    a.note_peer_root(member(2), b.digest().root());
    assert!(a.collect_tombstones(Duration::from_hours(23), &roster).is_empty());
    assert_eq!(a.collect_tombstones(day, &roster), [handler("h")]);
    assert_eq!(a.digest().root(), Digest::default().root());
    assert!(a.highest() >= 2, "the version counter never goes back");
}

#[test]
fn damaged_or_hostile_states_are_refused_by_name() {
    let mut a = Specs::new(member(1));
    let state = |version, value: Option<Str>| SpecState {
        stamp: Stamp { version, member: member(9) },
        value,
        written: 0,
        history: vec![],
        lost: None,
    };
    let merged = a.merge(
        Duration::ZERO,
        [
            (handler("v"), state(u64::MAX, None)),
            (handler("big"), state(1, Some("x".repeat(MAX_VALUE_BYTES + 1).into()))),
            (handler("ok"), state(3, Some("fine".into()))),
        ],
    );
    assert_eq!(merged.applied, [handler("ok")]);
    assert_eq!(merged.refused.len(), 2);
    assert_eq!(a.highest(), 3);
    assert_eq!(write(&mut a, "ok", None, None).version, 4);
}
