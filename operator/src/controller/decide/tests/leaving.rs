//! How members leave, and what is cleared away behind them.

use super::*;

/// Three members, two wished, the third stands in this state.
fn third(state: MemberState) -> Observed {
    let tasks = |it: &mut Observed| {
        it.tasks =
            (0..3).map(|ordinal| (ordinal, Some(BTreeSet::from(["cpu".to_owned()])))).collect();
    };
    let seen = observed(2, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).goes(2, state);
    seen.influx(InfluxSeen::NotAsked).with(tasks)
}

/// The same once it was removed.
fn removed(state: MemberState) -> Observed {
    third(state).with(|it| it.members = (0..3).zip(all(&[0, 1])).chain([(2, alone(2))]).collect())
}

/// The same once its pod is gone.
fn gone(state: MemberState) -> Observed {
    removed(state).sized(2).with(|it| drop(it.members.remove(&2)))
}

#[test]
fn a_member_leaves_step_by_step() {
    let only_two = |it: &mut Observed| {
        let own = BTreeSet::from(["cpu".to_owned(), "disk".to_owned()]);
        it.tasks.insert(2, Some(own));
    };
    let ending = |it: &mut Observed| it.pods.get_mut(&2).expect("a pod").ending = true;
    check_all(vec![
        (
            "the highest first",
            observed(1, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]),
            "MemberCondemned: condemning member 2: ScaleDown",
        ),
        (
            "taken back in time",
            third(Condemned).with(|it| it.wish = 3),
            "MemberSpared: sparing member 2",
        ),
        ("its tasks run nowhere else", third(Condemned).with(only_two), "TasksOnlyHere: nothing"),
        (
            "a human does not mind",
            third(Condemned).with(only_two).with(|it| it.allow_task_loss = true),
            "RemovalBegins: member 2 is now Removing",
        ),
        (
            "nobody who stays answers",
            third(Condemned).with(|it| it.members = [(2, view(2, &id('c', 0), &[0, 1, 2]))].into()),
            "MembersAway: nothing",
        ),
        ("no way back from here", third(Condemned), "RemovalBegins: member 2 is now Removing"),
        (
            "a pod that somebody made above it goes first",
            removed(Stopping).sized(4).with(|it| it.members.insert(3, alone(3)).map_or((), drop)),
            "MemberFound: recording member 3",
        ),
        (
            "and where that one is wished meanwhile, the removed one comes in anew",
            removed(Stopping).sized(4).with(|it| it.wish = 4),
            "MemberBack: forgetting member 2",
        ),
        (
            "it goes on although the wish rose",
            third(Removing).with(|it| it.wish = 3),
            "MemberListed: removing member 2 through member 0",
        ),
        (
            "through one that stays",
            third(Removing),
            "MemberListed: removing member 2 through member 0",
        ),
        (
            "one of them has not heard yet",
            removed(Removing)
                .with(|it| drop(it.members.insert(1, view(1, &id('c', 0), &[0, 1, 2])))),
            "MemberListed: removing member 2 through member 1",
        ),
        (
            "everybody was stopped meanwhile: who stays is needed",
            gone(Removing).sized(0).with(|it| it.members.clear()),
            "SetGrows: growing the set to 2 pods",
        ),
        ("on no list", removed(Removing), "MemberRemoved: member 2 is now Stopping"),
        (
            "on no list, but it does not know yet",
            removed(Removing)
                .with(|it| drop(it.members.insert(2, view(2, &id('c', 0), &[0, 1, 2])))),
            "PodStopping: nothing",
        ),
        (
            "it never learns it",
            removed(Removing).since(2, 60).with(|it| drop(it.members.insert(2, silent()))),
            "MemberRemovedDead: member 2 is now Stopping, unclean",
        ),
        (
            "it is dead",
            gone(Removing).sized(3).with(|it| drop(it.pods.remove(&2))),
            "MemberRemovedDead: member 2 is now Stopping, unclean",
        ),
        ("its pod goes", removed(Stopping), "SetShrinks: shrinking the set to 2 pods"),
        (
            "somebody who did not know brought it back",
            third(Stopping),
            "MemberListed: removing member 2 through member 0",
        ),
        (
            "its pod ends",
            removed(Stopping).with(ending).with(|it| it.set.as_mut().expect("a set").replicas = 2),
            "PodStopping: nothing",
        ),
        ("its pod is gone", gone(Stopping), "PodGone: member 2 is now Unsubscribing"),
        (
            "the next begins while the last one's pod ends",
            removed(Stopping)
                .with(|it| it.set.as_mut().expect("a set").replicas = 2)
                .with(|it| it.wish = 1),
            "PodStopping: nothing",
        ),
        (
            "the next begins while InfluxDB is awaited",
            gone(Unsubscribing).with(|it| it.wish = 1),
            "MemberCondemned: condemning member 1: ScaleDown",
        ),
    ]);
}

#[test]
fn what_a_member_leaves_behind_is_cleared_away() {
    let rows = |of: &[i32]| InfluxSeen::Rows(of.iter().map(|of| row(*of)).collect());
    let unclean = |it: &mut Observed| it.ledger.last_mut().expect("the third").unclean = true;
    let keep = |it: &mut Observed| it.claims.get_mut(&2).expect("a claim").keep = true;
    check_all(vec![
        ("InfluxDB was not asked yet", gone(Unsubscribing), "InfluxdbAway: nothing"),
        (
            "only its own",
            gone(Unsubscribing).influx(rows(&[0, 1, 2])),
            "SubscriptionsFound: dropping 1 subscriptions",
        ),
        (
            "none is left",
            gone(Unsubscribing).influx(rows(&[0, 1])),
            "SubscriptionsGone: member 2 is now Reclaiming",
        ),
        (
            "a human does not want to wait",
            gone(Unsubscribing).with(|it| it.skip_cleanup = true),
            "SubscriptionsSkipped: member 2 is now Reclaiming",
        ),
        (
            "it died: it may be alive somewhere",
            gone(Unsubscribing).influx(rows(&[])).with(unclean),
            "SubscriptionsWatched: nothing",
        ),
        (
            "it is",
            gone(Unsubscribing).influx(rows(&[2])).with(unclean).since(2, 121),
            "SubscriptionsReturned: member 2 is now Unsubscribing, unclean",
        ),
        (
            "it is not",
            gone(Unsubscribing).influx(rows(&[])).with(unclean).since(2, 121),
            "SubscriptionsGone: member 2 is now Reclaiming, unclean",
        ),
        (
            "somebody made its pod again, and it is wished",
            gone(Unsubscribing).influx(rows(&[2])).with(|it| {
                it.wish = 3;
                it.pods.insert(2, PodSeen::default());
                it.members.insert(2, alone(2));
                it.set.as_mut().expect("a set").replicas = 3;
            }),
            "MemberBack: forgetting member 2",
        ),
        ("its claim goes", gone(Reclaiming), "ClaimDeleted: deleting claim 2"),
        (
            "its claim is kept",
            gone(Reclaiming).with(keep),
            "ClaimRetired: keeping claim 2 without a member",
        ),
        (
            "all are kept",
            gone(Reclaiming).with(|it| it.keep_claims = true),
            "ClaimRetired: keeping claim 2 without a member",
        ),
        (
            "but not that of one that did not hand over",
            gone(Reclaiming).with(|it| it.keep_claims = true).with(unclean),
            "ClaimDeleted: deleting claim 2",
        ),
        (
            "the claim of somebody else is not touched",
            gone(Reclaiming).with(|it| it.claims.get_mut(&2).expect("a claim").member_id = None),
            "MemberGone: forgetting member 2",
        ),
        (
            "the pod is there again",
            gone(Reclaiming).with(|it| drop(it.pods.insert(2, PodSeen::default()))),
            "PodStopping: nothing",
        ),
        (
            "the claim ends",
            gone(Reclaiming).with(|it| it.claims.get_mut(&2).expect("a claim").ending = true),
            "ClaimGoing: nothing",
        ),
        (
            "nothing is left",
            gone(Reclaiming).with(|it| drop(it.claims.remove(&2))),
            "MemberGone: forgetting member 2",
        ),
    ]);
}

#[test]
fn a_member_is_replaced_in_its_place() {
    let wished = |it: &mut Observed| it.pods.get_mut(&1).expect("a pod").replace = true;
    let three = || observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).with(wished);
    let out = || {
        let seen = observed(3, vec![]).founded().recorded(&[0, 2]);
        let seen = seen.recorded(&[1]).goes_for(1, Stopping, Cause::Replace);
        let c0 = id('c', 0);
        let members = [(0, view(0, &c0, &[0, 2])), (1, alone(1)), (2, view(2, &c0, &[0, 2]))];
        seen.with(|it| it.members = members.into())
    };
    let ending = |it: &mut Observed| it.claims.get_mut(&1).expect("a claim").ending = true;
    check_all(vec![
        ("a human wants it", three(), "MemberCondemned: condemning member 1: Replace"),
        (
            "and wants its volume kept",
            three().with(|it| it.claims.get_mut(&1).expect("a claim").keep = true),
            "ClaimKept: nothing",
        ),
        (
            "the only one cannot be replaced",
            observed(1, vec![alone(0)])
                .founded()
                .recorded(&[0])
                .with(|it| it.pods.get_mut(&0).expect("a pod").replace = true),
            "LastMember: nothing",
        ),
        (
            "taken back in time",
            observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).goes_for(
                1,
                Condemned,
                Cause::Replace,
            ),
            "MemberSpared: sparing member 1",
        ),
        ("the claim first", out(), "ClaimDeleted: deleting claim 1"),
        ("then the pod", out().with(ending), "PodReplaced: deleting pod 1"),
        (
            "both are gone",
            out().with(|it| drop(it.claims.remove(&1))).with(|it| drop(it.pods.remove(&1))),
            "PodGone: member 1 is now Unsubscribing",
        ),
        (
            "a new member takes its place while the old one's subscriptions are looked for",
            out()
                .goes_for(1, Unsubscribing, Cause::Replace)
                .with(|it| drop(it.members.insert(1, view(5, &id('c', 5), &[5]))))
                .with(|it| it.claims.get_mut(&1).expect("a claim").member_id = None),
            "MemberFound: recording member 1 (a0000000-0000-4000-8000-000000000005)",
        ),
    ]);
}
