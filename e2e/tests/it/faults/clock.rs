//! Wall clocks that are wrong: nothing about alerts depends on them.

use std::time::Duration;

use e2e::{Ledger, Member, Receiver};

use super::{SOON, TOPICS, all, each_once, join, prepare, produce, states_are_equal, watch};
use crate::cluster::everyone_lists;

/// Sets the clock of a member that was started with this file.
fn set(clock: &std::path::Path, seconds: i64) {
    let next = clock.with_extension("next");
    std::fs::write(&next, seconds.to_string()).expect("written");
    std::fs::rename(&next, clock).expect("renamed");
}

#[test]
fn a_clock_that_is_set_back_or_on_changes_nothing() {
    if e2e::program::need("kapacitorctl").is_none() {
        return;
    }
    let members: Option<Vec<Member>> = (0..3).map(|n| prepare(None, n)).collect();
    let Some(mut members) = members else { return };
    let clock = members[0].directory().join("clock");
    let variable = clock.display().to_string();
    let Some(wrong) = members[0].set_faulty() else { return };
    wrong.set_variable("KAPACITOR_FAULT_CLOCK", &variable);
    join(&mut members);
    let receiver = Receiver::start();
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    let step = Duration::from_secs(2);
    produce(&members, &ledger, &receiver, step);
    let boot = |members: &[Member]| {
        let cluster = members[1].cluster().expect("served");
        let id = members[0].id();
        let of = cluster["members"].as_array().expect("a list").iter().find(|m| m["id"] == id);
        of.and_then(|m| m["boot"].as_u64()).expect("its boot generation is known")
    };
    let first = boot(&members);
    for seconds in [-3600, 86_400, -86_400] {
        set(&clock, seconds);
        produce(&members, &ledger, &receiver, step);
        // A restart takes its boot generation from the clock only where that is later.
        members[0].stop(SOON);
        members[0].set_variable("KAPACITOR_FAULT_CLOCK", &variable);
        members[0].run();
        everyone_lists(&all(&members), 3);
        produce(&members, &ledger, &receiver, step);
    }
    assert!(boot(&members) > first + 86_000_000, "a day on, then later than that");
    each_once(&receiver, 3);
    states_are_equal(&all(&members), TOPICS, SOON);
}
