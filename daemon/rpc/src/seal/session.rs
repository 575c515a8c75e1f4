//! The caller's end of a session: opens it, seals requests, opens answers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use gossip::Key;

use super::{
    ANSWER, CALL, HEADER_LEN, ID_LEN, KEY_LEN, OPENED, OPENING, RANDOM_LEN, Random, SEAL_OVERHEAD,
    SEAL_VERSION, SessionId, bound, draw, open, seal,
};

/// A session that was asked for; [`Opening::opened`] makes it one.
pub struct Opening {
    key: Key,
    random: [u8; RANDOM_LEN],
}

impl Opening {
    /// Asks for a session under `key`: the body for [`super::SESSION_PATH`].
    pub fn new(key: &Key, random: Random<'_>) -> (Self, Vec<u8>) {
        let opening = Self { key: key.clone(), random: draw(random) };
        let mut body = vec![SEAL_VERSION];
        seal(key.expose(), OPENING, &opening.random, random, &mut body);
        (opening, body)
    }

    /// The session, if the answer is one to this opening by somebody who has the key.
    pub fn opened(self, answer: &[u8]) -> Option<Session> {
        let (&SEAL_VERSION, sealed) = answer.split_first()? else { return None };
        let text = open(self.key.expose(), &[OPENED, &self.random].concat(), sealed)?;
        let (id, key) = text.split_first_chunk::<ID_LEN>()?;
        let key: [u8; KEY_LEN] = key.try_into().ok()?;
        Some(Session { id: *id, key, made_with: self.key, next: AtomicU64::new(1) })
    }
}

/// A session with one callee; may be used by many threads at once.
pub struct Session {
    id: SessionId,
    key: [u8; KEY_LEN],
    made_with: Key,
    next: AtomicU64,
}

/// A request under way; its answer opens with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    header: [u8; HEADER_LEN],
}

impl Session {
    /// Whether it was opened under this key of the ring: one that was opened under another must not be
    /// used any more.
    pub fn is_of(&self, key: &Key) -> bool {
        self.made_with == *key
    }

    /// Seals the body of a call to `path`. Each request has a counter of its own: to repeat a call is to
    /// seal it again.
    pub fn request(&self, path: &str, body: &[u8], random: Random<'_>) -> (Asked, Vec<u8>) {
        let counter = self.next.fetch_add(1, Ordering::Relaxed);
        let mut header = [SEAL_VERSION; HEADER_LEN];
        header[1..=ID_LEN].copy_from_slice(&self.id);
        header[ID_LEN + 1..].copy_from_slice(&counter.to_le_bytes());
        let mut sealed = Vec::with_capacity(SEAL_OVERHEAD + body.len());
        sealed.extend_from_slice(&header);
        seal(&self.key, &bound(CALL, &header, path), body, random, &mut sealed);
        (Asked { header }, sealed)
    }

    /// The body of the answer to a request to `path`; none when it is not that.
    pub fn answer(&self, asked: &Asked, path: &str, answer: &[u8]) -> Option<Vec<u8>> {
        let (&SEAL_VERSION, sealed) = answer.split_first()? else { return None };
        open(&self.key, &bound(ANSWER, &asked.header, path), sealed)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}
