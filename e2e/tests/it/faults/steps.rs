//! kill -9 at each step of the protocol: at the first in line, at those behind it, and at whoever joins,
//! leaves or syncs. The programs under test are builds with debug assertions, which have fault points.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use e2e::program::need;
use e2e::{Ledger, Load, Member, Receiver, copies, until};

use super::{SOON, addresses, all, join, prepare, states_are_equal};
use crate::cluster::{add, everyone_lists};

/// `delay-per-member`: a takeover is due after one or two of these.
const DELAY: Duration = Duration::from_millis(500);

/// Steps of the member that is first in line. With two handlers the first to end tells `handler-done`.
const FIRST: &[&str] = &[
    "raise",
    "write:pending",
    "written:pending",
    "send:offer",
    "sent:offer",
    "write:judged",
    "written:judged",
    "send:claim",
    "sent:claim",
    "recv:grant",
    "recv:grant@2",
    "attempt",
    "attempt@2",
    "attempted",
    "attempted@2",
    "write:handler-done",
    "written:handler-done",
    "send:handler-done",
    "sent:handler-done",
    "recv:handler-done-ack",
    "write:done",
    "written:done",
    "send:done",
    "sent:done",
    "recv:done-ack",
];

/// Steps of one that waits behind it.
const BEHIND: &[&str] = &[
    "recv:offer",
    "send:offer-ack",
    "sent:offer-ack",
    "recv:claim",
    "send:grant",
    "sent:grant",
    "recv:handler-done",
    "send:handler-done-ack",
    "recv:done",
    "send:done-ack",
    "sent:done-ack",
];

/// Steps of the next in line once the first is dead.
const NEXT: &[&str] = &[
    "send:claim",
    "recv:grant",
    "attempt",
    "attempted",
    "written:handler-done",
    "write:done",
    "written:done",
    "send:done",
];

fn three() -> Option<Vec<Member>> {
    need("kapacitorctl")?;
    let members: Option<Vec<Member>> = (0..3).map(|n| prepare(None, n)).collect();
    let mut members = members?;
    for member in &mut members {
        member.set_faulty()?;
        member.set("[alert]", "delay-per-member", &format!("\"{}ms\"", DELAY.as_millis()));
    }
    join(&mut members);
    Some(members)
}

/// A cluster with two receivers of one topic, and what it did so far.
struct Scene {
    members: Vec<Member>,
    ledger: Ledger,
    receivers: [Receiver; 2],
    /// Copies of an event that its crashes allow.
    allowed: BTreeMap<u64, usize>,
}

impl Scene {
    fn set() -> Option<Self> {
        let members = three()?;
        let receivers = [Receiver::start(), Receiver::start()];
        for (n, receiver) in receivers.iter().enumerate() {
            let id = format!("post{n}");
            members[0].define_post_handler("t0", &id, &receiver.url("/")).expect("defined");
        }
        for member in &members {
            member.define("t0", &Load::script(0));
            until(SOON, "both handlers are everywhere", || {
                let handlers = member.handlers("t0")?;
                if handlers.len() == 2 { Ok(()) } else { Err(format!("{handlers:?}")) }
            });
        }
        Some(Self { members, ledger: Ledger::default(), receivers, allowed: BTreeMap::new() })
    }

    /// The members in the order of the topic: who handles an event, who does when that one is dead.
    fn line(&mut self) -> Vec<usize> {
        let mut line = Vec::new();
        let count = |member: &Member| -> Result<f64, String> {
            let primary = member.metric("kapacitor_alert_primary_handled_total")?;
            Ok(primary + member.metric("kapacitor_alert_secondary_handled_total")?)
        };
        while line.len() < 2 {
            let alive: Vec<usize> = (0..3).filter(|n| !line.contains(n)).collect();
            let before: Vec<f64> =
                alive.iter().map(|n| count(&self.members[*n]).expect("served")).collect();
            self.raise(0);
            let actor = until(SOON, "one member has handled it", || {
                let after = alive.iter().map(|n| count(&self.members[*n]));
                let after: Vec<f64> = after.collect::<Result<_, _>>()?;
                let at = before.iter().zip(&after).position(|(b, a)| a > b);
                at.map(|at| alive[at]).ok_or_else(|| format!("{after:?}"))
            });
            line.push(actor);
            self.members[actor].kill();
        }
        line.extend((0..3).filter(|n| !line.contains(n)).collect::<Vec<_>>());
        self.restart(&line[..2]);
        line
    }

    /// Raises one event on all members that run; `crashes` may each cost a copy.
    fn raise(&mut self, crashes: usize) {
        let number = self.ledger.next();
        self.allowed.insert(number, 1 + crashes);
        self.ledger.write(&addresses(&self.members), 1, 1);
    }

    /// Starts those that have ended, and waits until nothing is under way.
    fn restart(&mut self, which: &[usize]) {
        for n in which {
            self.members[*n].kill();
            self.members[*n].disarm();
            self.members[*n].spawn();
        }
        for n in which {
            self.members[*n].wait_until_it_serves();
        }
        everyone_lists(&all(&self.members), 3);
        for member in &self.members {
            // Who is not ready in the eyes of the others is passed over.
            until(SOON, "all are ready in everyone's eyes", || {
                let cluster = member.cluster()?;
                let seen = cluster["members"].as_array().into_iter().flatten();
                let ready = seen.filter(|m| m["ready"] == true).count();
                if ready == 3 { Ok(()) } else { Err(cluster.to_string()) }
            });
            until(SOON, "no event is pending", || {
                let pending = member.metric("kapacitor_alert_pending")?;
                if pending == 0.0 { Ok(()) } else { Err(pending.to_string()) }
            });
        }
    }

    /// Waits until the member has died of its fault point.
    fn died(&mut self, n: usize, step: &str) {
        let process = self.members[n].process();
        until(SOON, &format!("the member dies at {step}"), || {
            process.ended().map(|_| ()).ok_or("it runs")
        });
    }

    fn delivered(&self, step: &str) {
        for receiver in &self.receivers {
            let start = Instant::now();
            self.ledger.all_received(receiver, SOON);
            assert!(start.elapsed() < SOON, "{step}");
        }
    }

    /// Everything once, but for what crashes allow; the same on all members.
    fn end(self) {
        states_are_equal(&all(&self.members), 1, SOON);
        for receiver in &self.receivers {
            receiver.settle(DELAY * 5);
            for (number, copies) in copies(receiver) {
                let allowed = self.allowed.get(&number).copied().unwrap_or(0);
                assert!(copies <= allowed, "event {number}: {copies} copies, {allowed} allowed");
            }
        }
    }
}

/// Restarts one member armed, raises an event, waits for its death and for the delivery.
fn each_step(steps: &[&str], place: usize) {
    let Some(mut scene) = Scene::set() else { return };
    let line = scene.line();
    for step in steps {
        scene.restart(&[line[place]]);
        scene.members[line[place]].arm(step);
        scene.raise(1);
        scene.died(line[place], step);
        scene.delivered(step);
    }
    scene.restart(&[line[place]]);
    scene.raise(0);
    scene.delivered("in the end");
    scene.end();
}

#[test]
fn the_first_in_line_may_die_at_any_of_its_steps_until_it_sends() {
    each_step(&FIRST[..FIRST.len() / 2], 0);
}

#[test]
fn the_first_in_line_may_die_at_any_of_its_steps_from_sending_on() {
    each_step(&FIRST[FIRST.len() / 2..], 0);
}

#[test]
fn the_last_in_line_may_die_at_any_of_its_steps() {
    each_step(BEHIND, 2);
}

#[test]
fn the_next_in_line_may_die_at_any_step_of_its_takeover() {
    let Some(mut scene) = Scene::set() else { return };
    let line = scene.line();
    for step in NEXT {
        scene.restart(&line[..2]);
        scene.members[line[0]].arm("send:claim");
        scene.members[line[1]].arm(step);
        scene.raise(2);
        scene.died(line[0], "send:claim");
        scene.died(line[1], step);
        scene.delivered(step);
    }
    scene.restart(&line[..2]);
    scene.raise(0);
    scene.delivered("in the end");
    scene.end();
}

/// Steps of a start: what the member held is judged after its first sync.
const STARTING: &[&str] =
    &["write:row", "written:row", "send:sync", "sent:sync", "send:pull", "recv:pull-answer"];

#[test]
fn a_member_may_die_at_any_step_of_its_start() {
    let Some(mut scene) = Scene::set() else { return };
    let line = scene.line();
    for step in STARTING {
        // It holds an event that it does not know to be done.
        scene.restart(&[line[0]]);
        scene.members[line[0]].arm("attempted");
        scene.raise(2);
        scene.died(line[0], "attempted");
        scene.members[line[0]].arm(step);
        scene.members[line[0]].spawn();
        scene.died(line[0], step);
        scene.delivered(step);
    }
    scene.restart(&[line[0]]);
    scene.raise(0);
    scene.delivered("in the end");
    scene.end();
}

#[test]
fn an_adder_and_a_joiner_may_die_at_any_step_of_the_join() {
    if need("kapacitorctl").is_none() {
        return;
    }
    for (who, step) in [
        (0, "send:join"),
        (0, "sent:join"),
        (0, "write:row@2"),
        (1, "recv:join"),
        (1, "write:row@2"),
        (1, "written:row@2"),
    ] {
        let members: Option<Vec<Member>> = (0..2).map(|n| prepare(None, n)).collect();
        let Some(mut members) = members else { return };
        for (n, member) in members.iter_mut().enumerate() {
            let Some(member) = member.set_faulty() else { return };
            member.run();
            if n == who {
                member.arm(step);
            }
        }
        // Whatever it says: one of the two is dead.
        members[0].ctl(&["member", "add", &members[1].rpc().to_string()]);
        let process = members[who].process();
        until(SOON, &format!("member {who} dies at {step}"), || {
            process.ended().map(|_| ()).ok_or("it runs")
        });
        members[who].kill();
        members[who].disarm();
        members[who].run();
        add(&members[0], &members[1]);
        everyone_lists(&all(&members), 2);
    }
}

#[test]
fn a_member_may_die_at_any_step_of_its_removal() {
    let Some(mut scene) = Scene::set() else { return };
    for (who, step) in [
        (0, "send:drain"),
        (0, "sent:drain"),
        (0, "send:removed"),
        (0, "send:push-roster"),
        (2, "recv:drain"),
        (2, "recv:removed"),
    ] {
        let gone = scene.members[2].id();
        scene.members[who].arm(step);
        scene.raise(1);
        scene.members[0].ctl(&["member", "remove", &gone]);
        scene.died(who, step);
        scene.restart_after_removal(who, &gone);
        scene.delivered(step);
    }
    scene.end();
}

impl Scene {
    /// Starts the dead one, removes member 2 unless that is done, and adds it again.
    fn restart_after_removal(&mut self, who: usize, gone: &str) {
        self.members[who].kill();
        self.members[who].disarm();
        self.members[who].run();
        let members = &self.members;
        until(SOON * 3, "the member is removed", || {
            let said = members[0].ctl(&["member", "remove", gone]);
            let alone = members[2].cluster()?["state"] == "uninitialized";
            let two = members[0].roster()?.len() == 2;
            if alone && two { Ok(()) } else { Err(format!("{said:?}")) }
        });
        add(&members[0], &members[2]);
        everyone_lists(&all(members), 3);
    }
}

#[test]
fn release_programs_have_no_fault_points() {
    let Some(file) = need("kapacitord") else { return };
    let debug = e2e::program::need_debug("kapacitord");
    let has = |file: &std::path::Path| {
        let bytes = std::fs::read(file).expect("readable");
        let name = b"KAPACITOR_FAULT_";
        bytes.windows(name.len()).any(|w| w == name)
    };
    if let Some(debug) = debug {
        assert!(has(&debug), "a build with debug assertions has them");
        if debug != file {
            assert!(!has(&file), "{} has fault points", file.display());
        }
    }
}
