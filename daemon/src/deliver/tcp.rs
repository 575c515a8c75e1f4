//! One line of alert data over a fresh TCP connection.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use alert::Outcome;

use super::{ATTEMPT_LIMIT, passing, within};

/// Connects, writes the data and one more newline, closes; no answer is read.
pub(super) async fn attempt(address: &str, data: &[u8]) -> Outcome {
    let failed = |e: std::io::Error| passing(format!("failed to send event to {address}: {e}"));
    within(ATTEMPT_LIMIT, async {
        let mut stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.write_all(data).await.map_err(failed)?;
        stream.write_all(b"\n").await.map_err(failed)?;
        stream.shutdown().await.map_err(failed)
    })
    .await
}
