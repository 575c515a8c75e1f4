//! What a resource leaves behind when it is stopped or deleted, and what nobody else clears away.

use super::*;

/// Two members that subscribe, held by the finalizer.
fn held() -> Observed {
    let seen = observed(2, all(&[0, 1])).founded().recorded(&[0, 1]);
    seen.influx(InfluxSeen::NotAsked).with(|it| {
        it.held = true;
        it.headless = "demo-members.ns.svc".to_owned();
        let patience = Patience::Until(Duration::from_mins(5));
        it.cleanup.insert("main".to_owned(), Cleanup { patience, sweep: true });
    })
}

/// The same, deleted so many seconds ago, its pods gone.
fn deleted(ago: i64, influx: InfluxSeen) -> Observed {
    let seen = held().sized(0).influx(influx);
    seen.with(|it| it.members.clear()).with(|it| {
        it.deleting = Timestamp::from_second(NOW - ago).ok();
    })
}

fn patience(patience: Patience) -> impl FnOnce(&mut Observed) {
    move |it| {
        it.cleanup.get_mut("main").expect("there is one").patience = patience;
    }
}

fn rows(of: &[i32]) -> InfluxSeen {
    InfluxSeen::Rows(of.iter().map(|of| row(*of)).collect())
}

fn away() -> InfluxSeen {
    InfluxSeen::Away("refused".to_owned())
}

#[test]
fn a_resource_is_held_while_there_is_something_to_clear_away() {
    let hold = "CleanupWished: holding the resource until all is cleared away";
    check_all(vec![
        ("an InfluxDB is there", held().with(|it| it.held = false), hold),
        ("it is held", held(), "InSync: nothing"),
        (
            "the InfluxDB is not to be touched any more",
            held().with(patience(Patience::Never)),
            "CleanupNotWished: letting the resource go",
        ),
        (
            "claims are to go with it",
            held().with(patience(Patience::Never)).with(|it| {
                it.held = false;
                it.delete_claims = true;
            }),
            hold,
        ),
    ]);
}

#[test]
fn a_deleted_resource_goes_when_nothing_is_left_of_it() {
    let release = "SubscriptionsGone: letting the resource go";
    let skip = |it: &mut Observed| it.skip_cleanup = true;
    let locked = || InfluxSeen::Locked("no Secret".to_owned());
    check_all(vec![
        (
            "its pods stop, nobody is removed",
            held().with(|it| it.deleting = Some(it.now)),
            "Deleting: stopping all pods",
        ),
        (
            "even while it is paused",
            held().with(|it| (it.deleting, it.paused) = (Some(it.now), true)),
            "Deleting: stopping all pods",
        ),
        (
            "a pod ends",
            held()
                .with(|it| it.deleting = Some(it.now))
                .with(|it| it.set.as_mut().expect("a set").replicas = 0),
            "PodsStopping: nothing",
        ),
        ("not asked yet", deleted(1, InfluxSeen::NotAsked), "InfluxdbAway: nothing"),
        (
            "its own subscriptions only",
            deleted(1, rows(&[0, 1, 7])),
            "SubscriptionsFound: dropping 2 subscriptions",
        ),
        (
            "those of members that left before, too",
            deleted(1, rows(&[7])).with(|it| it.departed = BTreeSet::from([id('a', 7)])),
            "SubscriptionsFound: dropping 1 subscriptions",
        ),
        ("none is left", deleted(1, rows(&[7])), release),
        ("InfluxDB is away", deleted(299, away()), "InfluxdbAway: nothing"),
        ("for too long", deleted(300, away()), "SubscriptionsOrphaned: letting the resource go"),
        (
            "and nothing may be left",
            deleted(9999, away()).with(patience(Patience::Always)),
            "InfluxdbAway: nothing",
        ),
        (
            "but there is no way to log in any more",
            deleted(9999, locked()).with(patience(Patience::Always)),
            "SubscriptionsOrphaned: letting the resource go",
        ),
        (
            "a human does not want to wait",
            deleted(1, away()).with(patience(Patience::Always)).with(skip),
            "SubscriptionsSkipped: letting the resource go",
        ),
        (
            "its claims go first",
            deleted(1, rows(&[])).with(|it| it.delete_claims = true),
            "ClaimDeleted: deleting claim 0",
        ),
    ]);
    let decision = decide(&deleted(300, away()));
    let statement = format!("DROP SUBSCRIPTION \"kapacitor-{}\" ON \"DB\".\"RP\"", id('a', 1));
    assert!(decision.message.contains(&statement), "{}", decision.message);
}

#[test]
fn a_stopped_cluster_has_no_subscriptions() {
    let stopped = |influx| held().with(|it| it.wish = 0).sized(0).influx(influx);
    let stopped = |influx| stopped(influx).with(|it| it.members.clear());
    check_all(vec![
        (
            "some are there",
            stopped(rows(&[0, 1, 7])),
            "SubscriptionsFound: dropping 2 subscriptions",
        ),
        ("none is left", stopped(rows(&[7])), "Stopped: nothing"),
        (
            "a pod lives on",
            stopped(rows(&[0])).with(|it| drop(it.pods.insert(0, PodSeen::default()))),
            "PodsStopping: nothing",
        ),
    ]);
}

#[test]
fn a_login_that_is_not_taken_needs_a_human() {
    let why = || "authorization failed".to_owned();
    check_all(vec![
        ("it is refused", held().influx(InfluxSeen::Refused(why())), "InfluxdbLogin: nothing"),
        ("there is none", held().influx(InfluxSeen::Locked(why())), "InfluxdbLogin: nothing"),
        ("who is only away comes back", held().influx(away()), "InSync: nothing"),
        (
            "what does not need InfluxDB is done",
            held().influx(InfluxSeen::Refused(why())).with(|it| it.wish = 1),
            "MemberCondemned: condemning member 1: ScaleDown",
        ),
        (
            "a deleted resource does not wait for it",
            deleted(300, InfluxSeen::Refused(why())),
            "SubscriptionsOrphaned: letting the resource go",
        ),
        (
            "unless nothing may be left",
            deleted(9999, InfluxSeen::Refused(why())).with(patience(Patience::Always)),
            "InfluxdbAway: nothing",
        ),
    ]);
}

#[test]
fn orphans_are_what_is_known_to_have_been_ours_and_lives_no_more() {
    let found = |seen: &Observed| {
        let names = |rows: Vec<Row>| rows.into_iter().map(|row| row.name).collect::<Vec<_>>();
        let found = found(seen);
        (names(found.orphans), names(found.strangers))
    };
    let named = |n| crate::name::subscription(&id('a', n));
    let mut foreign = row(9);
    foreign.hosts.push("elsewhere.example".to_owned());
    let mut all_rows: Vec<Row> = (0..5).map(row).collect();
    all_rows.push(foreign);
    let seen = held().influx(InfluxSeen::Rows(all_rows)).with(|it| {
        it.departed.insert(id('a', 2));
        it.claims.entry(3).or_default().member_id = Some(id('a', 3));
    });
    assert_eq!(found(&seen), (vec![named(2), named(3)], vec![named(4)]));
    let back = seen.clone().with(|it| drop(it.pods.insert(3, PodSeen::default())));
    assert_eq!(found(&back).0, [named(2)], "a pod lives on what the claim names");
    let listed = seen.clone().with(|it| {
        it.members.insert(0, view(0, &id('c', 0), &[0, 1, 2]));
    });
    assert_eq!(found(&listed).0, [named(3)], "somebody has it on his list");
    let outside = seen.clone().with(|it| {
        let Some(InfluxSeen::Rows(rows)) = it.influxdb.get_mut("main") else {
            panic!("there is one")
        };
        rows[2].hosts = vec!["kap-2.example.com".to_owned()];
        rows[3].hosts = vec!["kap-3.example.com".to_owned()];
        it.external.insert("kap-2.example.com".to_owned());
    });
    assert_eq!(
        found(&outside).0,
        [named(2)],
        "an address for InfluxDBs outside is ours, another is not"
    );
    let told = seen.with(|it| it.cleanup.get_mut("main").expect("there is one").sweep = false);
    assert_eq!(found(&told).0, [""; 0], "only told of");
    let confirmed = held().with(|it| it.orphans = vec![row(2)]);
    check("confirmed", &confirmed, "OrphansFound: dropping 1 subscriptions");
}
