//! Removal: refused at once, told when it comes back, never resurrected.

use super::world::{World, cluster, id, secs};
use crate::{Event, RemoveStep, Roster, Status, plan_remove};

fn remove(world: &mut World, at: usize, target: usize) {
    let step = plan_remove(world.gossip(at).roster(), id(at), id(target)).unwrap();
    let RemoveStep::Bury { member, entry } = step else { panic!("not removed yet") };
    world.command(at, |gossip, now| gossip.merge_roster(now, [(member, entry)]));
}

#[test]
fn removed_member_is_refused_and_told_so() {
    let mut world = World::formed(1, 3, |_| {});
    remove(&mut world, 0, 2);
    assert_eq!(world.status(0, 2), Some(Status::Left));
    assert_eq!(world.gossip(0).active_members(), [id(0), id(1)]);
    assert!(world.saw(0, &Event::Removed(id(2), 2)));
    let told = world.run_until(secs(40), |world| {
        world
            .events
            .iter()
            .any(|(_, at, event)| *at == 2 && matches!(event, Event::OwnRemoval { epoch: 2, .. }))
    });
    assert!(told.is_some());
    assert!(world.gossip(0).counters().dropped_removed > 0);
    world.run(secs(60));
    assert_eq!(world.status(1, 2), Some(Status::Left), "the tombstone spreads by sync");
}

#[test]
fn member_that_was_away_when_it_was_removed_does_not_come_back() {
    let mut world = World::formed(2, 3, |_| {});
    world.crash(2);
    world.run(secs(10));
    remove(&mut world, 0, 2);
    world.run(secs(60));
    world.restart(2);
    world.run(secs(30));
    for at in 0..2 {
        assert_eq!(world.status(at, 2), Some(Status::Left));
        assert_eq!(world.gossip(at).members().len(), 2);
    }
    assert!(
        world.events.iter().any(|(_, at, event)| {
            *at == 2 && matches!(event, Event::OwnRemoval { epoch: 2, .. })
        })
    );
}

#[test]
fn removed_member_that_reset_itself_can_be_added_again_with_a_higher_epoch() {
    let mut world = World::formed(3, 3, |_| {});
    remove(&mut world, 0, 2);
    world.nodes[2].cluster = cluster(7);
    world.command(2, |gossip, now| gossip.change_cluster(now, cluster(7), Roster::new()));
    world.run(secs(40));
    assert_eq!(world.gossip(2).active_members(), [id(2)]);
    world.add(1, 2).unwrap();
    let took = world.run_until(secs(60), |world| world.agrees()).expect("it is back");
    assert!(took < secs(40), "took {took:?}");
    assert_eq!(world.gossip(1).roster().get(&id(2)).unwrap().epoch, 3);
}
