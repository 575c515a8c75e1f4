//! Members that leave or are removed, cold events, inline topics, bounds.

use std::time::Duration;

use crate::world::{DELAY, Receiver, World, event, key, member, ms};
use crate::*;

fn others(world: &World, not: model::MemberId) -> Vec<model::MemberId> {
    world.nodes.keys().copied().filter(|id| *id != not).collect()
}

#[test]
fn leaving_member_drains_hands_over_and_sends_no_more() {
    let mut world = World::new(3);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    // Only the leaver holds it.
    world.cut_off(&line[..1], &line[1..]);
    world.raise(line[0], &e);
    world.pass(ms(300));
    world.cut.clear();
    world.members.roster.get_mut(&line[0]).expect("a peer").ready = false;
    world.tell_members();
    world.input(line[0], Input::Leave { removed: false });
    world.receiver = Box::new(|_| Receiver::Takes);
    world.pass(ms(1000));
    assert!(world.nodes[&line[0]].handed_over);
    world.remove(line[0], Removal::Drained);
    world.pass(DELAY * 5);
    assert_eq!(world.copies(&e), 1);
    assert_ne!(world.sent[0].1, line[0]);
}

#[test]
fn removed_member_is_heard_in_its_hand_over_only() {
    let mut world = World::new(3);
    let line = world.line("t");
    let away = line[0];
    world.cut_off(&line[..1], &line[1..]);
    world.receiver = Box::new(|_| Receiver::Fails);
    let both = event("t", "both", 1);
    let its = event("t", "its", 1);
    world.raise(away, &both);
    world.raise(away, &its);
    world.pass(ms(300));
    world.receiver = Box::new(|_| Receiver::Takes);
    world.remove(away, Removal::Unreached);
    world.raise(line[1], &both);
    world.pass(ms(500));
    assert_eq!(world.copies(&both), 1);
    // It returns; its own view still has everyone.
    world.cut.clear();
    world.input(away, Input::Leave { removed: true });
    world.pass(ms(200));
    assert!(!world.nodes[&away].handed_over);
    world.input(away, Input::Sync { peer: line[1] });
    world.pass(DELAY);
    assert!(world.nodes[&away].handed_over);
    world.pass(DELAY * 4);
    assert_eq!(world.copies(&both), 1);
    assert_eq!(world.copies(&its), 1);
    let hash = its.hash;
    let message = Message::Renew {
        hash,
        topic: "t".into(),
        boot: model::BootGeneration::default(),
        lease_ms: 1,
    };
    world.input(line[1], Input::Message { from: away, message });
    assert!(world.machine(line[1]).counters().refused_removed > 0);
}

#[test]
fn leaver_that_is_removed_does_not_wait_for_acks_that_nobody_sends() {
    let mut world = World::new(2);
    let line = world.line("t");
    world.raise(line[0], &event("t", "id", 1));
    world.pass(ms(2));
    world.cut_off(&line[..1], &line[1..]);
    world.pass(ms(500));
    world.input(line[0], Input::Leave { removed: false });
    world.pass(ms(500));
    assert!(!world.nodes[&line[0]].handed_over, "the other one lives and has not heard of the end");
    world.input(line[0], Input::Leave { removed: true });
    assert!(world.nodes[&line[0]].handed_over);
}

#[test]
fn last_lease_of_an_unreached_removed_member_is_honoured() {
    for (how, least) in [(Removal::Unreached, DELAY), (Removal::Drained, Duration::ZERO)] {
        let mut world = World::new(3);
        world.receiver = Box::new(|_| Receiver::Fails);
        let line = world.line("t");
        let e = event("t", "id", 1);
        world.raise(line[0], &e);
        world.pass(ms(100));
        world.cut_off(&line[..1], &line[1..]);
        world.remove(line[0], how);
        world.receiver = Box::new(|_| Receiver::Takes);
        world.pass(DELAY * 2);
        assert_eq!(world.copies(&e), 1);
        assert!(world.sent[0].0 >= least && world.sent[0].0 < least + ms(600));
    }
}

#[test]
fn cold_event_is_dropped_only_where_a_warm_member_says_so() {
    let cases = [
        (Some(false), true, 0, DELAY),
        (Some(true), true, 1, DELAY),
        (None, true, 1, DELAY * 2),
        (None, false, 1, DELAY),
    ];
    for (answer, warm, copies, within) in cases {
        let mut world = World::new(3);
        let line = world.line("t");
        world.warm = if warm { vec![line[2]] } else { vec![] };
        world.warm_raised = answer;
        let e = event("t", "id", 1);
        world.raise_cold(line[0], &e);
        world.pass(within);
        assert_eq!(world.copies(&e), copies, "{answer:?} {warm}");
        world.pass(DELAY * 5);
        assert_eq!(world.copies(&e), copies, "{answer:?} {warm}");
    }
}

#[test]
fn cold_event_goes_on_when_the_warm_member_dies_or_raises_it() {
    let mut world = World::new(3);
    let line = world.line("t");
    world.warm = vec![line[2]];
    let e = event("t", "id", 1);
    world.raise_cold(line[0], &e);
    world.pass(ms(50));
    assert_eq!(world.copies(&e), 0);
    world.raise(line[2], &e);
    world.pass(ms(50));
    assert_eq!(world.copies(&e), 1);
    let dead = event("t", "dead", 1);
    world.kill(line[2]);
    world.raise_cold(line[0], &dead);
    world.pass(ms(50));
    assert_eq!(world.copies(&dead), 1);
}

#[test]
fn one_warm_member_that_would_not_raise_it_does_not_silence_another_that_did() {
    // The asked one missed the point; the one that raised it is not heard while the cold one asks.
    for killed in [false, true] {
        let mut world = World::new(3);
        let line = world.line("t");
        world.warm = vec![line[2]];
        world.warm_raised = Some(false);
        let e = event("t", "id", 1);
        world.cut_off(&line[1..2], &[line[0], line[2]]);
        world.raise(line[1], &e);
        world.raise_cold(line[0], &e);
        world.pass(ms(500));
        assert_eq!(world.machine(line[0]).pending_count(), 0, "dropped");
        assert!(!world.machine(line[0]).is_done("t", e.hash), "and not done");
        if killed {
            world.kill(line[1]);
            world.cut.clear();
            world.restart(line[1]);
        } else {
            world.cut.clear();
        }
        world.pass(DELAY * 5);
        assert_eq!(world.copies(&e), 1, "killed: {killed}");
        assert_eq!(world.machine(line[0]).root(), world.machine(line[1]).root());
    }
}

#[test]
fn who_holds_a_cold_event_hears_that_it_is_unfounded() {
    let mut world = World::new(3);
    let line = world.line("t");
    world.warm = vec![line[2]];
    world.warm_raised = Some(false);
    let e = event("t", "id", 1);
    world.raise_cold(line[1], &e);
    world.pass(ms(500));
    let held: Vec<usize> = line.iter().map(|id| world.machine(*id).pending_count()).collect();
    assert_eq!(held, [0, 0, 0], "the first in line asked, nobody waits for his turn");
    world.raise_cold(line[0], &e);
    world.pass(DELAY * 5);
    assert_eq!(world.copies(&e), 0);
    assert_eq!(world.machine(line[0]).counters().cold_dropped, 2);
}

#[test]
fn a_warm_member_that_says_nothing_does_not_use_up_the_wait_for_another() {
    let mut world = World::new(3);
    let line = world.line("t");
    world.warm = vec![line[1], line[2]];
    world.warm_raised = Some(false);
    let e = event("t", "id", 1);
    world.cut_off(&line[..1], &line[1..2]);
    world.raise_cold(line[0], &e);
    world.pass(ms(500));
    assert_eq!(world.machine(line[0]).counters().cold_dropped, 1);
    world.pass(DELAY * 5);
    assert_eq!(world.copies(&e), 0);
}

#[test]
fn an_offer_that_comes_after_the_word_that_it_is_unfounded_is_not_held() {
    let mut world = World::new(2);
    let line = world.line("t");
    let e = event("t", "id", 1);
    let unfounded = Message::WarmAnswer { hash: e.hash, raised: false };
    world.input(line[1], Input::Message { from: line[0], message: unfounded });
    let offer = |cold| {
        let (key, body) = (e.key.clone(), Some(e.body.clone()));
        Message::Offer(Offer {
            key,
            view: line.clone().into(),
            cold,
            raised: true,
            handover: false,
            finished: Vec::new(),
            body,
        })
    };
    world.input(line[1], Input::Message { from: line[0], message: offer(true) });
    assert_eq!(world.machine(line[1]).pending_count(), 0);
    world.input(line[1], Input::Message { from: line[0], message: offer(false) });
    assert_eq!(world.machine(line[1]).pending_count(), 1, "a warm one's offer holds");
}

#[test]
fn what_a_warm_member_raised_too_is_not_asked_about_after_a_restart() {
    let mut world = World::new(2);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise_cold(line[0], &e);
    world.raise(line[0], &e);
    world.pass(ms(500));
    world.kill(line[0]);
    world.receiver = Box::new(|_| Receiver::Takes);
    world.warm = vec![line[1]];
    world.warm_raised = Some(false);
    world.restart(line[0]);
    world.pass(DELAY * 5);
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn a_member_that_was_cold_itself_does_not_drop_what_another_asks_about() {
    let mut world = World::new(3);
    let line = world.line("t");
    // Warm by now; it raised the event before, and what its task would say is about the time since.
    world.warm = vec![line[2]];
    world.warm_raised = Some(false);
    let e = event("t", "id", 1);
    world.raise_cold(line[2], &e);
    world.raise_cold(line[0], &e);
    world.pass(DELAY * 2);
    assert_eq!(world.copies(&e), 1);
    world.pass(DELAY * 5);
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn offer_to_a_member_that_raises_the_event_too_goes_without_body() {
    let mut world = World::new(2);
    let line = world.line("t");
    let raisers: std::sync::Arc<[_]> = vec![line[1]].into();
    let body = vec![7u8; 10_000];
    let big = Event::new(key("t", "id", 1), body);
    world.raise(line[1], &big);
    world.bytes = 0;
    world.input(line[0], Input::Raise(Raise { event: big.clone(), cold: false, raisers }));
    world.pass(ms(50));
    assert!(world.bytes < 2_000, "{}", world.bytes);
    // One that lacks it asks for the body.
    let other = Event::new(key("t", "id2", 1), vec![7u8; 10]);
    let raisers: std::sync::Arc<[_]> = others(&world, line[0]).into();
    world.receiver = Box::new(|_| Receiver::Fails);
    world.input(line[0], Input::Raise(Raise { event: other.clone(), cold: false, raisers }));
    world.pass(ms(50));
    assert_eq!(world.machine(line[1]).status(other.hash).map(|s| s.event), Some(other));
}

#[test]
fn owners_of_an_inline_topic_are_the_members_that_run_the_task() {
    let mut world = World::new(3);
    let topic: std::sync::Arc<str> = "main:task:alert2".into();
    for n in 1..=3 {
        let members = Some(vec![member(2), member(3)]);
        world.input(member(n), Input::Runners { topic: topic.clone(), members });
    }
    let e = event(&topic, "id", 1);
    world.raise(member(2), &e);
    world.raise(member(3), &e);
    world.pass(DELAY);
    assert_eq!(world.copies(&e), 1);
    assert_ne!(world.sent[0].1, member(1));
    assert_eq!(world.machine(member(1)).done_count(), 0);
}

#[test]
fn notes_outboxes_and_pending_events_are_bounded_and_counted() {
    let mut world = World::with(2, |c| {
        c.limits.notes = 3;
        c.limits.outbox = 5;
        c.limits.pending = 4;
        c.limits.done = 6;
    });
    let line = world.line("t");
    for i in 0..10 {
        let message = Message::HandlerDone {
            hash: KeyHash(i),
            topic: "t".into(),
            handler: "h".into(),
            settled: Settled::Delivered,
        };
        world.input(line[0], Input::Message { from: line[1], message });
    }
    assert_eq!(world.machine(line[0]).counters().notes_overflow, 7);
    world.cut_off(&line[..1], &line[1..]);
    world.receiver = Box::new(|_| Receiver::Fails);
    for i in 0..10 {
        world.raise(line[0], &event("t", "id", i));
    }
    let counters = world.machine(line[0]).counters().clone();
    assert_eq!((counters.pending_overflow, counters.outbox_overflow), (2, 3));
    assert_eq!(world.machine(line[0]).pending_count(), 8);
    world.receiver = Box::new(|_| Receiver::Takes);
    for i in 0..20 {
        let message = Message::Done { hash: KeyHash(i), topic: "t".into() };
        world.input(line[0], Input::Message { from: line[1], message });
    }
    assert_eq!(world.machine(line[0]).done_count(), 6);
    assert_eq!(world.machine(line[0]).counters().done_overflow, 14);
}

#[test]
fn done_markers_expire_after_the_horizon_and_not_before() {
    let mut world = World::new(2);
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    world.pass(Duration::from_secs(3599));
    assert!(world.machine(member(1)).is_done("t", e.hash));
    world.pass(Duration::from_secs(5));
    for n in 1..=2 {
        assert_eq!(world.machine(member(n)).done_count(), 0);
    }
}

#[test]
fn two_that_wait_for_a_dead_claimant_do_not_keep_its_claim_alive_by_hearsay() {
    // The first crashed with its claim; the others learn of the claim from one another only.
    let mut world = World::new(3);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    for id in &line {
        world.raise(*id, &e);
    }
    world.pass(ms(100));
    world.kill(line[0]);
    world.receiver = Box::new(|_| Receiver::Takes);
    world.pass(DELAY + ms(500));
    assert_eq!(world.copies(&e), 1);
}
