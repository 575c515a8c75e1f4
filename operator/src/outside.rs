//! The world as the operator reaches it: an API server, members, InfluxDBs, a clock.
//!
//! Everything that the controller does passes through here, so that a test can put a whole world in
//! its place.

use std::future::Future;

use k8s_openapi::jiff::Timestamp;
use kube::Client;

use crate::member::{self, Members};
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
    /// Whether this process still leads, asked right before it changes anything.
    fn leads(&self) -> impl Future<Output = bool> + Send;
}

/// The real one.
pub struct Real {
    server: Kubernetes,
    members: member::Http,
    influx: subscriptions::Http,
    image: String,
}

impl Real {
    /// Reaches Kubernetes through `client`; `image` is for members of clusters that name none.
    pub fn new(client: Client, image: String) -> Self {
        Self {
            server: Kubernetes::new(client, std::env::var("POD_NAME").ok()),
            members: member::Http,
            influx: subscriptions::Http::default(),
            image,
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

    async fn leads(&self) -> bool {
        true
    }
}
