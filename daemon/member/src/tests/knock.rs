//! Whose process is gone is known at once; who only seems to be gone is not given up twice.

use std::time::Duration;

use gossip::Status;

use super::world::{World, member_id};
use crate::Input;

const SOON: Duration = Duration::from_millis(100);

fn status(world: &World, at: usize, of: usize) -> Status {
    let view = world.member(at).cluster_view();
    view.members.iter().find(|m| m.id == member_id(of)).expect("it is in the roster").status
}

fn hang_up(world: &mut World, at: usize, member: usize) {
    world.input(at, Input::HungUp { member: member_id(member) });
}

#[test]
fn a_process_that_ended_is_known_to_all_as_soon_as_one_connection_breaks() {
    let mut world = World::cluster(3);
    world.kill(2);
    world.run(SOON);
    assert_eq!(status(&world, 0, 2), Status::Alive, "silence proves nothing yet");
    hang_up(&mut world, 0, 2);
    world.run(SOON);
    assert_eq!(status(&world, 0, 2), Status::Failed);
    assert_eq!(status(&world, 1, 2), Status::Failed, "told at once");
    world.start(2);
    world.run(Duration::from_secs(8));
    assert_eq!(status(&world, 0, 2), Status::Alive);
}

#[test]
fn a_connection_that_breaks_on_the_way_is_no_verdict() {
    let mut world = World::cluster(3);
    hang_up(&mut world, 0, 2);
    world.run(SOON);
    assert_eq!(status(&world, 0, 2), Status::Alive, "it answers");
    world.cut.extend([(0, 2), (2, 0)]);
    hang_up(&mut world, 0, 2);
    world.run(Duration::from_secs(3));
    assert_eq!(status(&world, 0, 2), Status::Alive, "whether it answers cannot be seen from here");
}

#[test]
fn a_member_that_lives_behind_a_port_that_is_refused_is_given_up_once() {
    let mut world = World::cluster(3);
    world.undialable.insert("m2:9090".into());
    hang_up(&mut world, 0, 2);
    world.run(SOON);
    let renewals = |world: &World| world.member(2).counters().gossip.renewals;
    world.run(Duration::from_secs(8));
    assert_eq!(renewals(&world), 1, "it heard of its death and refuted it");
    assert_eq!(status(&world, 0, 2), Status::Alive);
    for _ in 0..3 {
        hang_up(&mut world, 0, 2);
        world.run(Duration::from_secs(2));
    }
    assert_eq!((renewals(&world), status(&world, 0, 2)), (1, Status::Alive));
}
