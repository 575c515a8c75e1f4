//! Joining.

use super::world::{World, cluster, id, secs};
use crate::{AddError, Dialled, Event, Key, KeyRing, Roster, Status};

#[test]
fn added_member_and_adder_see_each_other_alive_in_one_cluster() {
    let mut world = World::new(1);
    let (a, b) =
        (world.boot_up(cluster(1), &Roster::new()), world.boot_up(cluster(2), &Roster::new()));
    world.run(secs(5));
    assert_eq!(world.gossip(a).members().len(), 1);
    world.add(a, b).unwrap();
    let took = world.run_until(secs(5), |world| world.agrees()).expect("they meet");
    assert!(took < secs(2), "took {took:?}");
    assert_eq!(world.gossip(b).cluster(), cluster(1));
    assert!(world.saw(a, &Event::Added(id(b))));
    let order: Vec<_> = world.gossip(b).members().iter().map(|member| member.id).collect();
    assert_eq!(order, [id(a), id(b)]);
    // Again is success and changes nothing.
    let before = world.gossip(a).roster().clone();
    world.add(a, b).unwrap();
    assert_eq!(*world.gossip(a).roster(), before);
}

#[test]
fn member_that_missed_the_push_learns_of_a_joiner_by_asking_it_to_push() {
    let mut world = World::formed(2, 3, |_| {});
    assert!(world.agrees());
    let joiner = world.boot_up(cluster(2), &Roster::new());
    world.add(0, joiner).unwrap();
    let took = world.run_until(secs(30), |world| world.agrees()).expect("all meet");
    assert!(took < secs(8), "took {took:?}");
    let digests: Vec<_> = (0..4).map(|at| world.gossip(at).roster().digest()).collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn ten_members_added_one_after_the_other_all_know_each_other() {
    let mut world = World::new(3);
    world.keys = KeyRing::sealed(vec![Key::new([7; 32])]);
    let first = world.boot_up(cluster(1), &Roster::new());
    for _ in 1..10 {
        let joiner = world.boot_up(cluster(2), &Roster::new());
        world.add(first, joiner).unwrap();
        world.run(secs(1));
    }
    let took = world.run_until(secs(30), |world| world.agrees()).expect("all meet");
    // Without any push by RPC; those who missed it ask.
    assert!(took < secs(12), "took {took:?}");
    assert_eq!(world.downs(), 0);
    assert_eq!(world.detector_errors(), 0);
}

#[test]
fn joiner_of_another_cluster_is_refused_by_name() {
    let mut world = World::new(4);
    let (a, b) =
        (world.boot_up(cluster(1), &Roster::new()), world.boot_up(cluster(2), &Roster::new()));
    let hello = world.hello(b, true);
    let refused =
        crate::plan_add(world.gossip(a).roster(), id(a), cluster(1), &hello, &Dialled::new());
    assert_eq!(
        refused.unwrap_err(),
        AddError::InAnotherCluster { member: id(b), cluster: cluster(2) }
    );
    assert_eq!(world.status(a, b), None);
    assert_eq!(world.status(a, a), Some(Status::Alive));
}
