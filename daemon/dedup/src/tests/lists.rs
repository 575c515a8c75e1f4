//! Lists of owners that differ or that cannot be reached: last resorts, witnesses, hand-overs.

use std::sync::Arc;

use model::MemberId;

use crate::world::{DELAY, Receiver, World, event, handlers, ms};
use crate::*;

fn raise_on(world: &mut World, members: &[MemberId], event: &Arc<Event>) {
    for id in members {
        world.raise(*id, event);
    }
}

#[test]
fn producers_that_reach_no_owner_send_one_copy_between_them() {
    for redundancy in [1, 2] {
        let mut world = World::with(5, move |c| c.redundancy = redundancy);
        let line = world.line("t");
        let (owners, producers) = line.split_at(redundancy);
        world.cut_off(owners, producers);
        let e = event("t", "id", 1);
        raise_on(&mut world, producers, &e);
        world.pass(DELAY * 8);
        assert_eq!(world.copies(&e), 1, "redundancy {redundancy}");
        world.cut.clear();
        world.pass(DELAY * 8);
        assert_eq!(world.copies(&e), 1, "redundancy {redundancy}, after the heal");
    }
}

#[test]
fn owners_of_two_views_without_a_common_owner_send_one_copy_between_them() {
    // Of three members the second does not know the first yet: each of the two is the only owner in
    // its own eyes. The third knows all, and raises, too.
    for delay in 0..6 {
        for first in [1, 2] {
            let mut world = World::with(3, |c| c.redundancy = 1);
            let line = world.line("t");
            let mut narrow = world.members.clone();
            narrow.roster.remove(&line[0]);
            world.input(line[1], Input::Members(narrow));
            let e = event("t", "id", 1);
            world.raise(line[first], &e);
            world.pass(ms(delay));
            world.raise(line[3 - first], &e);
            world.pass(DELAY * 4);
            assert_eq!(world.copies(&e), 1, "delay {delay} ms, {first} first");
        }
    }
}

#[test]
fn joiner_that_is_not_ready_in_the_eyes_of_others_is_asked_as_well() {
    for delay in 0..6 {
        let mut world = World::with(3, |c| c.redundancy = 1);
        let line = world.line("t");
        let mut early = world.members.clone();
        early.roster.get_mut(&line[0]).expect("a peer").ready = false;
        world.input(line[1], Input::Members(early));
        let e = event("t", "id", 1);
        world.raise(line[0], &e);
        world.pass(ms(delay));
        world.raise(line[1], &e);
        world.pass(DELAY * 4);
        assert_eq!(world.copies(&e), 1, "delay {delay} ms");
    }
}

#[test]
fn witness_is_no_successor_and_the_only_owner_keeps_its_claim() {
    let mut world = World::with(3, |c| c.redundancy = 1);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise(line[0], &e);
    world.pass(DELAY * 10);
    let counters = world.machine(line[0]).counters();
    assert_eq!((counters.claims, counters.handed_on), (1, 0));
}

#[test]
fn what_a_leaving_owner_is_offered_while_it_hands_over_is_not_forgotten_by_both() {
    let mut world = World::with(3, |c| c.redundancy = 1);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise(line[0], &e);
    world.pass(ms(50));
    // It leaves, which the others do not know yet, and they raise the event that it holds.
    let mut own = world.members.clone();
    own.roster.get_mut(&line[0]).expect("itself").ready = false;
    world.input(line[0], Input::Members(own));
    world.input(line[0], Input::Leave { removed: false });
    raise_on(&mut world, &line[1..], &e);
    world.pass(ms(50));
    assert!(world.nodes[&line[0]].handed_over);
    world.receiver = Box::new(|_| Receiver::Takes);
    world.remove(line[0], Removal::Drained);
    world.pass(DELAY * 6);
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn member_that_hands_over_is_a_holder_no_more() {
    // The producer has the ack of one of two owners; that one leaves and hands over to it. The ack of
    // the other must not make the producer forget: it counts one holder now.
    let mut world = World::with(3, |c| c.redundancy = 2);
    let line = world.line("t");
    world.cut_off(&line[..2], &line[2..]);
    let e = event("t", "id", 1);
    world.raise(line[2], &e);
    let hash = e.hash;
    let ack = Message::OfferAck { hash, done: false };
    world.input(line[2], Input::Message { from: line[0], message: ack.clone() });
    let offer = Offer {
        key: e.key.clone(),
        view: vec![line[1], line[2]].into(),
        cold: false,
        raised: false,
        handover: true,
        finished: Vec::new(),
        body: Some(e.body.clone()),
    };
    world.input(line[2], Input::Message { from: line[0], message: Message::Offer(offer) });
    world.input(line[2], Input::Message { from: line[1], message: ack });
    assert_eq!(world.machine(line[2]).pending_count(), 1);
}

#[test]
fn what_has_finished_with_an_event_goes_along_with_its_offer() {
    // An owner leaves with one of two handlers done; the next one has not heard of the event before.
    let mut world = World::with(2, |c| c.redundancy = 1);
    let line = world.line("t");
    world.judge = Box::new(|_, _| handlers(&["h", "i"]));
    let e = event("t", "id", 1);
    let offer = Offer {
        key: e.key.clone(),
        view: vec![line[0]].into(),
        cold: false,
        raised: true,
        handover: true,
        finished: vec!["h".into()],
        body: Some(e.body.clone()),
    };
    world.input(line[1], Input::Message { from: line[0], message: Message::Offer(offer) });
    world.remove(line[0], Removal::Drained);
    world.pass(DELAY * 6);
    assert_eq!(world.copies(&e), 1, "only the handler that is left");
}
