//! Several members: added, removed, killed; one handler for all; one alert for all.

use std::time::Duration;

use e2e::program::need;
use e2e::{Behaviour, Member, Receiver, host, until};
use serde_json::json;

use crate::member::EVERY;

/// For what spreads by gossip or RPC in a healthy cluster.
const SPREADS: Duration = Duration::from_secs(5);

/// For what has to find out about a death first.
const NOTICED: Duration = Duration::from_secs(20);

/// `delay-per-member` of these tests.
const DELAY: Duration = Duration::from_secs(1);

/// Time without a further alert after which none is expected: all members' turns have passed.
const QUIET: Duration = Duration::from_millis(3500);

/// A cluster of `n` running members, added one by one to the first.
pub(crate) fn cluster(n: usize) -> Option<Vec<Member>> {
    need("kapacitorctl")?;
    let members: Option<Vec<Member>> = (0..n).map(|_| Member::start()).collect();
    let members = members?;
    for joiner in &members[1..] {
        add(&members[0], joiner);
    }
    everyone_lists(&members.iter().collect::<Vec<_>>(), n);
    Some(members)
}

pub(crate) fn add(to: &Member, joiner: &Member) {
    let said = to.ctl(&["member", "add", &joiner.rpc().to_string()]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""));
}

/// Waits until each of `members` lists `n` members, all alive and ready, of one cluster.
pub(crate) fn everyone_lists(members: &[&Member], n: usize) {
    for member in members {
        until(NOTICED, &format!("{} lists {n} ready members", member.host()), || {
            let cluster = member.cluster()?;
            let all = cluster["members"].as_array().expect("a list");
            let well = all.iter().filter(|m| m["status"] == "alive" && m["ready"] == true).count();
            let one = cluster["cluster-id"] == members[0].cluster()?["cluster-id"];
            let whole = all.len() == n && well == n && one && cluster["ready"] == true;
            if whole { Ok(()) } else { Err(cluster.to_string()) }
        });
    }
}

/// One member raises an alert of host `name`, at `second`.
fn raise(member: &Member, name: &str, second: u64) {
    let point = format!("cpu,host={name} value=99 {}", (1_700_000_000 + second) * 1_000_000_000);
    member.write(&point).expect("taken");
}

pub(crate) fn has_status(asked: &Member, about: &Member, status: &str) {
    let address = about.rpc().to_string();
    until(NOTICED, &format!("{address} is {status}"), || {
        let roster = asked.roster()?;
        let found = roster.get(&address).map_or("absent", String::as_str);
        if found == status { Ok(()) } else { Err(format!("{roster:?}")) }
    });
}

#[test]
fn three_members_find_each_other_and_list_the_same() {
    let Some(members) = cluster(3) else { return };
    let ids = |member: &Member| {
        let said = member.ctl(&["member", "list"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let mut lines: Vec<String> = said.out.lines().map(str::to_owned).collect();
        assert_eq!(lines.remove(0), "State: initialized");
        let local = lines.remove(1);
        assert_eq!(local, format!("Local Member ID: {}", member.id()));
        lines
    };
    let first = ids(&members[0]);
    assert_eq!(first.len(), 1 + 1 + 3, "cluster id, header, three rows: {first:#?}");
    for member in &members {
        assert_eq!(ids(member), first, "every member lists the same");
        let row = format!("{}    {}", member.id(), member.gossip());
        assert!(
            first.iter().any(|l| l.starts_with(&row) && l.ends_with("worker alive")),
            "{first:#?}"
        );
    }
    add(&members[0], &members[1]);
    add(&members[2], &members[1]);
    assert_eq!(ids(&members[0]), first, "adding again is a success and changes nothing");
}

#[test]
fn a_handler_defined_on_any_member_is_on_all_within_a_second() {
    let Some(members) = cluster(3) else { return };
    for (n, member) in members.iter().enumerate() {
        let id = format!("h{n}");
        member.define_post_handler("cpu", &id, "http://127.0.0.1:9/").expect("defined");
        let start = std::time::Instant::now();
        for other in &members {
            until(Duration::from_secs(1), "the handler is everywhere", || {
                let found = other.handlers("cpu")?;
                if found.contains(&id) { Ok(()) } else { Err(format!("{found:?}")) }
            });
        }
        assert!(start.elapsed() < Duration::from_secs(1), "it took {:?}", start.elapsed());
    }
    members[2].send("DELETE", "/alerts/topics/cpu/handlers/h0", &json!(null)).expect("deleted");
    for other in &members {
        until(SPREADS, "the deletion is everywhere", || {
            let found = other.handlers("cpu")?;
            if found == ["h1", "h2"] { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }
}

#[test]
fn an_alert_that_all_members_raise_is_delivered_once() {
    let Some(members) = cluster(3) else { return };
    let receiver = Receiver::start();
    members[1].define_post_handler("cpu", "one", &receiver.url("/alerts")).expect("defined");
    for member in &members {
        member.define("every", EVERY);
    }
    for second in 0..20 {
        for member in &members {
            raise(member, "a", second * 2);
        }
    }
    receiver.wait_for(20, SPREADS);
    let alerts = receiver.settled(QUIET);
    let times: std::collections::BTreeSet<_> = alerts.iter().map(|a| a.time.clone()).collect();
    assert_eq!((alerts.len(), times.len()), (20, 20), "each once: {alerts:?}");
    for member in &members {
        let events = member.events("cpu").expect("any member answers");
        assert_eq!(events.get("cpu:host=a").map(String::as_str), Some("CRITICAL"));
    }
}

#[test]
fn a_handler_in_the_script_delivers_once_as_well() {
    let Some(members) = cluster(2) else { return };
    let receiver = Receiver::start();
    let script = format!(
        "stream|from().measurement('cpu').groupBy('host')\
         |alert().crit(lambda: \"value\" > 90.0).post('{}')",
        receiver.url("/inline")
    );
    for member in &members {
        member.define("inline", &script);
    }
    for member in &members {
        raise(member, "a", 1);
    }
    receiver.wait_for(1, SPREADS);
    assert_eq!(receiver.settled(QUIET).len(), 1);
}

#[test]
fn when_the_acting_member_dies_the_next_one_delivers() {
    let Some(mut members) = cluster(3) else { return };
    let receiver = Receiver::start();
    members[0].define_post_handler("cpu", "one", &receiver.url("/alerts")).expect("defined");
    for member in &members {
        member.define("every", EVERY);
        raise(member, "a", 1);
    }
    receiver.wait_for(1, SPREADS);
    let actor = acting(&members);
    members[actor].kill();
    let start = std::time::Instant::now();
    for member in others(&members, actor) {
        raise(member, "a", 2);
    }
    let alerts = receiver.wait_for(2, NOTICED);
    assert!(alerts[1].time.contains("22:13:22"), "{alerts:?}");
    let took = start.elapsed();
    assert!(
        took < DELAY + Duration::from_secs(3),
        "delay-per-member is {DELAY:?}, it took {took:?}"
    );
    assert_eq!(receiver.settled(QUIET).len(), 2, "once");
    for member in others(&members, actor) {
        has_status(member, &members[actor], "failed");
    }
    members[actor].run();
    everyone_lists(&members.iter().collect::<Vec<_>>(), 3);
    for member in &members {
        raise(member, "a", 3);
    }
    receiver.wait_for(3, SPREADS);
    assert_eq!(
        receiver.settled(QUIET).len(),
        3,
        "the member that came back delivers nothing twice"
    );
}

#[test]
fn an_alert_outlives_the_member_that_was_delivering_it() {
    let Some(mut members) = cluster(3) else { return };
    let receiver = Receiver::start();
    members[0].define_post_handler("cpu", "one", &receiver.url("/alerts")).expect("defined");
    for member in &members {
        member.define("every", EVERY);
        raise(member, "a", 1);
    }
    receiver.wait_for(1, SPREADS);
    let actor = acting(&members);
    receiver.behave(Behaviour::Hang);
    for member in &members {
        raise(member, "a", 2);
    }
    receiver.wait_for(2, SPREADS);
    receiver.behave(Behaviour::Answer(200, Duration::ZERO));
    // Killed between send and done: one more copy is what this costs.
    members[actor].kill();
    receiver.wait_for(3, NOTICED);
    assert_eq!(receiver.settled(QUIET).len(), 3, "at least once, and one crash costs one copy");
}

/// Which member handled the only event so far.
fn acting(members: &[Member]) -> usize {
    until(SPREADS, "one member has counted its delivery", || {
        let count = |m: &Member| m.metric("kapacitor_alert_primary_handled_total");
        let counts: Result<Vec<f64>, String> = members.iter().map(count).collect();
        let counts = counts?;
        counts.iter().position(|n| *n > 0.0).ok_or_else(|| format!("{counts:?}"))
    })
}

fn others(members: &[Member], without: usize) -> impl Iterator<Item = &Member> {
    members.iter().enumerate().filter(move |(n, _)| *n != without).map(|(_, m)| m)
}

#[test]
fn a_member_that_is_stopped_leaves_and_comes_back_by_itself() {
    let Some(mut members) = cluster(2) else { return };
    members[1].stop(Duration::from_secs(10));
    has_status(&members[0], &members[1], "failed");
    members[1].run();
    everyone_lists(&members.iter().collect::<Vec<_>>(), 2);
}

#[test]
fn a_cluster_that_was_killed_as_a_whole_comes_back_by_itself() {
    let Some(mut members) = cluster(3) else { return };
    let id = members[0].cluster().expect("answers")["cluster-id"].clone();
    members[0].define_post_handler("cpu", "one", "http://127.0.0.1:9/").expect("defined");
    until(SPREADS, "the handler has spread", || {
        let all = members.iter().map(|m| m.handlers("cpu")).collect::<Result<Vec<_>, _>>()?;
        if all.iter().all(|h| h == &["one"]) { Ok(()) } else { Err(format!("{all:?}")) }
    });
    for member in &mut members {
        member.kill();
    }
    for member in &mut members {
        member.run();
    }
    everyone_lists(&members.iter().collect::<Vec<_>>(), 3);
    assert_eq!(members[2].cluster().expect("answers")["cluster-id"], id);
    assert_eq!(members[2].handlers("cpu").expect("answers"), ["one"]);
}

#[test]
fn a_paused_member_is_found_again() {
    let Some(mut members) = cluster(2) else { return };
    members[1].signal(rustix::process::Signal::STOP);
    has_status(&members[0], &members[1], "failed");
    members[1].signal(rustix::process::Signal::CONT);
    everyone_lists(&members.iter().collect::<Vec<_>>(), 2);
}

/// A removed member: alone, uninitialized, with its Member ID and a new cluster ID.
fn is_alone(member: &Member, id: &str, old_cluster: &serde_json::Value) {
    until(NOTICED, "the removed member is alone", || {
        let cluster = member.cluster()?;
        let alone = cluster["state"] == "uninitialized"
            && cluster["members"].as_array().is_some_and(|m| m.len() == 1)
            && cluster["member-id"] == id
            && cluster["cluster-id"] != *old_cluster;
        if alone { Ok(()) } else { Err(cluster.to_string()) }
    });
}

#[test]
fn members_are_removed_from_anywhere_and_added_again() {
    let Some(members) = cluster(3) else { return };
    let old = members[0].cluster().expect("answers")["cluster-id"].clone();
    let id = members[2].id();
    members[0].define_post_handler("cpu", "one", "http://127.0.0.1:9/").expect("defined");
    // By another member.
    let said = members[1].ctl(&["member", "remove", &id]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""));
    is_alone(&members[2], &id, &old);
    everyone_lists(&[&members[0], &members[1]], 2);
    let left: Vec<String> = members[2].handlers("cpu").expect("answers");
    assert_eq!(left, Vec::<String>::new(), "topic handlers belong to the cluster");
    add(&members[1], &members[2]);
    everyone_lists(&members.iter().collect::<Vec<_>>(), 3);
    // By itself.
    let said = members[2].ctl(&["member", "remove", &id]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""));
    is_alone(&members[2], &id, &old);
    everyone_lists(&[&members[0], &members[1]], 2);
    add(&members[0], &members[2]);
    everyone_lists(&members.iter().collect::<Vec<_>>(), 3);
    assert_eq!(members[2].handlers("cpu").expect("answers"), ["one"]);
}

#[test]
fn a_dead_member_is_removed_and_learns_of_it_when_it_comes_back() {
    let Some(mut members) = cluster(3) else { return };
    let old = members[0].cluster().expect("answers")["cluster-id"].clone();
    let id = members[2].id();
    members[2].kill();
    has_status(&members[0], &members[2], "failed");
    has_status(&members[1], &members[2], "failed");
    let noticed = |member: &Member| member.log().contains("nothing listens where a member was");
    assert!(members[..2].iter().any(noticed), "a broken connection told, not seconds of silence");
    let said = members[0].ctl(&["member", "remove", &id]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""));
    everyone_lists(&[&members[0], &members[1]], 2);
    members[2].run();
    is_alone(&members[2], &id, &old);
    everyone_lists(&[&members[0], &members[1]], 2);
    add(&members[0], &members[2]);
    everyone_lists(&members.iter().collect::<Vec<_>>(), 3);
}

#[test]
fn a_member_whose_disk_was_lost_replaces_its_old_self() {
    let Some(mut members) = cluster(2) else { return };
    let old = members[1].id();
    members[1].kill();
    std::fs::remove_dir_all(members[1].data_dir()).expect("the disk is lost");
    members[1].run();
    assert_ne!(members[1].id(), old, "a new disk, a new ID");
    add(&members[0], &members[1]);
    everyone_lists(&members.iter().collect::<Vec<_>>(), 2);
}

#[test]
fn what_cannot_be_done_is_said_clearly() {
    let Some(members) = cluster(2) else { return };
    let lone = Member::start().expect("found before");
    let elsewhere = Member::start().expect("found before");
    add(&lone, &elsewhere);
    let nobody = format!("{}:9091", host::fresh());
    let (api, foreign) = (members[1].http().to_string(), elsewhere.rpc().to_string());
    let unknown = "13eeefdd-41b5-453f-928e-cb9c55fd2a5d";
    for (asked, words, parts) in [
        (&members[0], ["member", "add", &nobody], &[nobody.as_str(), "failed to reach"][..]),
        (&members[0], ["member", "add", &api], &[api.as_str(), "9091", "HTTP API"]),
        (&members[0], ["member", "add", &foreign], &[foreign.as_str(), "another cluster"]),
        (&members[0], ["member", "add", "nowhere"], &["nowhere", "9091"]),
        (&members[0], ["member", "remove", unknown], &[unknown, "no member"]),
        (&members[0], ["member", "remove", "x"], &["x", "member list"]),
    ] {
        let said = asked.ctl(&words);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{words:?}: {said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{words:?} does not name {part:?}: {}", said.err);
        }
    }
    let single = Member::start().expect("found before");
    let said = single.ctl(&["member", "remove", &single.id()]);
    assert!(said.code == Some(1) && said.err.contains("last member"), "{said:?}");
    let usage = members[0].ctl(&["member", "add"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
    assert_eq!(members[0].ctl(&["help"]).code, Some(0));
}

#[test]
fn an_address_that_cannot_be_dialled_back_is_named() {
    let Some(first) = Member::start() else { return };
    if need("kapacitorctl").is_none() {
        return;
    }
    let dead = format!("{}:9090", host::fresh());
    let mut joiner = Member::prepare().expect("found before");
    joiner.set("[cluster]", "advertise-address", &format!("{dead:?}")).run();
    let said = first.ctl(&["member", "add", &joiner.rpc().to_string()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(&dead) && said.err.contains("gossip"), "{}", said.err);
    assert_eq!(joiner.cluster().expect("answers")["state"], "uninitialized");
}

#[test]
fn who_has_no_token_is_told_where_it_is() {
    let Some(members) = cluster(1) else { return };
    let (member, url) = (&members[0], members[0].url());
    let token = member.data_dir().join("admin.token").display().to_string();
    let said = e2e::program::run("kapacitorctl", &["member", "remove", &member.id(), "-url", &url]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(&token), "{}", said.err);
    let secret = std::fs::read_to_string(&token).expect("there");
    let with = |token: &str| {
        let words = ["-url", &url, "member", "add", "127.0.0.1:1"];
        e2e::program::run_with("kapacitorctl", &words, &[("KAPACITOR_ADMIN_TOKEN", token)])
    };
    assert!(with("wrong").err.contains(&data_of(member)), "{:?}", with("wrong"));
    assert!(with(secret.trim()).err.contains("failed to reach"), "{:?}", with(secret.trim()));
}

fn data_of(member: &Member) -> String {
    member.data_dir().display().to_string()
}

#[test]
fn two_members_that_were_apart_for_long_heal_within_ten_seconds() {
    // Paused in turn: each has given the other up before they meet again.
    let Some(mut members) = cluster(2) else { return };
    let (first, second) = members.split_at_mut(1);
    first[0].signal(rustix::process::Signal::STOP);
    has_status(&second[0], &first[0], "failed");
    second[0].signal(rustix::process::Signal::STOP);
    first[0].signal(rustix::process::Signal::CONT);
    has_status(&first[0], &second[0], "failed");
    second[0].signal(rustix::process::Signal::CONT);
    let start = std::time::Instant::now();
    everyone_lists(&members.iter().collect::<Vec<_>>(), 2);
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
}
