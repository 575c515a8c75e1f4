//! The client: ping, query, write; servers used round robin.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::connect::{Tls, TlsError, http_client};

/// How many bytes of an answer are read at most.
const ANSWER_LIMIT: usize = 64 << 20;

/// Where InfluxDB is and how to log in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base addresses, `http://host:8086`.
    pub urls: Vec<String>,
    /// Credentials.
    pub login: Login,
    /// TLS options.
    pub tls: Tls,
    /// Limit of one request; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// Compress written bodies with gzip.
    pub gzip: bool,
}

/// Credentials; never printed.
#[derive(Clone, Default)]
pub enum Login {
    /// None.
    #[default]
    Open,
    /// `Authorization: Basic`.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: String,
    },
    /// `Authorization: Token …`.
    Token(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Basic { .. } => "Basic",
            Self::Token(_) => "Token",
        })
    }
}

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS options are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No address was given.
    #[error("must specify at least one InfluxDB URL")]
    NoUrl,
    /// The server could not be reached, or broke off.
    #[error("failed to reach InfluxDB at {url}: {text}")]
    Unreachable {
        /// Address, without credentials.
        url: String,
        /// The chain of causes.
        text: String,
    },
    /// The server answered with an error.
    #[error("InfluxDB answered {status}: {text}")]
    Refused {
        /// HTTP status; 200 when the error stood in a result.
        status: u16,
        /// Its words.
        text: String,
    },
    /// The answer is not what InfluxDB 1.x sends.
    #[error("failed to understand the answer of InfluxDB: {0}")]
    Malformed(String),
}

/// A series of a query's result.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Series {
    /// Name; empty for `SHOW DATABASES` on some versions.
    #[serde(default)]
    pub name: String,
    /// Group tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Column names.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Rows.
    #[serde(default)]
    pub values: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    results: Vec<Outcome>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Series>,
    error: Option<String>,
}

/// A client for one InfluxDB (cluster). Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    next: AtomicUsize,
}

impl Client {
    /// Builds the client; nothing is contacted yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        if settings.urls.is_empty() {
            return Err(Error::NoUrl);
        }
        let http = http_client(&settings.tls, "KapacitorInfluxDBClient", settings.timeout)?;
        Ok(Self { http, settings, next: AtomicUsize::new(0) })
    }

    /// Asks whether the server answers; gives its version.
    pub async fn ping(&self) -> Result<String, Error> {
        let url = self.url();
        let response = self.send(url, self.http.get(format!("{url}/ping"))).await?;
        let version = response.headers().get("x-influxdb-version");
        let version = version.and_then(|v| v.to_str().ok()).unwrap_or("unknown").to_owned();
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        Ok(version)
    }

    /// Runs one or more statements; the series of all results in order. `database` may be empty.
    pub async fn query(&self, database: &str, statement: &str) -> Result<Vec<Series>, Error> {
        let url = self.url();
        let mut query = vec![("q", statement)];
        if !database.is_empty() {
            query.push(("db", database));
        }
        let request = self.http.post(format!("{url}/query")).form(&query);
        let response = self.send(url, request).await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(refused(response).await);
        }
        let body = body_of(response).await?;
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|e| Error::Malformed(e.to_string()))?;
        let mut all = Vec::new();
        for outcome in answer.results {
            if let Some(text) = outcome.error {
                return Err(Error::Refused { status: 200, text });
            }
            all.extend(outcome.series);
        }
        match answer.error {
            Some(text) => Err(Error::Refused { status: 200, text }),
            None => Ok(all),
        }
    }

    /// Writes line protocol with times in nanoseconds.
    pub async fn write(&self, database: &str, policy: &str, lines: &[u8]) -> Result<(), Error> {
        let url = self.url();
        let query = [("db", database), ("rp", policy), ("precision", "n"), ("consistency", "")];
        let mut request = self.http.post(format!("{url}/write")).query(&query);
        request = request.header("Content-Type", "application/octet-stream");
        if self.settings.gzip {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(lines).expect("writing to memory");
            let packed = packed.finish().expect("writing to memory");
            request = request.header("Content-Encoding", "gzip").body(packed);
        } else {
            request = request.body(lines.to_vec());
        }
        let response = self.send(url, request).await?;
        if response.status().is_success() { Ok(()) } else { Err(refused(response).await) }
    }

    fn url(&self) -> &str {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.settings.urls[n % self.settings.urls.len()].trim_end_matches('/')
    }

    async fn send(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Error> {
        let request = match &self.settings.login {
            Login::Open => request,
            Login::Basic { user, password } => request.basic_auth(user, Some(password)),
            Login::Token(token) => request.header("Authorization", format!("Token {token}")),
        };
        request.send().await.map_err(|e| unreachable(url, e))
    }
}

fn unreachable(url: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(c) = cause {
        text.push_str(": ");
        text.push_str(&c.to_string());
        cause = c.source();
    }
    Error::Unreachable { url: without_login(url), text }
}

/// The address without user and password.
fn without_login(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &url[..scheme + 3], &url[at + 1..])
        }
        _ => url.to_owned(),
    }
}

async fn body_of(mut response: reqwest::Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|e| Error::Malformed(e.without_url().to_string()))?
    {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Error::Malformed(format!("more than {ANSWER_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn refused(response: reqwest::Response) -> Error {
    let status = response.status().as_u16();
    let body = body_of(response).await.unwrap_or_default();
    let text = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|v| v.get("error").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned());
    Error::Refused { status, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_login() {
        assert_eq!(without_login("http://u:p@host:8086"), "http://host:8086");
        assert_eq!(without_login("http://host:8086"), "http://host:8086");
    }
}
