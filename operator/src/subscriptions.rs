//! What the operator asks an InfluxDB: which subscriptions there are, and drop this one.
//!
//! A trait, so that tests stand in for InfluxDB; [`Http`] asks a real one. Destinations may hold
//! tokens: only their hosts are kept.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::metrics::Metrics;
pub use influx::subscription::Source;
pub use influx::{Error, Login, Settings};

/// Longest wait for an answer. Too short and a busy InfluxDB counts as away; too long and one that
/// hangs holds up its cluster's reconcile.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Clients that are kept for reuse.
const MAX_CLIENTS: usize = 1024;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Name of the InfluxDB in the resource.
    pub influxdb: String,
    /// What it forwards.
    pub source: Source,
    /// Its name.
    pub name: String,
    /// The hosts it forwards to, without ports.
    pub hosts: Vec<String>,
}

/// Where an InfluxDB is and how to log in.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name in the resource.
    pub name: String,
    /// Base addresses.
    pub urls: Vec<String>,
    /// Credentials.
    pub login: Login,
    /// TLS options.
    pub tls: influx::Tls,
}

/// Asks InfluxDBs.
pub trait Influx: Send + Sync {
    /// All subscriptions there.
    fn subscriptions(
        &self,
        target: &Target,
    ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

    /// Drops one. One that is gone already is a success.
    fn drop_subscription(
        &self,
        target: &Target,
        source: &Source,
        name: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Real ones. Clients are kept, so that connections and certificates are.
pub struct Http {
    clients: Mutex<BTreeMap<String, Arc<influx::Client>>>,
    metrics: Arc<Metrics>,
}

impl Http {
    /// Counts what it asks.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { clients: Mutex::default(), metrics }
    }

    fn counted<T>(&self, op: &str, answer: Result<T, Error>) -> Result<T, Error> {
        let code = match &answer {
            Ok(_) => "ok",
            Err(Error::Refused { .. }) => "refused",
            Err(_) => "error",
        };
        self.metrics.influx_request(op, code);
        answer
    }

    fn client(&self, target: &Target) -> Result<Arc<influx::Client>, Error> {
        let key = key(target);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        let client = Arc::new(influx::Client::new(Settings {
            urls: target.urls.clone(),
            login: target.login.clone(),
            tls: target.tls.clone(),
            timeout: Some(TIMEOUT),
            gzip: false,
        })?);
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// What makes two targets the same connection. Holds secrets: it is never shown.
fn key(target: &Target) -> String {
    let login = match &target.login {
        Login::Open => String::new(),
        Login::Basic { user, password } => format!("{user}\n{password}"),
        Login::Token(token) => token.clone(),
    };
    format!("{:?}\n{login}\n{:?}", target.urls, target.tls)
}

impl Influx for Http {
    async fn subscriptions(&self, target: &Target) -> Result<Vec<Row>, Error> {
        let all = influx::subscription::list(&*self.client(target)?).await;
        let all = self.counted("list", all)?;
        Ok(all
            .into_iter()
            .map(|subscription| Row {
                influxdb: target.name.clone(),
                hosts: subscription.destinations.iter().map(|d| host(d)).collect(),
                source: subscription.source,
                name: subscription.name,
            })
            .collect())
    }

    async fn drop_subscription(
        &self,
        target: &Target,
        source: &Source,
        name: &str,
    ) -> Result<(), Error> {
        let statement = influx::subscription::drop_statement(source, name);
        let dropped = self.client(target)?.query("", &statement).await;
        match self.counted("drop", dropped) {
            Ok(_) => Ok(()),
            Err(Error::Refused { text, .. }) if text.contains("not found") => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The host of a destination, in small letters; empty for what is no URL.
fn host(destination: &str) -> String {
    let rest = destination.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_destination_only_the_host_is_kept() {
        for (destination, expect) in [
            ("http://Demo-0.demo-members.ns.svc:9092", "demo-0.demo-members.ns.svc"),
            ("https://user:secret@k:9092/path?token=x", "k"),
            ("http://[::1]:9092", "::1"),
            ("udp://k:1", "k"),
            ("nonsense", ""),
        ] {
            assert_eq!(host(destination), expect, "{destination}");
        }
    }
}
