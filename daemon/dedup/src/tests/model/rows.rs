//! The configurations, and what each must show.

use super::judge;
use super::setup::{Change, Faults, Planted, Raised, Resumes, Setup, raised};

/// What a configuration shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// All invariants, in every reachable state.
    Holds,
    /// This one is broken.
    Breaks(&'static str),
}

/// When a configuration is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// With all tests.
    Always,
    /// By `make model`.
    Long,
}

/// One line of the table in DEDUP.md.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) setup: Setup,
    pub(super) shows: Shows,
    /// The most copies of one event for one handler, over all states.
    pub(super) copies: u8,
    pub(super) when: When,
}

const BOTH_RAISE: &[Raised] = &[raised(0, 0), raised(1, 0)];
const ALL_RAISE: &[Raised] = &[raised(0, 0), raised(1, 0), raised(2, 0)];
const ONE: &[Raised] = &[raised(0, 0)];
const LINE: &[Raised] = &[raised(2, 0), raised(2, 1)];
const COLD: &[Raised] = &[Raised { by: 0, event: 0, cold: true }];
const BOTH_COLD: &[Raised] =
    &[Raised { by: 0, event: 0, cold: true }, Raised { by: 1, event: 0, cold: true }];

const NONE: Faults = faults(0, 0, 0, 0);
const LOSS: Faults = faults(1, 0, 0, 0);
const CRASH: Faults = faults(0, 1, 0, 0);
const REBIRTH: Faults = faults(0, 1, 1, 0);
const SPURIOUS: Faults = faults(0, 0, 0, 1);

const fn faults(losses: u8, crashes: u8, restarts: u8, spurious: u8) -> Faults {
    Faults { losses, crashes, restarts, spurious }
}

fn holds(setup: Setup, copies: u8, when: When) -> Row {
    Row { setup, shows: Shows::Holds, copies, when }
}

fn breaks(setup: Setup, fault: Planted, property: &'static str) -> Row {
    let setup = Setup { planted: Some(fault), ..setup };
    Row { setup, shows: Shows::Breaks(property), copies: 0, when: Always }
}

use When::{Always, Long};

/// Two owners and a producer, one event, one handler.
fn two_owners() -> Vec<Row> {
    let two = |faults| Setup::owners("2 owners", 2, faults);
    let synced = |faults| Setup { resumes: Resumes::Synced, ..two(faults) };
    vec![
        holds(two(NONE), 1, Always),
        holds(two(LOSS), 1, Always),
        breaks(two(LOSS), Planted::DoneOnce, judge::EQUAL),
        holds(two(SPURIOUS), 1, Always),
        holds(two(faults(2, 0, 0, 1)), 2, Long),
        holds(two(faults(1, 2, 0, 0)), 2, Long),
        holds(two(REBIRTH), 2, Long),
        holds(synced(REBIRTH), 2, Long),
        holds(two(faults(0, 2, 2, 0)), 3, Long),
        breaks(two(REBIRTH), Planted::UnboundClaims, judge::BOUND),
        holds(two(faults(0, 3, 2, 0)), 3, Long),
        holds(two(faults(1, 1, 1, 1)), 2, Long),
    ]
}

/// Three owners and a producer.
fn three_owners() -> Vec<Row> {
    let three = |faults| Setup::owners("3 owners", 3, faults);
    vec![
        holds(three(NONE), 1, Always),
        holds(three(LOSS), 1, Always),
        holds(three(SPURIOUS), 1, Long),
        holds(three(CRASH), 2, Long),
        holds(three(REBIRTH), 2, Long),
        holds(three(faults(1, 1, 0, 0)), 2, Long),
    ]
}

/// When a claimant waits for grants: two members that raise the event, with equal lists.
fn equal_lists() -> Vec<Row> {
    let both = |faults| Setup {
        members: 2,
        redundancy: 0,
        raises: BOTH_RAISE,
        ..Setup::owners("equal lists", 2, faults)
    };
    let mut rows = vec![
        holds(both(NONE), 1, Always),
        holds(both(LOSS), 1, Always),
        holds(both(SPURIOUS), 1, Always),
        holds(both(REBIRTH), 2, Always),
    ];
    let plants = [
        (Planted::NeverWaits, 2),
        (Planted::WaitsWhereListsDiffer, 2),
        (Planted::WaitsWhileUnconfirmed, 2),
    ];
    for (plant, copies) in plants {
        rows.push(holds(both(NONE).planted(plant), 1, Always));
        rows.push(holds(both(LOSS).planted(plant), 1, Always));
        rows.push(holds(both(SPURIOUS).planted(plant), copies, Always));
        rows.push(breaks(both(REBIRTH), plant, judge::COPIES));
    }
    rows
}

/// A join spreads: A does not know C yet, which stands before it in the order.
fn joins() -> Vec<Row> {
    let join = |for_ever| Setup {
        members: 3,
        redundancy: 0,
        raises: BOTH_RAISE,
        change: Change::Unknown { joiner: 0, to: &[1], for_ever },
        views_spread: true,
        ..Setup::owners(if for_ever { "A does not know C" } else { "A learns of C" }, 2, NONE)
    };
    let (never, where_differ) = (Planted::NeverWaits, Planted::WaitsWhereListsDiffer);
    let unconfirmed = Planted::WaitsWhileUnconfirmed;
    vec![
        holds(join(true), 1, Always),
        breaks(join(true), never, judge::COPIES),
        breaks(join(true), where_differ, judge::COPIES),
        holds(join(true).planted(unconfirmed), 1, Always),
        holds(join(false), 1, Long),
        breaks(join(false), never, judge::COPIES),
        breaks(join(false), where_differ, judge::COPIES),
        holds(join(false).planted(unconfirmed), 1, Long),
        holds(
            Setup { raises: ALL_RAISE, name: "A learns of C, all raise", ..join(false) },
            1,
            Long,
        ),
        holds(Setup { faults: LOSS, ..join(false) }, 1, Long),
    ]
}

/// Several handlers, several events of one id, a receiver that does not answer.
fn handlers_and_order() -> Vec<Row> {
    let two = |name, faults| Setup::owners(name, 2, faults);
    let judges = |faults| Setup {
        judge: |at| if at == 0 { &["h", "a"] } else { &["h", "b"] },
        ..two("judges differ", faults)
    };
    let both = |faults| Setup { judge: |_| &["g", "h"], ..two("2 handlers", faults) };
    let line = |faults| Setup { raises: LINE, ..two("2 events of one id", faults) };
    let hangs = |name, owners, faults| Setup { hangs: true, ..Setup::owners(name, owners, faults) };
    vec![
        holds(both(LOSS), 1, Always),
        holds(both(REBIRTH), 2, Long),
        holds(judges(CRASH), 2, Always),
        breaks(judges(CRASH), Planted::NoJudgedSet, judge::JUDGED),
        holds(line(NONE), 1, Always),
        holds(line(LOSS), 1, Long),
        holds(line(CRASH), 2, Long),
        holds(hangs("2 owners, the receiver hangs", 2, NONE), 1, Always),
        holds(hangs("2 owners, the receiver hangs", 2, LOSS), 1, Always),
        holds(hangs("2 owners, the receiver hangs", 2, CRASH), 2, Always),
        holds(hangs("2 owners, the receiver hangs", 2, REBIRTH), 2, Long),
        holds(hangs("3 owners, the receiver hangs", 3, NONE), 1, Long),
    ]
}

/// A member is removed: asked to, by impatience, or while it is away.
fn removals() -> Vec<Row> {
    let leave = |name, impatient, faults| Setup {
        members: 3,
        redundancy: 0,
        raises: ONE,
        change: Change::Removal { target: 0, impatient },
        ..Setup::owners(name, 2, faults)
    };
    let asked = |faults| leave("removal", false, faults);
    let hasty = |faults| leave("removal, wait given up", true, faults);
    let away = |faults| Setup {
        members: 3,
        redundancy: 2,
        raises: BOTH_RAISE,
        change: Change::Away { target: 0 },
        ..Setup::owners("removal while away", 2, faults)
    };
    let spread = |setup| Setup { views_spread: true, ..setup };
    let rows = vec![
        holds(asked(NONE), 1, Always),
        breaks(asked(NONE), Planted::NoDrain, judge::COPIES),
        holds(asked(LOSS), 1, Long),
        breaks(asked(LOSS), Planted::NotKept, judge::LOST),
        holds(hasty(NONE), 1, Always),
        breaks(hasty(NONE), Planted::NotAccepted, judge::LOST),
        breaks(hasty(NONE), Planted::NoLastLease, judge::COPIES),
        holds(hasty(REBIRTH), 2, Long),
        holds(away(NONE), 2, Always),
        breaks(away(NONE), Planted::NoSync, judge::COPIES),
        holds(away(REBIRTH), 3, Long),
        holds(spread(asked(NONE)), 1, Long),
        holds(spread(hasty(NONE)), 1, Long),
        holds(spread(away(NONE)), 2, Long),
    ];
    rows.into_iter().map(|row| Row { when: Long, ..row }).collect()
}

/// Cold events, and a member that runs the task warm.
fn cold() -> Vec<Row> {
    let cold = |name, raises, faults| Setup {
        members: 3,
        redundancy: 0,
        raises,
        warm: Some(2),
        ..Setup::owners(name, 2, faults)
    };
    let once = |faults| cold("cold event", COLD, faults);
    let twice = |faults| cold("cold event, raised twice", BOTH_COLD, faults);
    vec![
        holds(once(NONE), 1, Long),
        holds(twice(NONE), 1, Long),
        holds(once(CRASH), 2, Long),
        holds(twice(CRASH), 2, Long),
        holds(once(REBIRTH), 2, Long),
        breaks(once(CRASH), Planted::ColdDropped, judge::LOST),
        breaks(once(CRASH), Planted::ColdHeld, judge::FALSE),
    ]
}

/// All of them.
pub(super) fn all() -> Vec<Row> {
    let parts = [two_owners, three_owners, equal_lists, joins, handlers_and_order, removals, cold];
    parts.into_iter().flat_map(|part| part()).collect()
}
