//! Faults on demand, for tests: death at a named step, and a wall clock that is wrong. Only builds with
//! debug assertions contain them; in release programs every function here is empty and its names are
//! gone (`e2e/tests/it/faults/steps.rs` looks).
//!
//! `KAPACITOR_FAULT_POINT=FILE`: once the file holds `STEP` or `STEP@N`, SIGKILL to oneself when the step is
//! reached for the N-th time from then on (else the first). Steps:
//!
//! | step | reached |
//! |---|---|
//! | `raise` | a task's event is about to be given to the brain |
//! | `write:RECORD`, `written:RECORD` | before and after the journal's commit of such a record (`pending`, `judged`, `handler-done`, `done`, `released`, `event`, `state`), or of a `row` |
//! | `send:CALL`, `sent:CALL` | before a call to a peer leaves, and when its answer is there (`frame`, `join`, `sync`, …) |
//! | `recv:CALL` | a peer's call came, nothing was done with it |
//! | `send:MESSAGE`, `sent:MESSAGE`, `recv:MESSAGE` | the same for each message in a frame (`offer`, `claim`, `grant`, `done`, …) |
//! | `attempt`, `attempted` | before an attempt of a handler, and when it has ended and nobody knows |
//!
//! `KAPACITOR_FAULT_CLOCK=FILE`: the file holds seconds that are added to the wall clock, looked at every
//! 50 ms; none while there is no file.

#[cfg(debug_assertions)]
pub(crate) use armed::{answered, calling, commit, point, received, skew};
#[cfg(not(debug_assertions))]
pub(crate) use disarmed::{answered, calling, commit, point, received, skew};

#[cfg(not(debug_assertions))]
mod disarmed {
    pub(crate) struct Commit;

    impl Commit {
        pub(crate) fn durable(self) {}
    }

    pub(crate) fn point(_: &'static str) {}

    pub(crate) fn calling(_: &rpc::Request) {}

    pub(crate) fn answered(_: &rpc::Request) {}

    pub(crate) fn received(_: &rpc::Request) {}

    pub(crate) fn commit(_: &[(member::Position, member::Write)]) -> Commit {
        Commit
    }

    pub(crate) fn skew() -> i64 {
        0
    }
}

#[cfg(debug_assertions)]
mod armed {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::{Duration, Instant};

    use rpc::Request;
    use rustix::process::{Signal, getpid, kill_process};

    /// Time between two looks at the clock's file.
    const LOOK: Duration = Duration::from_millis(50);

    /// What the file held when it was looked at last, and how often the step is still to be passed.
    struct Armed {
        order: String,
        left: u64,
    }

    /// The file that arms; none for most processes.
    fn orders() -> Option<&'static PathBuf> {
        static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
        FILE.get_or_init(|| std::env::var_os("KAPACITOR_FAULT_POINT").map(PathBuf::from)).as_ref()
    }

    /// Dies if this is the step and the time.
    fn reached(kind: &str, name: &str) {
        static ARMED: Mutex<Armed> = Mutex::new(Armed { order: String::new(), left: 0 });
        let Some(order) = orders().and_then(|file| std::fs::read_to_string(file).ok()) else {
            return;
        };
        let (step, times) = order.split_once('@').unwrap_or((&order, "1"));
        let is =
            if name.is_empty() { step == kind } else { step.split_once(':') == Some((kind, name)) };
        if !is {
            return;
        }
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        if armed.order != order {
            let left = times.parse().expect("STEP@N has a number");
            *armed = Armed { order: order.clone(), left };
        }
        armed.left = armed.left.saturating_sub(1);
        if armed.left == 0 {
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }

    pub(crate) fn point(step: &'static str) {
        reached(step, "");
    }

    /// A call to a peer, with the messages in it, is about to leave.
    pub(crate) fn calling(request: &Request) {
        each("send", request);
    }

    /// A call to a peer has been answered, or has failed.
    pub(crate) fn answered(request: &Request) {
        each("sent", request);
    }

    /// A call of a peer, with the messages in it.
    pub(crate) fn received(request: &Request) {
        each("recv", request);
    }

    fn each(kind: &str, request: &Request) {
        if orders().is_none() {
            return;
        }
        reached(kind, request.call().name());
        if let Request::Frame(frame) | Request::HandOver(frame) = request {
            frame.messages.iter().for_each(|message| reached(kind, message.name()));
        }
    }

    /// What was written by a commit.
    pub(crate) struct Commit(Vec<&'static str>);

    impl Commit {
        /// The commit has ended, nobody was told.
        pub(crate) fn durable(self) {
            self.0.iter().for_each(|name| reached("written", name));
        }
    }

    /// Writes that go to the disk together, before they do.
    pub(crate) fn commit(batch: &[(member::Position, member::Write)]) -> Commit {
        if orders().is_none() {
            return Commit(Vec::new());
        }
        let names: Vec<&'static str> = batch.iter().map(|(_, write)| write.name()).collect();
        for name in &names {
            reached("write", name);
        }
        Commit(names)
    }

    /// How wrong the wall clock is, nanoseconds.
    pub(crate) fn skew() -> i64 {
        static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        static NEXT_LOOK: AtomicU64 = AtomicU64::new(0);
        static SKEW: AtomicI64 = AtomicI64::new(0);
        let file =
            FILE.get_or_init(|| std::env::var_os("KAPACITOR_FAULT_CLOCK").map(PathBuf::from));
        let Some(file) = file else { return 0 };
        let passed = ORIGIN.get_or_init(Instant::now).elapsed();
        if passed.as_millis() as u64 >= NEXT_LOOK.load(Ordering::Relaxed) {
            NEXT_LOOK.store((passed + LOOK).as_millis() as u64, Ordering::Relaxed);
            let seconds = std::fs::read_to_string(file).ok();
            let seconds = seconds.and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(0);
            SKEW.store(seconds.saturating_mul(1_000_000_000), Ordering::Relaxed);
        }
        SKEW.load(Ordering::Relaxed)
    }
}
