//! Partitions heal by themselves (duties D1 and D2).

use std::time::Duration;

use super::world::{World, secs};
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
