//! Sealed calls: proof of the cluster key, where the connection is no mutual TLS.
//!
//! ```text
//! opening  = version 1 | nonce 24 | seal(ring key,    "kapacitor rpc opening",          random 32)
//! opened   = version 1 | nonce 24 | seal(that key,    "kapacitor rpc opened" ‖ random,  session id 16 ‖ session key 32)
//! request  = version 1 | session id 16 | counter 8 | nonce 24 | seal(session key, "call" ‖ version ‖ id ‖ counter ‖ path, body)
//! answer   = version 1 | nonce 24                             | seal(session key, "answer" ‖ … the same, body)
//! ```
//! Numbers are little-endian, `seal(key, associated data, text)` is XChaCha20-Poly1305 and ends in its
//! tag of 16 bytes, nonces are random. The body inside is that of a plain call.
//!
//! Invariants: a session key is known to two processes and dies with either; a counter of a session
//! opens one request; an answer opens for its request only. [`Session`] is the caller's end, [`Door`]
//! the callee's. RPC.md has the whole protocol.

mod door;
mod session;
mod signal;

#[cfg(test)]
mod tests;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use gossip::NONCE_LEN;

pub use door::{Door, HALF_OPEN_SESSIONS, SESSION_IDLE, SESSIONS, Sealed};
pub use session::{Asked, Opening, Session};
pub use signal::Signal;

/// The version of sealed calls that this release writes and reads.
pub const SEAL_VERSION: u8 = 1;
/// Path of an opening.
pub const SESSION_PATH: &str = "/rpc/v1/session";
/// Bytes that sealing adds to a request; an answer gets fewer.
pub const SEAL_OVERHEAD: usize = HEADER_LEN + NONCE_LEN + TAG_LEN;
/// Bytes of an opening and of its answer are below this.
pub const OPENING_LIMIT: usize = 256;

const KEY_LEN: usize = 32;
const ID_LEN: usize = 16;
const TAG_LEN: usize = 16;
const RANDOM_LEN: usize = 32;
/// Version, session and counter of a request.
const HEADER_LEN: usize = 1 + ID_LEN + 8;

const OPENING: &[u8] = b"kapacitor rpc opening";
const OPENED: &[u8] = b"kapacitor rpc opened";
const CALL: &[u8] = b"call";
const ANSWER: &[u8] = b"answer";

/// Fills a buffer with secret random bytes. In production the system's entropy: what a resumed machine
/// snapshot would draw again is no nonce.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// The names a key session goes by on the wire.
type SessionId = [u8; ID_LEN];

fn draw<const N: usize>(random: Random<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

/// Appends nonce and sealed text to `out`.
fn seal(
    key: &[u8; KEY_LEN],
    associated: &[u8],
    text: &[u8],
    random: Random<'_>,
    out: &mut Vec<u8>,
) {
    let nonce: [u8; NONCE_LEN] = draw(random);
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: associated })
        .expect("bodies are far below the cipher's limit of 256 GiB");
    out.reserve(NONCE_LEN + sealed.len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
}

/// Opens what [`seal`] appended; none: another key, other associated data, or damage.
fn open(key: &[u8; KEY_LEN], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: associated })
        .ok()
}

/// What a request or its answer is bound to.
fn bound(label: &[u8], header: &[u8; HEADER_LEN], path: &str) -> Vec<u8> {
    [label, header, path.as_bytes()].concat()
}
