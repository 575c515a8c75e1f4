//! `/healthz`, `/readyz` and `/metrics` of the operator.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// What the operator still lacks.
#[derive(Debug)]
pub struct Health {
    missing: Mutex<Option<String>>,
}

impl Default for Health {
    fn default() -> Self {
        Self { missing: Mutex::new(Some("starting".to_owned())) }
    }
}

impl Health {
    /// It cannot work yet, and why.
    pub(crate) fn missing(&self, why: String) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// It works.
    pub(crate) fn complete(&self) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn answer(&self) -> (StatusCode, String) {
        match self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            None => (StatusCode::OK, "ok\n".to_owned()),
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        }
    }
}

/// Serves for ever.
pub(crate) async fn serve(
    address: SocketAddr,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
) -> std::io::Result<()> {
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async |State(health): State<Arc<Health>>| health.answer()))
        .route("/metrics", get(async move || (text, metrics.text())))
        .with_state(health);
    axum::serve(TcpListener::bind(address).await?, router).await
}
