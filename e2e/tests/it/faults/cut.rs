//! A network that is cut, or loses packets.

use std::time::{Duration, Instant};

use e2e::{Lab, Ledger, Member, Receiver, until};

use super::{
    RATE, SOON, TOPICS, addresses, all, at_most, each_once, lab_of, pass, produce, received_once,
    states_are_equal, watch,
};
use crate::cluster::{everyone_lists, has_status};

/// How long the network is cut.
const APART: Duration = Duration::from_mins(1);

/// From the heal on, until all members list all as alive.
const HEALS: Duration = Duration::from_secs(10);

/// Both sides of a cut produce; each sends what it holds, and after the heal nobody sends again.
fn apart(hosts: u8, groups: &[&[usize]]) {
    let Some((lab, members)) = lab_of(hosts) else { return };
    let n = usize::from(hosts);
    let receiver = Receiver::start_on(Lab::HERE);
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    produce(&members, &ledger, &receiver, Duration::from_secs(2));
    each_once(&receiver, n);
    let before = ledger.next();

    lab.split(groups);
    let cut = Instant::now();
    let load = e2e::Load::start(&ledger, RATE, TOPICS);
    load.set(&ledger, &addresses(&members));
    for side in groups {
        for other in (0..n).filter(|o| !side.contains(o)) {
            has_status(&members[side[0]], &members[other], "failed");
        }
    }
    pass(APART.saturating_sub(cut.elapsed()));
    load.stop();
    ledger.all_received(&receiver, SOON);
    let during = ledger.next();

    lab.heal();
    let healed = Instant::now();
    everyone_lists(&all(&members), n);
    let took = healed.elapsed();
    assert!(took < HEALS, "healed after {took:?}");
    at_most(&receiver, n, groups.len());
    produce(&members, &ledger, &receiver, Duration::from_secs(2));
    at_most(&receiver, n, groups.len());
    received_once(&receiver, 0..before);
    received_once(&receiver, during..ledger.next());
    states_are_equal(&all(&members), TOPICS, SOON);
}

#[test]
fn a_minute_of_one_member_apart_from_two_costs_a_copy_per_side_at_most() {
    apart(3, &[&[0], &[1, 2]]);
}

#[test]
fn a_minute_of_two_members_apart_from_two_costs_a_copy_per_side_at_most() {
    apart(4, &[&[0, 1], &[2, 3]]);
}

#[test]
fn every_fifth_udp_packet_lost_costs_no_copy() {
    let Some((lab, members)) = lab_of(3) else { return };
    let receiver = Receiver::start_on(Lab::HERE);
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    lab.lose_udp(20);
    produce(&members, &ledger, &receiver, Duration::from_secs(40));
    each_once(&receiver, 3);
    states_are_equal(&all(&members), TOPICS, SOON);
    let lost: u64 = (0..3).map(|n| lab.lost(n)).sum();
    assert!(lost > 20, "packets were lost: {lost}");
}

#[test]
fn a_member_that_hears_nobody_and_is_heard_costs_a_copy_at_most() {
    let Some((lab, members)) = lab_of(3) else { return };
    let receiver = Receiver::start_on(Lab::HERE);
    let ledger = Ledger::default();
    watch(&members, TOPICS, &receiver);
    lab.deafen(0, &[1, 2]);
    produce(&members, &ledger, &receiver, Duration::from_secs(20));
    lab.heal();
    everyone_lists(&all(&members), 3);
    at_most(&receiver, 3, 2);
    states_are_equal(&all(&members), TOPICS, SOON);
}

#[test]
fn handlers_are_defined_on_both_sides_of_a_cut_and_the_losing_edit_is_shown() {
    let Some((lab, members)) = lab_of(3) else { return };
    let url = |n: usize| format!("http://127.0.0.1:{n}/");
    lab.split(&[&[0], &[1, 2]]);
    for (n, id) in [(0, "left"), (1, "right"), (0, "both"), (1, "both")] {
        members[n].define_post_handler("cpu", id, &url(n + 1)).expect("accepted by one side");
    }
    assert_eq!(members[0].handlers("cpu").expect("served"), ["both", "left"]);
    assert_eq!(members[1].handlers("cpu").expect("served"), ["both", "right"]);
    has_status(&members[0], &members[1], "failed");
    lab.heal();
    let read = |member: &Member| -> Result<String, String> {
        let both = member.json("/alerts/topics/cpu/handlers/both")?;
        Ok(both["options"]["url"].as_str().unwrap_or("?").to_owned())
    };
    until(SOON * 2, "all members have all handlers and the same of both edits", || {
        let urls = members.iter().map(&read).collect::<Result<Vec<_>, _>>()?;
        let lists = members.iter().map(|m| m.handlers("cpu")).collect::<Result<Vec<_>, _>>()?;
        let whole = lists.iter().all(|l| l == &["both", "left", "right"]);
        let same = urls.iter().all(|u| *u == urls[0]);
        if whole && same { Ok(()) } else { Err(format!("{lists:?} {urls:?}")) }
    });
    let winner = usize::from(read(&members[0]).expect("served") == url(2));
    // Where both edits met first; what others got from there says that one knew of the other.
    let (by, shown) = until(SOON, "the losing edit is shown", || {
        for member in &members {
            let conflict = member.cluster()?["conflicts"][0].clone();
            if conflict.is_object() {
                return Ok((member, conflict));
            }
        }
        Err("by no member".to_owned())
    });
    let text = |key: &str| shown[key].as_str().unwrap_or("?").to_owned();
    assert_eq!((text("topic").as_str(), text("handler").as_str()), ("cpu", "both"), "{shown}");
    assert_eq!(text("winner"), members[winner].id(), "{shown}");
    assert_eq!(text("loser"), members[1 - winner].id(), "{shown}");
    assert!(text("lost").contains(&url(2 - winner)), "{shown}");
    assert!(by.log().contains("lost against a concurrent one"), "it is logged");
    let said = by.ctl(&["member", "list"]);
    assert_eq!(said.code, Some(0), "conflicts are no obstacle to kapacitorctl: {said:?}");
}
