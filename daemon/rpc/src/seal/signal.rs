//! What a callee says in the clear when it cannot open, or will not read, what came.
//!
//! Nobody vouches for a signal: a caller may use it to try anew or to give up, never as an answer.

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// It is plain, and only sealed calls are served.
    Unsealed,
    /// No key of the ring opens it: a wrong key, a retired one, or the callee has none.
    Key,
    /// The session is not known (any more): the callee was restarted, or its key was retired.
    Session,
    /// The session is known, but its key does not open the body.
    Forged,
    /// It was served before, or is too old to tell.
    Replay,
    /// A version of sealing that the callee does not read.
    Version,
    /// Too short, too long, or cut.
    Malformed,
    /// Too many calls at once; ask again.
    Busy,
}

impl Signal {
    /// All signals.
    pub const ALL: [Self; 8] = [
        Self::Unsealed,
        Self::Key,
        Self::Session,
        Self::Forged,
        Self::Replay,
        Self::Version,
        Self::Malformed,
        Self::Busy,
    ];

    /// The word on the wire and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsealed => "unsealed",
            Self::Key => "key",
            Self::Session => "session",
            Self::Forged => "forged",
            Self::Replay => "replay",
            Self::Version => "version",
            Self::Malformed => "malformed",
            Self::Busy => "busy",
        }
    }

    /// The signal of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == word)
    }

    /// A new session may help: nothing of the call was done, so it is repeated once under one.
    pub fn wants_new_session(self) -> bool {
        matches!(self, Self::Session | Self::Forged | Self::Replay)
    }

    /// The caller did not prove the key, or the callee has another one.
    pub fn is_about_keys(self) -> bool {
        matches!(self, Self::Unsealed | Self::Key | Self::Forged | Self::Replay)
    }
}
