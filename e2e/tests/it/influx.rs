//! A real InfluxDB 1.x: subscriptions come, change and go; points come through them.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::program::need;
use e2e::{Influxd, Member, Receiver, holds, until};

use crate::member::EVERY;

const SOON: Duration = Duration::from_secs(15);

/// A member that does not run yet and follows this InfluxDB in mode `server`.
fn follower(influxd: &Influxd) -> Option<Member> {
    let mut member = Member::prepare()?;
    member.set("[[influxdb]]", "enabled", "true");
    member.set("[[influxdb]]", "urls", &format!("[{:?}]", influxd.url()));
    member.set("[[influxdb]]", "subscription-mode", "\"server\"");
    member.set("[[influxdb]]", "subscriptions-sync-interval", "\"1s\"");
    Some(member)
}

/// Waits until these subscriptions, and no others, are there.
fn has(influxd: &Influxd, login: &str, expect: &[(&str, &str, &str)]) {
    let expect: BTreeMap<_, _> = expect
        .iter()
        .map(|(db, name, to)| (((*db).to_owned(), (*name).to_owned()), vec![(*to).to_owned()]))
        .collect();
    until(SOON, &format!("subscriptions are {expect:?}"), || {
        let found = influxd.subscriptions(login);
        if found == expect { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

fn own_name(member: &Member) -> String {
    format!("kapacitor-{}", member.id())
}

#[test]
fn each_member_subscribes_for_itself_to_any_name() {
    let Some(influxd) = Influxd::start() else { return };
    influxd.query("CREATE DATABASE telegraf");
    influxd.query(r#"CREATE DATABASE "a\"b""#);
    let (Some(mut first), Some(mut second)) = (follower(&influxd), follower(&influxd)) else {
        return;
    };
    first.run();
    second.run();
    let (one, two) = (own_name(&first), own_name(&second));
    let (to_one, to_two) = (first.url(), second.url());
    has(
        &influxd,
        "",
        &[
            ("telegraf", &one, &to_one),
            ("telegraf", &two, &to_two),
            ("a\"b", &one, &to_one),
            ("a\"b", &two, &to_two),
        ],
    );
    // A database made later is found by the next pass; points of the odd one arrive.
    influxd.query("CREATE DATABASE later");
    until(SOON, "the new database is subscribed to", || {
        let found = influxd.subscriptions("");
        let mine = found.contains_key(&("later".to_owned(), one.clone()));
        if mine { Ok(()) } else { Err(format!("{found:?}")) }
    });
    influxd.write("a\"b", "cpu,host=odd value=1");
    until(SOON, "the point of a\"b arrives", || {
        let text = first.get("/metrics")?.text();
        let counted = text.contains(r#"kapacitor_points_received_total{database="a\"b""#);
        if counted { Ok(()) } else { Err("not counted".to_owned()) }
    });
}

#[test]
fn subscriptions_of_others_are_never_touched() {
    let Some(influxd) = Influxd::start() else { return };
    influxd.query("CREATE DATABASE telegraf");
    let foreign = "kapacitor-13eeefdd-41b5-453f-928e-cb9c55fd2a5d";
    let create = |name: &str, to: &str| {
        let on = "\"telegraf\".\"autogen\"";
        influxd.query(&format!("CREATE SUBSCRIPTION \"{name}\" ON {on} DESTINATIONS ALL '{to}'"));
    };
    create(foreign, "http://127.0.0.1:1");
    create("archive", "udp://127.0.0.1:1");
    let Some(mut member) = follower(&influxd) else { return };
    member.run();
    let (name, url) = (own_name(&member), member.url());
    let others =
        [("telegraf", foreign, "http://127.0.0.1:1"), ("telegraf", "archive", "udp://127.0.0.1:1")];
    let with_mine: Vec<_> = others.into_iter().chain([("telegraf", &*name, &*url)]).collect();
    has(&influxd, "", &with_mine);
    member.kill();
    member.set("[[influxdb]]", "disable-subscriptions", "true").run();
    has(&influxd, "", &others);
}

#[test]
fn a_changed_destination_is_replaced_and_exclusions_are_honoured() {
    let Some(influxd) = Influxd::start() else { return };
    for name in ["telegraf", "other", "third"] {
        influxd.query(&format!("CREATE DATABASE {name}"));
    }
    let Some(mut member) = follower(&influxd) else { return };
    member.set("[influxdb.excluded-subscriptions]", "other", "[\"autogen\"]").run();
    let (name, url) = (own_name(&member), member.url());
    has(&influxd, "", &[("telegraf", &name, &url), ("third", &name, &url)]);
    member.kill();
    member.set("[influxdb.subscriptions]", "telegraf", "[\"autogen\"]");
    member.set("[[influxdb]]", "http-port", "19092").run();
    let moved = format!("http://{}:19092", member.host());
    until(SOON, "the destination of telegraf is replaced", || {
        let found = influxd.subscriptions("");
        let to = found.get(&("telegraf".to_owned(), name.clone())).cloned();
        if to == Some(vec![moved.clone()]) { Ok(()) } else { Err(format!("{found:?}")) }
    });
    assert!(!influxd.subscriptions("").contains_key(&("other".to_owned(), name)));
}

#[test]
fn an_influxdb_that_is_away_stops_nothing_and_is_found_when_it_comes() {
    let Some(mut influxd) = Influxd::prepare() else { return };
    let Some(mut member) = follower(&influxd) else { return };
    member.run();
    let warned = until(SOON, "/ready says what is wrong", || {
        let ready = member.json("/ready")?;
        let warning = ready["warnings"][0].as_str().map(str::to_owned);
        warning.ok_or_else(|| ready.to_string())
    });
    assert!(warned.contains("InfluxDB") && warned.contains("default"), "{warned}");
    assert_eq!(member.metric("kapacitor_influxdb_up"), Ok(0.0));
    influxd.run();
    influxd.query("CREATE DATABASE telegraf");
    let (name, url) = (own_name(&member), member.url());
    has(&influxd, "", &[("telegraf", &name, &url)]);
    until(SOON, "the warning is gone", || match member.metric("kapacitor_influxdb_up")? {
        1.0 => Ok(()),
        other => Err(format!("up is {other}")),
    });
    influxd.kill();
    until(SOON, "it is noticed that it went away later", || {
        match member.metric("kapacitor_influxdb_up")? {
            0.0 => Ok(()),
            other => Err(format!("up is {other}")),
        }
    });
    member.write("cpu value=1").expect("points are taken from elsewhere");
    assert!(member.process().ended().is_none());
}

#[test]
fn user_and_password_are_used_and_wrong_ones_are_said() {
    let Some(mut influxd) = Influxd::prepare() else { return };
    influxd.run();
    influxd.query("CREATE DATABASE telegraf");
    influxd.query("CREATE USER ann WITH PASSWORD 'it\\'s \"secret\"' WITH ALL PRIVILEGES");
    influxd.kill();
    influxd.set_auth(true).run();
    let login = "&u=ann&p=it%27s%20%22secret%22";
    let Some(mut member) = follower(&influxd) else { return };
    member.set("[[influxdb]]", "username", "\"ann\"");
    member.set("[[influxdb]]", "password", "\"wrong\"").run();
    until(SOON, "the refusal is said", || {
        let ready = member.json("/ready")?;
        let said = ready["warnings"].to_string().contains("auth");
        if said { Ok(()) } else { Err(ready.to_string()) }
    });
    member.kill();
    member.set("[[influxdb]]", "password", "\"it's \\\"secret\\\"\"").run();
    let (name, url) = (own_name(&member), member.url());
    has(&influxd, login, &[("telegraf", &name, &url)]);
    assert!(!member.log().contains("secret"), "the password is not logged");
}

#[test]
fn points_written_once_to_influxdb_raise_one_alert_in_a_cluster_of_two() {
    let Some(influxd) = Influxd::start() else { return };
    if need("kapacitorctl").is_none() {
        return;
    }
    influxd.query("CREATE DATABASE telegraf");
    let (Some(mut first), Some(mut second)) = (follower(&influxd), follower(&influxd)) else {
        return;
    };
    first.run();
    second.run();
    let added = first.ctl(&["member", "add", &second.rpc().to_string()]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let receiver = Receiver::start();
    first.define_post_handler("cpu", "one", &receiver.url("/alerts")).expect("defined");
    for member in [&first, &second] {
        member.define("every", EVERY);
        until(SOON, "both members are ready and know the handler", || {
            let ready = member.cluster()?["members"].as_array().is_some_and(|all| {
                all.len() == 2 && all.iter().all(|m| m["ready"] == true && m["status"] == "alive")
            });
            if ready && member.handlers("cpu")? == ["one"] {
                Ok(())
            } else {
                Err("not yet".to_owned())
            }
        });
    }
    let (one, two) = (own_name(&first), own_name(&second));
    has(&influxd, "", &[("telegraf", &one, &first.url()), ("telegraf", &two, &second.url())]);
    influxd.write("telegraf", "cpu,host=a value=99");
    let raised = "kapacitor_alert_events_raised_total";
    for member in [&first, &second] {
        until(SOON, "both raise it", || match member.metric(raised)? {
            1.0 => Ok(()),
            other => Err(format!("raised {other}")),
        });
    }
    receiver.wait_for(1, SOON);
    holds(Duration::from_millis(2500), "one copy is delivered", || {
        let n = receiver.received().len();
        if n == 1 { Ok(()) } else { Err(format!("{n} copies")) }
    });
}
