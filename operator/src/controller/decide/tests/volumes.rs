//! How volumes grow.

use super::*;
use crate::quantity::Quantity;

fn of(size: &str) -> Quantity {
    Quantity::parse(size).expect("an amount")
}

/// Three members in sync with volumes of 1Gi; 2Gi are wished.
fn small() -> Observed {
    let seen = observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]);
    seen.with(|it| {
        it.size = of("2Gi");
        it.set.as_mut().expect("a set").claim_size = of("1Gi");
        for claim in it.claims.values_mut() {
            (claim.bound, claim.requested, claim.capacity) = (true, of("1Gi"), of("1Gi"));
        }
    })
}

fn asked() -> Observed {
    small().with(|it| it.claims.values_mut().for_each(|claim| claim.requested = of("2Gi")))
}

fn remade() -> Observed {
    asked().with(|it| it.set.as_mut().expect("a set").claim_size = of("2Gi"))
}

/// All have grown but the second, whose volume has waited for so long.
fn waits(seconds: i64) -> Observed {
    remade().with(|it| {
        it.claims.values_mut().for_each(|claim| claim.capacity = of("2Gi"));
        let claim = it.claims.get_mut(&1).expect("a claim");
        claim.capacity = of("1Gi");
        claim.pending_since = Timestamp::from_second(NOW - seconds).ok();
    })
}

fn claim(seen: Observed, ordinal: i32, change: impl FnOnce(&mut ClaimSeen)) -> Observed {
    seen.with(|it| change(it.claims.get_mut(&ordinal).expect("a claim")))
}

#[test]
fn claims_grow_all_or_none() {
    check_all(vec![
        ("all ask for more", small(), "VolumesGrow: growing claims 0, 1, 2 to 2Gi"),
        (
            "one has asked already",
            claim(small(), 1, |it| it.requested = of("2048Mi")),
            "VolumesGrow: growing claims 0, 2 to 2Gi",
        ),
        (
            "one may not: none does",
            claim(small(), 2, |it| it.fixed = Some("forbidden".into())),
            "VolumesFixed: nothing",
        ),
        (
            "that keeps nobody from leaving",
            claim(small(), 2, |it| it.fixed = Some("forbidden".into())).with(|it| it.wish = 2),
            "MemberCondemned: condemning member 2: ScaleDown",
        ),
        (
            "one has no volume yet: the others go on",
            claim(small(), 2, |it| it.bound = false),
            "VolumesGrow: growing claims 0, 1 to 2Gi",
        ),
        (
            "one that is kept for nobody is left alone",
            claim(asked(), 2, |it| (it.retired, it.requested) = (true, of("1Gi"))),
            "SetRemade: making the set anew around its pods",
        ),
        (
            "larger than wished is fine",
            claim(remade(), 0, |it| (it.requested, it.capacity) = (of("3Gi"), of("3Gi"))),
            "VolumesGrowing: nothing",
        ),
        (
            "members that are away need the space, perhaps",
            small().with(|it| it.members.clear()),
            "VolumesGrow: growing claims 0, 1, 2 to 2Gi",
        ),
    ]);
}

#[test]
fn the_set_is_made_anew_around_its_pods() {
    let ending = |it: &mut Observed| it.set.as_mut().expect("a set").ending = true;
    let no_set = |it: &mut Observed| {
        it.set = None;
        it.stale = vec!["StatefulSet demo".to_owned()];
    };
    check_all(vec![
        ("once all claims have asked", asked(), "SetRemade: making the set anew around its pods"),
        (
            "not before",
            claim(asked(), 0, |it| (it.requested, it.bound) = (of("1Gi"), false)),
            "VolumesGrow: nothing",
        ),
        ("while it ends nothing is applied", asked().with(ending), "SetEnding: nothing"),
        ("then it is applied", asked().with(no_set), "ChildrenDiffer: applying children"),
        (
            "the resource goes: nobody else would end its pods",
            asked().with(no_set).with(|it| {
                it.held = true;
                it.deleting = Timestamp::from_second(NOW).ok();
            }),
            "Deleting: deleting pod 0",
        ),
    ]);
    assert_eq!(asked().with(no_set).first_size(), 3, "with room for every pod");
    let ends = |it: &mut Observed| it.pods.get_mut(&2).expect("a pod").ending = true;
    assert_eq!(asked().with(ends).first_size(), 2, "that stays");
    assert_eq!(Observed::default().first_size(), 1, "and with the first one where there is none");
}

#[test]
fn a_pod_starts_anew_when_its_volume_waits_for_that() {
    check_all(vec![
        ("volumes grow by themselves", remade(), "VolumesGrowing: nothing"),
        ("its node may do it while it runs", waits(119), "VolumesGrowing: nothing"),
        ("it does not", waits(120), "VolumeNeedsRestart: deleting pod 1"),
        (
            "its pod has started anew since then",
            waits(120).with(|it| {
                let pod = it.pods.get_mut(&1).expect("a pod");
                pod.running_since = Timestamp::from_second(NOW - 60).ok();
            }),
            "VolumesGrowing: nothing",
        ),
        (
            "another one is away",
            waits(120).with(|it| drop(it.members.insert(2, silent()))),
            "MembersAway: nothing",
        ),
        (
            "another one is about to leave",
            waits(120).with(|it| it.wish = 2),
            "MemberCondemned: condemning member 2: ScaleDown",
        ),
    ]);
}
