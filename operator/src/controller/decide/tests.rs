//! What is seen, and what follows from it.

mod clearing;
mod leaving;
mod roll;
mod volumes;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::crd::{Cause, MemberStatus};
use crate::server::Version;
use crate::subscriptions::{Row, Source};
use MemberState::{Condemned, Reclaiming, Removing, Stopping, Unsubscribing};

/// The moment of all tests, seconds since 1970.
const NOW: i64 = 100_000;

/// Member and cluster IDs of the pods by ordinal.
fn id(prefix: char, n: i32) -> String {
    format!("{prefix}0000000-0000-4000-8000-00000000000{n}")
}

/// A member's view: its ordinal, its cluster, who is on its list.
fn view(me: i32, cluster: &str, list: &[i32]) -> Seen {
    let member = |ordinal: &i32| {
        serde_json::json!({
            "id": id('a', *ordinal), "gossip-address": "", "api-address": "", "status": "alive",
            "rpc-address": format!("demo-{ordinal}.demo-members.ns.svc.cluster.local:9091"),
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

/// Members of the cluster, each of whom lists all.
fn all(list: &[i32]) -> Vec<Seen> {
    list.iter().map(|me| view(*me, &id('c', 0), list)).collect()
}

fn silent() -> Seen {
    Seen::Silent("refused".to_owned())
}

fn version(what: &str) -> Version {
    Version { uid: format!("uid-{what}"), resource: "1".to_owned() }
}

/// Pods that run and say this, with claims that know nothing yet.
fn observed(wish: i32, members: Vec<Seen>) -> Observed {
    let mut seen = Observed {
        now: Timestamp::from_second(NOW).expect("in range"),
        cluster: "demo".to_owned(),
        wish,
        sync_interval: Duration::from_mins(1),
        key: KeySeen::Good,
        members: (0..).zip(members).collect(),
        ..Observed::default()
    };
    let pods = seen.members.len().max(usize::try_from(wish).expect("positive"));
    seen = seen.sized(i32::try_from(pods).expect("few"));
    seen
}

impl Observed {
    fn founded(self) -> Self {
        Self { cluster_id: Some(id('c', 0)), ..self }
    }

    fn entry(&mut self, ordinal: i32, state: MemberState) -> &mut MemberStatus {
        self.ledger.retain(|entry| entry.ordinal != ordinal);
        self.ledger.push(MemberStatus {
            name: self.pod_name(ordinal),
            ordinal,
            member_id: id('a', ordinal),
            state,
            since: Some(Time(self.now)),
            cause: None,
            unclean: false,
            claim_uid: Some(version(&format!("claim-{ordinal}")).uid),
        });
        self.ledger.last_mut().expect("just pushed")
    }

    /// In the ledger and on the claims.
    fn recorded(mut self, ordinals: &[i32]) -> Self {
        for ordinal in ordinals {
            self.entry(*ordinal, MemberState::InSync);
            let claim = self.claims.entry(*ordinal).or_default();
            claim.version = version(&format!("claim-{ordinal}"));
            claim.member_id = Some(id('a', *ordinal));
            claim.cluster_id = self.cluster_id.clone();
        }
        self
    }

    /// This member leaves, because fewer are wished.
    fn goes(self, ordinal: i32, state: MemberState) -> Self {
        self.goes_for(ordinal, state, Cause::ScaleDown)
    }

    fn goes_for(mut self, ordinal: i32, state: MemberState, cause: Cause) -> Self {
        self.entry(ordinal, state).cause = Some(cause);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// A set of this size whose pods and claims are there.
    fn sized(mut self, replicas: i32) -> Self {
        let (pods, ready) = (replicas, replicas);
        let set = SetSeen { version: version("set"), replicas, pods, ready, ..SetSeen::default() };
        self.set = Some(set);
        self.pods.retain(|ordinal, _| *ordinal < replicas);
        for ordinal in 0..replicas {
            let long_ago = Timestamp::from_second(0).ok();
            self.pods.entry(ordinal).or_insert_with(|| PodSeen {
                version: version(&format!("pod-{ordinal}")),
                running_since: long_ago,
                ..PodSeen::default()
            });
            let claim = self.claims.entry(ordinal).or_default();
            claim.version = version(&format!("claim-{ordinal}"));
        }
        self
    }

    fn influx(mut self, seen: InfluxSeen) -> Self {
        self.influxdb.insert("main".to_owned(), seen);
        self
    }

    /// The entry of this pod has stood where it stands for so long.
    fn since(mut self, ordinal: i32, seconds: i64) -> Self {
        let entry = self.ledger.iter_mut().find(|entry| entry.ordinal == ordinal);
        let since = Timestamp::from_second(NOW - seconds).expect("in range");
        entry.expect("in the ledger").since = Some(Time(since));
        self
    }
}

fn row(of: i32) -> Row {
    let source = Source { database: "d".to_owned(), policy: "r".to_owned() };
    let hosts = vec![format!("demo-{of}.demo-members.ns.svc.cluster.local")];
    let name = crate::name::subscription(&id('a', of));
    Row { influxdb: "main".to_owned(), source, name, hosts }
}

#[track_caller]
fn check(name: &str, seen: &Observed, expect: &str) {
    let decision = decide(seen);
    let effect = decision.effect.map_or("nothing".to_owned(), |effect| effect.to_string());
    let short = |n| format!("member {n} ({})", id('a', n));
    let effect = (0..9).fold(effect, |text, n| text.replace(&short(n), &format!("member {n}")));
    assert_eq!(format!("{}: {effect}", decision.reason.as_str()), expect, "{name}");
}

fn check_all(cases: Vec<(&str, Observed, &str)>) {
    for (name, seen, expect) in cases {
        check(name, &seen, expect);
    }
}

#[test]
fn what_must_be_there_comes_first() {
    check_all(vec![
        (
            "a new resource",
            Observed { wish: 3, ..Observed::default() },
            "AdminKeyMissing: making the key that signs membership changes",
        ),
        (
            "a bad key",
            observed(3, vec![]).with(|it| it.key = KeySeen::Unreadable("bad".into())),
            "AdminKeyUnreadable: nothing",
        ),
        (
            "a resource that goes",
            Observed { deleting: Timestamp::from_second(NOW).ok(), ..Observed::default() },
            "Deleting: nothing",
        ),
        (
            "children are missing",
            observed(3, vec![]).with(|it| it.stale = vec!["Service demo".into()]),
            "ChildrenDiffer: applying children",
        ),
    ]);
}

#[test]
fn the_set_follows_the_wish_upwards_and_the_ledger_downwards() {
    check_all(vec![
        (
            "the wish grows",
            observed(5, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(3),
            "SetGrows: growing the set to 5 pods",
        ),
        (
            "somebody scaled the set down",
            observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(1),
            "SetGrows: growing the set to 3 pods",
        ),
        (
            "one comes back to leave, but not before the pods on the way may be made again",
            observed(1, vec![alone(0)])
                .founded()
                .recorded(&[0, 3])
                .sized(1)
                .goes(2, Unsubscribing)
                .influx(InfluxSeen::Away("refused".into())),
            "OrdinalLeaving: nothing",
        ),
        (
            "somebody scaled the set up, and who is there is recorded first",
            observed(1, vec![alone(0), alone(1)]).founded().recorded(&[0]),
            "MemberFound: recording member 1",
        ),
        (
            "then is on its way out",
            observed(1, vec![alone(0), alone(1)]).founded().recorded(&[0, 1]),
            "MemberCondemned: condemning member 1: ScaleDown",
        ),
        (
            "one that just runs may soon tell who it is",
            observed(1, vec![alone(0), silent()])
                .founded()
                .recorded(&[0])
                .with(|it| it.pods.get_mut(&1).expect("a pod").running_since = Some(it.now)),
            "MembersStarting: nothing",
        ),
        (
            "one that never told goes unknown",
            observed(1, vec![alone(0), silent()]).founded().recorded(&[0]),
            "MemberCondemned: condemning member 1 (it never told its ID): ScaleDown",
        ),
        (
            "a pod is not made again before its last member is gone for good",
            observed(4, all(&[0, 1, 2]))
                .founded()
                .recorded(&[0, 1, 2])
                .sized(3)
                .goes(3, Reclaiming),
            "MemberGone: forgetting member 3",
        ),
        (
            "stop keeps the ledger",
            observed(0, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]),
            "StopWished: stopping all pods",
        ),
        (
            "stopped",
            observed(0, vec![]).founded().sized(0).recorded(&[0, 1, 2]),
            "Stopped: nothing",
        ),
        (
            "start brings back all recorded members, even if fewer are wished",
            observed(2, vec![]).founded().sized(0).recorded(&[0, 1, 2]),
            "SetGrows: growing the set to 3 pods",
        ),
    ]);
    let waits = observed(4, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]).sized(3);
    let waits = waits.goes(3, Unsubscribing).influx(InfluxSeen::Away("refused".into()));
    let reasons: Vec<Reason> = decide(&waits).notes.into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(decide(&waits).reason, Reason::OrdinalLeaving);
    assert!(reasons.contains(&Reason::InfluxdbAway), "{reasons:?}");
}

#[test]
fn a_cluster_is_founded_once() {
    let c0 = id('c', 0);
    let recording = format!("ClusterFounded: recording cluster {c0}");
    let lost = |seen: Observed| {
        seen.with(|it| {
            it.cluster_id = None;
            it.ledger.clear();
        })
    };
    check_all(vec![
        ("no pod runs yet", observed(3, vec![]), "MembersStarting: nothing"),
        (
            "somebody took the first pod away",
            observed(3, vec![]).sized(0),
            "SetGrows: growing the set to 1 pods",
        ),
        (
            "the first is not the first to answer",
            observed(3, vec![silent(), alone(1), alone(2)]),
            "MembersStarting: nothing",
        ),
        ("the first answers", observed(3, vec![alone(0), silent(), silent()]), &recording),
        (
            "the status was lost, the members know",
            observed(3, vec![silent(), view(1, &c0, &[0, 1, 2]), silent()]),
            &recording,
        ),
        (
            "the status was lost, the members disagree",
            observed(2, vec![view(0, &c0, &[0, 9]), view(1, &id('c', 1), &[1, 8])]),
            "ClustersDiffer: nothing",
        ),
        (
            "the status was lost, the claims know",
            lost(observed(3, vec![silent(), silent(), silent()]).founded().recorded(&[0, 1, 2])),
            "LedgerLost: reading 3 members back from their claims",
        ),
        (
            "the claims disagree, and the first member is new: no second cluster",
            observed(2, vec![alone(0), silent()])
                .with(|it| it.claims.entry(1).or_default().cluster_id = Some(id('c', 9))),
            "NoWayIn: nothing",
        ),
    ]);
}

#[test]
fn members_are_recorded_and_then_added_one_by_one() {
    let c0 = id('c', 0);
    check_all(vec![
        (
            "members are recorded before they are added",
            observed(3, vec![alone(0), alone(1), alone(2)]).founded(),
            "MemberFound: recording member 0",
        ),
        (
            "even one that was added when the operator fell",
            observed(2, all(&[0, 1])).founded().recorded(&[0]),
            "MemberFound: recording member 1",
        ),
        (
            "one that fell silent after that, too",
            observed(2, vec![view(0, &c0, &[0, 1]), silent()]).founded().recorded(&[0]),
            "MemberFound: recording member 1",
        ),
        (
            "on its claim, too",
            observed(1, vec![alone(0)])
                .founded()
                .recorded(&[0])
                .with(|it| it.claims.get_mut(&0).expect("a claim").member_id = None),
            "MemberFound: recording member 0",
        ),
        (
            "a new one on a claim that goes makes room",
            observed(2, vec![alone(0), alone(1)])
                .founded()
                .recorded(&[0])
                .with(|it| it.claims.get_mut(&1).expect("a claim").ending = true),
            "ClaimEnding: deleting pod 1",
        ),
        (
            "one that others know already is recorded all the same",
            observed(2, all(&[0, 1]))
                .founded()
                .recorded(&[0])
                .with(|it| it.claims.get_mut(&1).expect("a claim").ending = true),
            "MemberFound: recording member 1",
        ),
        (
            "a recorded one stays: its claim lives as long as its pod",
            observed(2, all(&[0, 1]))
                .founded()
                .recorded(&[0, 1])
                .with(|it| it.claims.get_mut(&1).expect("a claim").ending = true),
            "InSync: nothing",
        ),
        (
            "one after another",
            observed(3, vec![alone(0), alone(1), alone(2)]).founded().recorded(&[0, 1, 2]),
            "MemberApart: adding member 1 through member 0",
        ),
        (
            "the next waits until the last is on every list",
            observed(3, vec![view(0, &c0, &[0, 1]), view(1, &c0, &[1, 7]), alone(2)])
                .founded()
                .recorded(&[0, 1, 2]),
            "MemberJoining: nothing",
        ),
        (
            "the first is away: through another one",
            observed(3, vec![silent(), view(1, &c0, &[0, 1]), alone(2)])
                .founded()
                .recorded(&[0, 1, 2]),
            "MemberApart: adding member 2 through member 1",
        ),
        (
            "a volume was lost: the new ID is recorded first",
            observed(2, vec![view(0, &c0, &[0, 1]), view(5, &id('c', 5), &[5])])
                .founded()
                .recorded(&[0, 1]),
            "MemberDisplaced: recording member 1 (a0000000-0000-4000-8000-000000000005)",
        ),
        (
            "all volumes were lost, recorded: the cluster is never guessed again",
            observed(1, vec![alone(0)]).with(|it| it.cluster_id = Some(id('c', 9))).recorded(&[0]),
            "NoWayIn: nothing",
        ),
        (
            "whoever is in the cluster is to leave: it takes the next one in first",
            observed(1, vec![view(5, &id('c', 5), &[5]), view(1, &c0, &[0, 1])])
                .founded()
                .recorded(&[0, 1])
                .with(|it| {
                    it.entry(0, MemberState::InSync).member_id = id('a', 5);
                    it.claims.get_mut(&0).expect("a claim").member_id = Some(id('a', 5));
                })
                .goes(1, Condemned),
            "MemberApart: adding member 0 through member 1",
        ),
        (
            "whoever is in the cluster is away",
            observed(2, vec![silent(), alone(1)]).founded().recorded(&[0, 1]),
            "MembersAway: nothing",
        ),
        (
            "a member of another cluster is left alone",
            observed(2, vec![view(0, &c0, &[0, 3]), view(1, &id('c', 9), &[1, 9])])
                .founded()
                .recorded(&[0]),
            "ForeignMember: nothing",
        ),
        (
            "a member is away",
            observed(3, vec![view(0, &c0, &[0, 1, 2]), silent(), view(2, &c0, &[0, 1, 2])])
                .founded()
                .recorded(&[0, 1, 2]),
            "MembersAway: nothing",
        ),
        (
            "all is well",
            observed(3, all(&[0, 1, 2])).founded().recorded(&[0, 1, 2]),
            "InSync: nothing",
        ),
        (
            "one is a cluster, too",
            observed(1, vec![alone(0)]).founded().recorded(&[0]),
            "InSync: nothing",
        ),
    ]);
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
