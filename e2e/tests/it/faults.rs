//! Real faults: kill -9 at every step of the protocol, pauses, wrong clocks, full disks, lost packets and
//! cut networks, under load. Nothing may be lost, and nothing sent twice that need not be.
//!
//! These tests wait most of their time, so they run side by side.

mod clock;
mod cut;
mod disk;
mod loaded;
mod pause;
mod restart;
mod steps;
mod sync;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use e2e::{Lab, Ledger, Load, Member, Receiver, copies, repeated, until};
use serde_json::Value as Json;

use crate::cluster::{add, everyone_lists};

/// `delay-per-member` of these tests, unless they say otherwise.
const DELAY: Duration = Duration::from_secs(3);

/// For what must be there at once, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// For what has to be found out by a failure first.
const LONG: Duration = Duration::from_secs(40);

/// Topics of the load: each member is the first in line of some.
const TOPICS: u64 = 4;

/// Events a second of a load that leaves the machine to the other tests.
const RATE: u64 = 20;

/// A member on host `n` of a lab, or on one of this machine; quiet in its log.
fn prepare(lab: Option<&Lab>, n: usize) -> Option<Member> {
    let mut member = match lab {
        Some(lab) => Member::prepare_on(lab.host(n))?,
        None => Member::prepare()?,
    };
    member.set("[logging]", "level", "\"INFO\"").set("[http]", "log-enabled", "false");
    member.set("[cluster]", "gossip-sync-interval", "\"5s\"");
    member.set("[alert]", "delay-per-member", &format!("\"{}ms\"", DELAY.as_millis()));
    member.set("[alert]", "full-sync-interval", "\"5s\"");
    Some(member)
}

/// Makes a cluster of prepared members: started, added to the first, all ready.
fn join(members: &mut [Member]) {
    members.iter_mut().for_each(Member::spawn);
    members.iter_mut().for_each(Member::wait_until_it_serves);
    for n in 1..members.len() {
        add(&members[0], &members[n]);
    }
    everyone_lists(&members.iter().collect::<Vec<_>>(), members.len());
}

/// A cluster in a lab of its own.
fn lab_of(n: u8) -> Option<(Lab, Vec<Member>)> {
    e2e::program::need("kapacitorctl")?;
    let lab = Lab::enter(n)?;
    let members: Option<Vec<Member>> =
        (0..usize::from(n)).map(|k| prepare(Some(&lab), k)).collect();
    let mut members = members?;
    join(&mut members);
    Some((lab, members))
}

/// The tasks of the load on every member, and for each topic one handler that posts to the receiver.
fn watch(members: &[Member], topics: u64, receiver: &Receiver) {
    for topic in 0..topics {
        let name = format!("t{topic}");
        members[0].define_post_handler(&name, "post", &receiver.url("/")).expect("defined");
        for member in members {
            member.define(&name, &Load::script(topic));
        }
    }
    for member in members {
        until(SOON, "the handlers are everywhere", || {
            let last = member.handlers(&format!("t{}", topics - 1))?;
            if last == ["post"] { Ok(()) } else { Err(format!("{last:?}")) }
        });
    }
}

fn all(members: &[Member]) -> Vec<&Member> {
    members.iter().collect()
}

fn addresses(members: &[Member]) -> Vec<SocketAddr> {
    members.iter().map(Member::http).collect()
}

/// Load for a while; every event of it is received.
fn produce(members: &[Member], ledger: &Ledger, receiver: &Receiver, during: Duration) {
    let load = Load::start(ledger, RATE, TOPICS);
    load.set(ledger, &addresses(members));
    pass(during);
    load.stop();
    ledger.all_received(receiver, LONG);
}

/// Waits until so much time has passed: for what a test does *while* something lasts.
fn pass(time: Duration) {
    let start = Instant::now();
    until(time + SOON, "time passes", || {
        let left = time.saturating_sub(start.elapsed());
        if left.is_zero() { Ok(()) } else { Err(format!("{left:?} are left")) }
    });
}

/// No event came twice, also not once every member's turn has passed.
fn each_once(receiver: &Receiver, members: usize) {
    receiver.settle(DELAY * (members as u32 + 1));
    let repeated = repeated(receiver);
    assert!(repeated.is_empty(), "more than one copy: {repeated:?}");
}

/// At most `most` copies of any event; how many came more often than once.
fn at_most(receiver: &Receiver, members: usize, most: usize) -> usize {
    receiver.settle(DELAY * (members as u32 + 1));
    let repeated = repeated(receiver);
    let worst: BTreeMap<_, _> = repeated.iter().filter(|(_, n)| **n > most).collect();
    assert!(worst.is_empty(), "more than {most} copies: {worst:?}");
    repeated.len()
}

/// Copies of events raised up to now, to tell them from later ones.
fn received_once(receiver: &Receiver, numbers: std::ops::Range<u64>) {
    let often: BTreeMap<u64, usize> =
        copies(receiver).into_iter().filter(|(n, c)| numbers.contains(n) && *c != 1).collect();
    assert!(often.is_empty(), "not exactly one copy: {often:?}");
}

/// Every member answers the same for every topic.
fn states_are_equal(members: &[&Member], topics: u64, within: Duration) {
    until(within, "every member shows the same states", || {
        for topic in 0..topics {
            let path = format!("/alerts/topics/t{topic}/events");
            let shown: Vec<Json> =
                members.iter().map(|m| m.json(&path)).collect::<Result<_, _>>()?;
            let shown: Vec<Json> = shown.into_iter().map(without_details).collect();
            if let Some(other) = shown.iter().find(|s| **s != shown[0]) {
                return Err(difference(&shown[0], other));
            }
        }
        Ok(())
    });
}

/// The default details name the member that raised the event.
fn without_details(mut shown: Json) -> Json {
    for event in shown["events"].as_array_mut().into_iter().flatten() {
        event["state"]["details"] = Json::Null;
    }
    shown
}

fn difference(a: &Json, b: &Json) -> String {
    let of = |json: &Json| -> Vec<String> {
        json["events"].as_array().into_iter().flatten().map(ToString::to_string).collect()
    };
    let (a, b) = (of(a), of(b));
    let first = a.iter().zip(&b).find(|(a, b)| a != b);
    format!("{} events against {}; first difference {first:?}", a.len(), b.len())
}
