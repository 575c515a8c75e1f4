//! The listener: accepts connections within limits and gives requests to a router.
//!
//! Both the HTTP API and the RPC port are served by it. A client that sends its headers slowly, or
//! one connection too many, costs nobody else anything.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::net::refused::Refused;

/// Limits of one listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub(crate) connections: usize,
    /// From the first byte to the end of the headers.
    pub(crate) header_time: Duration,
    /// Bytes of headers.
    pub(crate) header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, header_time: Duration::from_secs(10), header_bytes: 64 << 10 }
    }
}

/// A connection, for those who answer its requests.
#[derive(Default)]
pub(crate) struct Visit(OnceLock<Box<dyn FnOnce() + Send + Sync>>);

impl Visit {
    /// Has something done when the connection has ended; what was asked first counts.
    pub(crate) fn at_end<F: FnOnce() + Send + Sync + 'static>(&self, end: impl FnOnce() -> F) {
        self.0.get_or_init(|| Box::new(end()));
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

/// Serves until `stop` turns true, then lets requests in flight end for at most `grace`. `refused`
/// hears of certificates that were not accepted.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    refused: Option<Arc<Refused>>,
    mut stop: watch::Receiver<bool>,
    grace: Duration,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place.expect("never closed"),
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match stream {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(service = "http", %error, "failed to accept a connection");
                // Out of file descriptors: the kernel answers at once, so give others time to end.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let visit = Arc::new(Visit::default());
        let service = router.clone().map_request(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(visit.clone());
            request.map(axum::body::Body::new)
        });
        let (tls, refused, stop) = (tls.clone(), refused.clone(), stop.clone());
        tokio::spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            match tls {
                None => connection(stream, service, limits, stop).await,
                Some(tls) => match handshake(&tls, stream, limits).await {
                    Ok(stream) => connection(stream, service, limits, stop).await,
                    Err(error) => {
                        tracing::debug!(service = "http", %peer, %error, "TLS handshake failed");
                        if let Some(refused) = refused
                            && crate::tls::is_about_certificates(&error)
                        {
                            refused.note("certificate", &peer, &error.to_string());
                        }
                    }
                },
            }
        });
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(grace, places.acquire_many(all)).await;
}

async fn handshake(
    tls: &TlsAcceptor,
    stream: TcpStream,
    limits: Limits,
) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    tokio::time::timeout(limits.header_time, tls.accept(stream)).await?
}

async fn connection<I, S>(stream: I, service: S, limits: Limits, mut stop: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: tower::Service<
            hyper::Request<hyper::body::Incoming>,
            Response = axum::response::Response,
            Error = std::convert::Infallible,
        > + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes as u32)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests;
