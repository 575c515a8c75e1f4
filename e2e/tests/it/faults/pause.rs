//! Members that stand still, and what answers nobody.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use e2e::{Lab, Ledger, Load, Receiver, until};
use rustix::process::Signal;

use super::{
    DELAY, LONG, RATE, SOON, TOPICS, addresses, all, at_most, each_once, lab_of, pass, produce,
    received_once, states_are_equal, watch,
};
use crate::cluster::everyone_lists;

#[test]
fn a_member_that_stands_still_for_half_a_minute_costs_what_it_had_in_flight() {
    let Some((_lab, mut members)) = lab_of(3) else { return };
    let receiver = Receiver::start_on(Lab::HERE);
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    produce(&members, &ledger, &receiver, Duration::from_secs(2));
    each_once(&receiver, 3);
    let before = ledger.next();
    let load = Load::start(&ledger, RATE, TOPICS);
    load.set(&ledger, &addresses(&members));
    pass(Duration::from_secs(2));
    members[0].signal(Signal::STOP);
    pass(Duration::from_secs(30));
    members[0].signal(Signal::CONT);
    pass(Duration::from_secs(2));
    load.stop();
    everyone_lists(&all(&members), 3);
    ledger.all_received(&receiver, LONG);
    let twice = at_most(&receiver, 3, 2);
    assert!(twice <= 32, "{twice} events were sent twice: more than one member has in flight");
    let after = ledger.next();
    produce(&members, &ledger, &receiver, Duration::from_secs(2));
    at_most(&receiver, 3, 2);
    received_once(&receiver, 0..before);
    received_once(&receiver, after..ledger.next());
    states_are_equal(&all(&members), TOPICS, SOON);
    println!("{twice} of {} events were sent twice", after - before);
}

#[test]
fn a_member_that_accepts_and_never_answers_stalls_nobody() {
    let Some((_lab, mut members)) = lab_of(3) else { return };
    let receiver = Receiver::start_on(Lab::HERE);
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    produce(&members, &ledger, &receiver, Duration::from_secs(1));
    // The kernel still accepts for it; that it is dead is known only after some seconds.
    members[0].signal(Signal::STOP);
    let stopped = Instant::now();
    let (writers, quick) = (addresses(&members[1..]), Duration::from_secs(2));
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        let start = Instant::now();
        ledger.write(&writers, 1, TOPICS);
        members[1].define_post_handler("other", &format!("h{n}"), "http://127.0.0.1:9/").expect("");
        members[2].cluster().expect("served");
        members[2].events("t0").expect("served");
        assert!(start.elapsed() < quick, "a request took {:?}", start.elapsed());
        ledger.all_received(&receiver, DELAY + quick);
        slowest = slowest.max(start.elapsed());
    }
    // Where it was the first in line, the next one waits for its turn and for no answer.
    assert!(slowest < DELAY + quick, "an event took {slowest:?}");
    members[0].signal(Signal::CONT);
    everyone_lists(&all(&members), 3);
    at_most(&receiver, 3, 2);
    println!("20 events, slowest {slowest:?}, all in {:?}", stopped.elapsed());
}

#[test]
fn adding_what_accepts_and_never_answers_fails_in_time_and_stalls_nobody() {
    let Some((_lab, members)) = lab_of(2) else { return };
    let receiver = Receiver::start_on(Lab::HERE);
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    let mute = TcpListener::bind((Lab::HERE, 0)).expect("a port is free");
    let address = mute.local_addr().expect("bound").to_string();
    std::thread::scope(|scope| {
        let adding = scope.spawn(|| {
            let start = Instant::now();
            (members[0].ctl(&["member", "add", &address]), start.elapsed())
        });
        until(SOON, "it was dialled", || {
            mute.set_nonblocking(true).map_err(|e| e.to_string())?;
            mute.accept().map(std::mem::forget).map_err(|e| e.to_string())
        });
        produce(&members, &ledger, &receiver, Duration::from_secs(2));
        let (said, took) = adding.join().expect("it ends");
        assert!(said.code == Some(1) && said.err.contains(&address), "{said:?}");
        assert!(took < SOON, "it took {took:?}");
    });
    each_once(&receiver, 2);
}
