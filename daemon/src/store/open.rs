//! The store as the shell sees it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::Database;
use super::identity::IdentityFiles;
use super::journal::{Journal, OpenJournalError, Position, SEGMENT_BYTES};
use super::lock::{Lock, LockError};
use super::table::{Change, Row, StoreError, Table, decode};

/// Everything on disk of one member.
#[derive(Debug)]
pub struct Store {
    // In the order of closing: the lock goes last.
    journal: Journal,
    database: Database,
    identity: IdentityFiles,
    path: PathBuf,
    /// Why the last write of definitions failed, if it did.
    trouble: Mutex<Option<String>>,
    _lock: Lock,
}

/// Why a member cannot start on its data directory. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("failed to make the data directory {}: {source}", dir.display())]
    DataDir { dir: PathBuf, source: io::Error },
    #[error(
        "the data directory {} is in use by another kapacitord{}; give each its own data_dir",
        dir.display(), pid.map_or(String::new(), |p| format!(" (process {p})"))
    )]
    InUse { dir: PathBuf, pid: Option<u32> },
    #[error(
        "failed to open the database {}: {reason}. Restore the data directory from a backup; or move \
         the file away to start without tasks, templates and handlers (the identity stays)",
        path.display()
    )]
    Database { path: PathBuf, reason: String },
    #[error(transparent)]
    Journal(#[from] OpenJournalError),
    #[error(
        "the journal in {} ends with record {found}, but the member had written {expected}: its newest \
         segment was lost or cut. Restore the data directory from a backup; or move the journal away \
         to start without the events it holds", dir.display()
    )]
    JournalCut { dir: PathBuf, found: u64, expected: u64 },
}

impl Store {
    /// Opens or makes the data directory (not its parents) and everything in it; `replay` gets every
    /// record of the journal in order, with its kind.
    pub fn open(
        data_dir: &Path,
        database: &Path,
        replay: &mut dyn FnMut(Position, u8, &[u8]),
    ) -> Result<Self, OpenError> {
        let data = |source| OpenError::DataDir { dir: data_dir.to_owned(), source };
        match std::fs::create_dir(data_dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(data)?,
        }
        let lock = Lock::take(data_dir).map_err(|e| match e {
            LockError::Taken(pid) => OpenError::InUse { dir: data_dir.to_owned(), pid },
            LockError::Io(source) => data(source),
        })?;
        let path = database.to_owned();
        let database = Database::open(&path)
            .map_err(|reason| OpenError::Database { path: path.clone(), reason })?;
        let dir = data_dir.join("journal");
        let broken =
            |e: StoreError| OpenError::Database { path: path.clone(), reason: e.to_string() };
        let expected = database.journal_position().map_err(broken)?;
        let had_journal = dir.is_dir();
        let journal = Journal::open(&dir, SEGMENT_BYTES, replay)?;
        let found = journal.durable().position.0;
        // A journal that was moved away as a whole starts anew, as the message says.
        if had_journal && found < expected {
            return Err(OpenError::JournalCut { dir, found, expected });
        }
        let identity = IdentityFiles::new(data_dir);
        Ok(Self { journal, database, identity, path, trouble: Mutex::default(), _lock: lock })
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// `server.id`, `cluster.id` and the admin token.
    pub fn identity(&self) -> &IdentityFiles {
        &self.identity
    }

    /// The file of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes all `changes` durable in one commit, or none.
    pub fn write(&self, changes: &[Change]) -> Result<(), StoreError> {
        let result = self.database.write(changes);
        let trouble = result.as_ref().err().map(ToString::to_string);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        result
    }

    /// Why definitions cannot be written, as far as the last write tells.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a definition; durable when it returns.
    pub fn put<V: Serialize>(
        &self,
        table: Table<V>,
        key: &str,
        value: &V,
    ) -> Result<(), StoreError> {
        self.write(&[Change::put(table, key, value)?])
    }

    /// Deletes a definition; durable when it returns.
    pub fn delete<V>(&self, table: Table<V>, key: &str) -> Result<(), StoreError> {
        self.write(&[Change::delete(table, key)])
    }

    /// The definition under `key`.
    pub fn get<V: DeserializeOwned>(
        &self,
        table: Table<V>,
        key: &str,
    ) -> Result<Option<V>, StoreError> {
        let value = self.database.row(table.name, key.as_bytes())?;
        value.map(|value| decode(table, key.as_bytes(), &value)).transpose()
    }

    /// All definitions of a table, by key.
    pub fn list<V: DeserializeOwned>(
        &self,
        table: Table<V>,
    ) -> Result<Vec<(String, V)>, StoreError> {
        self.rows(table.name)?
            .into_iter()
            .map(|(key, value)| {
                Ok((String::from_utf8_lossy(&key).into_owned(), decode(table, &key, &value)?))
            })
            .collect()
    }

    /// All rows of a table as they lie on disk, by key.
    pub fn rows(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        self.database.rows(table)
    }

    /// Names of the tables that have been written to.
    pub fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.database.tables()
    }

    /// Stops cleanly: writes what waits in the journal and notes how far it goes.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { journal, database, _lock: lock, .. } = self;
        let last = journal.close();
        let result = database.close(last.0);
        drop(lock);
        result
    }
}
