//! A full disk at one member of a cluster.

use std::fs;
use std::time::Duration;

use e2e::{Ledger, Load, Member, Receiver, until};

use super::{
    LONG, RATE, SOON, TOPICS, addresses, all, at_most, each_once, join, pass, prepare, produce,
    received_once, states_are_equal, watch,
};
use crate::durable::SmallDisk;

#[test]
fn a_full_disk_at_one_member_loses_nothing_and_delays_little() {
    if e2e::program::need("kapacitorctl").is_none() {
        return;
    }
    let members: Option<Vec<Member>> = (0..3).map(|n| prepare(None, n)).collect();
    let Some(mut members) = members else { return };
    let Some(disk) = SmallDisk::mount(members[0].directory()) else { return };
    members[0].set_data_dir(&disk.0.join("data"));
    join(&mut members);
    let receiver = Receiver::start();
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    produce(&members, &ledger, &receiver, Duration::from_secs(2));
    each_once(&receiver, 3);
    let before = ledger.next();

    let load = Load::start(&ledger, RATE, TOPICS);
    load.set(&ledger, &addresses(&members));
    let mut n = 0;
    let filler = disk.fill();
    // What was preallocated is used up first.
    until(LONG, "the disk is full", || {
        disk.fill();
        let large = format!("http://127.0.0.1:9/{}", "x".repeat(20_000));
        n += 1;
        let _ = members[0].define_post_handler("other", &format!("h{n}"), &large);
        match members[0].metric("kapacitor_disk_failing") {
            Ok(1.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    pass(SOON);
    load.stop();
    // Nobody waits for the member whose disk is full.
    ledger.all_received(&receiver, SOON);
    let during = ledger.next();
    fs::remove_file(&filler).expect("removed");
    until(SOON, "the disk takes writes again", || {
        match members[0].metric("kapacitor_disk_failing") {
            Ok(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let twice = at_most(&receiver, 3, 2);
    produce(&members, &ledger, &receiver, Duration::from_secs(2));
    at_most(&receiver, 3, 2);
    received_once(&receiver, 0..before);
    received_once(&receiver, during..ledger.next());
    states_are_equal(&all(&members), TOPICS, SOON * 2);
    println!("{twice} of {} events were sent twice", during - before);
}
