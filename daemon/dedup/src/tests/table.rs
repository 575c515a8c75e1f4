//! Every row of the state machine of one event on one member, as data.

use std::sync::Arc;
use std::time::Duration;

use model::{BootGeneration, MemberId};

use crate::world::{DELAY, event, handlers, member, ms};
use crate::*;

const LEASE: u64 = 10_000;

/// Places a machine of rank 0 or 1 among three owners, with the event in a given phase.
struct Bench {
    machine: Dedup,
    now: Duration,
    event: Arc<Event>,
    line: Vec<MemberId>,
    out: Vec<Output>,
}

impl Bench {
    fn new(rank: usize) -> Self {
        let event = event("t", "id", 5);
        let line = order("t", (1..=3).map(member));
        let mut config = Config::new(line[rank], BootGeneration(7));
        config.delay_per_member = DELAY;
        let machine = Dedup::new(config, Vec::new());
        let mut bench = Self { machine, now: ms(0), event, line, out: Vec::new() };
        let peer = |boot| Peer { boot: BootGeneration(boot), alive: true, ready: true };
        let roster = bench.line.iter().map(|id| (*id, peer(7))).collect();
        bench.put(Input::Members(Members { roster, ..Members::default() }));
        bench.put(Input::Synced);
        bench.out.clear();
        bench
    }

    fn put(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        while let Some(output) = self.machine.poll_output() {
            if let Output::Judge { event } = &output {
                let (hash, handlers) = (event.hash, Some(handlers(&["a", "b"])));
                self.machine.handle(self.now, Input::Judged { hash, handlers });
            }
            self.out.push(output);
        }
    }

    fn hear(&mut self, from: usize, message: Message) {
        let from = self.line[from];
        self.put(Input::Message { from, message });
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.put(Input::Tick);
    }

    fn offer(&mut self, from: usize) {
        let offer = Offer {
            key: self.event.key.clone(),
            view: self.line.clone().into(),
            cold: false,
            raised: true,
            handover: false,
            finished: Vec::new(),
            body: Some(self.event.body.clone()),
        };
        self.hear(from, Message::Offer(offer));
    }

    fn claim(&mut self, from: usize, boot: u64) {
        self.hear(from, self.claim_message(boot));
    }

    fn claim_message(&self, boot: u64) -> Message {
        Message::Claim(Claim {
            hash: self.event.hash,
            topic: "t".into(),
            boot: BootGeneration(boot),
            lease_ms: LEASE,
            view: self.line.clone().into(),
            handlers: handlers(&["a", "b"]),
        })
    }

    fn grant(&mut self, from: usize) {
        let (hash, boot) = (self.event.hash, BootGeneration(7));
        self.hear(from, Message::Grant { hash, boot, view: None, finished: vec![] });
    }

    fn held(&mut self, from: usize, holder: usize, acting: bool) {
        let (hash, boot) = (self.event.hash, BootGeneration(7));
        let holder = self.line[holder];
        let held = Message::Held {
            hash,
            boot,
            holder,
            holder_boot: boot,
            lease_ms: LEASE,
            acting,
            finished: vec![],
        };
        self.hear(from, held);
    }

    fn outcome(&mut self, handler: &str, outcome: Outcome) {
        let hash = self.event.hash;
        self.put(Input::Outcome { hash, handler: handler.into(), outcome });
    }

    fn phase(&self) -> Option<Phase> {
        self.machine.status(self.event.hash).map(|status| status.phase)
    }

    fn done(&self) -> bool {
        self.machine.is_done("t", self.event.hash)
    }

    /// Rank 0, with all grants in.
    fn acting() -> Self {
        let mut bench = Self::new(0);
        bench.offer(1);
        bench.grant(1);
        bench.grant(2);
        assert_eq!(bench.phase(), Some(Phase::Acting));
        bench.out.clear();
        bench
    }

    /// Rank 1, with a claim of rank 0.
    fn yielding() -> Self {
        let mut bench = Self::new(1);
        bench.offer(0);
        bench.claim(0, 7);
        assert_eq!(bench.phase(), Some(Phase::Yielding));
        bench.out.clear();
        bench
    }

    fn sent(&self, want: impl Fn(&Message) -> bool) -> Vec<MemberId> {
        let message = |output: &Output| match output {
            Output::Send { to, message, .. } if want(message) => Some(*to),
            _ => None,
        };
        self.out.iter().filter_map(message).collect()
    }

    fn started(&self) -> Vec<&str> {
        let start = |output: &'_ Output| match output {
            Output::Start { handler, .. } => Some(handler.clone()),
            _ => None,
        };
        let names: Vec<_> = self.out.iter().filter_map(start).collect();
        ["a", "b"].into_iter().filter(|n| names.iter().any(|h| &**h == *n)).collect()
    }
}

#[test]
fn offer_of_a_done_event_is_acked_as_done() {
    let mut b = Bench::new(0);
    b.hear(1, Message::Done { hash: b.event.hash, topic: "t".into() });
    b.offer(1);
    assert_eq!(b.phase(), None);
    assert_eq!(b.sent(|m| matches!(m, Message::OfferAck { done: true, .. })), [b.line[1]]);
}

#[test]
fn offer_of_a_new_event_is_persisted_before_the_ack_and_waits_its_rank() {
    let mut b = Bench::new(1);
    b.offer(0);
    assert_eq!(b.phase(), Some(Phase::Waiting));
    assert!(matches!(b.out[0], Output::Persist { position: Position(1), .. }));
    let ack = b.out.iter().find_map(|o| match o {
        Output::Send { message: Message::OfferAck { done: false, .. }, after, .. } => Some(*after),
        _ => None,
    });
    assert_eq!(ack, Some(Position(1)));
    assert_eq!(b.machine.poll_timeout(), Some(DELAY));
}

#[test]
fn raised_where_nobody_is_known_to_be_ready_it_waits_for_all_and_less_once_it_owns() {
    let mut bench = Bench::new(0);
    bench.view(|members, _| members.roster.values_mut().for_each(|peer| peer.ready = false));
    let (event, raisers) = (bench.event.clone(), [].into());
    bench.put(Input::Raise(Raise { event, cold: false, raisers }));
    bench.pass(ms(50));
    assert_eq!(bench.phase(), Some(Phase::Waiting));
    assert_eq!(bench.machine.poll_timeout(), Some(3 * DELAY));
    bench.view(|members, _| members.roster.values_mut().for_each(|peer| peer.ready = true));
    bench.pass(DELAY);
    assert_eq!(bench.sent(|m| matches!(m, Message::Claim(_))).len(), 2);
}

#[test]
fn claim_of_an_unknown_event_is_noted_and_a_later_offer_yields() {
    let mut b = Bench::new(1);
    b.claim(0, 7);
    assert_eq!(b.sent(|m| matches!(m, Message::Grant { .. })), [b.line[0]]);
    b.claim(2, 7);
    assert_eq!(b.sent(|m| matches!(m, Message::Held { .. })), [b.line[2]]);
    b.offer(0);
    assert_eq!(b.phase(), Some(Phase::Yielding));
}

#[test]
fn handler_done_of_an_unknown_event_switches_that_handler_off() {
    let mut b = Bench::new(0);
    let done = Message::HandlerDone {
        hash: b.event.hash,
        topic: "t".into(),
        handler: "a".into(),
        settled: Settled::Delivered,
    };
    b.hear(1, done);
    b.offer(1);
    b.grant(1);
    b.grant(2);
    assert_eq!(b.started(), ["b"]);
}

#[test]
fn due_event_waits_for_an_older_one_that_is_not_done_here() {
    let mut b = Bench::new(1);
    b.offer(0);
    let old = event("t", "id", 1);
    let newer = std::mem::replace(&mut b.event, old);
    b.pass(ms(1));
    b.offer(0);
    b.event = newer;
    b.pass(DELAY.saturating_sub(ms(1)));
    assert_eq!(b.phase(), Some(Phase::Blocked));
}

#[test]
fn due_event_claims_to_every_list_heard_of() {
    let mut b = Bench::new(0);
    let extra = member(9);
    b.line.push(extra);
    b.offer(1);
    let asked = b.sent(|m| matches!(m, Message::Claim(_)));
    assert_eq!(b.phase(), Some(Phase::Gathering));
    assert_eq!(asked.len(), 3);
    assert!(asked.contains(&extra));
}

#[test]
fn grant_that_names_further_members_makes_it_ask_them_too() {
    let mut b = Bench::new(0);
    b.offer(1);
    let view: Vec<_> = b.line.iter().copied().chain([member(9)]).collect();
    let (hash, boot) = (b.event.hash, BootGeneration(7));
    let grant = Message::Grant { hash, boot, view: Some(view.into()), finished: vec![] };
    b.hear(1, grant);
    b.grant(2);
    assert_eq!(b.phase(), Some(Phase::Gathering));
    b.put(Input::Unreachable { member: member(9) });
    assert_eq!(b.phase(), Some(Phase::Acting));
}

#[test]
fn gathering_ends_by_all_grants_refusals_or_time() {
    let finish: [fn(&mut Bench); 3] = [
        |b| b.grant(2),
        |b| b.put(Input::Unreachable { member: b.line[2] }),
        |b| {
            b.pass(ms(125));
            b.pass(ms(125));
        },
    ];
    for finish in finish {
        let mut b = Bench::new(0);
        b.offer(1);
        b.grant(1);
        assert_eq!(b.phase(), Some(Phase::Gathering));
        assert!(b.started().is_empty());
        finish(&mut b);
        assert_eq!(b.phase(), Some(Phase::Acting));
        assert_eq!(b.started(), ["a", "b"]);
    }
}

#[test]
fn grant_to_an_older_boot_counts_nothing() {
    let mut b = Bench::new(0);
    b.offer(1);
    let (hash, boot) = (b.event.hash, BootGeneration(6));
    for from in 1..=2 {
        b.hear(from, Message::Grant { hash, boot, view: None, finished: vec![] });
    }
    assert_eq!(b.phase(), Some(Phase::Gathering));
    assert_eq!(b.machine.counters().stale_boot, 2);
}

#[test]
fn held_by_an_actor_or_an_earlier_one_makes_it_yield() {
    // (rank, from, holder, acting) → phase
    let cases = [
        (0, 1, 1, true, Phase::Yielding),
        (1, 2, 0, false, Phase::Yielding),
        (0, 1, 2, false, Phase::Gathering),
    ];
    for (rank, from, holder, acting, phase) in cases {
        let mut b = Bench::new(rank);
        b.offer(2);
        b.pass(DELAY * rank as u32);
        assert_eq!(b.phase(), Some(Phase::Gathering));
        b.held(from, holder, acting);
        assert_eq!(b.phase(), Some(phase), "rank {rank}, holder {holder}");
    }
}

#[test]
fn later_holder_that_gives_way_lets_the_earlier_one_go_on() {
    let mut b = Bench::new(0);
    b.offer(1);
    b.held(1, 2, false);
    assert_eq!(b.phase(), Some(Phase::Gathering));
    b.grant(2);
    assert_eq!(b.phase(), Some(Phase::Acting));
}

#[test]
fn later_holder_that_stays_silent_is_yielded_to() {
    let mut b = Bench::new(0);
    b.offer(1);
    b.held(1, 2, false);
    b.pass(ms(125));
    b.pass(ms(125));
    assert_eq!(b.phase(), Some(Phase::Yielding));
}

#[test]
fn of_two_that_ask_at_once_the_earlier_wins() {
    let mut first = Bench::new(0);
    first.offer(1);
    first.claim(1, 7);
    assert_eq!(first.phase(), Some(Phase::Gathering));
    assert_eq!(first.sent(|m| matches!(m, Message::Held { acting: false, .. })), [first.line[1]]);
    let mut second = Bench::new(1);
    second.offer(2);
    second.pass(DELAY);
    second.claim(0, 7);
    assert_eq!(second.phase(), Some(Phase::Yielding));
    assert_eq!(second.sent(|m| matches!(m, Message::Grant { .. })), [second.line[0]]);
}

#[test]
fn claim_of_an_older_boot_is_ignored() {
    let mut b = Bench::new(1);
    b.offer(0);
    b.claim(0, 6);
    assert_eq!(b.phase(), Some(Phase::Waiting));
    assert!(b.sent(|m| matches!(m, Message::Grant { .. })).is_empty());
}

#[test]
fn claim_of_a_done_event_is_answered_with_done() {
    let mut b = Bench::yielding();
    b.hear(0, Message::Done { hash: b.event.hash, topic: "t".into() });
    b.claim(2, 7);
    assert_eq!(b.sent(|m| matches!(m, Message::Done { .. })), [b.line[2]]);
}

#[test]
fn renew_extends_the_lease() {
    let mut b = Bench::yielding();
    b.pass(DELAY.saturating_sub(ms(1)));
    let (hash, boot) = (b.event.hash, BootGeneration(7));
    b.hear(0, Message::Renew { hash, topic: "t".into(), boot, lease_ms: LEASE });
    b.pass(DELAY.saturating_sub(ms(1)));
    assert_eq!(b.phase(), Some(Phase::Yielding));
    b.pass(ms(1));
    assert_eq!(b.phase(), Some(Phase::Gathering));
}

#[test]
fn yielding_ends_by_lease_newer_boot_release_or_removal() {
    let ends: [fn(&mut Bench); 5] = [
        |b| b.pass(DELAY),
        |b| b.claim_of_other_event(0, 8),
        |b| {
            let (hash, boot) = (b.event.hash, BootGeneration(7));
            b.hear(0, Message::Release { hash, boot });
        },
        |b| {
            b.view(|members, line| {
                members.roster.get_mut(&line[0]).expect("peer").boot = BootGeneration(8);
            });
        },
        |b| {
            b.view(|members, line| {
                members.roster.remove(&line[0]);
                members.removed.insert(line[0], Removal::Drained);
            });
        },
    ];
    for (i, end) in ends.into_iter().enumerate() {
        let mut b = Bench::yielding();
        end(&mut b);
        assert_eq!(b.phase(), Some(Phase::Gathering), "end {i}: next in line goes at once");
        assert_eq!(b.machine.counters().takeovers, 1);
    }
}

impl Bench {
    fn claim_of_other_event(&mut self, from: usize, boot: u64) {
        let Message::Claim(mut claim) = self.claim_message(boot) else { return };
        claim.hash = KeyHash(1);
        self.hear(from, Message::Claim(claim));
    }

    fn view(&mut self, change: impl Fn(&mut Members, &[MemberId])) {
        let peer = Peer { boot: BootGeneration(7), alive: true, ready: true };
        let roster = self.line.iter().map(|id| (*id, peer)).collect();
        let mut members = Members { roster, ..Members::default() };
        change(&mut members, &self.line);
        self.put(Input::Members(members));
    }
}

#[test]
fn line_goes_on_one_by_one_behind_a_lost_claimant() {
    let mut b = Bench::new(2);
    b.offer(0);
    b.claim(0, 7);
    b.pass(DELAY);
    assert_eq!(b.phase(), Some(Phase::Waiting));
    b.pass(DELAY);
    assert_eq!(b.phase(), Some(Phase::Gathering));
}

#[test]
fn handler_done_elsewhere_drops_the_send() {
    let mut b = Bench::acting();
    let done = Message::HandlerDone {
        hash: b.event.hash,
        topic: "t".into(),
        handler: "a".into(),
        settled: Settled::Delivered,
    };
    assert!(b.machine.may_send(b.event.hash, "a"));
    b.hear(1, done);
    assert!(!b.machine.may_send(b.event.hash, "a"));
    assert!(b.out.iter().any(|o| matches!(o, Output::Cancel { handler, .. } if &**handler == "a")));
    assert_eq!(b.machine.counters().notification_dropped, 1);
    assert_eq!(b.phase(), Some(Phase::Acting));
    b.hear(1, Message::Done { hash: b.event.hash, topic: "t".into() });
    assert_eq!(b.machine.counters().notification_dropped, 2);
    assert!(b.done());
}

#[test]
fn each_handler_that_ends_is_persisted_and_told_and_the_last_one_is_done() {
    for (first, last) in
        [(Outcome::Delivered, Outcome::GivenUp), (Outcome::GivenUp, Outcome::Delivered)]
    {
        let mut b = Bench::acting();
        b.outcome("a", first);
        assert!(matches!(&b.out[0], Output::Persist { record: Record::HandlerDone { .. }, .. }));
        assert_eq!(b.sent(|m| matches!(m, Message::HandlerDone { .. })).len(), 2);
        assert_eq!(b.phase(), Some(Phase::Acting));
        b.outcome("b", last);
        assert!(
            b.out
                .iter()
                .any(|o| { matches!(o, Output::Persist { record: Record::Done { .. }, .. }) })
        );
        assert_eq!(b.sent(|m| matches!(m, Message::Done { .. })).len(), 2);
        assert!(b.done());
        let counters = b.machine.counters();
        assert_eq!((counters.primary_handled, counters.given_up), (1, 1));
    }
}

#[test]
fn done_is_retried_until_acked() {
    let mut b = Bench::acting();
    b.outcome("a", Outcome::Delivered);
    b.outcome("b", Outcome::Delivered);
    let hash = b.event.hash;
    b.hear(1, Message::DoneAck { hash });
    b.hear(1, Message::HandlerDoneAck { hash, handler: "a".into() });
    b.out.clear();
    b.pass(ms(500));
    assert_eq!(b.sent(|m| matches!(m, Message::Done { .. })), [b.line[2]]);
    b.hear(2, Message::DoneAck { hash });
    b.hear(2, Message::HandlerDoneAck { hash, handler: "a".into() });
    b.out.clear();
    b.pass(DELAY);
    assert!(b.sent(|_| true).is_empty());
}

#[test]
fn actor_renews_at_a_third_of_the_lease_and_hands_on_after_three_delays() {
    let mut b = Bench::acting();
    b.pass(DELAY / 3);
    assert_eq!(b.sent(|m| matches!(m, Message::Renew { .. })).len(), 2);
    while b.now < DELAY * 3 {
        b.pass(DELAY / 3);
    }
    b.pass(DELAY / 3);
    let stops = b.out.iter().filter(|o| matches!(o, Output::Stop { .. })).count();
    assert_eq!(stops, 2);
    b.outcome("a", Outcome::Stopped);
    assert_eq!(b.phase(), Some(Phase::Acting));
    b.outcome("b", Outcome::Stopped);
    assert_eq!(b.phase(), Some(Phase::Waiting));
    assert_eq!(b.sent(|m| matches!(m, Message::Release { .. })).len(), 2);
    assert_eq!(b.machine.counters().handed_on, 1);
}

#[test]
fn claim_against_an_actor_is_held() {
    let mut b = Bench::acting();
    b.claim(1, 7);
    assert_eq!(b.phase(), Some(Phase::Acting));
    assert_eq!(b.sent(|m| matches!(m, Message::Held { acting: true, .. })), [b.line[1]]);
}

#[test]
fn outcome_that_comes_after_yielding_still_counts() {
    let mut b = Bench::acting();
    while b.phase() == Some(Phase::Acting) {
        b.pass(DELAY / 3);
        let stopped = b.out.iter().any(|o| matches!(o, Output::Stop { .. }));
        if stopped {
            b.outcome("a", Outcome::Stopped);
            b.outcome("b", Outcome::Stopped);
        }
    }
    b.outcome("a", Outcome::Delivered);
    b.outcome("b", Outcome::Delivered);
    assert!(b.done());
}

#[test]
fn restored_event_waits_for_the_sync_and_then_its_rank_and_one() {
    for (synced, from) in [(true, ms(0)), (false, Duration::from_secs(10))] {
        let records = {
            let mut b = Bench::new(0);
            b.offer(1);
            b.out
                .iter()
                .filter_map(|o| match o {
                    Output::Persist { record, .. } => Some(record.clone()),
                    _ => None,
                })
                .collect()
        };
        let mut b = Bench::new(0);
        let mut config = b.machine.config().clone();
        config.boot = BootGeneration(8);
        b.machine = Dedup::new(config, records);
        b.view(|_, _| {});
        assert_eq!(b.phase(), Some(Phase::Paused));
        if synced {
            b.put(Input::Synced);
        } else {
            b.pass(from);
        }
        assert_eq!(b.phase(), Some(Phase::Waiting));
        let left = (from + DELAY).saturating_sub(b.now);
        b.pass(left);
        assert_eq!(b.phase(), Some(Phase::Gathering));
    }
}
