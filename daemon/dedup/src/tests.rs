//! The machine in a small world: chosen faults, and what must come out of them.

mod change;
mod laws;
mod lists;
mod model;
mod table;

use crate::world::{DELAY, Receiver, World, event, handlers, member, ms};
use crate::*;
use std::time::Duration;

#[test]
fn cluster_of_one_acts_at_once_with_two_records_and_no_message() {
    let mut world = World::new(1);
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    assert_eq!(world.copies(&e), 1);
    assert_eq!(world.nodes[&member(1)].journal.len(), 2);
    assert_eq!(world.bytes, 0);
    assert_eq!(world.machine(member(1)).counters().primary_handled, 1);
    assert_eq!(world.machine(member(1)).pending_count(), 0);
}

#[test]
fn cluster_of_one_suppresses_nothing() {
    let mut world = World::new(1);
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    world.raise(member(1), &e);
    assert_eq!(world.copies(&e), 2);
}

#[test]
fn without_faults_each_event_is_sent_once_whoever_raises_it() {
    for size in [2u8, 3, 5] {
        for redundancy in [0usize, 1, 2] {
            for raisers in 1..=size {
                let mut world = World::with(size, move |c| c.redundancy = redundancy);
                let events: Vec<_> =
                    (0..6).map(|i| event("t", &format!("id{}", i % 2), i)).collect();
                for e in &events {
                    for n in 1..=raisers {
                        world.raise(member(n), e);
                    }
                    world.pass(ms(7));
                }
                world.pass(DELAY * 20);
                for e in &events {
                    assert_eq!(world.copies(e), 1, "{size} members, {redundancy}, {raisers}");
                }
                for n in 1..=size {
                    assert_eq!(world.machine(member(n)).pending_count(), 0);
                }
                let last = world.sent.last().expect("sent").0;
                assert!(last < Duration::from_secs(1), "no wait without faults: {last:?}");
            }
        }
    }
}

#[test]
fn all_members_end_with_equal_done_sets() {
    let mut world = World::new(3);
    for i in 0..20 {
        let e = event(&format!("t{}", i % 3), "id", i);
        world.raise(member(1 + (i % 3) as u8), &e);
        world.pass(ms(3));
    }
    world.pass(DELAY);
    let root = world.machine(member(1)).root();
    assert_eq!(world.machine(member(1)).done_count(), 20);
    for n in 2..=3 {
        assert_eq!(world.machine(member(n)).root(), root);
    }
}

#[test]
fn owner_killed_before_its_claim_is_followed_after_one_delay() {
    let mut world = World::new(3);
    let line = world.line("t");
    world.kill(line[0]);
    let e = event("t", "id", 1);
    world.raise(line[2], &e);
    world.pass(DELAY * 4);
    assert_eq!(world.copies(&e), 1);
    let (at, by, ..) = world.sent[0];
    assert_eq!(by, line[1]);
    assert!(at >= DELAY && at < DELAY + ms(300), "{at:?}");
}

#[test]
fn owner_killed_between_claim_and_send_is_followed_when_its_lease_ends() {
    let mut world = World::new(3);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise(line[0], &e);
    world.pass(ms(100));
    assert_eq!(world.machine(line[0]).status(e.hash).map(|s| s.phase), Some(Phase::Acting));
    assert_eq!(world.machine(line[1]).status(e.hash).map(|s| s.phase), Some(Phase::Yielding));
    world.kill(line[0]);
    world.receiver = Box::new(|_| Receiver::Takes);
    world.pass(DELAY * 4);
    assert_eq!(world.copies(&e), 1);
    assert_eq!(world.sent[0].1, line[1]);
    assert!(world.sent[0].0 < DELAY + ms(500));
}

#[test]
fn owner_that_restarts_after_its_claim_is_followed_at_once() {
    let mut world = World::new(3);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise(line[0], &e);
    world.pass(ms(100));
    world.kill(line[0]);
    world.receiver = Box::new(|_| Receiver::Takes);
    world.restart(line[0]);
    world.pass(ms(500));
    assert_eq!(world.copies(&e), 1);
    assert_eq!(world.sent[0].1, line[1]);
    world.pass(DELAY * 5);
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn alone_a_restarted_member_resumes_what_it_held() {
    let mut world = World::new(1);
    world.receiver = Box::new(|_| Receiver::Fails);
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    world.kill(member(1));
    world.receiver = Box::new(|_| Receiver::Takes);
    world.restart(member(1));
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn restart_repeats_only_the_unfinished_handlers() {
    let mut world = World::new(1);
    world.judge = Box::new(|_, _| handlers(&["a", "b"]));
    world.receiver = Box::new(|h| if &**h == "a" { Receiver::Takes } else { Receiver::Fails });
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    world.kill(member(1));
    world.receiver = Box::new(|_| Receiver::Takes);
    world.restart(member(1));
    let sent: Vec<_> = world.sent.iter().map(|(.., h)| &**h).collect();
    assert_eq!(sent, ["a", "b"]);
}

#[test]
fn all_holders_down_and_one_restarted_sends_after_its_place_and_one() {
    let mut world = World::new(3);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise(line[1], &e);
    world.pass(ms(100));
    for id in &line {
        world.kill(*id);
    }
    world.receiver = Box::new(|_| Receiver::Takes);
    world.restart(line[1]);
    world.pass(DELAY * 2 + ms(400));
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn partition_sends_once_per_side_and_nothing_after_heal() {
    let mut world = World::new(3);
    let line = world.line("t");
    world.cut_off(&line[..1], &line[1..]);
    let e = event("t", "id", 1);
    for id in &line {
        world.raise(*id, &e);
    }
    world.pass(DELAY * 3);
    assert_eq!(world.copies(&e), 2);
    world.cut.clear();
    world.pass(DELAY * 6);
    assert_eq!(world.copies(&e), 2);
    let root = world.machine(line[0]).root();
    for id in &line[1..] {
        assert_eq!(world.machine(*id).root(), root);
    }
}

#[test]
fn producer_that_reaches_no_owner_sends_as_last_resort() {
    let mut world = World::with(4, |c| c.redundancy = 2);
    let line = world.line("t");
    world.cut_off(&line[3..], &line[..3]);
    let e = event("t", "id", 1);
    world.raise(line[3], &e);
    world.pass((DELAY * 2).saturating_sub(ms(1)));
    assert_eq!(world.copies(&e), 0);
    world.pass(ms(400));
    assert_eq!(world.copies(&e), 1);
    assert_eq!(world.machine(line[3]).counters().last_resort_handled, 1);
}

#[test]
fn producer_that_owns_nothing_forgets_the_event_once_all_owners_hold_it() {
    let mut world = World::with(4, |c| c.redundancy = 2);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    world.raise(line[3], &e);
    world.pass(ms(50));
    assert_eq!(world.machine(line[3]).pending_count(), 0);
    assert_eq!(world.machine(line[0]).pending_count(), 1);
    assert!(matches!(world.nodes[&line[3]].journal.last(), Some(Record::Released { .. })));
}

#[test]
fn one_lost_message_of_any_kind_costs_no_copy_and_no_event() {
    for lost in 0..40 {
        let mut world = World::new(3);
        let mut count = 0;
        world.lose = Box::new(move |_, _, _| {
            count += 1;
            count == lost + 1
        });
        let e = event("t", "id", 1);
        for n in 1..=3 {
            world.raise(member(n), &e);
        }
        world.pass(DELAY * 6);
        assert_eq!(world.copies(&e), 1, "lost message {lost}");
        for n in 1..=3 {
            assert!(world.machine(member(n)).is_done("t", e.hash), "lost message {lost}");
        }
    }
}

#[test]
fn failing_receiver_is_handed_round_the_line_and_ends_by_giving_up() {
    let mut world = World::new(3);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let e = event("t", "id", 1);
    for id in &line {
        world.raise(*id, &e);
    }
    let acting = |world: &mut World| -> Vec<usize> {
        (0..3)
            .filter(|i| {
                world.machine(line[*i]).status(e.hash).map(|s| s.phase) == Some(Phase::Acting)
            })
            .collect()
    };
    world.pass(ms(100));
    for turn in 0..7 {
        assert_eq!(acting(&mut world), [turn % 3], "turn {turn}");
        world.pass(DELAY * 3 + ms(50));
    }
    let holder = line[acting(&mut world)[0]];
    world.receiver = Box::new(|_| Receiver::Refuses);
    let handler: HandlerId = "h".into();
    world.input(holder, Input::Outcome { hash: e.hash, handler, outcome: Outcome::GivenUp });
    world.pass(DELAY);
    let given_up: u64 = line.iter().map(|id| world.machine(*id).counters().given_up).sum();
    assert_eq!(given_up, 1);
    assert!(
        line.iter().all(|id| world.nodes[id].machine.as_ref().expect("up").is_done("t", e.hash))
    );
}

#[test]
fn one_dead_receiver_delays_no_other_handler() {
    let mut world = World::new(2);
    world.judge = Box::new(|_, _| handlers(&["dead", "well"]));
    world.receiver = Box::new(|h| if &**h == "dead" { Receiver::Fails } else { Receiver::Takes });
    let line = world.line("t");
    for i in 0..5 {
        world.raise(line[0], &event("t", "id", i));
        world.pass(ms(10));
    }
    let sent: Vec<_> = world.sent.iter().map(|(.., h)| &**h).collect();
    assert_eq!(sent, ["well"; 5]);
}

#[test]
fn newer_event_of_an_id_waits_for_the_older_one_of_the_same_handler() {
    let mut world = World::new(2);
    world.receiver = Box::new(|_| Receiver::Fails);
    let line = world.line("t");
    let (old, new, other) = (event("t", "id", 1), event("t", "id", 2), event("t", "x", 3));
    for e in [&old, &new, &other] {
        world.raise(line[0], e);
    }
    world.pass(ms(100));
    let running: Vec<_> = world.nodes[&line[0]].running.iter().map(|(h, _)| *h).collect();
    assert!(running.contains(&old.hash) && running.contains(&other.hash) && running.len() == 2);
    let handler: HandlerId = "h".into();
    let outcome = Outcome::Delivered;
    world.input(line[0], Input::Outcome { hash: old.hash, handler, outcome });
    world.pass(ms(100));
    assert!(world.nodes[&line[0]].running.iter().any(|(h, _)| *h == new.hash));
}

#[test]
fn late_event_is_delivered_and_counted() {
    let mut world = World::new(1);
    world.raise(member(1), &event("t", "id", 2));
    let late = event("t", "id", 1);
    world.raise(member(1), &late);
    assert_eq!(world.copies(&late), 1);
    assert_eq!(world.machine(member(1)).counters().late, 1);
}

#[test]
fn the_first_judge_decides_for_all_that_take_over() {
    let mut world = World::new(2);
    let line = world.line("t");
    let first = line[0];
    world.judge =
        Box::new(move |who, _| if who == first { handlers(&["a"]) } else { handlers(&["a", "b"]) });
    world.receiver = Box::new(|_| Receiver::Fails);
    let e = event("t", "id", 1);
    world.raise(first, &e);
    world.pass(ms(50));
    world.kill(first);
    world.receiver = Box::new(|_| Receiver::Takes);
    world.pass(DELAY * 3);
    let sent: Vec<_> = world.sent.iter().map(|(_, by, _, h)| (*by, &**h)).collect();
    assert_eq!(sent, [(line[1], "a")]);
}

#[test]
fn event_that_no_handler_matches_is_done_everywhere_without_a_send() {
    let mut world = World::new(3);
    world.judge = Box::new(|_, _| handlers(&[]));
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    world.pass(ms(100));
    assert_eq!(world.copies(&e), 0);
    for n in 1..=3 {
        assert!(world.machine(member(n)).is_done("t", e.hash));
    }
}

#[test]
fn members_that_do_not_know_each_other_yet_still_send_once() {
    // B knows all; A and C do not know of each other.
    for (a, b, c) in [(1, 2, 3), (2, 3, 1), (3, 1, 2)] {
        let mut world = World::new(3);
        let (a, b, c) = (member(a), member(b), member(c));
        let _ = b;
        let mut without_c = world.members.clone();
        without_c.roster.remove(&c);
        world.input(a, Input::Members(without_c));
        let e = event("t", "id", 1);
        world.raise(a, &e);
        world.raise(c, &e);
        world.pass(DELAY * 4);
        assert_eq!(world.copies(&e), 1);
    }
}

#[test]
fn joiner_is_offered_what_is_pending() {
    let mut world = World::new(2);
    world.receiver = Box::new(|_| Receiver::Fails);
    let e = event("t", "id", 1);
    world.raise(member(1), &e);
    world.pass(ms(50));
    world.add(member(3));
    world.tell_members();
    world.pass(ms(50));
    assert_eq!(world.machine(member(3)).pending_count(), 1);
    for n in 1..=2 {
        world.kill(member(n));
    }
    world.receiver = Box::new(|_| Receiver::Takes);
    world.pass(DELAY * 4);
    assert_eq!(world.copies(&e), 1);
}

#[test]
fn joiner_learns_done_markers_by_sync_and_sends_nothing_again() {
    let mut world = World::with(2, |c| c.limits.page_keys = 16);
    let events: Vec<_> = (0..700).map(|i| event("t", "id", i)).collect();
    for e in &events {
        world.raise(member(1), e);
    }
    world.pass(DELAY);
    world.add(member(3));
    world.tell_members();
    world.input(member(3), Input::Sync { peer: member(1) });
    world.pass(ms(2000));
    assert_eq!(world.nodes[&member(3)].synced_with, [member(1)]);
    assert_eq!(world.machine(member(3)).root(), world.machine(member(1)).root());
    world.raise(member(3), &events[5]);
    assert_eq!(world.machine(member(3)).counters().suppressed, 1);
    // And when nothing differs, a sync is one short question.
    world.bytes = 0;
    world.input(member(3), Input::Sync { peer: member(1) });
    world.pass(ms(100));
    assert!(world.bytes < 64, "{}", world.bytes);
}

#[test]
fn sync_tells_only_of_what_differs_however_many_topics() {
    let mut world = World::new(2);
    let line = world.line("topic-7");
    for n in 0..1_000 {
        world.raise(line[0], &event(&format!("topic-{n}"), "id", 1));
    }
    world.pass(DELAY * 2);
    world.cut_off(&line[..1], &line[1..]);
    let e = event("topic-7", "id", 2);
    world.raise(line[0], &e);
    world.pass(ms(300));
    world.cut.clear();
    assert!(!world.machine(line[1]).is_done("topic-7", e.hash));
    world.bytes = 0;
    world.input(line[1], Input::Sync { peer: line[0] });
    world.pass(ms(50));
    assert!(world.machine(line[1]).is_done("topic-7", e.hash));
    assert!(world.bytes < 12_000, "{}", world.bytes);
}

#[test]
fn sync_brings_the_done_of_a_partition_before_its_pending_events() {
    let mut world = World::new(2);
    let line = world.line("t");
    world.judge = Box::new(|_, e| handlers(if &*e.key.topic == "t" { &["h"] } else { &["x"] }));
    world.receiver = Box::new(|h| if &**h == "h" { Receiver::Takes } else { Receiver::Fails });
    world.cut_off(&line[..1], &line[1..]);
    let e = event("t", "id", 1);
    world.raise(line[0], &e);
    let open = event("t2", "id", 1);
    world.raise(line[0], &open);
    world.pass(ms(300));
    world.cut.clear();
    world.input(line[1], Input::Sync { peer: line[0] });
    world.pass(ms(50));
    assert!(world.machine(line[1]).is_done("t", e.hash));
    assert!(world.machine(line[1]).status(open.hash).is_some());
}
