//! The member as a process: ping, readiness, log level, statistics.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::error::Error;
use crate::request::{Client, Path};

/// Whether a member takes its full part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// It does.
    pub ready: bool,
    /// In words.
    #[serde(default)]
    pub state: String,
    /// What is wrong although it serves, such as an InfluxDB that is away.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Statistics, as far as the command line shows them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Identity of the cluster.
    pub cluster_id: String,
    /// Identity of the member.
    pub server_id: String,
    /// Its host name.
    pub host: String,
    /// Tasks that exist.
    pub num_tasks: u64,
    /// Tasks that run.
    pub num_enabled_tasks: u64,
    /// Subscriptions to InfluxDB.
    pub num_subscriptions: u64,
    /// Which product.
    pub platform: String,
    /// Its release.
    pub version: String,
    /// Sets of values, by a key without meaning.
    pub kapacitor: BTreeMap<String, Set>,
}

/// Values of one thing that is measured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Set {
    /// What kind of thing: `ingress`, `nodes`, ….
    pub name: String,
    /// Which one.
    pub tags: BTreeMap<String, String>,
    /// Its values.
    pub values: Map<String, Json>,
}

impl Client {
    /// The member's release, from `GET /ping`.
    pub async fn ping(&self) -> Result<String, Error> {
        let answer = self.call(Method::GET, Path::of(&["ping"]), None).await?;
        let version = answer.headers.get("x-kapacitor-version").and_then(|v| v.to_str().ok());
        version.map(str::to_owned).ok_or_else(|| Error::NotTheApi {
            address: self.address().to_string(),
            why: "is a web server, but no member".to_owned(),
        })
    }

    /// Whether the member takes its full part. A member that does not is no error.
    pub async fn ready(&self) -> Result<Ready, Error> {
        let (_, answer) = self.look(Path::of(&["ready"])).await?;
        answer.decode()
    }

    /// Sets the log level: DEBUG, INFO or ERROR, in any case.
    pub async fn set_log_level(&self, level: &str) -> Result<(), Error> {
        let body = json!({"level": level});
        self.call(Method::POST, Path::of(&["loglevel"]), Some(&body)).await.map(drop)
    }

    /// Statistics, decoded.
    pub async fn statistics(&self) -> Result<Statistics, Error> {
        self.get(Path::of(&["debug", "vars"])).await
    }

    /// Statistics as the member wrote them: JSON.
    pub async fn statistics_text(&self) -> Result<String, Error> {
        let answer = self.call(Method::GET, Path::of(&["debug", "vars"]), None).await?;
        answer.decode::<serde::de::IgnoredAny>()?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Has the member look at InfluxDB's subscriptions again, now.
    pub async fn link_subscriptions(&self) -> Result<(), Error> {
        self.call(Method::POST, Path::of(&["subscriptions"]), None).await.map(drop)
    }
}
