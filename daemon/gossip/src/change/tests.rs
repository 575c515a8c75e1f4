//! Tables of the decisions.

use uuid::Uuid;

use super::*;

fn member(number: u128) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(number))
}

fn cluster(number: u128) -> ClusterId {
    ClusterId::from_uuid(Uuid::from_u128(number))
}

fn addresses(host: &str) -> Addresses {
    Addresses {
        gossip: format!("{host}:9090").into(),
        rpc: format!("{host}:9091").into(),
        api: format!("{host}:9092").into(),
    }
}

fn hello(number: u128, host: &str) -> Hello {
    Hello {
        member: member(number),
        boot: BootGeneration(1),
        cluster: cluster(number + 100),
        initialized: false,
        addresses: addresses(host),
        roles: vec!["worker".into()],
        protocol: (PROTOCOL_MIN, PROTOCOL),
    }
}

/// Member 1 on host a and member 2 on host b, of cluster 1.
fn roster() -> Roster {
    let mut roster = Roster::new();
    roster.update_own(member(1), &addresses("a"), &["worker".into()]);
    roster.update_own(member(2), &addresses("b"), &["worker".into()]);
    roster
}

fn all_answer() -> Dialled {
    Service::ALL.into_iter().map(|service| (service, Ok(()))).collect()
}

fn plan(roster: &Roster, hello: &Hello, dialled: &Dialled) -> Result<AddStep, AddError> {
    plan_add(roster, member(1), cluster(1), hello, dialled)
}

#[test]
fn add_refuses_with_the_reason_a_person_needs() {
    let ours = |hello: Hello| Hello { cluster: cluster(1), initialized: true, ..hello };
    let mut removed = roster();
    bury(&mut removed, 2);
    let cases = [
        (roster(), hello(1, "c"), AddError::OwnId(member(1))),
        (
            roster(),
            Hello { initialized: true, ..hello(3, "c") },
            AddError::InAnotherCluster { member: member(3), cluster: cluster(103) },
        ),
        (removed, ours(hello(2, "b")), AddError::NotYetReset { member: member(2) }),
        (roster(), Hello { protocol: (8, 9), ..hello(3, "c") }, AddError::Protocol(8, 9)),
        (
            roster(),
            Hello { addresses: Addresses { api: "c".into(), ..addresses("c") }, ..hello(3, "c") },
            AddError::BadAddress { service: Service::Api, address: "c".into() },
        ),
        (
            roster(),
            Hello {
                addresses: Addresses { rpc: "a:9091".into(), ..addresses("c") },
                ..hello(3, "c")
            },
            AddError::OwnAddress { service: Service::Rpc, address: "a:9091".into() },
        ),
    ];
    for (roster, hello, expected) in cases {
        assert_eq!(plan(&roster, &hello, &all_answer()), Err(expected));
    }
}

#[test]
fn addresses_must_be_host_and_port() {
    for bad in ["", ":9090", "host", "host:", "host:0", "host:65536", "ho st:1", "host:x"] {
        let addresses = Addresses { gossip: bad.into(), ..addresses("c") };
        let hello = Hello { addresses, ..hello(3, "c") };
        let refused = plan(&roster(), &hello, &Dialled::new());
        assert!(matches!(refused, Err(AddError::BadAddress { .. })), "{bad:?}: {refused:?}");
    }
    let addresses = Addresses { gossip: "[::1]:9090".into(), ..addresses("c") };
    assert!(plan(&roster(), &Hello { addresses, ..hello(3, "c") }, &Dialled::new()).is_ok());
}

#[test]
fn every_advertised_address_is_dialled_back_and_the_failing_one_is_named() {
    let hello = hello(3, "c");
    let mut dialled = Dialled::new();
    for service in Service::ALL {
        let address = service.address(&hello.addresses).clone();
        assert_eq!(plan(&roster(), &hello, &dialled), Ok(AddStep::Dial(service, address)));
        dialled.insert(service, Ok(()));
    }
    assert!(matches!(plan(&roster(), &hello, &dialled), Ok(AddStep::Admit(_))));
    dialled.insert(Service::Api, Err("connection refused".to_owned()));
    let error = plan(&roster(), &hello, &dialled).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its advertised API address c:9092 cannot be dialled back: connection refused"
    );
}

#[test]
fn adding_a_member_twice_is_success() {
    let again = Hello { cluster: cluster(1), initialized: true, ..hello(2, "b") };
    assert_eq!(plan(&roster(), &again, &Dialled::new()), Ok(AddStep::AlreadyMember));
    // It persisted and the adder crashed before it did.
    let half = Hello { cluster: cluster(1), initialized: true, ..hello(3, "c") };
    assert!(matches!(plan(&roster(), &half, &all_answer()), Ok(AddStep::Admit(_))));
}

fn bury(roster: &mut Roster, target: u128) {
    match plan_remove(roster, member(1), member(target)) {
        Ok(RemoveStep::Bury { member, entry }) => roster.merge([(member, entry)]),
        other => panic!("{other:?}"),
    };
}

#[test]
fn added_again_after_a_removal_beats_the_tombstone() {
    let mut roster = roster();
    bury(&mut roster, 2);
    assert_eq!(roster.removed(&member(2)), Some(2));
    let Ok(AddStep::Admit(admission)) = plan(&roster, &hello(2, "b"), &all_answer()) else {
        panic!("it is admitted")
    };
    assert_eq!(admission.replaced, []);
    roster.merge(admission.records());
    assert_eq!(roster.live(&member(2)).map(|entry| entry.epoch), Some(3));
}

#[test]
fn new_id_at_a_known_address_replaces_the_old_one() {
    let mut roster = roster();
    let Ok(AddStep::Admit(admission)) = plan(&roster, &hello(3, "b"), &all_answer()) else {
        panic!("it is admitted")
    };
    roster.merge(admission.records());
    assert_eq!(roster.removed(&member(2)), Some(2));
    let order: Vec<_> = roster.in_join_order().into_iter().map(|(id, _)| *id).collect();
    assert_eq!(order, [member(1), member(3)]);
}

#[test]
fn remove_knows_the_unknown_the_last_and_the_removed() {
    let mut roster = roster();
    assert_eq!(plan_remove(&roster, member(1), member(9)), Err(RemoveError::UnknownId(member(9))));
    bury(&mut roster, 2);
    assert_eq!(
        plan_remove(&roster, member(1), member(2)),
        Ok(RemoveStep::AlreadyRemoved { epoch: 2 })
    );
    assert_eq!(plan_remove(&roster, member(1), member(1)), Err(RemoveError::LastMember(member(1))));
}
