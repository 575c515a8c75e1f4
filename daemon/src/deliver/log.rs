//! One line of alert data appended to a file.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use alert::Outcome;

use super::{ATTEMPT_LIMIT, passing, within};

/// Appends the data (it ends with a newline) in one write; creates the file with `mode`.
pub(super) async fn attempt(path: &str, mode: u32, data: String) -> Outcome {
    let path = path.to_owned();
    within(ATTEMPT_LIMIT, async move {
        let written = tokio::task::spawn_blocking({
            let path = path.clone();
            move || {
                let mut options = std::fs::OpenOptions::new();
                options.create(true).append(true).mode(mode).open(&path)?.write_all(data.as_bytes())
            }
        });
        let failed = |text: String| passing(format!("failed to append to {path}: {text}"));
        written.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))
    })
    .await
}
