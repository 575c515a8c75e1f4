//! Lines of alert data appended to files. Lines for one file that come while it is being written go
//! out together with the next write: one open, one write, however many they are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use alert::Outcome;
use tokio::sync::oneshot;

use super::{ATTEMPT_LIMIT, passing, within};

/// The files that are being written, each with the lines that wait for the next write.
#[derive(Default)]
pub(crate) struct Files(Mutex<BTreeMap<String, Vec<Line>>>);

struct Line {
    /// Ends with a newline.
    data: String,
    /// Of a file that does not exist yet.
    mode: u32,
    written: oneshot::Sender<Result<(), String>>,
}

/// Appends the data (it ends with a newline); creates the file with `mode`.
pub(super) async fn attempt(files: &Arc<Files>, path: &str, mode: u32, data: String) -> Outcome {
    let (written, result) = oneshot::channel();
    if files.add(path, Line { data, mode, written }) {
        let (files, path) = (Arc::clone(files), path.to_owned());
        tokio::task::spawn_blocking(move || files.write_all_of(&path));
    }
    let failed = |text: String| passing(format!("failed to append to {path}: {text}"));
    within(ATTEMPT_LIMIT, async {
        result.await.map_err(|e| failed(e.to_string()))?.map_err(failed)
    })
    .await
}

impl Files {
    /// Adds a line; whether nobody writes the file yet, so that the caller must.
    fn add(&self, path: &str, line: Line) -> bool {
        match self.lock().entry(path.to_owned()) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push(line);
                false
            }
            Entry::Vacant(nobody) => {
                nobody.insert(vec![line]);
                true
            }
        }
    }

    /// Writes the file's lines until none wait.
    fn write_all_of(&self, path: &str) {
        while let Some(lines) = self.take(path) {
            // A line whose attempt has run out of time will be tried again: it is not written twice.
            let lines: Vec<Line> = lines.into_iter().filter(|l| !l.written.is_closed()).collect();
            let Some(first) = lines.first() else { continue };
            let mut options = OpenOptions::new();
            options.create(true).append(true).mode(first.mode);
            let all: String = lines.iter().map(|line| line.data.as_str()).collect();
            let (mut out, error) = match options.open(path) {
                Ok(file) => write_until_error(file, all.as_bytes()),
                Err(error) => (0, Some(error)),
            };
            let error = error.map(|e| e.to_string()).unwrap_or_default();
            for line in lines {
                let whole = out >= line.data.len();
                out = out.saturating_sub(line.data.len());
                let _ = line.written.send(if whole { Ok(()) } else { Err(error.clone()) });
            }
        }
    }

    /// The lines that wait; none: the file is nobody's any more.
    fn take(&self, path: &str) -> Option<Vec<Line>> {
        let mut files = self.lock();
        let lines = std::mem::take(files.get_mut(path)?);
        if lines.is_empty() {
            files.remove(path);
            return None;
        }
        Some(lines)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Line>>> {
        // What it guards is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many bytes went out, and what stopped the rest.
fn write_until_error(mut to: impl Write, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut done = 0;
    while done < bytes.len() {
        match to.write(&bytes[done..]) {
            Ok(0) => return (done, Some(io::ErrorKind::WriteZero.into())),
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then says that it is full.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_before_an_error_are_counted() {
        let (done, error) = write_until_error(Full(5), b"1234567");
        assert_eq!((done, error.map(|e| e.kind())), (5, Some(io::ErrorKind::StorageFull)));
        let (done, error) = write_until_error(Full(7), b"1234567");
        assert_eq!((done, error.map(|e| e.kind())), (7, None));
    }

    #[test]
    fn lines_go_out_together_without_those_nobody_waits_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts").to_str().unwrap().to_owned();
        let files = Files::default();
        let add = |data: &str| {
            let (written, result) = oneshot::channel();
            (files.add(&path, Line { data: data.to_owned(), mode: 0o600, written }), result)
        };
        let (first, mut a) = add("a\n");
        let (second, _) = add("too late\n");
        let (third, mut c) = add("c\n");
        assert_eq!([first, second, third], [true, false, false]);
        files.write_all_of(&path);
        assert_eq!((a.try_recv(), c.try_recv()), (Ok(Ok(())), Ok(Ok(()))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nc\n");
        let (again, _wait) = add("d\n");
        assert!(again, "nobody writes it any more");
    }

    #[test]
    fn a_file_that_cannot_be_opened_fails_every_line() {
        let files = Files::default();
        let (written, mut result) = oneshot::channel();
        files.add("/proc/none/alerts", Line { data: "a\n".to_owned(), mode: 0o600, written });
        files.write_all_of("/proc/none/alerts");
        let text = result.try_recv().unwrap().unwrap_err();
        assert!(text.contains("No such file"), "{text}");
    }
}
