//! A real `influxd` 1.x with its own host and data.

use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::influx::Influx;
use crate::process::Process;
use crate::{host, program};

/// An InfluxDB that may run, be stopped, and run again with the same data.
#[derive(Debug)]
pub struct Influxd {
    // Dropped first: its log lies in the directory.
    process: Option<Process>,
    host: Ipv4Addr,
    api: Influx,
    program: PathBuf,
    directory: TempDir,
    auth: bool,
}

impl Deref for Influxd {
    type Target = Influx;

    fn deref(&self) -> &Influx {
        &self.api
    }
}

impl Influxd {
    /// Starts one. `None`: skipped.
    pub fn start() -> Option<Self> {
        Self::start_on(host::fresh())
    }

    /// Starts one on this address of the machine.
    pub fn start_on(host: Ipv4Addr) -> Option<Self> {
        let mut influxd = Self::prepare_on(host)?;
        influxd.run();
        Some(influxd)
    }

    /// One that does not run yet.
    pub fn prepare() -> Option<Self> {
        Self::prepare_on(host::fresh())
    }

    fn prepare_on(host: Ipv4Addr) -> Option<Self> {
        let program = program::need("influxd")?;
        let directory = tempfile::Builder::new().prefix("influxd-").tempdir().expect("a directory");
        let api = Influx((host, 8086).into());
        Some(Self { host, api, program, directory, auth: false, process: None })
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
        self.api.await_answer(Duration::from_secs(30));
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.as_mut().expect("influxd was started").kill();
        self.process = None;
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
