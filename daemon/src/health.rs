//! Whether the disk takes writes.

use std::sync::{Mutex, PoisonError};

/// The last word of the disk; shown in `/ready` and metrics.
#[derive(Debug, Default)]
pub(crate) struct DiskHealth(Mutex<Option<String>>);

impl DiskHealth {
    /// Why writes fail, if they do.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a change; true when it is news.
    pub(crate) fn set(&self, trouble: Option<String>) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = known.is_some() != trouble.is_some();
        *known = trouble;
        news
    }
}
