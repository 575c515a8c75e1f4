//! Events at a steady pace to any number of members, as InfluxDB's subscriptions send them, and the
//! books: what was taken, what was received, how often.
//!
//! Each event has a number, which is the `n` of its point and, by [`Load::script`], its alert's message.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http;
use crate::receiver::Receiver;
use crate::wait::until;

/// Time between two writes to a member.
const PERIOD: Duration = Duration::from_millis(50);

/// Writes that wait for a slow member; then its points are dropped, as InfluxDB does.
const WAITING: usize = 100;

/// What was taken by at least one member, by number.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    taken: Arc<Mutex<BTreeSet<u64>>>,
    next: Arc<AtomicU64>,
}

/// A running load; it ends with [`Load::stop`] or when it is dropped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    targets: Targets,
    clock: Option<JoinHandle<()>>,
}

/// Who is written to, with the line of writes that wait for it.
type Targets = Arc<Mutex<BTreeMap<SocketAddr, SyncSender<Batch>>>>;

/// Points of one write, and their numbers.
type Batch = (Arc<str>, std::ops::Range<u64>);

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Writes `count` events of measurements `m0`, `m1`, … to all of `members`, in one request each.
    pub fn write(&self, members: &[SocketAddr], count: u64, topics: u64) {
        let (lines, numbers) = self.batch(count, topics);
        for member in members {
            self.deliver(*member, &lines, numbers.clone());
        }
    }

    fn batch(&self, count: u64, topics: u64) -> (String, std::ops::Range<u64>) {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let numbers = first..first + count;
        // One millisecond apart, so that each is a point of its own.
        let line = |n: u64| {
            let time = 1_700_000_000_000_000_000 + n * 1_000_000;
            format!("m{},host=h{} value=99,n={n}i {time}", n % topics, n % 97)
        };
        (numbers.clone().map(line).collect::<Vec<_>>().join("\n"), numbers)
    }

    /// One write; whether it was taken.
    fn deliver(&self, member: SocketAddr, lines: &str, numbers: std::ops::Range<u64>) -> bool {
        let path = "/kapacitor/v1/write?db=telegraf&rp=autogen";
        let answer = http::request(member, "POST", path, &[], lines.as_bytes());
        let taken = answer.is_ok_and(|answer| answer.status == 204);
        if taken {
            lock(&self.taken).extend(numbers);
        }
        taken
    }

    /// Number of the next event: all that were made so far are below.
    pub fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// How many events were taken.
    pub fn taken(&self) -> usize {
        lock(&self.taken).len()
    }

    /// The numbers of all events that were taken.
    pub fn numbers(&self) -> BTreeSet<u64> {
        lock(&self.taken).clone()
    }

    /// Numbers of taken events that the receiver lacks.
    pub fn missing(&self, receiver: &Receiver) -> Vec<u64> {
        let copies = copies(receiver);
        lock(&self.taken).iter().filter(|n| !copies.contains_key(n)).copied().collect()
    }

    /// Waits until the receiver has every event that was taken.
    pub fn all_received(&self, receiver: &Receiver, within: Duration) {
        let mut last = (usize::MAX, Vec::new());
        until(within, "every event is received", || {
            let count = receiver.count();
            if count < self.taken() {
                let missing = self.missing(receiver);
                let some = &missing[..missing.len().min(20)];
                return Err(format!(
                    "{count} alerts for {} events; missing: {some:?}",
                    self.taken()
                ));
            }
            if last.0 != count {
                last = (count, self.missing(receiver));
            }
            if last.1.is_empty() {
                return Ok(());
            }
            let some = &last.1[..last.1.len().min(20)];
            Err(format!("{} of {} are missing: {some:?}", last.1.len(), self.taken()))
        });
    }
}

/// How often the receiver got each event.
pub fn copies(receiver: &Receiver) -> BTreeMap<u64, usize> {
    let mut copies = BTreeMap::new();
    receiver.each(|data| {
        let number = data["message"].as_str().and_then(|m| m.parse().ok());
        *copies.entry(number.unwrap_or(u64::MAX)).or_default() += 1;
    });
    copies
}

/// Events that came more often than once, with how often.
pub fn repeated(receiver: &Receiver) -> BTreeMap<u64, usize> {
    copies(receiver).into_iter().filter(|(_, n)| *n > 1).collect()
}

impl Load {
    /// The script of a task that makes an alert on topic `tK` of each point of `mK`.
    pub fn script(topic: u64) -> String {
        format!(
            "stream|from().measurement('m{topic}').groupBy('host')\
             |alert().crit(lambda: \"value\" > 90.0)\
             .message('{{{{ index .Fields \"n\" }}}}').topic('t{topic}')"
        )
    }

    /// Starts to write `rate` events a second over so many topics to the members of [`Load::set`].
    pub fn start(ledger: &Ledger, rate: u64, topics: u64) -> Self {
        let (stop, targets) = (Arc::new(AtomicBool::new(false)), Targets::default());
        let (stopped, to, ledger) = (stop.clone(), targets.clone(), ledger.clone());
        let clock = thread::spawn(move || {
            let (start, mut written) = (Instant::now(), 0);
            for tick in 1.. {
                let due = (start + PERIOD * tick).saturating_duration_since(Instant::now());
                thread::sleep(due);
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let until_now = rate * start.elapsed().as_millis() as u64 / 1000;
                if until_now > written && !lock(&to).is_empty() {
                    let (lines, numbers) = ledger.batch(until_now - written, topics);
                    let lines: Arc<str> = lines.into();
                    for line in lock(&to).values() {
                        let _ = line.try_send((lines.clone(), numbers.clone()));
                    }
                }
                written = until_now;
            }
        });
        Self { stop, targets, clock: Some(clock) }
    }

    /// Writes to these members from now on.
    pub fn set(&self, ledger: &Ledger, members: &[SocketAddr]) {
        let mut targets = lock(&self.targets);
        targets.retain(|member, _| members.contains(member));
        for member in members {
            targets.entry(*member).or_insert_with(|| {
                let (line, batches) = sync_channel::<Batch>(WAITING);
                let (member, ledger) = (*member, ledger.clone());
                thread::spawn(move || {
                    for (lines, numbers) in batches {
                        ledger.deliver(member, &lines, numbers);
                    }
                });
                line
            });
        }
    }

    /// Stops; what waits for slow members is still written.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(clock) = self.clock.take() {
            let _ = clock.join();
        }
        lock(&self.targets).clear();
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}
