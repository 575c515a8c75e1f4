//! One process per data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Name of the lock file; it holds the id of the process that has it.
const NAME: &str = "lock";

/// Held as long as the member runs; the system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Why the directory cannot be taken.
#[derive(Debug)]
pub(super) enum LockError {
    /// Another process has it; its id if it is known.
    Taken(Option<u32>),
    Io(io::Error),
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = (&mut file).take(32).read_to_string(&mut text);
                return Err(LockError::Taken(text.trim().parse().ok()));
            }
            Err(TryLockError::Error(e)) => return Err(LockError::Io(e)),
        }
        // Only for the message above; a full disk must not stop a start here.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
