//! Tables of the database: names, rows, and definitions as typed JSON.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A table whose values are `V`, kept as JSON under a text key. Fields may be added to `V` with a
/// default; anything else is a new version of the schema.
#[derive(Debug)]
pub struct Table<V> {
    pub name: &'static str,
    value: PhantomData<fn() -> V>,
}

impl<V> Clone for Table<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Table<V> {}

impl<V> Table<V> {
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }
}

/// A row as it lies on disk: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// One change of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Put { table: &'static str, key: Vec<u8>, value: Vec<u8> },
    Delete { table: &'static str, key: Vec<u8> },
}

impl Change {
    /// Puts a definition under `key`.
    pub fn put<V: Serialize>(table: Table<V>, key: &str, value: &V) -> Result<Self, StoreError> {
        let value = serde_json::to_vec(value).map_err(|e| StoreError::Row {
            table: table.name,
            key: key.to_owned(),
            why: e.to_string(),
        })?;
        Ok(Self::Put { table: table.name, key: key.as_bytes().to_vec(), value })
    }

    /// Deletes the definition under `key`; nothing happens if there is none.
    pub fn delete<V>(table: Table<V>, key: &str) -> Self {
        Self::Delete { table: table.name, key: key.as_bytes().to_vec() }
    }
}

pub(super) fn decode<V: DeserializeOwned>(
    table: Table<V>,
    key: &[u8],
    value: &[u8],
) -> Result<V, StoreError> {
    serde_json::from_slice(value).map_err(|e| StoreError::Row {
        table: table.name,
        key: String::from_utf8_lossy(key).into_owned(),
        why: e.to_string(),
    })
}

/// Why the database did not do what was asked; nothing of the call was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("failed to write the database: {0}")]
    Write(String),
    #[error("failed to read the database: {0}")]
    Read(String),
    #[error("failed to read {table} {key:?}: {why}")]
    Row { table: &'static str, key: String, why: String },
}
