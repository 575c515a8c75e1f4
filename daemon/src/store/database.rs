//! The one file of redb: opening it with care, one durable commit per call, opening it again after
//! the disk failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{
    Database as Redb, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    TableError, TableHandle as _,
};

use super::table::{Change, Row, StoreError};
use crate::logging::QUIET_THREAD;

/// Every table has bytes as keys and values.
type Bytes<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;

/// What this release writes into the row [`SCHEMA_KEY`] of [`META`].
const SCHEMA: u64 = 1;

const META: &str = "meta";
const SCHEMA_KEY: &[u8] = b"schema";
/// The last position of the journal when the member last stopped by itself.
const JOURNAL_KEY: &[u8] = b"journal";

/// Memory for pages, in bytes; definitions are small and read rarely.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

/// What BoltDB writes at byte 16 of its file.
const BOLT_MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();

/// The open database.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    /// `None` after the disk failed, until it opens again.
    open: RwLock<Option<Arc<Redb>>>,
}

impl Database {
    /// Opens or creates the file; the error is for people and says what to do.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let existed = path.exists();
        let redb = if existed { open_checked(path)? } else { create(path)? };
        let database = Self { path: path.to_owned(), open: RwLock::new(Some(Arc::new(redb))) };
        let meta = database.rows(META).map_err(|e| e.to_string())?;
        let stored = |key: &[u8]| meta.iter().find(|(k, _)| k == key).map(|(_, v)| number(v));
        match stored(SCHEMA_KEY) {
            Some(version) if version > SCHEMA => {
                return Err(format!(
                    "it was written by a newer release (schema {version}, this one knows {SCHEMA}); \
                     start that release, or restore the data directory from a backup made before"
                ));
            }
            Some(_) => {}
            None => return Err("it is no database of kapacitord".to_owned()),
        }
        Ok(database)
    }

    /// Makes all `changes` durable, or none.
    pub(super) fn write(&self, changes: &[Change]) -> Result<(), StoreError> {
        let redb = self.handle().map_err(StoreError::Write)?;
        let result = write_once(&redb, changes);
        drop(redb);
        result.map_err(|e| {
            self.close_after(&e);
            StoreError::Write(e.to_string())
        })
    }

    /// All rows of a table in the order of their keys; none if the table does not exist.
    pub(super) fn rows(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        self.read(|redb| {
            let read = redb.begin_read()?;
            let table = match read.open_table(Bytes::new(table)) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                other => other?,
            };
            let mut rows = Vec::new();
            for row in table.iter()? {
                let (key, value) = row?;
                rows.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(rows)
        })
    }

    /// One row.
    pub(super) fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|redb| {
            let read = redb.begin_read()?;
            let table = match read.open_table(Bytes::new(table)) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                other => other?,
            };
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    /// Names of the tables that have been written to.
    pub(super) fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.read(|redb| {
            let read = redb.begin_read()?;
            let names = read.list_tables()?.map(|t| t.name().to_owned());
            Ok(names.filter(|n| n != META).collect())
        })
    }

    /// The last position of the journal that a clean stop has noted.
    pub(super) fn journal_position(&self) -> Result<u64, StoreError> {
        Ok(self.row(META, JOURNAL_KEY)?.map_or(0, |v| number(&v)))
    }

    /// Notes a clean stop.
    pub(super) fn close(&self, journal: u64) -> Result<(), StoreError> {
        self.write(&[put_meta(JOURNAL_KEY, journal)])?;
        self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    fn read<T>(&self, read: impl Fn(&Redb) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let redb = self.handle().map_err(StoreError::Read)?;
        let result = read(&redb);
        drop(redb);
        result.map_err(|e| {
            self.close_after(&e);
            StoreError::Read(e.to_string())
        })
    }

    fn handle(&self) -> Result<Arc<Redb>, String> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(redb) = open.as_ref() {
            return Ok(redb.clone());
        }
        drop(open);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(redb) = open.as_ref() {
            return Ok(redb.clone());
        }
        let redb = Arc::new(open_checked(&self.path)?);
        *open = Some(redb.clone());
        Ok(redb)
    }

    /// After an error of the disk redb refuses everything until it is opened again.
    fn close_after(&self, error: &redb::Error) {
        if matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo) {
            self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

fn write_once(redb: &Redb, changes: &[Change]) -> Result<(), redb::Error> {
    let mut write = redb.begin_write()?;
    write.set_durability(Durability::Immediate)?;
    for change in changes {
        match change {
            Change::Put { table, key, value } => {
                write.open_table(Bytes::new(table))?.insert(key.as_slice(), value.as_slice())?;
            }
            Change::Delete { table, key } => {
                write.open_table(Bytes::new(table))?.remove(key.as_slice())?;
            }
        }
    }
    write.commit()?;
    Ok(())
}

fn put_meta(key: &[u8], value: u64) -> Change {
    Change::Put { table: META, key: key.to_vec(), value: value.to_le_bytes().to_vec() }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// A new file, whole under its name or not there.
fn create(path: &Path) -> Result<Redb, String> {
    let beside = path.with_extension("redb.tmp");
    let made = || -> Result<(), redb::Error> {
        match std::fs::remove_file(&beside) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        let redb = Redb::builder().set_cache_size(CACHE_BYTES).create(&beside)?;
        write_once(&redb, &[put_meta(SCHEMA_KEY, SCHEMA)])?;
        redb.close()?;
        std::fs::rename(&beside, path)?;
        let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(dir)?.sync_all()?;
        Ok(())
    };
    made().map_err(|e| e.to_string())?;
    open_file(path, false).map_err(|e| e.to_string())
}

/// Opens a file that exists, after every page and row of it was checked: definitions are few, and a
/// flipped bit must not become a changed task. redb may panic on bytes it did not write, so this
/// happens on a thread of its own whose panics are caught here, the one place that does so.
fn open_checked(path: &Path) -> Result<Redb, String> {
    const NONSENSE: &str = "its content makes no sense";
    let owned = path.to_owned();
    let look = move || {
        let size = std::fs::metadata(&owned).map_err(|e| e.to_string())?.len();
        if size == 0 {
            return Err("it is empty".to_owned());
        }
        if is_bolt(&owned) {
            return Err("it is a BoltDB, as the original writes it".to_owned());
        }
        let redb = open_file(&owned, true).map_err(|e| e.to_string())?;
        read_through(&redb).map_err(|e| e.to_string())?;
        Ok(redb)
    };
    let guarded =
        move || catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| Err(NONSENSE.to_owned()));
    std::thread::Builder::new()
        .name(QUIET_THREAD.to_owned())
        .spawn(guarded)
        .map_err(|e| e.to_string())?
        .join()
        .unwrap_or_else(|_| Err(NONSENSE.to_owned()))
}

fn open_file(path: &Path, check: bool) -> Result<Redb, redb::DatabaseError> {
    Redb::builder().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(check).open(path)
}

/// Reads every row once.
fn read_through(redb: &Redb) -> Result<(), redb::Error> {
    let read = redb.begin_read()?;
    for handle in read.list_tables()? {
        let name = handle.name().to_owned();
        for row in read.open_table(Bytes::new(&name))?.iter()? {
            row?;
        }
    }
    Ok(())
}

fn is_bolt(path: &Path) -> bool {
    use std::os::unix::fs::FileExt as _;
    let mut magic = [0; 4];
    std::fs::File::open(path).and_then(|f| f.read_exact_at(&mut magic, 16)).is_ok()
        && magic == BOLT_MAGIC
}
