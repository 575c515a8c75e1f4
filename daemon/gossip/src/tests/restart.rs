//! Boot generations (D6): restart, clock set back, disk restored.

use model::BootGeneration;

use super::world::{World, id, secs};
use crate::{Event, Status};

#[test]
fn restarted_member_rejoins_by_itself_from_its_roster() {
    let mut world = World::formed(1, 3, |_| {});
    world.crash(1);
    world.run(secs(20));
    assert_eq!(world.status(0, 1), Some(Status::Failed));
    world.restart(1);
    let took = world.run_until(secs(20), |world| world.agrees()).expect("it is back");
    assert!(took < secs(3), "took {took:?}");
    let boot = world.nodes[1].boot;
    assert!(world.saw(0, &Event::Rejoined(id(1), boot)));
    assert!(world.saw(0, &Event::Up(id(1), boot)));
}

#[test]
fn quick_restart_is_told_although_the_member_was_never_seen_down() {
    let mut world = World::formed(2, 3, |_| {});
    world.crash(1);
    world.restart(1);
    world.run(secs(5));
    assert_eq!(world.downs(), 0);
    let boot = world.nodes[1].boot;
    assert!(world.saw(0, &Event::Rejoined(id(1), boot)));
    assert!(world.saw(2, &Event::Rejoined(id(1), boot)));
}

#[test]
fn all_members_restarted_at_once_find_each_other() {
    let mut world = World::formed(3, 5, |_| {});
    (0..5).for_each(|index| world.crash(index));
    world.run(secs(30));
    (0..5).for_each(|index| world.restart(index));
    let took = world.run_until(secs(20), |world| world.agrees()).expect("all are back");
    assert!(took < secs(5), "took {took:?}");
}

#[test]
fn next_generation_is_above_the_stored_one_though_the_clock_was_set_back() {
    let mut world = World::formed(4, 2, |_| {});
    world.crash(1);
    world.run(secs(20));
    let stored = world.nodes[1].boot;
    let boot = BootGeneration::next(Some(stored), 1_000);
    assert!(boot > stored);
    world.start(1, boot);
    let took = world.run_until(secs(20), |world| world.agrees());
    assert!(took.is_some_and(|took| took < secs(6)), "took {took:?}");
}

#[test]
fn member_with_a_restored_disk_adopts_a_higher_generation_durably_before_it_speaks() {
    let mut world = World::formed(5, 3, |_| {});
    world.crash(1);
    world.run(secs(10));
    let known = world.nodes[1].boot;
    world.nodes[1].slow_disk = true;
    world.start(1, BootGeneration(known.0 - 100));
    world.run(secs(2));
    let adopted = BootGeneration(known.0 + 1);
    assert_eq!(world.nodes[1].boot, adopted, "asked to persist");
    assert_eq!(world.status(0, 1), Some(Status::Failed), "silent until then");
    let sent = world.gossip(1).counters().datagrams_out;
    world.run(secs(10));
    assert_eq!(world.gossip(1).counters().datagrams_out, sent);
    world.command(1, |gossip, now| gossip.boot_persisted(now, adopted));
    let took = world.run_until(secs(20), |world| world.agrees()).expect("it is back");
    assert!(took < secs(6), "took {took:?}");
    assert_eq!(world.gossip(1).boot(), adopted);
    assert!(world.saw(1, &Event::BootAdopted(adopted)));
    assert!(world.gossip(0).counters().dropped_old_boot > 0);
}

#[test]
fn claims_stay_valid_when_a_healed_member_renews() {
    let mut world = World::formed(6, 3, |_| {});
    world.sides[2] = 1;
    world.run(secs(60));
    world.sides[2] = 0;
    world.run_until(secs(20), |world| world.agrees()).expect("healed");
    let is_rejoined = |event: &Event| matches!(event, Event::Rejoined(..));
    assert!(!world.events.iter().any(|(.., event)| is_rejoined(event)), "renewals are no new life");
    assert!(world.events.iter().any(|(.., event)| *event == Event::Renewed));
}
