//! Crash, leave, pause, loss.

use super::world::{World, id, secs};
use crate::{Event, Gossip, Status};

#[test]
fn crash_is_detected_and_known_to_all_within_the_target() {
    // Target (gossip.md 7): wait for a probe + 1 s + 4 s, p99 at most minimum + 5 s.
    for seed in 0..10 {
        let mut world = World::formed(seed, 3, |_| {});
        assert!(world.agrees(), "seed {seed}");
        world.crash(2);
        let took = world.run_until(secs(20), |world| world.agrees()).expect("the crash is seen");
        assert!(took > secs(4) && took < secs(10), "seed {seed} took {took:?}");
        assert!(world.saw(0, &Event::Down(id(2))));
        assert_eq!(world.status(0, 2), Some(Status::Failed));
        assert_eq!(world.detector_errors(), 0);
    }
}

#[test]
fn suspect_shows_as_alive_until_it_is_down() {
    let mut world = World::formed(5, 3, |_| {});
    world.crash(2);
    let suspected =
        world.run_until(secs(10), |world| (0..2).any(|at| world.saw(at, &Event::Suspect(id(2)))));
    assert!(suspected.is_some());
    assert_eq!(world.status(0, 2), Some(Status::Alive));
    assert_eq!(world.status(1, 2), Some(Status::Alive));
}

#[test]
fn nobody_is_declared_down_at_five_percent_loss() {
    let mut world = World::formed(6, 5, |_| {});
    world.loss_percent = 5;
    world.run(secs(300));
    assert_eq!(world.downs(), 0);
    assert!(world.agrees());
}

#[test]
fn idle_members_send_about_two_packets_a_second() {
    let mut world = World::formed(7, 10, |_| {});
    world.run(secs(20));
    let before = world.sent;
    world.run(secs(60));
    let each = (world.sent - before) as f64 / 600.0;
    assert!(each < 2.6, "{each} packets per second and member");
}

#[test]
fn stopped_member_shows_leaving_and_then_failed_and_stays_in_the_roster() {
    let mut world = World::formed(8, 3, |_| {});
    world.command(2, Gossip::leave);
    assert_eq!(world.status(2, 2), Some(Status::Leaving));
    world.run(secs(2));
    assert_eq!(world.status(0, 2), Some(Status::Leaving));
    assert_eq!(world.status(1, 2), Some(Status::Leaving));
    world.command(2, Gossip::stop);
    assert_eq!(world.gossip(2).poll_timeout(), None);
    world.run(secs(2));
    assert_eq!(world.status(0, 2), Some(Status::Failed));
    assert_eq!(world.status(1, 2), Some(Status::Failed));
    assert_eq!(world.gossip(0).members().len(), 3);
    // Its next life is no longer leaving.
    world.crash(2);
    world.restart(2);
    world.run(secs(8));
    assert_eq!(world.status(0, 2), Some(Status::Alive));
}

/// A member pauses while an answer to its probe is on the way (D7).
fn false_suspicions_after_a_pause(packets_first: bool) -> u64 {
    let mut failed = 0;
    for seed in 0..10 {
        let tune: fn(&mut crate::Config) =
            if packets_first { |_| {} } else { |config| config.duties.packets_first = false };
        let mut world = World::formed(seed, 2, tune);
        let sent = world.gossip(0).counters().datagrams_out;
        // Until its ping is out, but not answered.
        while world.gossip(0).counters().datagrams_out == sent {
            world.run(std::time::Duration::from_micros(100));
        }
        let before = world.gossip(0).counters().probes_failed;
        world.pause(0);
        world.run(secs(3));
        world.resume(0);
        failed += world.gossip(0).counters().probes_failed - before;
    }
    failed
}

#[test]
fn paused_member_reads_the_answers_before_it_judges() {
    assert_eq!(false_suspicions_after_a_pause(true), 0);
    assert!(false_suspicions_after_a_pause(false) > 0, "the check notices the wrong order");
}

#[test]
fn hundred_members_at_five_percent_loss_keep_each_other() {
    let mut world = World::formed(9, 100, |_| {});
    let joined = world.run_until(secs(30), |world| world.agrees());
    assert!(joined.is_some());
    world.loss_percent = 5;
    world.run(secs(60));
    assert_eq!(world.downs(), 0);
    world.loss_percent = 0;
    world.crash(50);
    let took = world.run_until(secs(40), |world| world.agrees()).expect("the crash is seen");
    assert!(took < secs(20), "took {took:?}");
    assert_eq!(world.detector_errors(), 0);
}

#[test]
fn a_member_that_wakes_up_beside_a_sleeping_one_finds_it_failed() {
    for seed in 0..20 {
        let mut world = World::formed(seed, 2, |_| {});
        world.pause(0);
        let failed = |world: &mut World, at: usize, about: usize| {
            world.status(at, about) == Some(Status::Failed)
        };
        assert!(world.run_until(secs(30), |world| failed(world, 1, 0)).is_some(), "seed {seed}");
        world.pause(1);
        world.resume(0);
        let took = world.run_until(secs(20), |world| failed(world, 0, 1));
        assert!(took.is_some(), "seed {seed}: the sleeping member is still seen alive");
    }
}
