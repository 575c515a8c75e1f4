//! What is seen, and what follows from it.

use super::*;

/// Member and cluster IDs of the pods by ordinal.
fn id(prefix: char, n: i32) -> String {
    format!("{prefix}0000000-0000-4000-8000-00000000000{n}")
}

/// A member's view: its ordinal, its cluster, who is on its list.
fn view(me: i32, cluster: &str, list: &[i32]) -> Seen {
    let member = |ordinal: &i32| {
        serde_json::json!({
            "id": id('a', *ordinal), "gossip-address": "", "rpc-address": "", "api-address": "",
            "status": "alive",
        })
    };
    let state = if list.len() > 1 { "initialized" } else { "uninitialized" };
    let cluster = serde_json::json!({
        "state": state, "cluster-id": cluster, "member-id": id('a', me), "version": "1", "ready": true,
        "members": list.iter().map(member).collect::<Vec<_>>(),
    });
    Seen::Answers(serde_json::from_value(cluster).expect("as members answer"))
}

/// A member alone, in the cluster of one it was born with.
fn alone(me: i32) -> Seen {
    view(me, &id('c', me), &[me])
}

fn silent() -> Seen {
    Seen::Silent("refused".to_owned())
}

fn observed(wish: i32, members: Vec<Seen>) -> Observed {
    Observed {
        wish,
        key: KeySeen::Good,
        set: Some(SetSeen { replicas: wish, pods: wish, ready: wish }),
        members: (0..).zip(members).collect(),
        ..Observed::default()
    }
}

impl Observed {
    fn founded(self) -> Self {
        Self { cluster_id: Some(id('c', 0)), ..self }
    }

    fn recorded(mut self, ordinals: &[i32]) -> Self {
        for ordinal in ordinals {
            self.ledger.insert(
                *ordinal,
                MemberStatus {
                    name: format!("demo-{ordinal}"),
                    ordinal: *ordinal,
                    member_id: id('a', *ordinal),
                    state: MemberState::Joining,
                },
            );
        }
        self
    }

    fn sized(mut self, replicas: i32) -> Self {
        self.set = Some(SetSeen { replicas, pods: replicas, ready: replicas });
        self
    }
}

fn check(name: &str, seen: Observed, expect: &str) {
    let decision = decide(&seen);
    let effect = decision.effect.map_or("nothing".to_owned(), |effect| effect.to_string());
    assert_eq!(format!("{}: {effect}", decision.reason.as_str()), expect, "{name}");
}

#[test]
fn the_next_effect_follows_from_what_is_seen() {
    let c0 = id('c', 0);
    let all = |list: &[i32]| list.iter().map(|me| view(*me, &c0, list)).collect::<Vec<_>>();
    let making = "making the key that signs membership changes";
    for (name, seen, expect) in [
        (
            "a new resource",
            Observed { wish: 3, ..Observed::default() },
            format!("AdminKeyMissing: {making}"),
        ),
        (
            "a bad key",
            Observed { key: KeySeen::Unreadable("bad".into()), ..observed(3, vec![]) },
            "AdminKeyUnreadable: nothing".into(),
        ),
        (
            "a resource that goes",
            Observed { deleting: true, ..Observed::default() },
            "Deleting: nothing".into(),
        ),
        (
            "children are missing",
            Observed { stale: vec!["Service demo".into()], set: None, ..observed(3, vec![]) },
            "ChildrenDiffer: applying children for 3 pods".into(),
        ),
        (
            "the wish grows",
            observed(5, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(3),
            "SizeDiffers: applying children for 5 pods".into(),
        ),
        (
            "somebody scaled the set: it is put back",
            observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(7),
            "SizeDiffers: applying children for 3 pods".into(),
        ),
        (
            "somebody scaled the set down",
            observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(1),
            "SizeDiffers: applying children for 3 pods".into(),
        ),
        (
            "the wish shrinks: a pod never goes before its member was removed",
            observed(1, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(3),
            "RemovalNotBuilt: nothing".into(),
        ),
        (
            "stop keeps the ledger",
            observed(0, vec![]).founded().recorded(&[0, 1, 2]).sized(3),
            "SizeDiffers: applying children for 0 pods".into(),
        ),
        ("stopped", observed(0, vec![]).founded().recorded(&[0, 1, 2]), "Stopped: nothing".into()),
        (
            "start brings back all recorded members, even if fewer are wished",
            observed(2, vec![]).founded().recorded(&[0, 1, 2]).sized(0),
            "SizeDiffers: applying children for 3 pods".into(),
        ),
        ("no pod runs yet", observed(3, vec![]), "MembersStarting: nothing".into()),
        (
            "the first is not the first to answer",
            observed(3, vec![silent(), alone(1), alone(2)]),
            "MembersStarting: nothing".into(),
        ),
        (
            "the first answers",
            observed(3, vec![alone(0), silent(), silent()]),
            format!("ClusterFounded: recording cluster {c0}"),
        ),
        (
            "the status was lost, the members know",
            observed(3, vec![silent(), view(1, &c0, &[0, 1, 2]), silent()]),
            format!("ClusterFounded: recording cluster {c0}"),
        ),
        (
            "the status was lost, the members disagree",
            observed(2, vec![view(0, &c0, &[0, 9]), view(1, &id('c', 1), &[1, 8])]),
            "ClustersDiffer: nothing".into(),
        ),
        (
            "members are recorded before they are added",
            observed(3, vec![alone(0), alone(1), alone(2)]).founded(),
            format!("MemberFound: recording member 0 with ID {}", id('a', 0)),
        ),
        (
            "even one that was added when the operator fell",
            observed(2, all(&[0, 1])).founded().recorded(&[0]),
            format!("MemberFound: recording member 1 with ID {}", id('a', 1)),
        ),
        (
            "one after another",
            observed(3, vec![alone(0), alone(1), alone(2)]).founded().recorded(&[0, 1, 2]),
            "MemberApart: adding member 1 through member 0".into(),
        ),
        (
            "the next waits until the last is on every list",
            observed(3, vec![view(0, &c0, &[0, 1]), view(1, &c0, &[1, 7]), alone(2)])
                .founded()
                .recorded(&[0, 1, 2]),
            "MemberJoining: nothing".into(),
        ),
        (
            "the first is away: through another one",
            observed(3, vec![silent(), view(1, &c0, &[0, 1]), alone(2)])
                .founded()
                .recorded(&[0, 1, 2]),
            "MemberApart: adding member 2 through member 1".into(),
        ),
        (
            "a volume was lost: the new ID is recorded first",
            observed(2, vec![view(0, &c0, &[0, 1]), view(5, &id('c', 5), &[5])])
                .founded()
                .recorded(&[0, 1]),
            format!("MemberFound: recording member 1 with ID {}", id('a', 5)),
        ),
        (
            "all volumes were lost",
            observed(1, vec![view(5, &id('c', 5), &[5])]).founded().recorded(&[0]),
            format!("MemberFound: recording member 0 with ID {}", id('a', 5)),
        ),
        (
            "all volumes were lost, recorded: the cluster is never guessed again",
            observed(1, vec![alone(0)]).recorded(&[0]).with_cluster(&id('c', 9)),
            "NoWayIn: nothing".into(),
        ),
        (
            "whoever is in the cluster is away",
            observed(2, vec![silent(), alone(1)]).founded().recorded(&[0, 1]),
            "MembersAway: nothing".into(),
        ),
        (
            "a member of another cluster is left alone",
            observed(2, vec![view(0, &c0, &[0, 3]), view(1, &id('c', 9), &[1, 9])])
                .founded()
                .recorded(&[0]),
            "ForeignMember: nothing".into(),
        ),
        (
            "a member is away",
            observed(3, vec![view(0, &c0, &[0, 1, 2]), silent(), view(2, &c0, &[0, 1, 2])])
                .founded()
                .recorded(&[0, 1, 2]),
            "MembersAway: nothing".into(),
        ),
        (
            "all is well",
            observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]),
            "InSync: nothing".into(),
        ),
        (
            "one is a cluster, too",
            observed(1, vec![alone(0)]).founded().recorded(&[0]),
            "InSync: nothing".into(),
        ),
    ] {
        check(name, seen, &expect);
    }
}

impl Observed {
    fn with_cluster(self, id: &str) -> Self {
        Self { cluster_id: Some(id.to_owned()), ..self }
    }
}

#[test]
fn a_cluster_of_three_comes_up_by_itself_whatever_is_repeated() {
    let mut seen = Observed { wish: 3, ..Observed::default() };
    let mut story = Vec::new();
    for _ in 0..40 {
        let decision = decide(&seen);
        let Some(effect) = decision.effect else {
            story.push(decision.reason.as_str());
            break;
        };
        story.push(decision.reason.as_str());
        match effect {
            Effect::CreateAdminKey => {
                seen.key = KeySeen::Good;
                seen.stale = vec!["all".into()];
            }
            Effect::ApplyChildren { replicas } => {
                seen.stale.clear();
                seen = seen.sized(replicas);
                seen.members = (0..replicas).map(|n| (n, alone(n))).collect();
            }
            Effect::RecordCluster { id } => seen.cluster_id = Some(id),
            Effect::RecordMember { ordinal, .. } => seen = seen.recorded(&[ordinal]),
            Effect::AddMember { ordinal, .. } => {
                let list: Vec<i32> = (0..=ordinal).collect();
                for member in &list {
                    seen.members.insert(*member, view(*member, &id('c', 0), &list));
                }
            }
        }
    }
    assert_eq!(
        story,
        [
            "AdminKeyMissing",
            "ChildrenDiffer",
            "ClusterFounded",
            "MemberFound",
            "MemberFound",
            "MemberFound",
            "MemberApart",
            "MemberApart",
            "InSync"
        ]
    );
}

#[test]
fn states_say_where_each_recorded_member_stands() {
    let c0 = id('c', 0);
    let seen = observed(
        4,
        vec![view(0, &c0, &[0, 1]), view(1, &c0, &[0, 1]), view(2, &id('c', 9), &[2, 9]), silent()],
    )
    .founded()
    .recorded(&[0, 1, 2, 3]);
    let states: Vec<MemberState> = decide(&seen).states.into_values().collect();
    use MemberState::{Foreign, InSync, Unreachable};
    assert_eq!(states, [InSync, InSync, Foreign, Unreachable]);
}
