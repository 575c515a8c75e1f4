//! Loopback addresses that nobody else uses: every process under test is a host of its own.
//!
//! Linux answers on all of 127.0.0.0/8, so members keep their usual ports, and a restart finds its
//! port free.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

/// Hosts of one test process.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// Addresses that differ in their last byte only.
const ROW: u16 = 254;

/// An address that no other test process and no earlier call has.
pub fn fresh() -> Ipv4Addr {
    let pid = std::process::id();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let (row, last) = (n / ROW, n % ROW + 1);
    assert!(row < 2, "508 hosts are enough for one test process");
    // 127.0.x.y stays with the system and with people.
    let second = (pid / 250 % 120) as u8 * 2 + 1 + row as u8;
    Ipv4Addr::new(127, second, (pid % 250) as u8 + 1, last as u8)
}
