//! Whatever comes at the port is counted and dropped.

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::world::{World, secs, socket};
use crate::{Key, KeyRing};

fn sealed_pair() -> World {
    let mut world = World::new(1);
    world.keys = KeyRing::sealed(vec![Key::new([7; 32])]);
    let mut roster = crate::Roster::new();
    for index in 0..2 {
        roster.update_own(super::world::id(index), &super::world::addresses(index), &[]);
    }
    for _ in 0..2 {
        world.boot_up(super::world::cluster(1), &roster);
    }
    world.run(secs(8));
    assert!(world.agrees());
    world
}

#[test]
fn replayed_packet_is_read_once() {
    let mut world = sealed_pair();
    let packet = world.overheard[&1].clone();
    world.run(secs(1));
    let before = world.gossip(0).counters().clone();
    for _ in 0..3 {
        world.command(0, |gossip, now| gossip.handle_datagram(now, socket(1), &packet));
    }
    let after = world.gossip(0).counters();
    assert_eq!(after.dropped_replay, before.dropped_replay + 3);
}

#[test]
fn noise_truncations_and_foreign_protocols_change_nothing() {
    let mut world = sealed_pair();
    let mut rng = StdRng::seed_from_u64(3);
    let packet = world.overheard[&1].clone();
    let view = world.gossip(0).members();
    let roster = world.gossip(0).roster().clone();
    let mut inputs: Vec<Vec<u8>> = (0..packet.len()).map(|end| packet[..end].to_vec()).collect();
    for at in 0..packet.len() {
        let mut flipped = packet.clone();
        flipped[at] ^= 1 << (at % 8);
        inputs.push(flipped);
    }
    for _ in 0..2000 {
        let mut noise = vec![0; rng.random_range(0..1600)];
        rng.fill_bytes(&mut noise);
        if let Some(first) = noise.first_mut() {
            *first = 1;
        }
        inputs.push(noise);
    }
    inputs.push(b"GET / HTTP/1.1\r\nHost: m0:9090\r\n\r\n".to_vec());
    let count = inputs.len() as u64;
    let before = world.gossip(0).counters().datagrams_in;
    for input in inputs {
        world.command(0, |gossip, now| {
            gossip.handle_datagram(now, socket(1), &input);
            assert_eq!(gossip.handle_sync(now, socket(1), &input), None);
            gossip.handle_sync_reply(now, socket(1), &input);
        });
    }
    let counters = world.gossip(0).counters().clone();
    assert_eq!(counters.datagrams_in, before + count);
    for counter in [
        counters.dropped_malformed,
        counters.dropped_version,
        counters.dropped_key,
        counters.dropped_too_long,
        counters.dropped_unsealed,
    ] {
        assert!(counter > 0, "{counters:?}");
    }
    assert_eq!(world.gossip(0).members(), view);
    assert_eq!(*world.gossip(0).roster(), roster);
    let strange = |event: &crate::Event| matches!(event, crate::Event::UnknownVersion { .. });
    assert_eq!(world.events.iter().filter(|(.., event)| strange(event)).count(), 1, "logged once");
}

#[test]
fn garbage_inside_an_authentic_packet_of_a_plain_cluster_is_harmless() {
    let mut world = World::formed(2, 2, |_| {});
    let header = world.overheard[&1][..50].to_vec();
    let mut rng = StdRng::seed_from_u64(4);
    for number in 0..5000_u64 {
        let mut packet = header.clone();
        packet[1] = (number % 4 * 2) as u8;
        packet[26..34].copy_from_slice(&(1_000_000 + number).to_le_bytes());
        let mut body = vec![0; rng.random_range(0..200)];
        rng.fill_bytes(&mut body);
        if let Some(first) = body.first_mut() {
            *first = 1;
        }
        packet.extend(body);
        world.command(0, |gossip, now| {
            gossip.handle_datagram(now, socket(1), &packet);
            let _ = gossip.handle_sync(now, socket(1), &packet);
            gossip.handle_sync_reply(now, socket(1), &packet);
        });
    }
    assert!(world.gossip(0).counters().dropped_malformed > 0);
    assert_eq!(world.gossip(0).members().len(), 2);
}

#[test]
fn plain_cluster_is_sealed_without_a_stop() {
    let mut world = World::formed(5, 3, |_| {});
    let key = || vec![Key::new([9; 32])];
    let rolls = [
        KeyRing::rolling(key(), false, false),
        KeyRing::rolling(key(), false, true),
        KeyRing::sealed(key()),
        KeyRing::sealed(vec![Key::new([9; 32]), Key::new([10; 32])]),
        KeyRing::sealed(vec![Key::new([10; 32]), Key::new([9; 32])]),
        KeyRing::sealed(vec![Key::new([10; 32])]),
    ];
    for ring in rolls {
        for at in 0..3 {
            world.gossip(at).set_keys(ring.clone());
            world.run(secs(3));
        }
    }
    assert_eq!(world.downs(), 0);
    assert!(world.agrees());
    let dropped: u64 = (0..3)
        .map(|at| world.gossip(at).counters().clone())
        .map(|counters| counters.dropped_key + counters.dropped_unsealed)
        .sum();
    assert_eq!(dropped, 0);
}

#[test]
fn what_is_refused_is_counted_each_time_and_told_once_a_minute_by_reason() {
    let mut world = sealed_pair();
    let packet = world.overheard[&1].clone();
    world.run(secs(1));
    let mut foreign = packet.clone();
    foreign[40] ^= 1;
    let told = |world: &World, reason: &str| -> Vec<u64> {
        let of = |event: &crate::Event| match event {
            crate::Event::Refused { reason: why, count, .. } if *why == reason => Some(*count),
            _ => None,
        };
        world.events.iter().filter_map(|(.., event)| of(event)).collect()
    };
    for _ in 0..3 {
        for _ in 0..10 {
            world.command(0, |gossip, now| {
                gossip.handle_datagram(now, socket(1), &packet);
                gossip.handle_datagram(now, socket(1), &foreign);
            });
        }
        world.run(secs(40));
    }
    let counters = world.gossip(0).counters();
    assert_eq!((counters.dropped_replay, counters.dropped_key), (30, 30));
    assert_eq!((told(&world, "replay"), told(&world, "key")), (vec![1, 20], vec![1, 20]));
}
