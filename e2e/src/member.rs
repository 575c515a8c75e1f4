//! A `kapacitord` process with its own host, data directory and configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::host;
use crate::http::{self, Answer};
use crate::lab::{self, Host};
use crate::process::Process;
use crate::program::{self, Said};
use crate::wait::until;

/// Longest time a member may take to serve, in a debug build on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A member that may run, be killed, and run again with the same data.
#[derive(Debug)]
pub struct Member {
    // Dropped first: its log lies in the directory.
    process: Option<Process>,
    host: Host,
    program: PathBuf,
    directory: TempDir,
    pidfile: PathBuf,
    /// Section header ("" for the top, `[alert]`, `[[influxdb]]`), then key, then TOML value.
    sections: BTreeMap<String, BTreeMap<String, String>>,
    /// Environment of the next start.
    environment: BTreeMap<String, String>,
    /// It is a build that dies where [`Member::arm`] says.
    faulty: bool,
}

impl Member {
    /// Starts a member with the defaults of [`Member::prepare`]. `None`: skipped.
    pub fn start() -> Option<Self> {
        let mut member = Self::prepare()?;
        member.run();
        Some(member)
    }

    /// A member that does not run yet: `delay-per-member` 1s, no InfluxDB, its log at DEBUG.
    pub fn prepare() -> Option<Self> {
        Self::prepare_on(Host { address: host::fresh(), namespace: None })
    }

    /// [`Member::prepare`] on a host of a lab.
    pub fn prepare_on(on: Host) -> Option<Self> {
        let program = program::need("kapacitord")?;
        let host = on.address;
        let directory = tempfile::Builder::new().prefix("member-").tempdir().expect("a directory");
        let pidfile = directory.path().join("pid");
        let (sections, environment) = (BTreeMap::new(), BTreeMap::new());
        let mut member = Self {
            process: None,
            host: on,
            program,
            directory,
            pidfile,
            sections,
            environment,
            faulty: false,
        };
        let data = member.data_dir().display().to_string();
        for (section, key, value) in [
            ("", "hostname", host.to_string()),
            ("", "data_dir", data),
            ("[http]", "bind-address", format!("{host}:9092")),
            ("[http]", "shutdown-timeout", "5s".to_owned()),
            ("[rpc]", "bind-address", format!("{host}:9091")),
            ("[cluster]", "bind-address", format!("{host}:9090")),
            ("[alert]", "delay-per-member", "1s".to_owned()),
            ("[logging]", "file", "STDERR".to_owned()),
            ("[logging]", "level", "DEBUG".to_owned()),
        ] {
            member.set(section, key, &format!("{value:?}"));
        }
        member.set("[[influxdb]]", "enabled", "false");
        Some(member)
    }

    /// Sets an option for the next start: section header, key, value as TOML.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> &mut Self {
        let section = self.sections.entry(section.to_owned()).or_default();
        section.insert(key.to_owned(), value.to_owned());
        self
    }

    /// From the next start on it is a build with debug assertions, which has fault points.
    pub fn set_faulty(&mut self) -> Option<&mut Self> {
        self.program = program::need_debug("kapacitord")?;
        self.faulty = true;
        Some(self)
    }

    /// From now on it dies at this step ([`Member::set_faulty`]; steps: `daemon/src/fault.rs`).
    pub fn arm(&self, step: &str) {
        // Moved into its place whole: half a step is no step.
        let (file, new) = (self.fault_file(), self.directory.path().join("fault.new"));
        std::fs::write(&new, step).and_then(|()| std::fs::rename(&new, file)).expect("written");
    }

    /// It dies at no step any more.
    pub fn disarm(&self) {
        if let Err(e) = std::fs::remove_file(self.fault_file()) {
            assert_eq!(e.kind(), io::ErrorKind::NotFound, "the fault file can be removed");
        }
    }

    fn fault_file(&self) -> PathBuf {
        self.directory.path().join("fault")
    }

    /// Sets a variable of the environment of the next start alone.
    pub fn set_variable(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts the data directory elsewhere.
    pub fn set_data_dir(&mut self, dir: &Path) -> &mut Self {
        self.set("", "data_dir", &format!("{:?}", dir.display().to_string()))
    }

    /// The file of `-pidfile`.
    pub fn pidfile(&self) -> &Path {
        &self.pidfile
    }

    /// Puts the file of `-pidfile` elsewhere.
    pub fn set_pidfile(&mut self, file: &Path) {
        file.clone_into(&mut self.pidfile);
    }

    /// Starts the process and waits until it serves.
    pub fn run(&mut self) {
        self.spawn();
        self.wait_until_it_serves();
    }

    /// Starts the process.
    pub fn spawn(&mut self) {
        let mut command = program::clean(&self.program);
        command.arg("-config").arg(self.write_config()).arg("-pidfile").arg(&self.pidfile);
        if self.faulty {
            command.env("KAPACITOR_FAULT_POINT", self.fault_file());
        }
        command.envs(std::mem::take(&mut self.environment));
        let (name, log) = (format!("kapacitord {}", self.host()), self.log_file());
        let process = lab::within(&self.host, || Process::start(command, &name, &log));
        self.process = Some(process.expect("kapacitord can be started"));
    }

    /// Waits until the API answers; panics when the process ends instead.
    pub fn wait_until_it_serves(&mut self) {
        until(START, "the member serves", || {
            if let Some(status) = self.process().ended() {
                panic!("kapacitord ended instead of serving: {status}");
            }
            self.get("/kapacitor/v1/ping").map(|_| ())
        });
    }

    /// Runs a member that is expected to end by itself; its status and log.
    pub fn run_to_its_end(&mut self) -> (ExitStatus, String) {
        self.spawn();
        let status = self.process().wait(START);
        self.process = None;
        (status, self.log())
    }

    /// kill -9; nothing happens when it does not run.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self, within: Duration) -> ExitStatus {
        self.process().signal(Signal::TERM);
        let status = self.process().wait(within);
        self.process = None;
        status
    }

    /// Sends a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process().signal(signal);
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the member was started")
    }

    /// Its loopback address.
    pub fn host(&self) -> Ipv4Addr {
        self.host.address
    }

    /// Address of the HTTP API.
    pub fn http(&self) -> SocketAddr {
        (self.host(), 9092).into()
    }

    /// Address of RPC.
    pub fn rpc(&self) -> SocketAddr {
        (self.host(), 9091).into()
    }

    /// Address of gossip.
    pub fn gossip(&self) -> SocketAddr {
        (self.host(), 9090).into()
    }

    /// URL of the HTTP API.
    pub fn url(&self) -> String {
        format!("http://{}", self.http())
    }

    /// Directory of everything that belongs to it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its data directory, unless it was put elsewhere.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("kapacitor.conf")
    }

    /// Everything it has logged, over all its runs.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Writes the configuration and gives its place.
    pub fn write_config(&self) -> PathBuf {
        let mut text = String::new();
        for (section, keys) in &self.sections {
            let _ = writeln!(text, "{section}");
            for (key, value) in keys {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        std::fs::write(self.config(), text).expect("the directory takes files");
        self.config()
    }

    /// One request; the answer whatever its status.
    pub fn ask(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        http::request(self.http(), method, path, &[], body)
    }

    /// A request that must be answered with success.
    pub fn get(&self, path: &str) -> Result<Answer, String> {
        self.ask("GET", path, b"").map_err(|e| e.to_string())?.success()
    }

    /// JSON below `/kapacitor/v1`.
    pub fn json(&self, path: &str) -> Result<Json, String> {
        Ok(self.get(&format!("/kapacitor/v1{path}"))?.json())
    }

    /// Sends JSON below `/kapacitor/v1`.
    pub fn send(&self, method: &str, path: &str, body: &Json) -> Result<Answer, String> {
        let path = format!("/kapacitor/v1{path}");
        let answer = self.ask(method, &path, body.to_string().as_bytes());
        answer.map_err(|e| e.to_string())?.success()
    }

    /// Defines an enabled stream task on `telegraf.autogen`.
    pub fn define(&self, id: &str, script: &str) {
        let task = json!({
            "id": id, "type": "stream", "status": "enabled", "script": script,
            "dbrps": [{"db": "telegraf", "rp": "autogen"}],
        });
        let answer = self.send("POST", "/tasks", &task).expect("the task is accepted");
        assert_eq!(answer.json()["error"], "", "the task runs");
    }

    /// Defines a topic handler of kind `post`.
    pub fn define_post_handler(&self, topic: &str, id: &str, url: &str) -> Result<Answer, String> {
        let handler = json!({"id": id, "kind": "post", "options": {"url": url}});
        self.send("POST", &format!("/alerts/topics/{topic}/handlers"), &handler)
    }

    /// Ids of the handlers of a topic.
    pub fn handlers(&self, topic: &str) -> Result<Vec<String>, String> {
        let list = self.json(&format!("/alerts/topics/{topic}/handlers"))?;
        let ids = list["handlers"].as_array().into_iter().flatten();
        Ok(ids.map(|h| h["id"].as_str().unwrap_or("?").to_owned()).collect())
    }

    /// Events of a topic: (id, level), by id.
    pub fn events(&self, topic: &str) -> Result<BTreeMap<String, String>, String> {
        let list = self.json(&format!("/alerts/topics/{topic}/events"))?;
        let text = |json: &Json| json.as_str().unwrap_or("?").to_owned();
        let events = list["events"].as_array().into_iter().flatten();
        Ok(events.map(|e| (text(&e["id"]), text(&e["state"]["level"]))).collect())
    }

    /// Writes line protocol to `telegraf.autogen`.
    pub fn write(&self, lines: &str) -> Result<Answer, String> {
        let path = "/kapacitor/v1/write?db=telegraf&rp=autogen";
        self.ask("POST", path, lines.as_bytes()).map_err(|e| e.to_string())?.success()
    }

    /// Its Member ID.
    pub fn id(&self) -> String {
        std::fs::read_to_string(self.data_dir().join("server.id")).expect("server.id is written")
    }

    /// `/cluster` as this member sees it.
    pub fn cluster(&self) -> Result<Json, String> {
        self.json("/cluster")
    }

    /// Rpc address and status of all members, as this one sees them.
    pub fn roster(&self) -> Result<BTreeMap<String, String>, String> {
        let cluster = self.cluster()?;
        let text = |json: &Json| json.as_str().unwrap_or("?").to_owned();
        let members = cluster["members"].as_array().into_iter().flatten();
        Ok(members.map(|m| (text(&m["rpc-address"]), text(&m["status"]))).collect())
    }

    /// Runs `kapacitorctl WORDS…` against this member, with its configuration where one is read.
    pub fn ctl(&self, words: &[&str]) -> Said {
        let (url, config) = (self.url(), self.config().display().to_string());
        let mut all = vec!["-url", url.as_str()];
        all.extend(words);
        let mut environment = vec![("KAPACITOR_CONFIG_PATH", config.as_str())];
        // Another host's token is not looked for: whoever administers it brings it.
        let token = std::fs::read_to_string(self.data_dir().join("admin.token"));
        if let (Some(_), Ok(token)) = (&self.host.namespace, &token) {
            environment.push(("KAPACITOR_ADMIN_TOKEN", token.trim()));
        }
        program::run_with("kapacitorctl", &all, &environment)
    }

    /// Runs `kapacitor WORDS…` against this member.
    pub fn cli(&self, words: &[&str]) -> Said {
        let url = self.url();
        program::run_with("kapacitor", words, &[("KAPACITOR_URL", &url)])
    }

    /// Value of a metric without labels, or of the series whose text starts with `name`.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let text = self.get("/metrics")?.text();
        let line = text.lines().find(|l| l.starts_with(name) && !l.starts_with('#'));
        let value = line.and_then(|l| l.rsplit(' ').next()).and_then(|v| v.parse().ok());
        value.ok_or_else(|| format!("no metric {name}"))
    }
}
