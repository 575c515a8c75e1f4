//! A member of this process: its own directory, free ports, and short words for what tests ask it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kapacitord::config::{Environment, Flags, load};
use kapacitord::logging::{self, Level, Log};
use kapacitord::start::{Handle, start};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::http::{Answer, request};

/// Longest time a condition may take to hold, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A script whose points can be looked at under `/tasks/ID/out`.
pub(crate) const MIRROR: &str =
    "stream\n    |from()\n        .measurement('cpu')\n    |httpOut('out')\n";

/// A script that raises an event of topic `cpu` per point: CRITICAL above 90, WARNING above 50.
pub(crate) const ALERT: &str = r#"
stream
    |from()
        .measurement('cpu')
        .groupBy('host')
    |alert()
        .id('{{ index .Tags "host" }}')
        .message('{{ .ID }} is {{ .Level }}')
        .warn(lambda: "value" > 50.0)
        .crit(lambda: "value" > 90.0)
        .topic('cpu')
"#;

/// A member that may run, stop, and run again with the same data.
pub(crate) struct Daemon {
    directory: TempDir,
    /// Section header, then key, then TOML value.
    sections: BTreeMap<String, BTreeMap<String, String>>,
    running: Option<(Handle, Log)>,
}

impl Daemon {
    /// A running member without InfluxDB.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A running member with further settings: section header, key, value as TOML.
    pub(crate) async fn with(settings: &[(&str, &str, &str)]) -> Self {
        let mut daemon = Self::prepare();
        for (section, key, value) in settings {
            daemon.set(section, key, value);
        }
        daemon.run().await;
        daemon
    }

    /// A member that does not run yet.
    pub(crate) fn prepare() -> Self {
        let directory = tempfile::Builder::new().prefix("daemon-").tempdir().expect("a directory");
        let mut daemon = Self { directory, sections: BTreeMap::new(), running: None };
        let any = "\"127.0.0.1:0\"";
        for (section, key, value) in [
            ("", "hostname", "\"127.0.0.1\"".to_owned()),
            ("", "data_dir", quoted(&daemon.path("data"))),
            ("[http]", "bind-address", any.to_owned()),
            ("[http]", "shutdown-timeout", "\"3s\"".to_owned()),
            ("[rpc]", "bind-address", any.to_owned()),
            ("[cluster]", "bind-address", any.to_owned()),
            ("[alert]", "delay-per-member", "\"1s\"".to_owned()),
            ("[logging]", "file", quoted(&daemon.path("log"))),
            ("[[influxdb]]", "enabled", "false".to_owned()),
        ] {
            daemon.set(section, key, &value);
        }
        daemon
    }

    /// Sets an option for the next start.
    pub(crate) fn set(&mut self, section: &str, key: &str, value: &str) {
        let section = self.sections.entry(section.to_owned()).or_default();
        section.insert(key.to_owned(), value.to_owned());
    }

    /// Starts it.
    pub(crate) async fn run(&mut self) {
        self.try_run().await.unwrap_or_else(|e| panic!("{e:#}"));
    }

    /// Starts it, or tells why not.
    pub(crate) async fn try_run(&mut self) -> anyhow::Result<()> {
        let text = self.text();
        let file = self.path("kapacitor.conf");
        std::fs::write(&file, &text).expect("the directory takes files");
        let flags = Flags { config: Some(file), ..Flags::default() };
        let config = load(&flags, &Environment::default()).unwrap_or_else(|e| panic!("{e}"));
        let (_, log) = logging::open(&config.logging).expect("a log");
        self.running = Some((start(config, log.clone()).await?, log));
        Ok(())
    }

    /// Its configuration, as the next start writes it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (section, keys) in &self.sections {
            let _ = writeln!(text, "{section}");
            for (key, value) in keys {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        text
    }

    /// Starts a second member on the same data while this one runs.
    pub(crate) async fn try_run_beside(&mut self) -> anyhow::Result<()> {
        let first = self.running.take();
        let second = self.try_run().await;
        self.running = first;
        second
    }

    /// Stops it in order.
    pub(crate) async fn stop(&mut self) {
        let (handle, _) = self.running.take().expect("it runs");
        handle.stop().await;
    }

    /// Stops it and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.running.as_ref().expect("it runs").0
    }

    pub(crate) fn log_level(&self) -> Level {
        self.running.as_ref().expect("it runs").1.level()
    }

    /// A path in its own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file below its directory.
    pub(crate) fn put(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.handle().addrs().http
    }

    pub(crate) fn rpc(&self) -> SocketAddr {
        self.handle().addrs().rpc
    }

    /// The token that permits changes of the cluster.
    pub(crate) fn token(&self) -> String {
        let token = std::fs::read_to_string(self.path("data/admin.token"));
        token.expect("made at the first start").trim().to_owned()
    }

    /// A request below `/kapacitor/v1`.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, &[], body.as_bytes()).await
    }

    /// A request below `/kapacitor/v1` with headers.
    pub(crate) async fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        request(self.http(), method, &format!("/kapacitor/v1{path}"), headers, body).await
    }

    /// JSON below `/kapacitor/v1`, of an answer with 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = Json> {
        let at = std::panic::Location::caller();
        async move {
            let answer = self.ask("GET", path, "").await;
            assert_eq!(answer.status, 200, "{at}: {path}: {}", answer.text());
            answer.json()
        }
    }

    /// Sends JSON; the answer must be a success.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Json) -> Answer {
        self.ask(method, path, &body.to_string()).await.success()
    }

    /// Defines a task on `telegraf.autogen` that runs.
    pub(crate) async fn define(&self, id: &str, script: &str) -> Json {
        let task = task(id, script);
        let shown = self.send("POST", "/tasks", &task).await.json();
        assert_eq!(shown["executing"], true, "{shown}");
        shown
    }

    /// Defines a handler of a topic that appends to a file in its directory.
    pub(crate) async fn define_log_handler(&self, topic: &str, id: &str, file: &Path) {
        let spec = json!({"id": id, "kind": "log", "options": {"path": file}});
        self.send("POST", &format!("/alerts/topics/{topic}/handlers"), &spec).await;
    }

    /// Writes line protocol to `telegraf.autogen`.
    pub(crate) async fn write(&self, lines: &str) {
        let answer = self.ask("POST", "/write?db=telegraf&rp=autogen", lines).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Events of a topic: (id, level), by id.
    pub(crate) async fn events(&self, topic: &str) -> BTreeMap<String, String> {
        let answer = self.ask("GET", &format!("/alerts/topics/{topic}/events"), "").await;
        let json = answer.json();
        let text = |json: &Json| json.as_str().unwrap_or("?").to_owned();
        let events = json["events"].as_array().into_iter().flatten();
        events.map(|e| (text(&e["id"]), text(&e["state"]["level"]))).collect()
    }

    /// Ids of the handlers of a topic.
    pub(crate) async fn handlers(&self, topic: &str) -> Vec<String> {
        let json = self.get(&format!("/alerts/topics/{topic}/handlers")).await;
        let handlers = json["handlers"].as_array().into_iter().flatten();
        handlers.map(|h| h["id"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Ids of the tasks.
    pub(crate) async fn tasks(&self) -> Vec<String> {
        let json = self.get("/tasks?fields=id").await;
        let tasks = json["tasks"].as_array().into_iter().flatten();
        tasks.map(|t| t["id"].as_str().unwrap_or("?").to_owned()).collect()
    }
}

/// A path as a value of the configuration.
pub(crate) fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// An enabled task on `telegraf.autogen`, as a request.
pub(crate) fn task(id: &str, script: &str) -> Json {
    json!({
        "id": id, "type": "stream", "status": "enabled", "script": script,
        "dbrps": [{"db": "telegraf", "rp": "autogen"}],
    })
}

/// The alerts in a file that a `log` handler wrote: (id, level), in order.
pub(crate) fn alerts_in(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .map(|line| {
            let alert: Json = serde_json::from_str(line).expect("a line of JSON");
            let text = |name: &str| alert[name].as_str().unwrap_or("?").to_owned();
            (text("id"), text("level"))
        })
        .collect()
}

/// The value of a series.
pub(crate) async fn metric(member: &Daemon, series: &str) -> u64 {
    let text = request(member.http(), "GET", "/metrics", &[], b"").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series}")).parse().expect("a whole number")
}

/// Looks until something holds.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = tokio::time::Instant::now() + LIMIT;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if tokio::time::Instant::now() >= deadline => {
                panic!("not within {LIMIT:?}: {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// `Ok` when both are equal, else what was seen.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(seen: &T, wanted: &T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{seen:?}")) }
}
