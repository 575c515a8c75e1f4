//! How changes reach the pods.

use super::*;

/// Three members in sync, all of which run `a`; `b` is wished and reaches pods from `partition` on.
fn rolling(partition: i32) -> Observed {
    let seen = observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]);
    seen.with(|it| {
        it.floor = Some(0);
        let set = it.set.as_mut().expect("a set");
        (set.settled, set.partition) = (true, partition);
        (set.current, set.update) = ("a".to_owned(), "b".to_owned());
        for (ordinal, pod) in &mut it.pods {
            pod.ready = true;
            pod.made = Timestamp::from_second(NOW - 10).ok();
            pod.running_since = pod.made;
            pod.revision = if *ordinal < partition { "a" } else { "b" }.to_owned();
        }
    })
}

fn pod(seen: Observed, ordinal: i32, change: impl FnOnce(&mut PodSeen)) -> Observed {
    seen.with(|it| change(it.pods.get_mut(&ordinal).expect("a pod")))
}

/// This pod does not start.
fn broken(seen: Observed, ordinal: i32) -> Observed {
    let why = Some("ErrImagePull".to_owned());
    let seen =
        pod(seen, ordinal, |it| (it.ready, it.trouble, it.running_since) = (false, why, None));
    seen.with(|it| drop(it.members.remove(&ordinal)))
}

#[test]
fn a_change_goes_from_pod_to_pod() {
    let settled = |it: &mut Observed| it.set.as_mut().expect("a set").current = "b".to_owned();
    check_all(vec![
        ("all are held back at first", rolling(3), "PodsRoll: changing pod 2"),
        ("the set was larger", rolling(9), "PodsRoll: changing pod 2"),
        ("the next", rolling(2), "PodsRoll: changing pod 1"),
        (
            "it is to be changed yet",
            pod(rolling(2), 2, |it| it.revision = "a".into()),
            "PodsRoll: nothing",
        ),
        ("its pod ends", pod(rolling(2), 2, |it| it.ending = true), "PodsRoll: nothing"),
        ("it starts", pod(rolling(2), 2, |it| it.ready = false), "PodsRoll: nothing"),
        (
            "it runs and is on no list yet",
            rolling(2).with(|it| drop(it.members.insert(2, alone(2)))),
            "MemberApart: adding member 2 through member 0",
        ),
        ("all are through", rolling(0).with(settled), "InSync: nothing"),
        (
            "the set has not looked at the change yet",
            rolling(3).with(|it| it.set.as_mut().expect("a set").settled = false),
            "InSync: nothing",
        ),
        (
            "somebody wants to change the pods himself",
            rolling(3).with(|it| it.set.as_mut().expect("a set").by_hand = true),
            "InSync: nothing",
        ),
        (
            "another member is away",
            rolling(3).with(|it| drop(it.members.insert(0, silent()))),
            "PodsRoll: nothing",
        ),
        (
            "and where the next one does not run either, nothing is lost by changing it",
            broken(rolling(3), 2).with(|it| drop(it.members.insert(0, silent()))),
            "PodsRoll: changing pod 2",
        ),
        (
            "another one cannot run with what it has: a change may mend that",
            broken(rolling(3), 0),
            "PodsRoll: changing pod 2",
        ),
        (
            "it has just started and may come",
            pod(rolling(3), 0, |it| it.ready = false),
            "PodsRoll: nothing",
        ),
        (
            "it has run for long and is not ready",
            pod(rolling(3), 0, |it| {
                (it.ready, it.running_since) = (false, Timestamp::from_second(NOW - 120).ok());
            }),
            "PodsRoll: changing pod 2",
        ),
        (
            "a member that leaves goes first",
            rolling(3).with(|it| it.wish = 2).goes(2, Removing),
            "MemberListed: removing member 2 through member 0",
        ),
        (
            "where nobody is in the cluster it is enough to run",
            broken(broken(rolling(2).with(|it| drop(it.members.insert(2, alone(2)))), 0), 1),
            "PodsRoll: changing pod 1",
        ),
    ]);
}

#[test]
fn a_change_stops_where_a_pod_does_not_come_back() {
    let slow = |it: &mut PodSeen| {
        (it.ready, it.made) = (false, Timestamp::from_second(NOW - 120).ok());
    };
    check_all(vec![
        ("it cannot start", broken(rolling(2), 2), "RollStuck: nothing"),
        ("it takes too long", pod(rolling(2), 2, slow), "RollStuck: nothing"),
        ("the last one, too", broken(rolling(0), 0), "RollStuck: nothing"),
        (
            "another change is wished: that one makes room",
            broken(pod(rolling(3), 1, |it| it.revision = "x".into()), 1),
            "ChangeAbandoned: deleting pod 1",
        ),
        (
            "but not while it runs",
            pod(rolling(3), 1, |it| it.revision = "x".into()),
            "PodsRoll: changing pod 2",
        ),
        (
            "the change is taken back",
            broken(pod(rolling(3), 2, |it| it.revision = "b".into()), 2)
                .with(|it| it.set.as_mut().expect("a set").update = "a".into()),
            "ChangeAbandoned: deleting pod 2",
        ),
    ]);
}

#[test]
fn a_change_reaches_no_more_pods_than_wished() {
    check_all(vec![
        ("on trial", rolling(3).with(|it| it.floor = Some(2)), "PodsRoll: changing pod 2"),
        ("that is all", rolling(2).with(|it| it.floor = Some(2)), "RollHeld: nothing"),
        ("no further", rolling(2).with(|it| it.floor = None), "RollHeld: nothing"),
        (
            "the set is smaller than that",
            rolling(3).with(|it| it.floor = Some(5)),
            "RollHeld: nothing",
        ),
        (
            "volumes grow, but their set is not made anew in the middle of a change",
            rolling(2).with(|it| {
                it.floor = None;
                it.size = crate::quantity::Quantity::parse("1Gi").expect("an amount");
                it.claims.values_mut().for_each(|claim| claim.requested = it.size.clone());
                it.claims.values_mut().for_each(|claim| claim.capacity = it.size.clone());
            }),
            "RollHeld: nothing",
        ),
    ]);
}
