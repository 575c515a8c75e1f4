//! What the operator asks members: who is in your cluster, and take this one in.
//!
//! A trait, so that tests stand in for the members; [`Http`] asks real ones.

use std::future::Future;
use std::time::Duration;

pub use client::cluster::{Cluster, State, Status};

/// Longest wait for a member's view of its cluster. Too short and a busy member counts as away; too
/// long and one that hangs holds up its cluster's reconcile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a member to be added; it waits for both clusters.
const ADD_TIMEOUT: Duration = Duration::from_mins(1);

/// Asks members over HTTP.
pub trait Members: Send + Sync {
    /// The cluster as the member at `url` sees it.
    fn cluster(&self, url: &str) -> impl Future<Output = Result<Cluster, client::Error>> + Send;

    /// Has the member at `url` take in the one whose RPC is at `rpc_address`.
    fn add(
        &self,
        url: &str,
        token: String,
        rpc_address: &str,
    ) -> impl Future<Output = Result<(), client::Error>> + Send;
}

/// Real members.
#[derive(Clone, Copy, Debug, Default)]
pub struct Http;

impl Members for Http {
    async fn cluster(&self, url: &str) -> Result<Cluster, client::Error> {
        client(url, None, LOOK_TIMEOUT)?.cluster().await
    }

    async fn add(&self, url: &str, token: String, rpc_address: &str) -> Result<(), client::Error> {
        client(url, Some(token), ADD_TIMEOUT)?.add_member(rpc_address).await
    }
}

fn client(
    url: &str,
    token: Option<String>,
    timeout: Duration,
) -> Result<client::Client, client::Error> {
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
