//! The file of `-pidfile`: written at start, removed at the end.

use std::path::{Path, PathBuf};

/// The written file; dropping it removes it.
#[derive(Debug)]
pub(super) struct Pidfile {
    path: PathBuf,
}

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write pid file {}: {source}", path.display())]
pub(super) struct PidfileError {
    path: PathBuf,
    source: std::io::Error,
}

impl Pidfile {
    /// Writes the id of this process; makes missing directories.
    pub(super) fn write(path: &Path) -> Result<Self, PidfileError> {
        let written = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(path, std::process::id().to_string()));
        written.map_err(|source| PidfileError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_lives_as_long_as_the_process() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("run/kapacitord.pid");
        let file = Pidfile::write(&path).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), std::process::id().to_string());
        drop(file);
        assert!(!path.exists());
    }
}
