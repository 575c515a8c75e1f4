//! The limits of a listener, each reached over a real socket.

use std::net::SocketAddr;

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Longest time anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

const LIMITS: Limits =
    Limits { connections: 2, header_time: Duration::from_millis(300), header_bytes: 16 << 10 };

/// The request of the one test that asks for `/told` is being answered.
static TOLD: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// A listener with these limits; the sender stops it.
async fn listen() -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stops) = watch::channel(false);
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        "done"
    };
    let told = move || async move {
        TOLD.notify_one();
        slow().await
    };
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/slow", get(slow))
        .route("/told", get(told));
    let served = tokio::spawn(serve(listener, router, LIMITS, None, None, stops, PATIENCE));
    (at, stop, served)
}

async fn send(to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Everything until the other side closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn ask(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn slow_headers_end_their_connection_and_give_the_place_back() {
    let (at, _stop, _) = listen().await;
    // All places are taken by clients that never finish their headers.
    let first = send(at, b"GET / HTTP/1.1\r\nHost: x\r\n").await;
    let second = send(at, b"G").await;
    let third = rest(send(at, &ask("/")).await).await;
    assert!(third.starts_with("HTTP/1.1 200") && third.ends_with("here"), "{third}");
    for slow in [first, second] {
        assert!(!rest(slow).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let (at, _stop, _) = listen().await;
    let all = (0..6).map(|_| async move { rest(send(at, &ask("/slow")).await).await });
    let started = tokio::time::Instant::now();
    let mut tasks: Vec<_> = all.map(tokio::spawn).collect();
    for task in tasks.drain(..) {
        assert!(task.await.unwrap().ends_with("done"));
    }
    assert!(started.elapsed() >= Duration::from_millis(1_500), "two at a time");
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let (at, _stop, _) = listen().await;
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
    let mut stream = TcpStream::connect(at).await.unwrap();
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = rest(stream).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_stop_lets_requests_end_and_takes_no_new_ones() {
    let (at, stop, served) = listen().await;
    let slow = send(at, &ask("/told")).await;
    let idle = send(at, b"").await;
    TOLD.notified().await;
    stop.send(true).unwrap();
    assert!(rest(slow).await.ends_with("done"));
    assert_eq!(rest(idle).await, "");
    tokio::time::timeout(PATIENCE, served).await.expect("ended").unwrap();
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens");
}
