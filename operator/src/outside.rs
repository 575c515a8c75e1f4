//! The world as the operator reaches it: an API server, members, InfluxDBs, a clock.
//!
//! Everything that the controller does passes through here, so that a test can put a whole world in
//! its place.

use std::future::Future;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::Client;

use crate::lease::Leadership;
use crate::member::{self, Members};
use crate::metrics::Metrics;
use crate::server::{Kubernetes, Server};
use crate::subscriptions::{self, Influx};

/// The world.
pub trait Outside: Send + Sync + 'static {
    /// Kubernetes.
    type Server: Server;
    /// Members.
    type Members: Members;
    /// InfluxDBs.
    type Influx: Influx;

    /// Kubernetes.
    fn server(&self) -> &Self::Server;
    /// Members.
    fn members(&self) -> &Self::Members;
    /// InfluxDBs.
    fn influx(&self) -> &Self::Influx;
    /// Now.
    fn now(&self) -> Timestamp;
    /// Image of the members of clusters that name none.
    fn image(&self) -> &str;
    /// What is counted.
    fn metrics(&self) -> &Metrics;
    /// Whether this process still leads, asked right before it changes anything.
    fn leads(&self) -> impl Future<Output = bool> + Send;
    /// A place where a test may have the operator fall: `before` an effect, right `after` it, or once
    /// it is `recorded`.
    fn reached(&self, when: &'static str, effect: &'static str) -> impl Future<Output = ()> + Send;
}

/// Variable of the environment with the place where the operator falls, such as `after:Shrink`.
pub const FAULT: &str = "KAPACITOR_OPERATOR_FAULT";

/// The real one.
pub struct Real {
    server: Kubernetes,
    members: member::Http,
    influx: subscriptions::Http,
    image: String,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    fault: Option<String>,
}

impl Real {
    /// Reaches Kubernetes through `client`; `image` is for members of clusters that name none.
    pub fn new(
        client: Client,
        image: String,
        leadership: Leadership,
        metrics: Arc<Metrics>,
    ) -> Self {
        let instance = std::env::var("POD_NAME").ok();
        Self {
            server: Kubernetes::new(client, instance, metrics.clone()),
            members: member::Http::new(metrics.clone()),
            influx: subscriptions::Http::new(metrics.clone()),
            image,
            leadership,
            metrics,
            fault: std::env::var(FAULT).ok().filter(|fault| !fault.is_empty()),
        }
    }
}

impl Outside for Real {
    type Server = Kubernetes;
    type Members = member::Http;
    type Influx = subscriptions::Http;

    fn server(&self) -> &Kubernetes {
        &self.server
    }

    fn members(&self) -> &member::Http {
        &self.members
    }

    fn influx(&self) -> &subscriptions::Http {
        &self.influx
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn image(&self) -> &str {
        &self.image
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    async fn leads(&self) -> bool {
        self.leadership.is_held()
    }

    async fn reached(&self, when: &'static str, effect: &'static str) {
        let here = |fault: &str| fault.split_once(':') == Some((when, effect));
        if self.fault.as_deref().is_some_and(here) {
            tracing::error!("falling {when} {effect}, as {FAULT} says");
            std::process::abort();
        }
    }
}
