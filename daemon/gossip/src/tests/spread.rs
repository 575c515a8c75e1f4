//! Broadcasts (D3), push/pull (D4), determinism.

use super::world::{World, addresses, cluster, id, secs};
use crate::{BROADCAST_LIMIT, BroadcastError, Config, DIGESTS_LIMIT, Roster};

/// How many of 300 broadcasts did not reach all ten members within 10 s, without loss.
fn incomplete_broadcasts(tune: fn(&mut Config)) -> usize {
    let mut world = World::formed(1, 10, tune);
    let mut incomplete = 0;
    for round in 0..300_u16 {
        world.broadcasts.clear();
        world.command(usize::from(round) % 10, |gossip, _| gossip.broadcast(&[7; 120])).unwrap();
        world.run(secs(10));
        assert!(world.broadcasts.len() <= 9, "each member gets it once");
        incomplete += usize::from(world.broadcasts.len() < 9);
    }
    incomplete
}

#[test]
fn broadcasts_reach_all_with_memberlists_formula_and_not_with_the_floored_one() {
    let ours = incomplete_broadcasts(|_| {});
    let stock = incomplete_broadcasts(|config| config.duties.retransmit_formula = false);
    assert!(ours <= 3, "{ours} of 300");
    assert!(stock > 4 * ours.max(1), "the check notices the floored formula: {stock}");
}

#[test]
fn broadcast_over_its_limits_is_refused() {
    let mut world = World::formed(2, 2, |_| {});
    let long = vec![1; BROADCAST_LIMIT + 1];
    assert_eq!(world.gossip(0).broadcast(&long), Err(BroadcastError::TooLong));
    let mut taken = 0;
    while world.gossip(0).broadcast(&[0]).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, crate::BROADCAST_BACKLOG);
    assert_eq!(world.gossip(0).broadcast(&[0]), Err(BroadcastError::Full));
    assert_eq!(world.gossip(0).counters().dropped_broadcast, 2);
}

/// Two members; the second changes its entry and sets digests. Does the first hear of it?
fn hears_by_sync(tune: fn(&mut Config)) -> (bool, bool) {
    let mut world = World::formed(3, 2, tune);
    let mut moved = addresses(1);
    moved.api = "elsewhere:9092".into();
    world.command(1, |gossip, now| {
        assert!(gossip.set_digests(b"done set".to_vec()));
        let mut roster = gossip.roster().clone();
        roster.update_own(id(1), &moved, &["worker".into()]);
        let entry = roster.get(&id(1)).unwrap().clone();
        gossip.merge_roster(now, [(id(1), entry)]);
    });
    world.run(secs(40));
    let roster = world.gossip(0).roster().get(&id(1)).unwrap().addresses == moved;
    let digests = world.digests.iter().any(|got| *got == (0, id(1), b"done set".to_vec()));
    (roster, digests)
}

#[test]
fn push_pull_carries_roster_and_digests_and_nothing_else_does() {
    assert_eq!(hears_by_sync(|_| {}), (true, true));
    assert_eq!(hears_by_sync(|config| config.duties.push_pull = false), (false, false));
}

#[test]
fn digest_blob_over_its_limit_is_refused() {
    let mut world = World::formed(4, 1, |_| {});
    assert!(!world.gossip(0).set_digests(vec![0; DIGESTS_LIMIT + 1]));
}

#[test]
fn rosters_that_grew_apart_are_equal_after_one_exchange() {
    let mut world = World::formed(5, 2, |_| {});
    for (at, joined) in [(0, 50), (1, 60)] {
        let mut other = Roster::new();
        other.update_own(id(joined), &addresses(joined), &[]);
        let record = (id(joined), other.get(&id(joined)).unwrap().clone());
        world.command(at, |gossip, now| gossip.merge_roster(now, [record]));
    }
    world.run(secs(40));
    assert_eq!(world.gossip(0).roster().size(), 4);
    assert_eq!(world.gossip(0).roster().digest(), world.gossip(1).roster().digest());
}

#[test]
fn same_seed_gives_the_same_history() {
    fn history(seed: u64) -> (u64, String) {
        let mut world = World::formed(seed, 5, |_| {});
        world.loss_percent = 20;
        world.run(secs(60));
        (world.sent, format!("{:?}", world.events))
    }
    assert_eq!(history(11), history(11));
    assert_ne!(history(11), history(12));
}

#[test]
fn members_of_other_clusters_do_not_mix() {
    let mut world = World::formed(6, 2, |_| {});
    // Knows the addresses of the first cluster, but is of another.
    let mut roster = world.gossip(0).roster().clone();
    roster.update_own(id(2), &addresses(2), &[]);
    let stranger = world.boot_up(cluster(9), &roster);
    world.run(secs(30));
    assert_eq!(world.gossip(0).members().len(), 2);
    assert!(world.gossip(0).counters().dropped_cluster > 0);
    assert_eq!(world.gossip(stranger).active_members(), [id(stranger)]);
}

#[test]
fn detector_is_tuned_when_the_cluster_grows() {
    let mut world = World::formed(7, 9, |_| {});
    assert_eq!(world.gossip(0).transmissions(), 4);
    let joiner = world.boot_up(cluster(2), &Roster::new());
    world.add(0, joiner).unwrap();
    assert_eq!(world.gossip(0).transmissions(), 8);
    world.run(secs(40));
    assert!((0..10).all(|at| world.gossip(at).transmissions() == 8));
}
