//! What members tell each other when nothing differs, and when little does.

use std::time::Duration;

use e2e::{Lab, Member, Receiver, until};
use serde_json::json;

use super::{SOON, lab_of, pass};

/// Topics with states and done marks.
const TOPICS: usize = 1_000;

/// Bytes of one full sync with one peer in which nothing differs, headers included.
const EQUAL: f64 = 2048.0;

/// Bytes that one event costs which one of the members has missed, with the syncs of the time.
const LITTLE: f64 = 40_000.0;

/// Bytes and syncs between two members for some time.
fn cost(lab: &Lab, members: &[Member], during: Duration) -> (f64, f64) {
    let syncs = || -> f64 {
        let each = members.iter().map(|m| m.metric("kapacitor_syncs_total").expect("served"));
        each.sum()
    };
    let before = syncs();
    lab.meter(0, 9091);
    pass(during);
    (lab.metered(0) as f64, syncs() - before)
}

/// One event that is published to every topic.
fn raise(member: &Member, host: &str) {
    member.write(&format!("cpu,host={host} value=99 1700000000000000000")).expect("taken");
}

fn everywhere(members: &[Member], states: usize) {
    for member in members {
        until(SOON * 4, "every state is there, nothing is pending", || {
            let of = |name: &str| member.metric(name);
            let (n, pending) = (of("kapacitor_alert_states")?, of("kapacitor_alert_pending")?);
            if n >= states as f64 && pending == 0.0 {
                Ok(())
            } else {
                Err(format!("{n} {pending}"))
            }
        });
    }
}

#[test]
fn a_full_sync_is_cheap_when_nothing_or_little_differs() {
    let Some((lab, members)) = lab_of(2) else { return };
    let receiver = Receiver::start_on(Lab::HERE);
    let names: Vec<String> = (0..TOPICS).map(|n| format!("topic-number-{n}")).collect();
    std::thread::scope(|scope| {
        for part in names.chunks(TOPICS / 10) {
            let (member, url) = (&members[0], receiver.url("/"));
            scope.spawn(move || {
                for name in part {
                    member.define_post_handler(name, "post", &url).expect("defined");
                }
            });
        }
    });
    let fan = json!({"id": "fan", "kind": "publish", "options": {"topics": names}});
    members[0].send("POST", "/alerts/topics/cpu/handlers", &fan).expect("defined");
    members[0].define("every", crate::member::EVERY);
    raise(&members[0], "a");
    everywhere(&members, TOPICS + 1);

    let (bytes, syncs) = cost(&lab, &members, Duration::from_secs(12));
    assert!(syncs >= 3.0, "they synced: {syncs}");
    let equal = bytes / syncs;
    assert!(equal <= EQUAL, "{equal} bytes for a sync in which nothing differs");

    assert_eq!(receiver.count(), TOPICS, "each once");

    let one = crate::member::EVERY
        .replace("'cpu'", "'one'")
        .replace(".topic('one')", ".topic('topic-number-7')");
    members[0].define("one", &one);
    lab.split(&[&[0], &[1]]);
    members[0].write("one,host=b value=99 1700000001000000000").expect("taken");
    until(SOON, "one more is received", || {
        let count = receiver.count();
        if count > TOPICS { Ok(()) } else { Err(count.to_string()) }
    });
    lab.meter(0, 9091);
    lab.heal();
    everywhere(&members, TOPICS + 2);
    pass(Duration::from_secs(12));
    let bytes = lab.metered(0) as f64;
    assert!(bytes <= LITTLE, "{bytes} bytes for one event");
    assert_eq!(receiver.count(), TOPICS + 1, "each once");
}
