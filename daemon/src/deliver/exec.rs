//! One run of a program with alert data on its standard input.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use alert::Outcome;

use super::{ATTEMPT_LIMIT, passing, within};

/// Bytes of output that are kept for the log.
const OUTPUT_LIMIT: usize = 4096;

/// Runs the program to its end; a non-zero status is a failure. It is killed at the time limit.
pub(super) async fn attempt(program: &str, args: &[String], data: &[u8]) -> Outcome {
    within(ATTEMPT_LIMIT, run(program, args, data)).await
}

async fn run(program: &str, args: &[String], data: &[u8]) -> Result<(), Outcome> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| passing(format!("failed to run {program}: {e}")))?;
    let mut stdin = child.stdin.take().expect("piped above");
    let feed = async move {
        // A program that does not read its input is not at fault.
        let _ = stdin.write_all(data).await;
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    let output = output.map_err(|e| passing(format!("failed to run {program}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = output.stdout;
    said.extend_from_slice(&output.stderr);
    said.truncate(OUTPUT_LIMIT);
    let said = String::from_utf8_lossy(&said);
    Err(passing(format!("{program} ended with {}: {}", output.status, said.trim())))
}
