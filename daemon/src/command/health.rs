//! `kapacitord health`: asks the member on this host over plain HTTP; exit code 0 or 1.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::{self, Environment, Flags, address};

/// Longest time for connecting, and for each read and write.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes of an answer that are read and shown.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// May it be given work?
    Ready,
    /// Is it there?
    Ping,
}

impl Question {
    fn path(self) -> &'static str {
        match self {
            Self::Ready => "/kapacitor/v1/ready",
            Self::Ping => "/kapacitor/v1/ping",
        }
    }
}

/// Asks the member that the configuration describes.
pub(super) fn ask_configured(flags: &Flags, question: Question) -> ExitCode {
    let config = match config::load(flags, &Environment::of_process()) {
        Ok(config) => config,
        Err(problems) => {
            return super::fail("health", &format!("the configuration is not valid:\n{problems}"));
        }
    };
    let bind = &config.http.bind;
    let host = match bind.host.as_deref() {
        None | Some("0.0.0.0") => "127.0.0.1",
        Some("::") => "::1",
        Some(host) => host,
    };
    let target = address::join(host, bind.port);
    let result = if config.http.https.is_some() {
        // A handshake would need the certificate's name; that the port answers must do.
        connect(&target).map(|_| "listening, TLS not asked\n".to_owned()).map_err(|e| e.to_string())
    } else {
        ask(&target, question)
    };
    match result {
        Ok(text) if text.is_empty() => super::print(""),
        Ok(text) => super::print(&format!("{}\n", text.trim_end())),
        Err(text) => super::fail("health", &format!("{target}: {text}")),
    }
}

/// Asks `target` (host:port); the body of a 2xx answer, else what went wrong.
pub(super) fn ask(target: &str, question: Question) -> Result<String, String> {
    let mut stream = connect(target).map_err(|e| format!("failed to connect: {e}"))?;
    let request =
        format!("GET {} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n", question.path());
    let mut answer = Vec::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| (&mut stream).take(ANSWER_LIMIT).read_to_end(&mut answer))
        .map_err(|e| format!("failed to ask: {e}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse::<u16>().ok())
        .ok_or_else(|| "the answer is no HTTP".to_owned())?;
    if (200..300).contains(&status) {
        Ok(body.to_owned())
    } else {
        Err(format!("status {status}: {}", body.trim()))
    }
}

fn connect(target: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let target = listener.local_addr().expect("an address").to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 512];
            let n = stream.read(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("sent");
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        let result = ask(&target, Question::Ready);
        let request = server.join().expect("served");
        assert!(request.starts_with("GET /kapacitor/v1/ready HTTP/1.1\r\n"), "{request}");
        result
    }

    #[test]
    fn only_a_2xx_answer_is_healthy() {
        assert_eq!(answering("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}"), Ok("{}".to_owned()));
        assert_eq!(answering("HTTP/1.1 204 No Content\r\n\r\n"), Ok(String::new()));
        assert_eq!(
            answering("HTTP/1.1 503 Busy\r\n\r\nsyncing\n"),
            Err("status 503: syncing".to_owned())
        );
        assert!(answering("SSH-2.0-x\r\n").is_err());
    }

    #[test]
    fn a_refused_connection_is_unhealthy() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let target = listener.local_addr().expect("an address").to_string();
        drop(listener);
        assert!(
            ask(&target, Question::Ping).expect_err("nobody").starts_with("failed to connect: ")
        );
    }
}
