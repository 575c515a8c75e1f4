//! A real `influxd` 1.x with its own host and data.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::http;
use crate::process::Process;
use crate::wait::until;
use crate::{host, program};

/// An InfluxDB that may run, be stopped, and run again with the same data.
#[derive(Debug)]
pub struct Influxd {
    // Dropped first: its log lies in the directory.
    process: Option<Process>,
    host: Ipv4Addr,
    program: PathBuf,
    directory: TempDir,
    auth: bool,
}

impl Influxd {
    /// Starts one. `None`: skipped.
    pub fn start() -> Option<Self> {
        let mut influxd = Self::prepare()?;
        influxd.run();
        Some(influxd)
    }

    /// One that does not run yet.
    pub fn prepare() -> Option<Self> {
        let program = program::need("influxd")?;
        let directory = tempfile::Builder::new().prefix("influxd-").tempdir().expect("a directory");
        Some(Self { host: host::fresh(), program, directory, auth: false, process: None })
    }

    /// From the next start on it asks for user and password.
    pub fn set_auth(&mut self, auth: bool) -> &mut Self {
        self.auth = auth;
        self
    }

    /// Starts the process and waits until it answers.
    pub fn run(&mut self) {
        let file = self.directory.path().join("influxdb.conf");
        std::fs::write(&file, self.config()).expect("the directory takes files");
        let mut command = std::process::Command::new(&self.program);
        command.arg("-config").arg(&file);
        let log = self.directory.path().join("log");
        let process = Process::start(command, &format!("influxd {}", self.host), &log);
        self.process = Some(process.expect("influxd can be started"));
        until(Duration::from_secs(30), "influxd answers", || {
            http::request(self.http(), "GET", "/ping", &[], b"").map(|_| ())
        });
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.as_mut().expect("influxd was started").kill();
        self.process = None;
    }

    /// Address of its HTTP API.
    pub fn http(&self) -> SocketAddr {
        (self.host, 8086).into()
    }

    /// URL of its HTTP API.
    pub fn url(&self) -> String {
        format!("http://{}", self.http())
    }

    /// Runs a statement that must succeed; what it answered.
    pub fn query(&self, statement: &str) -> Json {
        self.query_as("", statement)
    }

    /// [`Influxd::query`] with a login: `&u=USER&p=PASSWORD`.
    pub fn query_as(&self, login: &str, statement: &str) -> Json {
        let path = format!("/query?q={}{login}", escaped(statement));
        let answer = http::request(self.http(), "POST", &path, &[], b"").expect("influxd answers");
        let json = answer.json();
        let error = json["error"].as_str().or_else(|| json["results"][0]["error"].as_str());
        assert_eq!((answer.status, error), (200, None), "{statement}");
        json
    }

    /// Writes line protocol; it must be taken.
    pub fn write(&self, database: &str, lines: &str) {
        let path = format!("/write?db={}", escaped(database));
        let answer = http::request(self.http(), "POST", &path, &[], lines.as_bytes());
        answer.expect("influxd answers").success().expect("influxd takes the points");
    }

    /// All subscriptions: (database, name) to destinations. InfluxDB's own database is left out.
    pub fn subscriptions(&self, login: &str) -> BTreeMap<(String, String), Vec<String>> {
        let answer = self.query_as(login, "SHOW SUBSCRIPTIONS");
        let text = |json: &Json| json.as_str().unwrap_or("?").to_owned();
        let mut found = BTreeMap::new();
        for series in answer["results"][0]["series"].as_array().into_iter().flatten() {
            for row in series["values"].as_array().into_iter().flatten() {
                let destinations = row[3].as_array().into_iter().flatten().map(text).collect();
                found.insert((text(&series["name"]), text(&row[1])), destinations);
            }
        }
        found
    }

    fn config(&self) -> String {
        let (host, auth) = (self.host, self.auth);
        let dir = self.directory.path().display();
        format!(
            "reporting-disabled = true\nbind-address = \"{host}:8088\"\n\
             [meta]\n  dir = \"{dir}/meta\"\n\
             [data]\n  dir = \"{dir}/data\"\n  wal-dir = \"{dir}/wal\"\n\
             [monitor]\n  store-enabled = false\n\
             [http]\n  bind-address = \"{host}:8086\"\n  auth-enabled = {auth}\n  log-enabled = false\n\
             [subscriber]\n  enabled = true\n"
        )
    }
}

fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect()
}
