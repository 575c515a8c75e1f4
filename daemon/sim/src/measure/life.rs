//! Deaths, false alarms, idling and heals in worlds of whole members.

use std::time::Duration;

use gossip::Status;

use super::{Row, percentile};
use crate::world::{Settings, World};

/// A formed cluster runs for so long before anything is measured.
const SETTLE: Duration = Duration::from_mins(1);
/// How often the views are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Longest wait for a death to be known to all, or for a heal.
const LONGEST: Duration = Duration::from_mins(3);
/// Loss under which nobody may be taken for dead.
const LOSS: f64 = 0.05;
/// The split of the heal.
const SPLIT: Duration = Duration::from_mins(1);

/// A cluster of that many members that has come to rest.
fn formed(seed: u64, members: usize) -> World {
    let mut world = World::new(seed, members, Settings::default());
    let all: Vec<usize> = (0..members).collect();
    assert!(world.form(&all), "a cluster of {members} forms");
    world.run(SETTLE);
    world
}

/// Pairs (who, whom) where one that runs does not hold another for alive.
fn doubts(world: &World, of: impl Fn(usize) -> bool) -> usize {
    let ids: Vec<_> = world.nodes.iter().map(|node| node.id).collect();
    let views = world.nodes.iter().filter_map(|node| node.member.as_ref());
    views
        .map(|member| {
            let others = member.cluster_view().members;
            let doubted = others.iter().filter(|view| {
                ids.iter().position(|id| *id == view.id).is_some_and(&of)
                    && view.status == Status::Failed
            });
            doubted.count()
        })
        .sum()
}

/// Runs until `holds`, looking at every [`LOOK`]; how long it took.
fn until(world: &mut World, longest: Duration, holds: impl Fn(&World) -> bool) -> Option<Duration> {
    let began = world.now;
    while world.now < began + longest {
        if holds(world) {
            return Some(world.now.saturating_sub(began));
        }
        world.run(LOOK);
    }
    None
}

/// How long until one of the others shows a killed member as failed, and until all do.
fn death(seed: u64, members: usize, host_gone: bool) -> (Duration, Duration) {
    let mut world = formed(seed, members);
    // Members that were started together probe in step; these were not.
    for n in 0..members {
        world.kill(n);
        world.run(Duration::from_millis((seed * 379 + n as u64 * 617) % 1000));
        world.start(n);
    }
    world.run(SETTLE);
    let victim = seed as usize % members;
    if host_gone {
        let others: Vec<usize> = (0..members).filter(|n| *n != victim).collect();
        world.network.partition(&[victim], &others);
    }
    world.kill(victim);
    let know = |world: &World| doubts(world, |n| n == victim);
    let first = until(&mut world, LONGEST, |world| know(world) > 0).unwrap_or(LONGEST);
    let rest = until(&mut world, LONGEST, |world| know(world) == members - 1);
    (first, first + rest.unwrap_or(LONGEST))
}

/// How many were taken for dead in ten minutes with loss, none of them being so.
fn false_alarms(seed: u64, members: usize) -> usize {
    let mut world = formed(seed, members);
    world.network.loss = LOSS;
    let end = world.now + Duration::from_mins(10);
    let (mut alarms, mut before) = (0, 0);
    while world.now < end {
        world.run(Duration::from_millis(250));
        let now = doubts(&world, |_| true);
        alarms += now.saturating_sub(before);
        before = now;
    }
    alarms
}

/// Bytes a second that a member sends while nothing happens, UDP and IP headers included.
fn idle(seed: u64, members: usize) -> f64 {
    let mut world = formed(seed, members);
    // Whole rounds of push/pull and of full sync.
    let length = Duration::from_mins(30);
    let before = world.bytes;
    world.run(length);
    (world.bytes - before) as f64 / length.as_secs_f64() / members as f64
}

/// How long after a split of a minute until everyone shows everyone as alive again.
fn heal(seed: u64, members: usize) -> Duration {
    let mut world = formed(seed, members);
    let (one, other): (Vec<usize>, Vec<usize>) = (0..members).partition(|n| n % 2 == 0);
    world.network.partition(&one, &other);
    world.run(SPLIT);
    world.network.heal();
    until(&mut world, LONGEST, |world| doubts(world, |_| true) == 0).unwrap_or(LONGEST)
}

pub(super) fn rows(members: usize, seeds: u64) -> Vec<Row> {
    let deaths = |host_gone| (0..4 * seeds).map(move |seed| death(seed, members, host_gone));
    let (mut one, mut all): (Vec<_>, Vec<_>) = deaths(true).unzip();
    let mut killed: Vec<_> = deaths(false).map(|(_, all)| all).collect();
    let alarms: usize = (0..seeds.div_ceil(5)).map(|seed| false_alarms(seed, members)).sum();
    let bytes: f64 = (0..seeds.div_ceil(5)).map(|seed| idle(seed, members)).sum();
    let bytes = bytes / seeds.div_ceil(5) as f64;
    let anchor = match members {
        10 => Some(5.7),
        100 => Some(9.7),
        _ => None,
    };
    let cheap = match members {
        3 => Some(250.0),
        10 => Some(300.0),
        100 => Some(600.0),
        _ => None,
    };
    let at_once = (members <= 10).then_some(2.0);
    let (one, all) = (percentile(&mut one, 0.5), percentile(&mut all, 0.5));
    let most = percentile(&mut killed, 1.0);
    vec![
        Row::new("host gone, one knows, p50", members, one, "s").most(anchor),
        Row::new("host gone, all know, p50", members, all, "s"),
        Row::new("process killed, host answers, all know, max", members, most, "s").most(at_once),
        Row::new("false alarms in 10 min at 5 % loss", members, alarms as f64, "").most(Some(0.0)),
        Row::new("idle, sent per member", members, bytes, "B/s").most(cheap),
    ]
}

/// The slowest heal over clusters of 2 to 32.
pub(super) fn heal_rows(seeds: u64) -> Vec<Row> {
    let sizes = [2, 3, 4, 5, 7, 10, 16, 24, 32];
    let row = |members: &usize| {
        let mut took: Vec<_> =
            (0..seeds).map(|seed| heal(seed + 1_000 * *members as u64, *members)).collect();
        let slowest = percentile(&mut took, 1.0);
        Row::new("heal after a 60 s split, max", *members, slowest, "s").most(Some(6.0))
    };
    sizes.iter().map(row).collect()
}
