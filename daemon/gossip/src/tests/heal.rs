//! Partitions heal by themselves (duties D1 and D2).

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::world::{World, addresses, id, secs};
use crate::Config;

/// Splits the members in halves for a minute; how long until all see all again.
fn heal_after_split(seed: u64, members: usize, tune: fn(&mut Config)) -> Option<Duration> {
    let mut world = World::formed(seed, members, tune);
    assert!(world.agrees(), "seed {seed}");
    for index in 0..members / 2 {
        world.sides[index] = 1;
    }
    world.run(secs(60));
    assert!(!world.agrees());
    world.sides.fill(0);
    world.run_until(secs(60), |world| world.agrees())
}

#[test]
fn two_members_find_each_other_within_ten_seconds_of_a_minute_apart() {
    for seed in 0..20 {
        let took = heal_after_split(seed, 2, |_| {}).expect("they find each other");
        assert!(took < secs(10), "seed {seed} took {took:?}");
    }
}

#[test]
fn without_reconnecting_two_members_never_find_each_other() {
    let tune = |config: &mut Config| {
        config.duties.reconnect = false;
        config.duties.push_pull = false;
    };
    for seed in 0..3 {
        assert_eq!(heal_after_split(seed, 2, tune), None, "seed {seed}");
    }
}

#[test]
fn ten_members_heal_within_twelve_seconds() {
    for seed in 0..10 {
        let took = heal_after_split(seed, 10, |_| {}).expect("they find each other");
        assert!(took < secs(12), "seed {seed} took {took:?}");
    }
}

#[test]
fn announcing_to_the_down_often_is_what_heals_many_members_fast() {
    fn worst(tune: fn(&mut Config)) -> Duration {
        (0..5).map(|seed| heal_after_split(seed, 10, tune).unwrap_or(secs(60))).max().unwrap()
    }
    let ours = worst(|config| {
        config.duties.reconnect = false;
        config.duties.push_pull = false;
    });
    let stock = worst(|config| {
        config.duties.reconnect = false;
        config.duties.push_pull = false;
        config.duties.announce_to_down = secs(65);
    });
    assert!(ours < secs(30), "took {ours:?}");
    assert!(stock > ours, "stock {stock:?}, ours {ours:?}");
}

/// Two minutes of crashes, restarts, pauses, splits, loss and edits, then calm. Gives how many were
/// declared down meanwhile.
fn chaos_then_calm(seed: u64) -> usize {
    let mut world = World::formed(seed, 5, |_| {});
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..24 {
        let index = rng.random_range(0..5);
        let runs = world.nodes[index].gossip.is_some();
        match rng.random_range(0..7) {
            0 if runs && !world.nodes[index].paused => world.crash(index),
            1 if !runs => world.restart(index),
            2 => world.sides[index] = rng.random_range(0..2),
            3 if runs && !world.nodes[index].paused => world.pause(index),
            4 if world.nodes[index].paused => world.resume(index),
            5 => world.loss_percent = rng.random_range(0..30),
            6 if runs => {
                world.command(index, |gossip, now| {
                    let mut roster = gossip.roster().clone();
                    let role = format!("role-{}", now.as_millis());
                    roster.update_own(id(index), &addresses(index), &[role.as_str().into()]);
                    gossip.merge_roster(now, roster.records([id(index)]));
                });
            }
            _ => {}
        }
        world.run(secs(5));
    }
    world.loss_percent = 0;
    world.sides.fill(0);
    for index in 0..5 {
        if world.nodes[index].paused {
            world.resume(index);
        }
        if world.nodes[index].gossip.is_none() {
            world.restart(index);
        }
    }
    let healed = world.run_until(secs(15), |world| world.agrees());
    assert!(healed.is_some(), "seed {seed} does not heal");
    // Four push/pulls of each: whom one is made with is chance, and two do not always reach all five.
    let converged = world.run_until(secs(130), |world| {
        let digests: Vec<_> = (0..5).map(|at| world.gossip(at).roster().digest()).collect();
        digests.iter().all(|digest| *digest == digests[0])
    });
    assert!(converged.is_some(), "seed {seed} does not converge");
    assert!(world.agrees(), "seed {seed} does not stay healed");
    assert_eq!(world.detector_errors(), 0, "seed {seed}");
    world.downs()
}

#[test]
fn members_agree_again_after_any_chaos() {
    let downs: usize = (100..160).map(chaos_then_calm).sum();
    assert!(downs > 60, "the chaos was too tame: {downs}");
}
