//! What a member writes to its disk: rows of the definitions store and records of the journal.
//!
//! Writes are numbered by [`Position`] in the order they come out. The shell may commit many at once;
//! it reports the highest position up to which all are durable ([`crate::Input::Committed`]). Outputs
//! that must not leave before are held inside the machine until then.

use model::{BootGeneration, ClusterId, MemberId, Str};
use rpc::{SpecKey, State, TopicState};
use serde::{Deserialize, Serialize};

use crate::config::Stored;

/// Number of a write, counted from 1; 0 waits for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// One write. Opaque to the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Put a row into the definitions store.
    Put(Row, Vec<u8>),
    /// Delete a row of the definitions store.
    Delete(Row),
    /// Append a record to the journal.
    Journal(Vec<u8>),
}

impl Write {
    /// What is written in one word, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Put(..) | Self::Delete(_) => "row",
            Self::Journal(bytes) => match decode("a journal record", bytes) {
                Ok(Record::Dedup(record)) => record.name(),
                Ok(Record::State(_)) => "state",
                Ok(Record::Event(_)) => "event",
                Ok(Record::Dropped(_)) => "dropped",
                Ok(Record::Forget) => "forget",
                Err(_) => "damaged",
            },
        }
    }
}

/// Key of a row in the definitions store: a table and a key within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// Table; see [`TABLES`].
    pub table: &'static str,
    /// Key within the table.
    pub key: Vec<u8>,
}

/// Tables that a member's rows live in.
pub const TABLES: [&str; 3] = [IDENTITY, ROSTER, SPECS];

/// One row: cluster id, state, boot generation, highest spec version.
pub(crate) const IDENTITY: &str = "identity";
/// One row: the roster as gossip writes it.
pub(crate) const ROSTER: &str = "roster";
/// A row per key of the replicated map.
pub(crate) const SPECS: &str = "specs";

/// Version byte of rows and journal records.
const VERSION: u8 = 1;

/// The row of [`IDENTITY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityRow {
    pub(crate) member: MemberId,
    pub(crate) cluster: ClusterId,
    pub(crate) state: State,
    pub(crate) highest: u64,
    pub(crate) boot: BootGeneration,
    /// Highest epoch this member had in any roster.
    pub(crate) epoch: u32,
}

/// A journal record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// A record of the dedup machine, in its own form.
    Dedup(dedup::Record),
    /// The last state of an event id.
    State(TopicState),
    /// An event of a topic that is handled here; its state, too.
    Event(alert::Event),
    /// A topic's states were dropped: the topic was deleted.
    Dropped(Str),
    /// Everything before is void: the member was removed from its cluster.
    Forget,
}

impl Row {
    pub(crate) fn identity() -> Self {
        Self { table: IDENTITY, key: Vec::new() }
    }

    pub(crate) fn roster() -> Self {
        Self { table: ROSTER, key: Vec::new() }
    }

    pub(crate) fn spec(key: &SpecKey) -> Self {
        Self { table: SPECS, key: postcard::to_allocvec(key).expect("plain data") }
    }
}

/// Why stored bytes could not be read: the disk is damaged or of a newer release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {what}: {why}")]
pub struct Damaged {
    /// What was being read.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: String,
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    postcard::to_extend(value, bytes).expect("plain data of known length")
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, Damaged> {
    let damaged = |why: String| Damaged { what, why };
    let (version, rest) = bytes.split_first().ok_or_else(|| damaged("it is empty".into()))?;
    if *version != VERSION {
        return Err(damaged(format!("version {version} is not known to this release")));
    }
    match model::wire::take_for(alert::MEMORY_FACTOR, rest) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(damaged(format!("{} bytes follow it", rest.len()))),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn identity(stored: &Stored) -> Result<Option<IdentityRow>, Damaged> {
    let row = Row::identity();
    let found = stored.rows.iter().find(|(r, _)| *r == row);
    found.map(|(_, bytes)| decode("the identity row", bytes)).transpose()
}

/// The member's id as the definitions store has it.
pub fn stored_member(stored: &Stored) -> Result<Option<MemberId>, Damaged> {
    Ok(identity(stored)?.map(|row| row.member))
}

/// The cluster's id as the definitions store has it.
pub fn stored_cluster(stored: &Stored) -> Result<Option<ClusterId>, Damaged> {
    Ok(identity(stored)?.map(|row| row.cluster))
}

/// The last boot generation. Give `BootGeneration::next` of it to the machine, which writes it as its
/// first output and says nothing before it is durable.
pub fn stored_boot(stored: &Stored) -> Result<Option<BootGeneration>, Damaged> {
    Ok(identity(stored)?.map(|row| row.boot))
}
