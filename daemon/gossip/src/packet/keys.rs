//! Keys that seal and open, and where nonces come from.

use std::fmt;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Bytes of a nonce of XChaCha20-Poly1305.
pub const NONCE_LEN: usize = 24;

/// A 256-bit key; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub(crate) [u8; 32]);

impl Key {
    /// Takes 32 secret random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret, for the cipher.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The first key seals, all open. Roll: add the new one last everywhere, move it first everywhere,
/// drop the old one. The two flags let a plain cluster be sealed without a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    keys: Vec<Key>,
    verify_incoming: bool,
    verify_outgoing: bool,
}

impl KeyRing {
    /// No keys: everything is sent and read in the clear.
    pub const fn plain() -> Self {
        Self { keys: Vec::new(), verify_incoming: false, verify_outgoing: false }
    }

    /// Seals with the first key and reads only what is sealed by one of them.
    pub fn sealed(keys: Vec<Key>) -> Self {
        Self::rolling(keys, true, true)
    }

    /// `verify_incoming` false also reads plain packets, `verify_outgoing` false still sends plain
    /// ones. Without keys both are as if false.
    pub fn rolling(keys: Vec<Key>, verify_incoming: bool, verify_outgoing: bool) -> Self {
        Self { keys, verify_incoming, verify_outgoing }
    }

    /// What seals what is sent; none: it is sent in the clear.
    pub fn outgoing(&self) -> Option<&Key> {
        self.keys.first().filter(|_| self.verify_outgoing)
    }

    /// What may have sealed what is received.
    pub fn all(&self) -> &[Key] {
        &self.keys
    }

    /// What is not sealed is refused.
    pub fn refuses_plain(&self) -> bool {
        self.verify_incoming && !self.keys.is_empty()
    }
}

/// Gives nonces that never repeat under one key. The shell's is the system's entropy: a generator
/// in memory would repeat after a machine snapshot is resumed.
pub trait NonceSource: Send {
    /// 24 random bytes.
    fn nonce(&mut self) -> [u8; NONCE_LEN];
}

impl<F: FnMut() -> [u8; NONCE_LEN] + Send> NonceSource for F {
    fn nonce(&mut self) -> [u8; NONCE_LEN] {
        self()
    }
}

/// Nonces from a seed, for simulations and tests.
#[derive(Debug)]
pub struct SeededNonces(StdRng);

impl SeededNonces {
    /// The same seed gives the same nonces.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }
}

impl NonceSource for SeededNonces {
    fn nonce(&mut self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        self.0.fill_bytes(&mut nonce);
        nonce
    }
}
