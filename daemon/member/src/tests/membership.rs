//! Adding, removing, restarting; handlers follow.

use std::time::Duration;

use alert::HandlerName;
use gossip::{AddError, RemoveError, Status};
use rpc::State;

use super::world::{World, member_id};
use crate::specs::Conflict;
use crate::{Command, CommandError, Done};

const SECOND: Duration = Duration::from_secs(1);

fn add(n: usize) -> Command {
    Command::AddMember { rpc_address: format!("m{n}:9091").into() }
}

fn alive(world: &World, n: usize) -> usize {
    let view = world.member(n).cluster_view();
    view.members.iter().filter(|m| m.status == Status::Alive).count()
}

fn has_handler(world: &World, n: usize, topic: &str, id: &str) -> bool {
    let name = HandlerName { topic: topic.into(), handler: id.into() };
    world.member(n).handler(&name).is_some()
}

#[test]
fn added_members_take_over_the_cluster_and_all_agree() {
    let world = World::cluster(3);
    for n in 0..3 {
        let view = world.member(n).cluster_view();
        assert_eq!(view.state, State::Initialized);
        assert_eq!(view.cluster, world.member(0).cluster());
        assert_eq!(
            view.members.iter().map(|m| m.id).collect::<Vec<_>>(),
            (0..3).map(member_id).collect::<Vec<_>>()
        );
        assert_eq!(alive(&world, n), 3);
        assert!(view.members.iter().all(|m| m.ready), "{n}: {view:?}");
    }
    world.assert_agreement();
}

#[test]
fn adding_is_idempotent_and_its_errors_name_what_is_wrong() {
    let mut world = World::new(4);
    assert_eq!(world.command(0, add(1)), Ok(Done::Added(member_id(1))));
    assert_eq!(world.command(0, add(1)), Ok(Done::Unchanged));
    assert_eq!(world.command(2, add(3)), Ok(Done::Added(member_id(3))));
    let error = world.command(0, add(2)).expect_err("elsewhere");
    let CommandError::CannotAdd { why: AddError::InAnotherCluster { cluster, .. }, .. } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(*cluster, world.member(2).cluster());
    let error = world.command(0, add(9)).expect_err("nobody");
    assert!(matches!(error, CommandError::Unreachable { .. }), "{error}");
    let api = Command::AddMember { rpc_address: "m1:9092".into() };
    let error = world.command(0, api).expect_err("API port");
    assert!(matches!(error, CommandError::NotRpc { .. }), "{error}");
    let error = world.command(0, add(0)).expect_err("itself");
    assert!(matches!(error, CommandError::CannotAdd { why: AddError::OwnId(_), .. }), "{error}");
}

#[test]
fn an_advertised_address_that_cannot_be_dialled_back_is_named() {
    let mut world = World::new(2);
    world.undialable.insert("m1:9090".into());
    let error = world.command(0, add(1)).expect_err("refused").to_string();
    assert!(error.contains("gossip address m1:9090"), "{error}");
    assert_eq!(world.member(1).state(), State::Uninitialized);
}

#[test]
fn handlers_reach_all_within_a_second_and_a_joiner_brings_its_own() {
    let mut world = World::new(3);
    world.put_handler(2, "cpu", "mine", "post");
    world.put_handler(2, "cpu", "both", "publish");
    world.put_handler(0, "cpu", "both", "post");
    assert_eq!(world.command(0, add(1)), Ok(Done::Added(member_id(1))));
    world.put_handler(1, "cpu", "late", "post");
    assert_eq!(world.command(0, add(2)), Ok(Done::Added(member_id(2))));
    world.run(SECOND);
    for n in 0..3 {
        for id in ["mine", "both", "late"] {
            assert!(has_handler(&world, n, "cpu", id), "{n} {id}");
        }
        let both = world.member(n).topic_handler("cpu", "both").expect("there");
        assert_eq!(both.kind, "post", "the adder's cluster wins");
    }
    world.run(5 * SECOND);
    world.assert_agreement();
}

#[test]
fn edits_on_two_sides_of_a_partition_converge() {
    let mut world = World::cluster(3);
    world.cut.extend([(0, 1), (1, 0), (0, 2), (2, 0)]);
    world.run(20 * SECOND);
    world.put_handler(0, "cpu", "h", "post");
    world.put_handler(1, "cpu", "h", "publish");
    world.put_handler(1, "cpu", "other", "post");
    world.cut.clear();
    world.run(15 * SECOND);
    world.assert_agreement();
    assert!(has_handler(&world, 0, "cpu", "other"));
    let named = |world: &World| -> Vec<_> {
        let conflicts = |n| world.member(n).cluster_view().conflicts;
        let stamps = |conflict: Conflict| (conflict.winner.member, conflict.loser.member);
        (0..3).map(|n| conflicts(n).into_iter().map(stamps).collect::<Vec<_>>()).collect()
    };
    let of_both = vec![(member_id(1), member_id(0))];
    assert_eq!(named(&world), vec![of_both; 3], "every member names the edit that lost");
    let delete = Command::DeleteHandler { topic: "cpu".into(), id: "h".into() };
    assert_eq!(world.command(2, delete), Ok(Done::Ok));
    world.run(SECOND);
    assert_eq!(named(&world), vec![vec![]; 3], "until somebody edits the handler again");
}

#[test]
fn a_restarted_member_finds_its_cluster_without_help() {
    let mut world = World::cluster(3);
    world.put_handler(0, "cpu", "h", "post");
    world.run(SECOND);
    world.kill(2);
    world.run(30 * SECOND);
    assert_eq!(alive(&world, 0), 2);
    world.put_handler(0, "cpu", "while-away", "post");
    world.start(2);
    world.run(10 * SECOND);
    assert_eq!(alive(&world, 0), 3);
    assert_eq!(alive(&world, 2), 3);
    assert!(has_handler(&world, 2, "cpu", "h") && has_handler(&world, 2, "cpu", "while-away"));
    world.assert_agreement();
}

#[test]
fn two_members_heal_a_partition_of_a_minute_in_less_than_ten_seconds() {
    let mut world = World::cluster(2);
    world.cut.extend([(0, 1), (1, 0)]);
    world.run(60 * SECOND);
    assert_eq!((alive(&world, 0), alive(&world, 1)), (1, 1));
    world.cut.clear();
    world.run_until(10 * SECOND, |w| alive(w, 0) == 2 && alive(w, 1) == 2);
}

#[test]
fn removed_member_becomes_uninitialized_with_a_new_cluster_id() {
    for (contacted, target) in [(0, 2), (1, 0), (2, 2)] {
        let mut world = World::cluster(3);
        world.put_handler(0, "cpu", "h", "post");
        world.run(SECOND);
        let cluster = world.member(0).cluster();
        let remove = Command::RemoveMember { id: member_id(target) };
        let result = world.command(contacted, remove);
        assert_eq!(result, Ok(Done::Removed { handed_over: true }), "{contacted} {target}");
        world.run(5 * SECOND);
        let view = world.member(target).cluster_view();
        assert_eq!(view.state, State::Uninitialized);
        assert_ne!(view.cluster, cluster);
        assert_eq!(view.member, member_id(target));
        assert_eq!(view.members.len(), 1);
        assert!(!has_handler(&world, target, "cpu", "h"));
        assert_eq!(world.nodes[target].saved.len(), 1);
        for n in (0..3).filter(|n| *n != target) {
            let view = world.member(n).cluster_view();
            assert_eq!((view.state, view.members.len()), (State::Initialized, 2), "{n}");
            assert_eq!(alive(&world, n), 2);
        }
        let back = (0..3).find(|n| *n != target).expect("another");
        assert_eq!(world.command(back, add(target)), Ok(Done::Added(member_id(target))));
        world.run(5 * SECOND);
        assert!(has_handler(&world, target, "cpu", "h"));
        world.assert_agreement();
    }
}

#[test]
fn a_dead_member_is_removed_and_resets_itself_when_it_returns() {
    let mut world = World::cluster(3);
    world.kill(2);
    world.run(20 * SECOND);
    let remove = Command::RemoveMember { id: member_id(2) };
    assert_eq!(world.command(1, remove), Ok(Done::Removed { handed_over: false }));
    world.run(5 * SECOND);
    world.start(2);
    world.run(30 * SECOND);
    assert_eq!(world.member(2).state(), State::Uninitialized);
    assert_ne!(world.member(2).cluster(), world.member(0).cluster());
    assert_eq!(world.member(0).cluster_view().members.len(), 2);
}

#[test]
fn the_last_member_and_an_unknown_id_are_clear_errors() {
    let mut world = World::new(1);
    for (id, error) in [
        (member_id(0), RemoveError::LastMember(member_id(0))),
        (member_id(7), RemoveError::UnknownId(member_id(7))),
    ] {
        let result = world.command(0, Command::RemoveMember { id });
        assert_eq!(result, Err(CommandError::CannotRemove(error)));
    }
}

#[test]
fn a_removed_member_hands_its_pending_events_over_first() {
    let mut world = World::cluster(3);
    world.put_handler(0, "cpu", "h", "post");
    world.run(SECOND);
    world.outcome = alert::Outcome::Failed { retryable: true, text: "503".into() };
    for at in 1..=20 {
        world.raise(&[2], "cpu", &format!("e{at}"), at);
    }
    world.run(2 * SECOND);
    let remove = Command::RemoveMember { id: member_id(2) };
    assert_eq!(world.command(0, remove), Ok(Done::Removed { handed_over: true }));
    world.outcome = alert::Outcome::Delivered;
    let sent = world.sent.len();
    world.run(120 * SECOND);
    let delivered = &world.sent[sent..];
    assert!(delivered.iter().all(|(n, ..)| *n != 2), "the removed one sends nothing");
    assert_eq!(delivered.len(), 20);
    assert_eq!(world.member(2).pending_count(), 0);
}

#[test]
fn a_stopped_member_shows_leaving_then_failed_and_comes_back() {
    let mut world = World::cluster(3);
    world.input(1, crate::Input::Stop);
    world.run_until(10 * SECOND, |w| w.nodes[1].stopped);
    world.kill(1);
    world.run(20 * SECOND);
    let status = world.member(0).cluster_view().members[1].status;
    assert_eq!(status, Status::Failed);
    world.start(1);
    world.run(10 * SECOND);
    assert_eq!(alive(&world, 0), 3);
}
