//! A stage for tests: a fake member that answers from a script, and a run of a tool against it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use jiff::tz::TimeZone;

use crate::environment::Environment;
use crate::tool::{Outcome, Tool};

/// A request as the fake member got it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET /kapacitor/v1/tasks?…`
    pub(crate) line: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

/// Status, further header lines and body for a request.
pub(crate) type Script = fn(&Asked) -> (u16, &'static str, String);

/// A member that answers from a script on a port of its own, until the test ends.
pub(crate) struct FakeMember {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeMember {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, script, &log);
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Request lines and bodies so far, one a line.
    pub(crate) fn transcript(&self) -> String {
        let asked = self.asked.lock().expect("no panic");
        asked
            .iter()
            .map(|a| format!("{} {}", a.line, a.body).trim_end().to_owned() + "\n")
            .collect()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked.lock().expect("no panic").last().expect("something was asked").clone()
    }

    /// Runs a tool against this member.
    pub(crate) fn run(&self, tool: &Tool, words: &[&str]) -> Outcome {
        run(tool, words, &[("KAPACITOR_URL", &self.url())])
    }
}

fn answer(stream: TcpStream, script: Script, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut asked =
        Asked { line: String::new(), authorization: String::new(), body: String::new() };
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
        let (name, value) = line.trim_end().split_once(": ").unwrap_or((line.trim_end(), ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => value.clone_into(&mut asked.authorization),
            _ if asked.line.is_empty() => {
                asked.line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
            }
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    asked.body = String::from_utf8_lossy(&body).into_owned();
    let (status, headers, body) = script(&asked);
    log.lock().expect("no panic").push(asked);
    if status == 0 {
        return;
    }
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} Status\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = reader.into_inner().write_all(text.as_bytes());
}

/// Runs a tool with these variables only.
pub(crate) fn run(tool: &Tool, words: &[&str], vars: &[(&str, &str)]) -> Outcome {
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let environment = Environment { vars, zone: TimeZone::UTC, config_places: Vec::new() };
    let words = words.iter().map(|w| (*w).to_owned()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(tool.run(words, environment))
}
