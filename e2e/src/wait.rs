//! Waiting for the world: a condition, a deadline, and what was seen last.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks until the answer is `Ok`; panics after `within` with what was seen last.
///
/// `E2E_PATIENCE=3` makes every wait three times as long: for slow machines.
pub fn until<T, E: Display>(
    within: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<T, E>,
) -> T {
    let (start, within) = (Instant::now(), within * patience());
    loop {
        match ask() {
            Ok(found) => return found,
            Err(seen) if start.elapsed() > within => {
                panic!("not within {within:?}: {what}; last seen: {seen}")
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Looks for the whole of `during` whether a condition keeps holding; panics when it does not.
pub fn holds<E: Display>(during: Duration, what: &str, mut ask: impl FnMut() -> Result<(), E>) {
    let start = Instant::now();
    loop {
        if let Err(seen) = ask() {
            panic!("after {:?} no longer: {what}; seen: {seen}", start.elapsed());
        }
        if start.elapsed() > during {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

fn patience() -> u32 {
    std::env::var("E2E_PATIENCE").ok().and_then(|p| p.parse().ok()).unwrap_or(1)
}
