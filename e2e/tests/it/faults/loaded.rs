//! Changes under load. These use the whole machine, so they are left out where tests run side by side:
//! `cargo test -p e2e --test it -- --ignored --test-threads 1`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use e2e::{Ledger, Load, Member, Receiver, until};
use serde_json::json;

use super::{
    DELAY, LONG, SOON, TOPICS, addresses, all, at_most, each_once, join, pass, prepare,
    states_are_equal, watch,
};
use crate::cluster::{add, everyone_lists};

fn cluster(n: usize) -> Option<Vec<Member>> {
    e2e::program::need("kapacitorctl")?;
    let members: Option<Vec<Member>> = (0..n).map(|n| prepare(None, n)).collect();
    let mut members = members?;
    for member in &mut members {
        member.set("[logging]", "level", "\"WARN\"");
    }
    join(&mut members);
    Some(members)
}

/// The tasks of the load on a member that has joined.
fn take_part(member: &Member) {
    for topic in 0..TOPICS {
        member.define(&format!("t{topic}"), &Load::script(topic));
    }
}

#[test]
#[ignore = "needs the machine for itself"]
fn a_rolling_restart_and_a_join_at_a_thousand_events_a_second_send_each_once() {
    let Some(mut members) = cluster(3) else { return };
    let receiver = Receiver::start();
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    let load = Load::start(&ledger, 1_000, TOPICS);
    load.set(&ledger, &addresses(&members));
    for n in 0..3 {
        pass(Duration::from_secs(2));
        members[n].stop(SOON * 2);
        members[n].run();
        everyone_lists(&all(&members), 3);
    }
    let mut joiner = prepare(None, 3).expect("found before");
    joiner.run();
    take_part(&joiner);
    members.push(joiner);
    add(&members[0], &members[3]);
    load.set(&ledger, &addresses(&members));
    everyone_lists(&all(&members), 4);
    pass(Duration::from_secs(2));
    load.stop();
    ledger.all_received(&receiver, LONG);
    each_once(&receiver, 4);
    states_are_equal(&all(&members), TOPICS, SOON);
}

/// Events a second while the cluster grows and shrinks.
const CHANGING: u64 = 100;

/// The latest an event may come: after the turns of seven members, each of which may hold it for three delays.
const LATEST: Duration = Duration::from_secs(DELAY.as_secs() * 7 * 3);

#[test]
#[ignore = "needs the machine for itself"]
fn a_cluster_that_grows_to_seven_and_shrinks_to_one_under_load_loses_nothing() {
    let Some(mut members) = cluster(1) else { return };
    let receiver = Receiver::start();
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    let (editing, edits) = (AtomicBool::new(true), AtomicU64::new(0));
    let load = Load::start(&ledger, CHANGING, TOPICS);
    load.set(&ledger, &addresses(&members));
    let first = members[0].http();
    std::thread::scope(|scope| {
        scope.spawn(|| edit(first, &receiver, &editing, &edits));
        for n in 1..7 {
            let mut joiner = prepare(None, n).expect("found before");
            joiner.set("[logging]", "level", "\"WARN\"").run();
            take_part(&joiner);
            add(&members[n / 2], &joiner);
            members.push(joiner);
            load.set(&ledger, &addresses(&members));
            everyone_lists(&all(&members), n + 1);
        }
        pass(Duration::from_secs(2));
        editing.store(false, Ordering::Relaxed);
    });
    load.stop();
    ledger.all_received(&receiver, LATEST);
    states_are_equal(&all(&members), TOPICS, SOON);
    handlers_are_equal(&members);
    let load = Load::start(&ledger, CHANGING, TOPICS);
    load.set(&ledger, &addresses(&members));
    editing.store(true, Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| edit(first, &receiver, &editing, &edits));
        while members.len() > 1 {
            pass(Duration::from_secs(1));
            let gone = members.pop().expect("more than one");
            load.set(&ledger, &addresses(&members));
            let said = members[members.len() / 2].ctl(&["member", "remove", &gone.id()]);
            assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
            everyone_lists(&all(&members), members.len());
        }
        editing.store(false, Ordering::Relaxed);
    });
    load.stop();
    ledger.all_received(&receiver, LATEST);
    at_most(&receiver, 7, 2);
}

/// Edits handlers again and again: the load's get another path, others come and go.
fn edit(member: std::net::SocketAddr, receiver: &Receiver, go_on: &AtomicBool, edits: &AtomicU64) {
    let send = |method: &str, path: &str, body: &serde_json::Value| {
        let path = format!("/kapacitor/v1/alerts/topics/{path}");
        let answer = e2e::http::request(member, method, &path, &[], body.to_string().as_bytes());
        answer.expect("answered").success().unwrap_or_else(|e| panic!("{method} {path}: {e}"));
    };
    while go_on.load(Ordering::Relaxed) {
        let n = edits.fetch_add(1, Ordering::Relaxed);
        let topic = n % TOPICS;
        let url = receiver.url(&format!("/{n}"));
        let body = json!({"id": "post", "kind": "post", "options": {"url": url}});
        send("PUT", &format!("t{topic}/handlers/post"), &body);
        let other = json!({"id": format!("h{n}"), "kind": "log", "options": {"path": "/dev/null"}});
        send("POST", &format!("x{topic}/handlers"), &other);
        if n >= 10 {
            send("DELETE", &format!("x{topic}/handlers/h{}", n - 8), &json!(null));
        }
        pass(Duration::from_millis(20));
    }
}

fn handlers_are_equal(members: &[Member]) {
    until(SOON, "every member has the same handlers", || {
        for topic in (0..TOPICS).flat_map(|t| [format!("t{t}"), format!("x{t}")]) {
            let path = format!("/alerts/topics/{topic}/handlers");
            let lists = members.iter().map(|m| m.json(&path)).collect::<Result<Vec<_>, _>>()?;
            if let Some(other) = lists.iter().find(|l| **l != lists[0]) {
                return Err(format!("{} against {other}", lists[0]));
            }
        }
        Ok(())
    });
}

/// Handler specs, and the topics they are spread over.
const SPECS: usize = 10_000;
const MANY_TOPICS: usize = 1_000;

#[test]
#[ignore = "needs the machine for itself"]
fn ten_thousand_handlers_converge_on_five_members_and_a_joiner_has_them_in_five_seconds() {
    let Some(mut members) = cluster(5) else { return };
    std::thread::scope(|scope| {
        for part in 0..20 {
            let member = &members[part % 5];
            scope.spawn(move || {
                for n in (part..SPECS).step_by(20) {
                    let (topic, id) = (format!("t{}", n % MANY_TOPICS), format!("h{n}"));
                    let url = format!("http://127.0.0.1:9/{n}");
                    member.define_post_handler(&topic, &id, &url).expect("defined");
                }
            });
        }
    });
    let have_all = |member: &Member| {
        let n = member.metric("kapacitor_alert_handlers")?;
        if n == SPECS as f64 { Ok(()) } else { Err(n.to_string()) }
    };
    for member in &members {
        until(SOON, "a member has every handler", || have_all(member));
    }
    let mut joiner = prepare(None, 5).expect("found before");
    joiner.run();
    let start = Instant::now();
    add(&members[0], &joiner);
    until(Duration::from_secs(5), "the joiner has every handler", || have_all(&joiner));
    let joined = start.elapsed();
    assert!(joined < Duration::from_secs(5), "it took {joined:?}");
    members.push(joiner);
    everyone_lists(&all(&members), 6);
    for topic in [0, 1, MANY_TOPICS / 2, MANY_TOPICS - 1] {
        let path = format!("/alerts/topics/t{topic}/handlers");
        let lists: Vec<_> = members.iter().map(|m| m.json(&path).expect("served")).collect();
        assert!(lists.iter().all(|l| *l == lists[0]), "topic t{topic}");
        assert_eq!(lists[0]["handlers"].as_array().map(Vec::len), Some(SPECS / MANY_TOPICS));
    }
}
