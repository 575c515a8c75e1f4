//! Each checker reports a planted violation, and is silent without it.

use std::time::Duration;

use super::*;
use crate::chaos::{Kind, Plan, run};
use crate::ledger::{EventName, Ledger};
use crate::world::{Settings, World};

const SECOND: Duration = Duration::from_secs(1);

fn name(topic: &str, at: i64) -> EventName {
    EventName { topic: topic.into(), id: "a".into(), at, occurrence: 0 }
}

/// A ledger with one event of each of two topics, each handled once.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    for topic in ["cpu", "disk"] {
        let story = ledger.story(&name(topic, 1));
        story.raised = Some((SECOND, 0));
        story.accepted = Some((SECOND, 0));
        story.handlers = vec!["h".into()];
        story.arrivals.insert("h".into(), vec![(2 * SECOND, 0)]);
    }
    ledger
}

fn found(ledger: &Ledger, faultless: bool) -> Vec<&'static str> {
    let how = Judgement {
        now: 100 * SECOND,
        faultless,
        prompt: 2 * SECOND,
        calm: true,
        grace: 10 * SECOND,
    };
    let mut checks = Checks::default();
    judge(ledger, &how, &mut checks);
    checks.violations.iter().map(|v| v.invariant).collect()
}

#[test]
fn a_lost_event_is_s1_and_one_suppressed_by_another_topic_is_no_less_lost() {
    assert!(found(&ledger(), true).is_empty());
    let mut planted = ledger();
    planted.story(&name("disk", 1)).arrivals.clear();
    assert_eq!(found(&planted, true), ["S1"], "S8 rests on it: topics are judged apart");
    planted.story(&name("disk", 1)).excused = true;
    assert!(found(&planted, true).is_empty());
}

#[test]
fn a_second_copy_is_s2_without_faults_and_s3_beyond_what_faults_excuse() {
    let mut planted = ledger();
    let story = planted.story(&name("cpu", 1));
    story.arrivals.insert("h".into(), vec![(2 * SECOND, 0), (3 * SECOND, 1)]);
    assert_eq!(found(&planted, true), ["S2"]);
    assert_eq!(found(&planted, false), ["S3"]);
    let fault = planted.begin("kill", 2 * SECOND, 1);
    planted.end(fault, 3 * SECOND);
    assert!(found(&planted, false).is_empty());
}

#[test]
fn what_a_receiver_refused_is_not_lost_and_refused_once() {
    let mut planted = ledger();
    let story = planted.story(&name("cpu", 1));
    story.arrivals.clear();
    story.refusals.insert("h".into(), vec![(2 * SECOND, 0)]);
    assert!(found(&planted, true).is_empty());
    planted.story(&name("cpu", 1)).arrivals.insert("h".into(), vec![(3 * SECOND, 1)]);
    assert_eq!(found(&planted, true), ["S2"], "another member sent what was given up");
}

#[test]
fn a_late_event_is_s4() {
    let mut planted = ledger();
    planted.story(&name("cpu", 1)).arrivals.insert("h".into(), vec![(9 * SECOND, 0)]);
    assert_eq!(found(&planted, true), ["S4"]);
}

#[test]
fn an_older_event_after_a_newer_one_is_s5_when_it_was_held() {
    let mut order = order::Order::default();
    let handler = "h".into();
    let mut begin =
        |at, held: Vec<i64>| order.begin((0, 1), &handler, &name("cpu", at), || held).is_some();
    assert!(!begin(1, vec![]));
    assert!(!begin(5, vec![3]));
    assert!(!begin(2, vec![]), "it was not held: late, and allowed");
    assert!(begin(3, vec![]), "it was held when the newer one began");
}

#[test]
fn members_that_differ_are_s6() {
    let mut world = World::new(1, 2, Settings::default());
    assert!(world.form(&[0, 1]));
    world.calm(&[0, 1], Duration::from_mins(1));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    world.network.partition(&[0], &[1]);
    world.run(20 * SECOND);
    world.define(0, "cpu", "h", None);
    world.calm(&[0, 1], Duration::from_mins(1));
    assert_eq!(world.checks.violations[0].invariant, "S6");
}

#[test]
fn a_spec_that_goes_back_is_s7() {
    let mut world = World::new(1, 2, Settings::default());
    assert!(world.form(&[0, 1]));
    world.define(0, "cpu", "h", None);
    world.run(SECOND);
    world.check_specs();
    world.check_resurrection(&[0, 1]);
    assert!(world.checks.violations.is_empty());
    // As if a write had been seen that member 1 does not have any more.
    for (stamp, _) in world.checks.edits.values_mut() {
        stamp.version += 1;
    }
    world.check_resurrection(&[1]);
    assert_eq!(world.checks.violations[0].invariant, "S7");
}

#[test]
fn a_member_that_counts_a_stranger_is_s9() {
    let mut world = World::new(1, 3, Settings::default());
    assert!(world.form(&[0, 1, 2]));
    world.run(5 * SECOND);
    world.calm(&[0, 1], Duration::from_mins(1));
    assert_eq!(world.checks.violations[0].invariant, "S9");
}

#[test]
fn a_disk_that_never_takes_a_write_makes_s10_when_the_limit_is_passed() {
    let mut world = World::new(1, 1, Settings::default());
    world.define(0, "cpu", "h", None);
    world.nodes[0].disk.full = true;
    for at in 0..1_000 {
        let id = format!("e{at}").into();
        world.raise(&[0], &EventName { id, ..name("cpu", at) });
    }
    world.check_limits();
    assert!(world.checks.violations.is_empty());
    world.check_limits_of(500);
    assert_eq!(world.checks.violations[0].invariant, "S10");
}

fn plan(members: usize, faults: Vec<Kind>) -> Plan {
    Plan {
        members,
        length: Duration::from_mins(3),
        faults,
        redundancy: 0,
        delay: Duration::from_secs(10),
        every: Duration::from_secs(3),
    }
}

#[test]
fn equal_seeds_give_equal_traces_and_others_do_not() {
    let plan = plan(3, Kind::ALL.to_vec());
    let traces: Vec<u64> = [7, 7, 8].map(|seed| run(seed, &plan).trace).to_vec();
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}

#[test]
fn faultless_worlds_of_two_three_and_ten_send_each_event_once() {
    for members in [2, 3, 10] {
        for seed in 0..5 {
            let report = run(seed, &plan(members, Vec::new()));
            assert!(report.violations.is_empty(), "{members} {seed}: {:?}", report.violations);
            assert_eq!(report.doubled, 0);
            assert!(report.events > 30);
        }
    }
}

#[test]
fn worlds_with_faults_keep_the_invariants_and_no_fault_or_checker_stays_idle() {
    let mut faults = BTreeMap::new();
    let mut looked = BTreeMap::new();
    for members in [2, 3, 5] {
        for seed in 0..25 {
            let report = run(seed, &plan(members, Kind::ALL.to_vec()));
            let first = report.violations.first();
            assert!(first.is_none(), "{members} members, seed {seed}: {}", first.unwrap());
            for (kind, count) in report.faults {
                *faults.entry(kind).or_insert(0) += count;
            }
            for (invariant, count) in report.looked {
                *looked.entry(invariant).or_insert(0) += count;
            }
        }
    }
    for kind in Kind::ALL {
        assert!(faults.get(kind.name()).is_some_and(|n| *n > 0), "{} never happened", kind.name());
    }
    for invariant in ["S1", "S3", "S5", "S6", "S7", "S8", "S9", "S10"] {
        assert!(looked.contains_key(invariant), "{invariant} was never looked at");
    }
}

#[test]
fn members_that_restart_send_no_false_alert_while_one_with_full_windows_can_be_asked() {
    let mut looked = 0;
    for members in [2, 3, 5] {
        for seed in 0..10 {
            let plan = Plan { length: Duration::from_mins(10), ..plan(members, vec![Kind::Kill]) };
            let report = run(seed, &plan);
            let first = report.violations.first();
            assert!(first.is_none(), "{members} members, seed {seed}: {}", first.unwrap());
            looked += report.looked.get("S12").copied().unwrap_or_default();
        }
    }
    assert!(looked > 100, "{looked}");
}

#[test]
fn a_false_alert_that_is_sent_makes_s12() {
    let mut world =
        World::new(1, 2, Settings { windows: Some(Duration::from_mins(5)), ..Settings::default() });
    assert!(world.form(&[0, 1]));
    world.run(Duration::from_mins(1));
    world.kill(1);
    world.run(Duration::from_secs(10));
    world.start(1);
    world.run(Duration::from_secs(10));
    let name = name("cpu", 7);
    world.raise_false(1, &name);
    world.run(Duration::from_secs(1));
    world.arrive(1, name, "h".into());
    assert_eq!(world.checks.violations.first().map(|v| v.invariant), Some("S12"));
}
