//! Delivery as a machine: order, backoff, giving up.

use super::*;
use crate::Level;
use crate::data::tests::event;

fn name(handler: &str) -> HandlerName {
    HandlerName { topic: "t".into(), handler: handler.into() }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Without stagger, so that everything that may start does so at once.
fn limits() -> DeliveryLimits {
    DeliveryLimits {
        stagger: Duration::ZERO,
        patience: Duration::ZERO,
        ..DeliveryLimits::default()
    }
}

/// A machine and the keys that run, with what the tests ask of it.
struct World {
    machine: Delivery,
    now: Duration,
}

impl World {
    fn new(limits: DeliveryLimits) -> Self {
        Self { machine: Delivery::new(limits, 1), now: secs(10) }
    }

    /// Offers events `id` under keys 1, 2, … to handler h.
    fn offer(&mut self, key: u128, id: &str) {
        let event = Arc::new(event("t", id, Level::Info, key as i64));
        self.machine.offer(self.now, &name("h"), key, event).expect("room");
    }

    fn start(&mut self) -> Vec<Attempt> {
        std::iter::from_fn(|| self.machine.poll_attempt()).collect()
    }

    fn keys(attempts: &[Attempt]) -> Vec<u128> {
        attempts.iter().map(|attempt| attempt.key).collect()
    }

    fn fail(&mut self, attempt: &Attempt) {
        let outcome = Outcome::Failed { retryable: true, text: "500".into() };
        self.machine.handle_outcome(self.now, attempt.token, outcome);
    }

    fn deliver(&mut self, attempt: &Attempt) {
        self.machine.handle_outcome(self.now, attempt.token, Outcome::Delivered);
    }

    fn ends(&mut self) -> Vec<(u128, End)> {
        std::iter::from_fn(|| self.machine.poll_finished()).map(|f| (f.key, f.end)).collect()
    }

    /// Goes to the next timer.
    fn wait(&mut self) {
        self.now = self.machine.poll_timeout().expect("a timer");
        self.machine.handle_timeout(self.now);
    }

    fn counters(&self) -> Counters {
        self.machine.counters().next().expect("a handler").1
    }
}

#[test]
fn first_attempts_start_in_order_and_one_at_a_time_per_id() {
    let mut w = World::new(limits());
    for (key, id) in [(1, "a"), (2, "b"), (3, "a"), (4, "c"), (5, "b")] {
        w.offer(key, id);
    }
    let first = w.start();
    assert_eq!(World::keys(&first), [1, 2, 4]);
    w.deliver(&first[1]);
    assert_eq!(World::keys(&w.start()), [5]);
    w.deliver(&first[0]);
    assert_eq!(World::keys(&w.start()), [3]);
    assert_eq!(w.ends(), [(2, End::Delivered), (1, End::Delivered)]);
}

#[test]
fn a_bounded_number_of_first_attempts_runs_at_a_time() {
    let mut w = World::new(limits());
    for key in 0..50 {
        w.offer(key, &format!("id{key}"));
    }
    let running = w.start();
    assert_eq!(World::keys(&running), (0..32).collect::<Vec<_>>());
    w.deliver(&running[3]);
    assert_eq!(World::keys(&w.start()), [32]);
    w.machine.set_parallel(&name("h"), 1);
    w.deliver(&running[0]);
    assert!(w.start().is_empty());
}

/// Events wait throughout; each attempt ends `answer` ms after its start. The most that ran at a time.
fn most_running(answer: u64, millis: u64) -> usize {
    let mut w = World::new(DeliveryLimits::default());
    for key in 0..3_000 {
        w.offer(key, &format!("id{key}"));
    }
    let (mut running, mut most, end) = (VecDeque::new(), 0, w.now + Duration::from_millis(millis));
    while w.now < end {
        running.extend(w.start().into_iter().map(|attempt| (w.now, attempt)));
        most = most.max(running.len());
        w.now += Duration::from_micros(500);
        w.machine.handle_timeout(w.now);
        while let Some((started, attempt)) = running.pop_front() {
            if w.now < started + Duration::from_millis(answer) {
                running.push_front((started, attempt));
                break;
            }
            w.deliver(&attempt);
        }
    }
    most
}

#[test]
fn a_quick_receiver_gets_one_after_the_other_a_slow_one_ever_more_at_a_time() {
    assert_eq!(most_running(1, 200), 1);
    assert_eq!(most_running(5, 200), DeliveryLimits::PARALLEL);
}

#[test]
fn while_attempts_run_the_next_one_starts_after_an_end_or_a_short_stagger() {
    let mut w = World::new(DeliveryLimits::default());
    for key in 0..20 {
        w.offer(key, &format!("id{key}"));
    }
    let mut running = w.start();
    assert_eq!(World::keys(&running), [0]);
    assert_eq!(w.machine.poll_timeout(), Some(w.now + Duration::from_millis(2)));
    w.wait();
    running.extend(w.start());
    assert_eq!(World::keys(&running), [0, 1], "one hangs, the other goes on");
    w.deliver(&running[1]);
    running.extend(w.start());
    assert_eq!(World::keys(&running[2..]), [2]);
    w.deliver(&running[0]);
    w.deliver(&running[2]);
    assert_eq!(World::keys(&w.start()), [3], "nothing runs any more");
    w.wait();
    assert_eq!(World::keys(&w.start()), [4]);
}

#[test]
fn while_few_events_wait_the_next_one_starts_after_an_end_or_with_patience() {
    let mut w = World::new(DeliveryLimits::default());
    for key in 0..4 {
        w.offer(key, &format!("id{key}"));
    }
    let started = w.now;
    let mut running = w.start();
    assert_eq!(World::keys(&running), [0]);
    w.now = started + Duration::from_millis(30);
    w.machine.handle_timeout(w.now);
    assert!(w.start().is_empty(), "the receiver may still keep the order");
    w.wait();
    assert_eq!(w.now, started + Duration::from_millis(50));
    running.extend(w.start());
    assert_eq!(World::keys(&running), [0, 1], "the first one hangs");
    w.deliver(&running[1]);
    assert_eq!(World::keys(&w.start()), [2]);
    for key in 4..30 {
        w.offer(key, &format!("id{key}"));
    }
    w.now += Duration::from_millis(3);
    w.machine.handle_timeout(w.now);
    assert_eq!(World::keys(&w.start()), [3], "many wait: pace goes before order");
}

#[test]
fn a_failing_event_delays_only_its_own_id() {
    let mut w = World::new(limits());
    for (key, id) in [(1, "bad"), (2, "bad"), (3, "good")] {
        w.offer(key, id);
    }
    let first = w.start();
    w.fail(&first[0]);
    w.deliver(&first[1]);
    assert!(w.start().is_empty(), "the id waits for its first event");
    w.wait();
    let again = w.start();
    assert_eq!((World::keys(&again), again[0].number), (vec![1], 2));
    w.deliver(&again[0]);
    assert_eq!(World::keys(&w.start()), [2]);
    assert_eq!(w.counters().retries, 1);
}

#[test]
fn retries_do_not_take_the_places_of_first_attempts() {
    let mut w = World::new(limits());
    for key in 0..8 {
        w.offer(key, &format!("bad{key}"));
    }
    for attempt in w.start() {
        w.fail(&attempt);
    }
    w.now += secs(5);
    w.machine.handle_timeout(w.now);
    assert_eq!(w.start().len(), 8, "all retries hang now");
    w.offer(100, "good");
    assert_eq!(World::keys(&w.start()), [100]);
}

#[test]
fn a_final_failure_ends_at_once() {
    let mut w = World::new(limits());
    w.offer(1, "a");
    w.offer(2, "a");
    let attempt = w.start().remove(0);
    let outcome = Outcome::of_http_status(404, || "not found".into());
    w.machine.handle_outcome(w.now, attempt.token, outcome);
    assert_eq!(w.ends(), [(1, End::Refused("not found".into()))]);
    assert_eq!(World::keys(&w.start()), [2]);
    for (status, retryable) in
        [(400, false), (408, true), (425, true), (429, true), (500, true), (302, true)]
    {
        let failed = Outcome::Failed { retryable, text: String::new() };
        assert_eq!(Outcome::of_http_status(status, String::new), failed, "{status}");
    }
    assert_eq!(Outcome::of_http_status(204, String::new), Outcome::Delivered);
}

#[test]
fn an_event_is_given_up_after_the_timeout_and_the_next_one_comes() {
    let limits = DeliveryLimits { timeout: secs(60), ..limits() };
    let mut w = World::new(limits);
    w.offer(1, "a");
    w.now += secs(30);
    w.offer(2, "a");
    let mut attempts = 0;
    while w.counters().given_up == 0 {
        for attempt in w.start() {
            assert_eq!(attempt.key, 1);
            attempts += 1;
            w.fail(&attempt);
        }
        w.wait();
    }
    assert_eq!(w.now, secs(70));
    assert!((5..20).contains(&attempts), "{attempts}");
    assert_eq!(w.ends(), [(1, End::GivenUp("500".into()))]);
    assert_eq!(World::keys(&w.start()), [2]);
    w.now += secs(60);
    w.machine.handle_timeout(w.now);
    assert!(w.ends().is_empty(), "a running attempt is judged when it ends");
    assert_eq!(w.machine.poll_timeout(), None);
}

#[test]
fn what_waits_behind_a_hanging_attempt_is_given_up_in_time() {
    let limits = DeliveryLimits { timeout: secs(60), ..limits() };
    let mut w = World::new(limits);
    w.offer(1, "a");
    w.offer(2, "a");
    let hanging = w.start().remove(0);
    w.wait();
    assert_eq!(w.now, secs(70));
    let text = "no attempt within the delivery timeout".to_owned();
    assert_eq!(w.ends(), [(2, End::GivenUp(text))]);
    w.fail(&hanging);
    assert_eq!(w.ends(), [(1, End::GivenUp("500".into()))]);
}

#[test]
fn a_cancelled_event_is_not_attempted_again() {
    let mut w = World::new(limits());
    for (key, id) in [(1, "a"), (2, "a"), (3, "b"), (4, "b")] {
        w.offer(key, id);
    }
    let running = w.start();
    assert!(w.machine.cancel(&name("h"), 2), "it waits");
    assert!(w.machine.cancel(&name("h"), 1), "it runs");
    assert!(w.machine.cancel(&name("h"), 3), "it runs");
    assert!(!w.machine.cancel(&name("h"), 9));
    assert!(!w.machine.cancel(&name("x"), 1));
    w.fail(&running[0]);
    w.deliver(&running[1]);
    assert_eq!(w.ends(), [(2, End::Cancelled), (1, End::Cancelled), (3, End::Delivered)]);
    assert_eq!(World::keys(&w.start()), [4]);
    assert_eq!(w.counters().bytes, event("t", "b", Level::Info, 4).weight());
}

#[test]
fn queues_are_bounded_by_entries_and_bytes_and_a_known_key_needs_no_room() {
    let weight = event("t", "a", Level::Info, 1).weight();
    for limits in [
        DeliveryLimits { entries: 2, ..limits() },
        DeliveryLimits { bytes: weight * 2, ..limits() },
    ] {
        let mut w = World::new(limits);
        w.offer(1, "a");
        w.offer(2, "a");
        w.offer(2, "a");
        let event = Arc::new(event("t", "a", Level::Info, 3));
        assert_eq!(w.machine.offer(w.now, &name("h"), 3, event), Err(Full));
        let counters = w.counters();
        assert_eq!((counters.offered, counters.overflowed, counters.pending), (2, 1, 2));
        let attempt = w.start().remove(0);
        w.deliver(&attempt);
        w.offer(3, "a");
    }
}

#[test]
fn handlers_take_turns_and_a_removed_one_is_cancelled() {
    let mut w = World::new(limits());
    for handler in ["x", "y"] {
        for key in 0..3 {
            let event = Arc::new(event("t", &format!("id{key}"), Level::Info, 1));
            w.machine.offer(w.now, &name(handler), key, event).expect("room");
        }
    }
    let running = w.start();
    let order: Vec<&str> = running.iter().map(|attempt| &*attempt.handler.handler).collect();
    assert_eq!(order, ["y", "x", "y", "x", "y", "x"]);
    w.machine.remove_handler(&name("x"));
    assert_eq!(w.ends().len(), 3);
    assert_eq!(w.machine.running(), 3);
    for attempt in &running {
        w.deliver(attempt);
    }
    assert_eq!(w.ends().len(), 3, "outcomes of the removed handler are ignored");
    assert_eq!(w.machine.running(), 0);
}

#[test]
fn draining_starts_nothing_and_hands_over_what_is_left() {
    let mut w = World::new(limits());
    w.offer(1, "a");
    w.offer(2, "a");
    let attempt = w.start().remove(0);
    w.offer(3, "b");
    w.machine.drain();
    assert!(w.start().is_empty());
    w.fail(&attempt);
    assert_eq!(w.machine.running(), 0);
    let keys: Vec<u128> = w.machine.take_pending().into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, [1, 2, 3]);
    assert_eq!(w.machine.poll_timeout(), None);
    assert_eq!((w.counters().pending, w.counters().bytes), (0, 0));
}

/// Whatever the receiver does: per id the order of offers is kept, every event ends once, and
/// nothing is left behind.
#[test]
fn any_mix_of_outcomes_keeps_the_order_per_id_and_ends_every_event() {
    for seed in 0..200u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |n: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % n
        };
        let limits = DeliveryLimits { timeout: secs(100), ..limits() };
        let mut w = World::new(limits);
        let mut running: Vec<Attempt> = Vec::new();
        let mut ended: Vec<Finished> = Vec::new();
        let mut offered = 0u128;
        for step in 0..2000 {
            if step < 300 && next(3) == 0 {
                offered += 1;
                w.offer(offered, &format!("id{}", next(5)));
            }
            running.extend(w.start());
            if !running.is_empty() && next(2) == 0 {
                let attempt = running.swap_remove(next(running.len() as u64) as usize);
                let outcome = match next(4) {
                    0 => Outcome::Failed { retryable: false, text: "no".into() },
                    1 | 2 => Outcome::Failed { retryable: true, text: "later".into() },
                    _ => Outcome::Delivered,
                };
                w.machine.handle_outcome(w.now, attempt.token, outcome);
            }
            w.now += Duration::from_millis(next(2000));
            w.machine.handle_timeout(w.now);
            ended.extend(std::iter::from_fn(|| w.machine.poll_finished()));
            for attempt in &running {
                let same = running.iter().filter(|a| a.event.body.id == attempt.event.body.id);
                assert_eq!(same.count(), 1, "seed {seed}: two attempts of one id");
            }
        }
        assert_eq!(ended.len() as u128, offered, "seed {seed}");
        let delivered = |id: &str| {
            let of_id = ended.iter().filter(|f| &*f.event.body.id == id && f.end == End::Delivered);
            of_id.map(|f| f.key).collect::<Vec<_>>()
        };
        for id in 0..5 {
            assert!(delivered(&format!("id{id}")).is_sorted(), "seed {seed}: order of id{id}");
        }
        assert_eq!(w.machine.running() + w.counters().pending, 0, "seed {seed}");
    }
}

/// What a delivery costs; run under `valgrind --tool=cachegrind` with two sizes.
fn pace(number: u128) {
    let mut machine = Delivery::new(DeliveryLimits::default(), 1);
    let events: Vec<_> =
        (0..100).map(|i| Arc::new(event("t", &format!("id{i}"), Level::Info, i))).collect();
    for key in 0..number {
        let event = Arc::clone(&events[(key % 100) as usize]);
        machine.offer(Duration::from_micros(key as u64), &name("h"), key, event).expect("room");
        while let Some(attempt) = machine.poll_attempt() {
            machine.handle_outcome(secs(1), attempt.token, Outcome::Delivered);
        }
        assert!(machine.poll_finished().is_some());
    }
}

#[test]
#[ignore = "a measurement"]
fn deliver_20k() {
    pace(20_000);
}

#[test]
#[ignore = "a measurement"]
fn deliver_40k() {
    pace(40_000);
}
