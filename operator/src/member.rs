//! What the operator asks members: who is in your cluster, take this one in, take that one out.
//!
//! A trait, so that tests stand in for the members; [`Http`] asks real ones.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Metrics;
use crate::name::HTTP_PORT;
use client::Trust;
pub use client::cluster::{Cluster, State, Status};
pub use client::{Error, MemberId};

/// Longest wait for a member's view of its cluster or its tasks. Too short and a busy member counts as
/// away; too long and one that hangs holds up its cluster's reconcile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a member to be added or removed: it waits for both sides, and one that goes hands
/// over what it holds first.
const CHANGE_TIMEOUT: Duration = Duration::from_mins(1);

/// The HTTP API of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// `http://host:9092`, or the same with https.
    pub url: String,
    /// The authority that signed its certificate, PEM, if it speaks TLS.
    authority: Option<Vec<u8>>,
}

impl Api {
    /// Of a member that does not speak TLS.
    pub fn plain(host: &str) -> Self {
        Self { url: format!("http://{host}:{HTTP_PORT}"), authority: None }
    }

    /// Of a member that does.
    pub fn tls(host: &str, authority: Vec<u8>) -> Self {
        Self { url: format!("https://{host}:{HTTP_PORT}"), authority: Some(authority) }
    }
}

/// Asks members over HTTP.
pub trait Members: Send + Sync {
    /// The cluster as a member sees it.
    fn cluster(&self, api: &Api) -> impl Future<Output = Result<Cluster, Error>> + Send;

    /// Names of the tasks that a member runs.
    fn tasks(&self, api: &Api) -> impl Future<Output = Result<BTreeSet<String>, Error>> + Send;

    /// Has a member take in the one whose RPC is at `rpc_address`.
    fn add(
        &self,
        api: &Api,
        token: String,
        rpc_address: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Has a member remove another one. One that is gone already is a success.
    fn remove(
        &self,
        api: &Api,
        token: String,
        id: MemberId,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Real members.
#[derive(Clone)]
pub struct Http {
    metrics: Arc<Metrics>,
}

impl Http {
    /// Counts what it asks.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }

    fn counted<T>(&self, op: &str, answer: Result<T, Error>) -> Result<T, Error> {
        let code = match &answer {
            Ok(_) => "200".to_owned(),
            Err(error) => error.status().map_or("error".to_owned(), |code| code.to_string()),
        };
        self.metrics.member_request(op, &code);
        answer
    }
}

impl Members for Http {
    async fn cluster(&self, api: &Api) -> Result<Cluster, Error> {
        self.counted("cluster", client(api, None, LOOK_TIMEOUT)?.cluster().await)
    }

    async fn tasks(&self, api: &Api) -> Result<BTreeSet<String>, Error> {
        let tasks = client(api, None, LOOK_TIMEOUT)?.tasks("", &["id", "executing"]).await;
        let tasks = self.counted("tasks", tasks)?;
        Ok(tasks.into_iter().filter(|task| task.executing).map(|task| task.id).collect())
    }

    async fn add(&self, api: &Api, token: String, rpc_address: &str) -> Result<(), Error> {
        let added = client(api, Some(token), CHANGE_TIMEOUT)?.add_member(rpc_address).await;
        self.counted("add", added)
    }

    async fn remove(&self, api: &Api, token: String, id: MemberId) -> Result<(), Error> {
        let removed = client(api, Some(token), CHANGE_TIMEOUT)?.remove_member(id).await;
        match self.counted("remove", removed) {
            Err(error) if error.is_missing() => Ok(()),
            done => done,
        }
    }
}

fn client(api: &Api, token: Option<String>, timeout: Duration) -> Result<client::Client, Error> {
    let user_agent = concat!("kapacitor-operator/", env!("CARGO_PKG_VERSION")).to_owned();
    let trust = api.authority.clone().map_or(Trust::System, Trust::Only);
    let url = api.url.clone();
    client::Client::new(client::Options { url, trust, token, timeout, user_agent })
}
