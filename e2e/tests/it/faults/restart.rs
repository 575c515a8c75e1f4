//! Restarts: of all members at once, of one with long windows, of each with another setting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::{Behaviour, Ledger, Load, Member, Receiver, copies, until};

use super::{
    DELAY, LONG, RATE, SOON, TOPICS, addresses, all, each_once, join, prepare, produce,
    states_are_equal, watch,
};
use crate::cluster::everyone_lists;

/// Three members are killed; of each id of two topics one event may be under way then.
const MOST_IN_FLIGHT: usize = 3 * 2;

fn three() -> Option<Vec<Member>> {
    e2e::program::need("kapacitorctl")?;
    let members: Option<Vec<Member>> = (0..3).map(|n| prepare(None, n)).collect();
    let mut members = members?;
    join(&mut members);
    Some(members)
}

#[test]
fn all_members_killed_at_once_lose_nothing_and_repeat_only_what_was_in_flight() {
    let Some(mut members) = three() else { return };
    let receiver = Receiver::start();
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    produce(&members, &ledger, &receiver, Duration::from_secs(1));
    receiver.behave(Behaviour::Hang);
    let pending = 200;
    let first = ledger.next();
    ledger.write(&addresses(&members), pending, TOPICS);
    for member in &members {
        until(SOON, "each member holds each event", || {
            let held = member.metric("kapacitor_alert_pending")?;
            if held >= pending as f64 { Ok(()) } else { Err(held.to_string()) }
        });
    }
    for round in 0..2 {
        members.iter_mut().for_each(Member::kill);
        if round == 1 {
            receiver.behave(Behaviour::Answer(200, Duration::ZERO));
        }
        members.iter_mut().for_each(Member::spawn);
        members.iter_mut().for_each(Member::wait_until_it_serves);
        everyone_lists(&all(&members), 3);
    }
    ledger.all_received(&receiver, LONG);
    receiver.settle(DELAY * 5);
    // Sent by the first start, by the second, by the third: a copy more per crash at most.
    let copies = copies(&receiver);
    let worst = copies.iter().filter(|(n, c)| **n >= first && **c > 3).collect::<BTreeMap<_, _>>();
    assert!(worst.is_empty(), "more than one copy per crash: {worst:?}");
    produce(&members, &ledger, &receiver, Duration::from_secs(1));
    states_are_equal(&all(&members), TOPICS, SOON);
}

#[test]
fn a_restart_with_a_window_of_ten_minutes_raises_nothing_that_a_running_member_would_not() {
    let script = "var all = stream|from().measurement('cpu').groupBy('host')\
        |window().period(10m).every(10s)\n\
        all|count('value').as('n')|alert().crit(lambda: \"n\" < 55).topic('few')\n\
        all|mean('value').as('m')|alert().crit(lambda: \"m\" > 60.0).topic('high')";
    let Some(mut members) = three() else { return };
    let Some(mut reference) = prepare(None, 0) else { return };
    reference.run();
    let (receiver, wanted) = (Receiver::start(), Receiver::start());
    for topic in ["few", "high"] {
        members[0].define_post_handler(topic, "post", &receiver.url("/")).expect("defined");
        reference.define_post_handler(topic, "post", &wanted.url("/")).expect("defined");
    }
    let everyone = |members: &[Member], lines: &str| {
        for member in members.iter().chain([&reference]) {
            member.write(lines).expect("taken");
        }
    };
    for member in members.iter().chain([&reference]) {
        member.define("windowed", script);
    }
    // A point each 10 s of data time for an hour; high in the middle, and some missing near the end.
    let line = |n: u64| {
        let value = if (150..230).contains(&n) { 95 } else { 10 + n % 7 };
        format!("cpu,host=a value={value} {}", (1_700_000_000 + n * 10) * 1_000_000_000)
    };
    let mut restarts = [90_u64, 170, 260].into_iter().zip([1, 0, 2]).peekable();
    for n in 0..360 {
        if (300..320).contains(&n) {
            continue;
        }
        if restarts.peek().is_some_and(|(at, _)| *at == n) {
            let (_, who) = restarts.next().expect("peeked");
            members[who].kill();
            members[who].run();
            everyone_lists(&all(&members), 3);
        }
        everyone(&members, &line(n));
    }
    let raised = |receiver: &Receiver| -> BTreeSet<_> { receiver.alerts().into_iter().collect() };
    until(LONG, "the cluster has raised what one member alone has", || {
        let (has, wants) = (raised(&receiver), raised(&wanted));
        let lacks: Vec<_> = wants.difference(&has).collect();
        if lacks.is_empty() && wants.len() > 20 { Ok(()) } else { Err(format!("{lacks:?}")) }
    });
    receiver.settle(DELAY * 4);
    let (has, wants) = (raised(&receiver), raised(&wanted));
    let more: Vec<_> = has.difference(&wants).collect();
    assert!(more.is_empty(), "a member that was never restarted raises none of {more:?}");
    let extra = receiver.count() - has.len();
    assert!(extra <= MOST_IN_FLIGHT, "{extra} copies more than one of each");
    states_are_equal_to(&members);
}

/// What is not OK is the same on all; what was OK before a restart is not kept.
fn states_are_equal_to(members: &[Member]) {
    until(SOON, "the members show the same", || {
        for topic in ["few", "high"] {
            let shown = |member: &Member| -> Result<BTreeMap<_, _>, String> {
                let mut events = member.events(topic)?;
                events.retain(|_, level| level != "OK");
                Ok(events)
            };
            let shown = members.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
            if shown.iter().any(|s| *s != shown[0]) {
                return Err(format!("{shown:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn redundancy_is_changed_by_restarting_one_member_at_a_time() {
    let Some(mut members) = three() else { return };
    let receiver = Receiver::start();
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    for redundancy in ["1", "2", "3", "0"] {
        for n in 0..3 {
            let load = Load::start(&ledger, RATE, TOPICS);
            load.set(&ledger, &addresses(&members));
            members[n].stop(SOON);
            members[n].set("[alert]", "redundancy", redundancy);
            members[n].run();
            everyone_lists(&all(&members), 3);
            load.stop();
            ledger.all_received(&receiver, LONG);
        }
        produce(&members, &ledger, &receiver, Duration::from_secs(1));
        states_are_equal(&all(&members), TOPICS, SOON);
    }
    each_once(&receiver, 3);
}
