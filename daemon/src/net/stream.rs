//! Gossip's push/pull over TCP: each side sends one message with its length in front.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::resolve;
use crate::brain::Brain;

/// Bytes of one message; memberlist's limit of a push state.
const MESSAGE_BYTES: usize = 20 << 20;

/// From connecting to the end of the answer.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(10);

/// Exchanges at once; memberlist's limit. More wait in the kernel's queue.
const EXCHANGES: usize = 128;

/// Serves push/pulls for ever.
pub(crate) async fn serve(listener: TcpListener, brain: Brain) {
    let places = Arc::new(Semaphore::new(EXCHANGES));
    loop {
        let place = places.clone().acquire_owned().await.expect("never closed");
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(service = "gossip", %error, "failed to accept a stream");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let brain = brain.clone();
        tokio::spawn(async move {
            let _place = place;
            let exchange = async {
                let mut stream = stream;
                let question = read(&mut stream).await?;
                // No answer means: close.
                let Ok(answer) = brain.sync(from, question).await else { return Ok(()) };
                write(&mut stream, &answer).await
            };
            if let Ok(Err(error)) = timeout(EXCHANGE_LIMIT, exchange).await {
                tracing::debug!(service = "gossip", %from, %error, "push/pull failed");
            }
        });
    }
}

/// Opens a push/pull; who answered, and what.
pub(crate) async fn exchange(address: &str, question: &[u8]) -> io::Result<(SocketAddr, Vec<u8>)> {
    let exchange = async {
        let peer = resolve(address).await?;
        let mut stream = TcpStream::connect(peer).await?;
        write(&mut stream, question).await?;
        Ok((peer, read(&mut stream).await?))
    };
    timeout(EXCHANGE_LIMIT, exchange).await?
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await? as usize;
    if length > MESSAGE_BYTES {
        let text = format!("a message of {length} bytes; at most {MESSAGE_BYTES} are taken");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    // The length is a stranger's word: memory is taken as bytes arrive.
    let mut message = Vec::with_capacity(length.min(64 << 10));
    stream.take(length as u64).read_to_end(&mut message).await?;
    if message.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(message)
}

async fn write(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_u32(length).await?;
    stream.write_all(message).await?;
    stream.flush().await
}
