//! Events: exactly once without faults, taken over with them.

use std::time::Duration;

use alert::HandlerSpec;

use super::world::{World, put_handler};
use crate::{Command, CommandError, Done, Input, Raise, TaskStarted};

const SECOND: Duration = Duration::from_secs(1);

/// Sets up three members with a handler on topic `cpu`, defined on the second.
fn three() -> World {
    let mut world = World::cluster(3);
    world.put_handler(1, "cpu", "h", "post");
    world.run(SECOND);
    world
}

#[test]
fn a_cluster_of_one_sends_at_once_and_after_the_write() {
    let mut world = World::new(1);
    world.put_handler(0, "cpu", "h", "post");
    world.raise(&[0], "cpu", "a", 1);
    assert!(world.sent.is_empty(), "not before it is durable");
    world.run(SECOND);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.member(0).pending_count(), 0);
}

#[test]
fn three_members_that_raise_the_same_events_send_each_once() {
    let mut world = three();
    for at in 1..=50 {
        world.raise(&[0, 1, 2], "cpu", &format!("host=h{}", at % 7), at);
        world.run(Duration::from_millis(3));
    }
    world.run(60 * SECOND);
    assert_eq!(world.copies().len(), 50);
    assert!(world.copies().values().all(|n| *n == 1), "{:?}", world.copies());
    world.assert_agreement();
    for n in 0..3 {
        assert_eq!(world.member(n).pending_count(), 0, "{n}");
        assert_eq!(
            world.member(n).topics().events("cpu", alert::Level::Ok).map(|e| e.len()),
            Some(7)
        );
    }
}

#[test]
fn an_event_of_one_member_reaches_all_and_is_sent_once() {
    for on in 0..3 {
        let mut world = three();
        world.raise(&[on], "cpu", "a", 1);
        world.run(30 * SECOND);
        assert_eq!(world.copies().into_values().collect::<Vec<_>>(), [1]);
        for n in 0..3 {
            assert!(world.member(n).topics().event("cpu", "a").is_some());
        }
        world.assert_agreement();
    }
}

#[test]
fn when_the_first_owner_is_killed_the_next_one_sends_after_the_delay() {
    let mut world = three();
    world.raise(&[0, 1, 2], "cpu", "a", 1);
    world.run(SECOND);
    let (owner, ..) = world.sent[0];
    world.kill(owner);
    let others: Vec<usize> = (0..3).filter(|n| *n != owner).collect();
    let before = world.now;
    world.raise(&others, "cpu", "a", 2);
    world.run_until(30 * SECOND, |world| world.sent.len() == 2);
    let took = world.now.saturating_sub(before);
    assert!(took >= 10 * SECOND && took < 11 * SECOND, "{took:?}");
    world.run(60 * SECOND);
    assert!(world.copies().values().all(|n| *n == 1));
    world.start(owner);
    world.run(60 * SECOND);
    assert!(world.copies().values().all(|n| *n == 1), "a restart sends nothing again");
    world.assert_agreement();
}

#[test]
fn an_event_that_all_hold_survives_the_kill_of_all() {
    let mut world = three();
    world.outcome = alert::Outcome::Failed { retryable: true, text: "503".into() };
    world.raise(&[0, 1, 2], "cpu", "a", 1);
    world.run(SECOND);
    for n in 0..3 {
        world.kill(n);
    }
    world.outcome = alert::Outcome::Delivered;
    let before = world.sent.len();
    for n in 0..3 {
        world.start(n);
    }
    world.run(90 * SECOND);
    assert_eq!(world.sent.len(), before + 1);
    world.assert_agreement();
}

#[test]
fn a_published_event_is_sent_once_by_the_target_topics_handler() {
    let mut world = three();
    world.put_handler(0, "cpu", "p", "publish");
    world.put_handler(2, "out", "o", "post");
    world.run(SECOND);
    world.raise(&[0, 1, 2], "cpu", "a", 1);
    world.run(30 * SECOND);
    let copies = world.copies();
    assert_eq!(copies.len(), 2, "{copies:?}");
    assert!(copies.values().all(|n| *n == 1), "{copies:?}");
}

#[test]
fn states_of_topics_without_handlers_reach_all_members() {
    let mut world = three();
    world.raise(&[1], "quiet", "a", 1);
    world.run(SECOND);
    for n in 0..3 {
        assert!(world.member(n).topics().event("quiet", "a").is_some(), "{n}");
    }
    world.assert_agreement();
}

#[test]
fn states_that_differ_in_their_duration_alone_become_equal() {
    let mut world = three();
    for n in 0..3 {
        let event = super::world::event("quiet", "a", 1);
        // The third one was restarted since the alert began.
        let duration = model::Duration(if n == 2 { 4 } else { 7 });
        let body = alert::Body { duration, ..alert::Body::clone(&event.body) };
        let event = alert::Event::new(event.topic, body.into());
        world.input(n, Input::Raise(Raise { event, cold: false }));
    }
    world.run(60 * SECOND);
    for n in 0..3 {
        let state = world.member(n).topics().event("quiet", "a").expect("known");
        assert_eq!(state.duration, model::Duration(7), "{n}");
    }
    world.assert_agreement();
}

#[test]
fn both_sides_of_a_partition_send_and_the_heal_adds_nothing() {
    let mut world = three();
    for n in 0..2 {
        world.cut.extend([(n, 2), (2, n)]);
    }
    world.run(30 * SECOND);
    world.raise(&[0, 1, 2], "cpu", "a", 1);
    world.run(60 * SECOND);
    assert_eq!(world.sent.len(), 2, "one per side");
    world.cut.clear();
    world.run(60 * SECOND);
    assert_eq!(world.sent.len(), 2);
    world.assert_agreement();
}

/// A task `t` with a handler in its script, as the engine tells of it.
fn inline_task(warm: bool) -> Input {
    let spec = serde_json::json!({
        "id": "post0", "topic": TOPIC, "kind": "post", "options": {"url": "http://receiver"}
    });
    let spec = HandlerSpec::from_json(spec.to_string().as_bytes()).expect("valid");
    let inline = [(TOPIC.into(), vec![spec])].into();
    Input::TaskStarted(TaskStarted { id: "t".into(), inline, warm })
}

const TOPIC: &str = "main:t:alert2";

#[test]
fn handlers_of_a_script_are_deduplicated_over_the_members_that_run_the_task() {
    let mut world = World::cluster(3);
    for n in [0, 2] {
        world.input(n, inline_task(true));
    }
    world.run(SECOND);
    for at in 1..=10 {
        world.raise(&[0, 2], TOPIC, "a", at);
    }
    world.run(30 * SECOND);
    assert_eq!(world.copies().len(), 10);
    assert!(world.copies().values().all(|n| *n == 1), "{:?}", world.copies());
    assert!(world.sent.iter().all(|(n, ..)| *n != 1));
}

#[test]
fn tasks_that_a_peer_was_not_told_are_told_with_the_next_sync() {
    let mut world = World::cluster_with(2, |config| config.full_sync_interval = 60 * SECOND);
    // The push is lost, and nobody is taken for down.
    world.cut.extend([(0, 1), (1, 0)]);
    world.input(0, inline_task(true));
    world.run(SECOND);
    world.cut.clear();
    let runs = |world: &World| world.member(1).tasks_view(10).shown.len();
    world.run(SECOND);
    assert_eq!(runs(&world), 0, "lost");
    world.run(180 * SECOND);
    assert_eq!(runs(&world), 1);
}

#[test]
fn without_inline_deduplication_every_member_sends() {
    let mut world = World::cluster_with(2, |config| config.deduplicate_inline = false);
    for n in 0..2 {
        world.input(n, inline_task(true));
    }
    world.run(SECOND);
    world.raise(&[0, 1], TOPIC, "a", 1);
    world.run(30 * SECOND);
    assert_eq!(world.copies().into_values().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_cold_event_that_a_warm_member_does_not_raise_is_dropped() {
    let mut world = three();
    world.input(0, inline_task(true));
    world.input(1, inline_task(false));
    world.run(SECOND);
    let event = super::world::event("cpu", "a", 1);
    world.input(1, Input::Raise(Raise { event, cold: true }));
    world.run(60 * SECOND);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    for n in 0..3 {
        assert_eq!(world.member(n).pending_count(), 0);
    }
}

#[test]
fn a_warm_owner_knows_by_itself_that_it_would_not_have_raised_a_cold_event() {
    let mut world = World::cluster(2);
    let topics = ["a", "b", "c", "d", "e", "f"];
    for topic in topics {
        world.put_handler(0, topic, "h", "post");
    }
    world.input(0, inline_task(true));
    world.input(1, inline_task(false));
    world.run(SECOND);
    for topic in topics {
        let event = super::world::event(topic, "a", 1);
        world.input(1, Input::Raise(Raise { event, cold: true }));
    }
    world.run(60 * SECOND);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn deleting_a_topic_drops_its_states_everywhere_even_on_a_member_that_was_away() {
    let mut world = three();
    world.raise(&[0, 1, 2], "cpu", "a", 1);
    world.run(5 * SECOND);
    world.kill(2);
    world.run(20 * SECOND);
    let delete = Command::DeleteTopic { topic: "cpu".into() };
    assert_eq!(world.command(0, delete), Ok(Done::Ok));
    world.start(2);
    world.run(30 * SECOND);
    for n in 0..3 {
        assert!(world.member(n).topics().event("cpu", "a").is_none(), "{n}");
    }
    world.raise(&[2], "cpu", "b", 2);
    world.run(30 * SECOND);
    for n in 0..3 {
        assert!(world.member(n).topics().event("cpu", "b").is_some(), "{n}");
    }
    world.assert_agreement();
}

#[test]
fn event_states_survive_a_restart_and_a_rewritten_journal() {
    let mut world = World::new(1);
    world.put_handler(0, "cpu", "h", "post");
    for at in 1..=100 {
        world.raise(&[0], "cpu", &format!("e{}", at % 5), at);
        world.raise(&[0], "quiet", "q", at);
    }
    world.run(SECOND);
    world.rewrite_journal(0);
    assert!(world.journal_len(0) < 120, "done marks and the last states: {}", world.journal_len(0));
    world.kill(0);
    world.start(0);
    world.run(20 * SECOND);
    let topics = world.member(0).topics();
    let times: Vec<i64> = topics
        .events("cpu", alert::Level::Info)
        .expect("known")
        .into_iter()
        .map(|(_, state)| state.time.0)
        .collect();
    assert_eq!(times, [100, 96, 97, 98, 99]);
    assert_eq!(topics.event("quiet", "q").map(|s| s.time.0), Some(100));
    assert_eq!(world.sent.len(), 100, "nothing is sent again");
}

#[test]
fn a_disk_that_refuses_writes_fails_commands_and_lets_nothing_out() {
    let mut world = World::new(1);
    world.put_handler(0, "cpu", "h", "post");
    world.nodes[0].disk_full = true;
    world.input(0, Input::Disk(Some("no space left".into())));
    world.raise(&[0], "cpu", "a", 1);
    let delete = Command::DeleteHandler { topic: "cpu".into(), id: "h".into() };
    let error = world.command(0, delete).expect_err("full");
    assert_eq!(error, CommandError::Disk("no space left".into()));
    world.run(10 * SECOND);
    assert!(world.sent.is_empty());
    world.nodes[0].disk_full = false;
    world.input(0, Input::Disk(None));
    world.raise(&[0], "cpu", "b", 1);
    world.run(SECOND);
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn a_disk_that_fails_under_a_command_ends_its_wait() {
    let mut world = World::new(1);
    world.nodes[0].disk_full = true;
    let waits = world.begin(0, put_handler("cpu", "h", "post"));
    world.run(SECOND);
    assert_eq!(world.completed(waits), None, "it is not durable");
    world.input(0, Input::Disk(Some("no space left".into())));
    let unsaved = CommandError::Unsaved("no space left".into());
    assert_eq!(world.completed(waits), Some(Err(unsaved.clone())));
    let barrier = world.command(0, Command::Barrier).expect_err("nothing is durable");
    assert_eq!(barrier, unsaved, "nobody is shown what may be lost");
    world.nodes[0].disk_full = false;
    world.run(SECOND);
    world.input(0, Input::Disk(None));
    assert_eq!(world.command(0, Command::Barrier), Ok(Done::Ok));
    world.raise(&[0], "cpu", "a", 1);
    world.run(SECOND);
    assert_eq!(world.sent.len(), 1, "the handler was saved in the end");
}

#[test]
fn a_failing_disk_hides_nothing_that_was_saved_before() {
    let mut world = World::new(1);
    world.put_handler(0, "cpu", "h", "post");
    world.nodes[0].disk_full = true;
    world.input(0, Input::Disk(Some("no space left".into())));
    assert_eq!(world.command(0, Command::Barrier), Ok(Done::Ok));
}
