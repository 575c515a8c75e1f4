//! Golden bytes of what travels inside the envelope, version 1.

use expect_test::expect;
use foca::{Member, State};
use model::BootGeneration;

use super::hex;
use super::world::{addresses, id};
use crate::broadcast::{Item, Message};
use crate::identity::Identity;
use crate::machine::wire::{Notice, Reason, Reply, Request};
use crate::roster::{Roster, encode};

fn roster() -> Roster {
    let mut roster = Roster::new();
    roster.update_own(id(0), &addresses(0), &["worker".into()]);
    roster
}

fn member() -> Member<Identity> {
    let identity = Identity { id: id(1), boot: BootGeneration(300), renewals: 2 };
    Member::new(identity, 3, State::Suspect)
}

#[test]
fn sync_request_bytes_stay_as_they_are() {
    let request = Request {
        to: id(1),
        ranks: roster().ranks(),
        push: roster().records([id(0)]),
        members: vec![member()],
        digests: vec![9],
    };
    expect!["0110000000000000000000000000000000020110000000000000000000000000000000010100011000000000000000000000000000000001011000000000000000000000000000000001010001100000000000000000000000000000000101076d303a39303930076d303a39303931076d303a393039320106776f726b6572010100000000000000000000000000000002ac020203010109"].assert_eq(&hex(&encode(&request)));
}

#[test]
fn sync_reply_bytes_stay_as_they_are() {
    let reply = Reply {
        to: id(1),
        tombstones: roster().ranks(),
        push: roster().records([id(0)]),
        lacking: vec![id(2)],
        members: vec![member()],
        digests: vec![9],
    };
    expect!["0110000000000000000000000000000000020110000000000000000000000000000000010100011000000000000000000000000000000001011000000000000000000000000000000001010001100000000000000000000000000000000101076d303a39303930076d303a39303931076d303a393039320106776f726b6572010110000000000000000000000000000000030100000000000000000000000000000002ac020203010109"].assert_eq(&hex(&encode(&reply)));
}

#[test]
fn notice_bytes_stay_as_they_are() {
    let notice = |reason| hex(&encode(&Notice { to: id(1), reason }));
    expect!["0110000000000000000000000000000000020002"]
        .assert_eq(&notice(Reason::Removed { epoch: 2 }));
    expect!["01100000000000000000000000000000000201ac02"]
        .assert_eq(&notice(Reason::OldBoot { known: BootGeneration(300) }));
    expect!["01100000000000000000000000000000000202"].assert_eq(&notice(Reason::Unknown));
}

#[test]
fn broadcast_bytes_stay_as_they_are() {
    let item = |message| {
        hex(&encode(&Item { origin: id(1), boot: BootGeneration(300), number: 4, message }))
    };
    expect!["011000000000000000000000000000000002ac020400"].assert_eq(&item(Message::Leaving));
    expect!["011000000000000000000000000000000002ac020401020708"]
        .assert_eq(&item(Message::Data(vec![7, 8])));
}

#[test]
fn machine_can_be_moved_to_a_task() {
    fn is_send<T: Send>() {}
    is_send::<crate::Gossip>();
}
