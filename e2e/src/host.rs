//! Loopback addresses that nobody else uses: every process under test is a host of its own.
//!
//! Linux answers on all of 127.0.0.0/8, so members keep their usual ports, and a restart finds its
//! port free.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};

/// Hosts of one test process.
static NEXT: AtomicU8 = AtomicU8::new(1);

/// An address that no other test process and no earlier call has.
pub fn fresh() -> Ipv4Addr {
    let pid = std::process::id();
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!((1..255).contains(&last), "254 hosts are enough for one test process");
    // 127.0.x.y stays with the system and with people.
    Ipv4Addr::new(127, (pid / 250 % 250) as u8 + 1, (pid % 250) as u8 + 1, last)
}
