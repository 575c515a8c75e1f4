//! What the operator asks members: who is in your cluster, take this one in, take that one out.
//!
//! A trait, so that tests stand in for the members; [`Http`] asks real ones.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Metrics;
pub use client::cluster::{Cluster, State, Status};
pub use client::{Error, MemberId};

/// Longest wait for a member's view of its cluster or its tasks. Too short and a busy member counts as
/// away; too long and one that hangs holds up its cluster's reconcile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a member to be added or removed: it waits for both sides, and one that goes hands
/// over what it holds first.
const CHANGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Asks members over HTTP.
pub trait Members: Send + Sync {
    /// The cluster as the member at `url` sees it.
    fn cluster(&self, url: &str) -> impl Future<Output = Result<Cluster, Error>> + Send;

    /// Names of the tasks that the member at `url` runs.
    fn tasks(&self, url: &str) -> impl Future<Output = Result<BTreeSet<String>, Error>> + Send;

    /// Has the member at `url` take in the one whose RPC is at `rpc_address`.
    fn add(
        &self,
        url: &str,
        token: String,
        rpc_address: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Has the member at `url` remove another one. One that is gone already is a success.
    fn remove(
        &self,
        url: &str,
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
    async fn cluster(&self, url: &str) -> Result<Cluster, Error> {
        self.counted("cluster", client(url, None, LOOK_TIMEOUT)?.cluster().await)
    }

    async fn tasks(&self, url: &str) -> Result<BTreeSet<String>, Error> {
        let tasks = client(url, None, LOOK_TIMEOUT)?.tasks("", &["id", "executing"]).await;
        let tasks = self.counted("tasks", tasks)?;
        Ok(tasks.into_iter().filter(|task| task.executing).map(|task| task.id).collect())
    }

    async fn add(&self, url: &str, token: String, rpc_address: &str) -> Result<(), Error> {
        let added = client(url, Some(token), CHANGE_TIMEOUT)?.add_member(rpc_address).await;
        self.counted("add", added)
    }

    async fn remove(&self, url: &str, token: String, id: MemberId) -> Result<(), Error> {
        let removed = client(url, Some(token), CHANGE_TIMEOUT)?.remove_member(id).await;
        match self.counted("remove", removed) {
            Err(error) if error.is_missing() => Ok(()),
            done => done,
        }
    }
}

fn client(url: &str, token: Option<String>, timeout: Duration) -> Result<client::Client, Error> {
    let user_agent = concat!("kapacitor-operator/", env!("CARGO_PKG_VERSION")).to_owned();
    let url = url.to_owned();
    client::Client::new(client::Options {
        url,
        token,
        timeout,
        user_agent,
        ..client::Options::default()
    })
}
