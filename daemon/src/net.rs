//! The member's private ports: gossip packets and streams on 9090, calls on 9091, and the dials that
//! check a joiner's addresses.

pub(crate) mod call;
pub(crate) mod datagram;
pub(crate) mod probe;
pub(crate) mod refused;
pub(crate) mod sealing;
pub(crate) mod serve;
pub(crate) mod stream;

use std::io;
use std::net::SocketAddr;

/// The first address of `host:port`, IPv4 before IPv6; looked up anew each time.
pub(crate) async fn resolve(address: &str) -> io::Result<SocketAddr> {
    if let Ok(address) = address.parse() {
        return Ok(address);
    }
    let mut found: Vec<SocketAddr> = tokio::net::lookup_host(address).await?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| io::Error::other(format!("{address} has no address")))
}
