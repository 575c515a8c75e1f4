//! The file of `-pidfile`: written when the member has started, removed at its end.

use std::path::{Path, PathBuf};

/// The written file; dropping it removes it.
#[derive(Debug)]
pub(crate) struct Pidfile {
    path: PathBuf,
}

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write pid file {}: {source}", path.display())]
pub(crate) struct PidfileError {
    path: PathBuf,
    source: std::io::Error,
}

impl Pidfile {
    /// Writes the id of this process; makes missing directories.
    pub(crate) fn write(path: &Path) -> Result<Self, PidfileError> {
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
        // The next process may have put its own there already.
        let ours = std::process::id().to_string();
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == ours) {
            let _ = std::fs::remove_file(&self.path);
        }
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

    #[test]
    fn the_pid_file_of_a_successor_stays() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("kapacitord.pid");
        let file = Pidfile::write(&path).expect("written");
        std::fs::write(&path, "1").expect("written");
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "1");
    }
}
