//! Something that receives alerts over HTTP, records them, and answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::wait::until;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// When its last byte had come.
    pub at: Instant,
    /// Path and query.
    pub path: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What tells one alert from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alert {
    /// Event id.
    pub id: String,
    /// Event time.
    pub time: String,
    /// OK, INFO, WARNING or CRITICAL.
    pub level: String,
}

impl Received {
    /// The alert data in the body.
    pub fn alert(&self) -> Alert {
        let data: Json = serde_json::from_slice(&self.body).unwrap_or(Json::Null);
        let text = |key: &str| data[key].as_str().unwrap_or("?").to_owned();
        Alert { id: text("id"), time: text("time"), level: text("level") }
    }
}

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// This status, after this time.
    Answer(u16, Duration),
    /// Not at all; the connection stays open.
    Hang,
}

/// A running receiver; ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    received: Mutex<Vec<Received>>,
    behaviour: Mutex<Behaviour>,
    stop: AtomicBool,
}

impl Receiver {
    /// Starts one that answers 200 at once.
    pub fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST)
    }

    /// [`Receiver::start`] on an address of the calling thread's network.
    pub fn start_on(host: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            behaviour: Mutex::new(Behaviour::Answer(200, Duration::ZERO)),
            stop: AtomicBool::new(false),
        });
        let for_thread = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if for_thread.stop.load(Ordering::Relaxed) {
                    return;
                }
                let shared = for_thread.clone();
                std::thread::spawn(move || shared.converse(stream));
            }
        });
        Self { address, shared }
    }

    /// The address of a path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on it answers so.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// Everything so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests have come so far.
    pub fn count(&self) -> usize {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Looks at the alert data of everything so far, in order.
    pub fn each(&self, mut look: impl FnMut(&Json)) {
        for received in &*self.shared.received.lock().unwrap_or_else(PoisonError::into_inner) {
            look(&serde_json::from_slice(&received.body).unwrap_or(Json::Null));
        }
    }

    /// The alerts so far, in order.
    pub fn alerts(&self) -> Vec<Alert> {
        self.received().iter().map(Received::alert).collect()
    }

    /// Waits until at least `n` alerts have come, and gives them.
    pub fn wait_for(&self, n: usize, within: Duration) -> Vec<Alert> {
        until(within, &format!("{n} alerts are received"), || {
            let alerts = self.alerts();
            if alerts.len() >= n { Ok(alerts) } else { Err(format!("{alerts:?}")) }
        })
    }

    /// Waits until nothing has come for `quiet`, and gives what came.
    pub fn settled(&self, quiet: Duration) -> Vec<Alert> {
        self.settle(quiet);
        self.alerts()
    }

    /// Waits until nothing has come for `quiet`.
    pub fn settle(&self, quiet: Duration) {
        let start = Instant::now();
        until(quiet * 20, &format!("nothing is received for {quiet:?}"), || {
            let received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner);
            let last = received.last().map_or(start, |r| r.at.max(start));
            if last.elapsed() > quiet { Ok(()) } else { Err("something came just now") }
        });
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Serves the requests of one connection.
    fn converse(&self, stream: TcpStream) {
        let Ok(mut out) = stream.try_clone() else { return };
        let mut stream = BufReader::new(stream);
        while let Some(received) = read(&mut stream) {
            self.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
            let behaviour = *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
            let Behaviour::Answer(status, delay) = behaviour else {
                // Until the other side gives up.
                let _ = stream.read(&mut [0]);
                return;
            };
            std::thread::sleep(delay);
            let answer = format!("HTTP/1.1 {status} As Told\r\nContent-Length: 0\r\n\r\n");
            if self.stop.load(Ordering::Relaxed) || out.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok().filter(|n| *n > 0)?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Received { at: Instant::now(), path, body })
}
