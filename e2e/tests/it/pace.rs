//! A handler that hangs, refuses, answers 500 or never ends costs other handlers and tasks nothing.

use std::time::{Duration, Instant};

use e2e::{Behaviour, Member, Receiver, until};
use serde_json::json;

use crate::member::EVERY;

/// Alerts of one measurement: [`PART`] every [`PERIOD`], 1000 a second.
const ALERTS: usize = 1000;
const PART: usize = 20;
const PERIOD: Duration = Duration::from_millis(20);

/// Tries alone, of which the best counts: other processes on this machine disturb each.
const TRIES: u64 = 3;

/// Tries beside bad handlers, of which one must keep the pace.
const MORE_TRIES: u64 = 12;

/// Raises [`ALERTS`] alerts at their pace; how long until the good receiver has them all.
fn measure(member: &Member, receiver: &Receiver, round: u64) -> Duration {
    let before = receiver.received().len();
    let start = Instant::now();
    for part in 0..ALERTS / PART {
        until(Duration::from_secs(5), "it is time for the next part", || {
            if start.elapsed() >= PERIOD * part as u32 { Ok(()) } else { Err("too early") }
        });
        let lines: Vec<String> =
            (0..PART).map(|n| format!("cpu,host=r{round}_{part}_{n} value=99")).collect();
        member.write(&lines.join("\n")).expect("taken");
    }
    until(Duration::from_secs(30), "the good receiver has them all", || {
        let n = receiver.received().len() - before;
        if n == ALERTS { Ok(()) } else { Err(n) }
    });
    start.elapsed()
}

#[test]
fn bad_handlers_do_not_slow_down_the_good_one() {
    let Some(mut member) = Member::prepare() else { return };
    member.set("[logging]", "level", "\"ERROR\"").set("[http]", "log-enabled", "false").run();
    let (good, hanging, failing) = (Receiver::start(), Receiver::start(), Receiver::start());
    hanging.behave(Behaviour::Hang);
    failing.behave(Behaviour::Answer(500, Duration::ZERO));
    member.define("every", EVERY);
    member.define_post_handler("cpu", "good", &good.url("/")).expect("defined");
    measure(&member, &good, 0);
    let alone: Vec<Duration> = (1..=TRIES).map(|n| measure(&member, &good, n)).collect();
    member.define_post_handler("cpu", "hangs", &hanging.url("/")).expect("defined");
    member.define_post_handler("cpu", "fails", &failing.url("/")).expect("defined");
    member.define_post_handler("cpu", "refuses", "http://127.0.0.1:1/").expect("defined");
    let sleeps = json!({
        "id": "sleeps", "kind": "exec", "options": {"prog": "/bin/sleep", "args": ["1000"]},
    });
    member.send("POST", "/alerts/topics/cpu/handlers", &sleeps).expect("defined");
    let alone = alone.into_iter().min().expect("three tries");
    let mut beside = Vec::new();
    let keeps = |took: Duration| took.as_secs_f64() * 0.9 <= alone.as_secs_f64();
    while beside.len() < MORE_TRIES as usize && !beside.last().is_some_and(|took| keeps(*took)) {
        beside.push(measure(&member, &good, 11 + beside.len() as u64));
    }
    assert!(
        beside.last().is_some_and(|took| keeps(*took)),
        "{ALERTS} alerts took {alone:?} alone and {beside:?} beside bad handlers: less than 90 % of the pace"
    );
}
