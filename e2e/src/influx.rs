//! What a test says to an InfluxDB over HTTP, whether that is a process or a pod.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;

use crate::http;
use crate::wait::until;

/// An InfluxDB by the address of its HTTP API.
#[derive(Clone, Copy, Debug)]
pub struct Influx(pub SocketAddr);

impl Influx {
    /// Address of its HTTP API.
    pub fn http(&self) -> SocketAddr {
        self.0
    }

    /// URL of its HTTP API.
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }

    /// Waits until it answers.
    pub fn await_answer(&self, within: Duration) {
        until(within, "influxd answers", || {
            http::request(self.0, "GET", "/ping", &[], b"").map(|_| ())
        });
    }

    /// Runs a statement that must succeed; what it answered.
    pub fn query(&self, statement: &str) -> Json {
        self.query_as("", statement)
    }

    /// [`Influx::query`] with a login: `&u=USER&p=PASSWORD`.
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
}

fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect()
}
