//! The callee's end of all sessions: who may come in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gossip::{Key, KeyRing, Window};

use super::{
    ANSWER, CALL, HEADER_LEN, ID_LEN, KEY_LEN, OPENED, OPENING, RANDOM_LEN, Random, SEAL_VERSION,
    SessionId, Signal, bound, draw, open, seal,
};

/// Sessions kept; beyond, the one that was used least recently goes. Its caller opens another.
pub const SESSIONS: usize = 4096;
/// Sessions kept under which nobody has called yet: anyone who recorded an opening can ask for them.
pub const HALF_OPEN_SESSIONS: usize = 1024;
/// A session that was not used for so long goes.
pub const SESSION_IDLE: Duration = Duration::from_hours(1);

/// Time between two looks for idle sessions.
const SWEEP: Duration = Duration::from_mins(1);

/// Judges what comes to the RPC port.
///
/// For each sealed request: [`Door::find`], then [`Sealed::open`], which needs no lock on the door,
/// then [`Door::accept`]; only then may the body be looked at. Time must not go back.
pub struct Door {
    ring: KeyRing,
    /// Sessions under which somebody has called.
    used: BTreeMap<SessionId, Kept>,
    half_open: BTreeMap<SessionId, Kept>,
    /// What the openings of all sessions asked with.
    asked: BTreeSet<[u8; RANDOM_LEN]>,
    swept: Duration,
}

struct Kept {
    key: [u8; KEY_LEN],
    made_with: Key,
    random: [u8; RANDOM_LEN],
    window: Window,
    last: Duration,
}

/// A sealed request whose session is known.
pub struct Sealed {
    id: SessionId,
    counter: u64,
    header: [u8; HEADER_LEN],
    key: [u8; KEY_LEN],
    path: &'static str,
}

impl Door {
    /// A door without sessions.
    pub fn new(ring: KeyRing) -> Self {
        Self {
            ring,
            used: BTreeMap::new(),
            half_open: BTreeMap::new(),
            asked: BTreeSet::new(),
            swept: Duration::ZERO,
        }
    }

    /// The keys have changed. Sessions of keys that are gone end; requests that were let in are
    /// answered.
    pub fn set_keys(&mut self, ring: KeyRing) {
        self.keep(|kept| ring.all().contains(&kept.made_with));
        self.ring = ring;
    }

    /// Whether a plain request is let in.
    pub fn admit_plain(&self) -> Result<(), Signal> {
        if self.ring.refuses_plain() { Err(Signal::Unsealed) } else { Ok(()) }
    }

    /// Sessions kept.
    pub fn sessions(&self) -> usize {
        self.used.len() + self.half_open.len()
    }

    /// Answers an opening with a new session.
    pub fn open_session(
        &mut self,
        now: Duration,
        body: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, Signal> {
        let (&version, sealed) = body.split_first().ok_or(Signal::Malformed)?;
        if version != SEAL_VERSION {
            return Err(Signal::Version);
        }
        let opened = |key: &Key| Some((key.clone(), open(key.expose(), OPENING, sealed)?));
        let (made_with, text) = self.ring.all().iter().find_map(opened).ok_or(Signal::Key)?;
        let asked: [u8; RANDOM_LEN] = text.try_into().map_err(|_| Signal::Malformed)?;
        if self.asked.contains(&asked) {
            return Err(Signal::Replay);
        }
        self.sweep(now);
        if self.half_open.len() >= HALF_OPEN_SESSIONS {
            let oldest = oldest(&mut self.half_open);
            self.forget(oldest);
        }
        let (id, key): (SessionId, [u8; KEY_LEN]) = (draw(random), draw(random));
        let mut answer = vec![SEAL_VERSION];
        let associated = [OPENED, &asked].concat();
        seal(made_with.expose(), &associated, &[&id[..], &key].concat(), random, &mut answer);
        let window = Window::default();
        self.asked.insert(asked);
        self.half_open.insert(id, Kept { key, made_with, random: asked, window, last: now });
        Ok(answer)
    }

    /// Finds the session of a request that came to `path`.
    pub fn find(&self, path: &'static str, body: &[u8]) -> Result<Sealed, Signal> {
        let header: [u8; HEADER_LEN] =
            *body.first_chunk().ok_or_else(|| version_or(body, Signal::Malformed))?;
        if header[0] != SEAL_VERSION {
            return Err(Signal::Version);
        }
        if self.ring.all().is_empty() {
            return Err(Signal::Key);
        }
        let (id, counter) = header[1..].split_first_chunk::<ID_LEN>().ok_or(Signal::Malformed)?;
        let counter = u64::from_le_bytes(*counter.first_chunk().ok_or(Signal::Malformed)?);
        let kept = self.used.get(id).or_else(|| self.half_open.get(id)).ok_or(Signal::Session)?;
        Ok(Sealed { id: *id, counter, header, key: kept.key, path })
    }

    /// Lets an opened request in, once.
    pub fn accept(&mut self, now: Duration, sealed: &Sealed) -> Result<(), Signal> {
        if let Some(kept) = self.half_open.remove(&sealed.id) {
            if self.used.len() >= SESSIONS {
                let oldest = oldest(&mut self.used);
                self.forget(oldest);
            }
            self.used.insert(sealed.id, kept);
        }
        let kept = self.used.get_mut(&sealed.id).ok_or(Signal::Session)?;
        if !kept.window.accept(sealed.counter) {
            return Err(Signal::Replay);
        }
        kept.last = now;
        Ok(())
    }

    /// Ends idle sessions, now and then.
    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.keep(|kept| now.saturating_sub(kept.last) < SESSION_IDLE);
        }
    }

    fn keep(&mut self, keep: impl Fn(&Kept) -> bool) {
        for sessions in [&mut self.used, &mut self.half_open] {
            sessions.retain(|_, kept| {
                let stays = keep(kept);
                if !stays {
                    self.asked.remove(&kept.random);
                }
                stays
            });
        }
    }

    fn forget(&mut self, session: Option<Kept>) {
        if let Some(kept) = session {
            self.asked.remove(&kept.random);
        }
    }
}

/// Takes out the session that was used least recently.
fn oldest(sessions: &mut BTreeMap<SessionId, Kept>) -> Option<Kept> {
    let (id, _) = sessions.iter().min_by_key(|(_, kept)| kept.last)?;
    let id = *id;
    sessions.remove(&id)
}

impl Sealed {
    /// The body inside of the request.
    pub fn open(&self, request: &[u8]) -> Result<Vec<u8>, Signal> {
        let (header, sealed) =
            request.split_first_chunk::<HEADER_LEN>().ok_or(Signal::Malformed)?;
        if *header != self.header {
            return Err(Signal::Malformed);
        }
        open(&self.key, &bound(CALL, header, self.path), sealed).ok_or(Signal::Forged)
    }

    /// Seals the answer to it.
    pub fn answer(&self, body: &[u8], random: Random<'_>) -> Vec<u8> {
        let mut answer = vec![SEAL_VERSION];
        seal(&self.key, &bound(ANSWER, &self.header, self.path), body, random, &mut answer);
        answer
    }
}

/// A body that is too short may be of a version with another form.
fn version_or(body: &[u8], signal: Signal) -> Signal {
    match body.first() {
        Some(version) if *version != SEAL_VERSION => Signal::Version,
        _ => signal,
    }
}
